#include "server/loop.h"

#include <stdlib.h>
#include <unistd.h>

#define NO_SLOT UINT32_MAX /* an enumerator is an int */

enum { FIRST_SLOTS = 64 };

int ps_loop_init(struct ps_loop *loop) {
    loop->slots = NULL;
    loop->n_slots = 0;
    loop->free_slot = NO_SLOT;
    loop->n_events = 0;
    loop->fd = epoll_create1(EPOLL_CLOEXEC);
    return loop->fd < 0 ? PS_EIO : 0;
}

void ps_loop_free(struct ps_loop *loop) {
    if (loop->fd >= 0) close(loop->fd);
    free(loop->slots);
    loop->slots = NULL;
    loop->fd = -1;
}

static int grow(struct ps_loop *loop) {
    uint32_t n = loop->n_slots != 0 ? loop->n_slots * 2 : FIRST_SLOTS;
    struct ps_loop_slot *slots = realloc(loop->slots, n * sizeof *slots);
    if (slots == NULL) return PS_ENOMEM;
    for (uint32_t i = loop->n_slots; i < n; i++) {
        slots[i] = (struct ps_loop_slot){.next_free = loop->free_slot};
        loop->free_slot = i;
    }
    loop->slots = slots;
    loop->n_slots = n;
    return 0;
}

static struct epoll_event event_of(const struct ps_loop *loop, const struct ps_source *source, uint32_t events) {
    struct epoll_event ev = {.events = events};
    ev.data.u64 = (uint64_t)loop->slots[source->slot].generation << 32 | source->slot;
    return ev;
}

static void release_slot(struct ps_loop *loop, uint32_t index) {
    struct ps_loop_slot *slot = &loop->slots[index];
    slot->source = NULL;
    slot->generation++;
    slot->next_free = loop->free_slot;
    loop->free_slot = index;
}

int ps_loop_add(struct ps_loop *loop, struct ps_source *source, uint32_t interest, bool exclusive) {
    if (loop->free_slot == NO_SLOT && grow(loop) < 0) return PS_ENOMEM;
    source->slot = loop->free_slot;
    source->interest = interest;
    struct ps_loop_slot *slot = &loop->slots[source->slot];
    loop->free_slot = slot->next_free;
    slot->source = source;
    struct epoll_event ev = event_of(loop, source, interest | (exclusive ? (uint32_t)EPOLLEXCLUSIVE : 0));
    if (epoll_ctl(loop->fd, EPOLL_CTL_ADD, source->fd, &ev) == 0) return 0;
    release_slot(loop, source->slot);
    return PS_EIO;
}

int ps_loop_set(struct ps_loop *loop, struct ps_source *source, uint32_t interest) {
    if (source->interest == interest) return 0;
    struct epoll_event ev = event_of(loop, source, interest);
    if (epoll_ctl(loop->fd, EPOLL_CTL_MOD, source->fd, &ev) < 0) return PS_EIO;
    source->interest = interest;
    return 0;
}

void ps_loop_remove(struct ps_loop *loop, struct ps_source *source) {
    (void)epoll_ctl(loop->fd, EPOLL_CTL_DEL, source->fd, NULL);
    release_slot(loop, source->slot);
}

int ps_loop_wait(struct ps_loop *loop, int timeout_ms) {
    int n = epoll_wait(loop->fd, loop->events, PS_LOOP_BATCH, timeout_ms);
    loop->n_events = n > 0 ? n : 0; /* interrupted by a signal: as if nothing had happened */
    return loop->n_events;
}

void ps_loop_dispatch(struct ps_loop *loop) {
    int n = loop->n_events;
    loop->n_events = 0;
    for (int i = 0; i < n; i++) {
        uint64_t tag = loop->events[i].data.u64;
        struct ps_loop_slot *slot = &loop->slots[(uint32_t)tag];
        if (slot->source == NULL || slot->generation != (uint32_t)(tag >> 32)) continue; /* closed earlier in this batch */
        slot->source->ready(slot->source, loop->events[i].events);
    }
}

#include "server/timers.h"

#include <stddef.h>

void ps_timers_init(struct ps_timers *t, const uint32_t duration_ms[PS_WAITS]) {
    for (int i = 0; i < PS_WAITS; i++) {
        t->queues[i].prev = t->queues[i].next = &t->queues[i];
        t->duration_ms[i] = duration_ms[i];
    }
}

void ps_timer_disarm(struct ps_timer *timer) {
    if (!ps_timer_armed(timer)) return;
    timer->prev->next = timer->next;
    timer->next->prev = timer->prev;
    timer->prev = timer->next = NULL;
}

void ps_timer_arm(struct ps_timers *t, struct ps_timer *timer, enum ps_wait wait, uint64_t now) {
    ps_timer_disarm(timer);
    if (t->duration_ms[wait] == 0) return;
    struct ps_timer *queue = &t->queues[wait];
    timer->due = now + t->duration_ms[wait];
    timer->wait = (uint8_t)wait;
    timer->prev = queue->prev;
    timer->next = queue;
    queue->prev->next = timer;
    queue->prev = timer;
}

uint64_t ps_timers_next(const struct ps_timers *t) {
    uint64_t due = PS_NEVER;
    for (int i = 0; i < PS_WAITS; i++) {
        const struct ps_timer *first = t->queues[i].next;
        if (first != &t->queues[i] && first->due < due) due = first->due;
    }
    return due;
}

struct ps_timer *ps_timers_expired(struct ps_timers *t, uint64_t now) {
    for (int i = 0; i < PS_WAITS; i++) {
        struct ps_timer *first = t->queues[i].next;
        if (first == &t->queues[i] || first->due > now) continue;
        ps_timer_disarm(first);
        return first;
    }
    return NULL;
}

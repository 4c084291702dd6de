/* loop.h - epoll, and ghosts: events for a descriptor that was closed earlier in the same batch, its number perhaps in use again.
 *
 * Every registration has a slot and a generation; both travel with the event, and an event whose generation is not the slot's
 * present one is dropped. Level-triggered throughout. Create it after fork: an epoll descriptor shared by two processes
 * reports the events of both. */
#ifndef PS_SERVER_LOOP_H
#define PS_SERVER_LOOP_H

#include <sys/epoll.h>

#include "base/err.h"
#include "base/span.h"

/* Something with a descriptor. Embed it; `ready` gets a pointer to it. */
struct ps_source {
    void (*ready)(struct ps_source *source, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR */
    int fd;
    uint32_t slot; /* while registered */
    uint32_t interest; /* EPOLLIN, EPOLLOUT or none; hang-up and error are always reported */
};

struct ps_loop_slot {
    struct ps_source *source; /* NULL: free */
    uint32_t generation, next_free;
};

enum { PS_LOOP_BATCH = 256 };

struct ps_loop {
    int fd;
    struct ps_loop_slot *slots;
    uint32_t n_slots, free_slot;
    int n_events;
    struct epoll_event events[PS_LOOP_BATCH];
};

/* 0 or PS_EIO (errno tells). */
int ps_loop_init(struct ps_loop *loop);
void ps_loop_free(struct ps_loop *loop);

/* Registers source->fd. `exclusive`: wake one of the processes that wait for the same listener, not all (EPOLLEXCLUSIVE).
 * 0, PS_ENOMEM or PS_EIO. */
int ps_loop_add(struct ps_loop *loop, struct ps_source *source, uint32_t interest, bool exclusive);

/* Changes what is reported; no system call if nothing changes. Not for exclusive registrations, which the kernel cannot change. */
int ps_loop_set(struct ps_loop *loop, struct ps_source *source, uint32_t interest);

/* Ends the registration; call it before closing the descriptor. Pending events of it are dropped. */
void ps_loop_remove(struct ps_loop *loop, struct ps_source *source);

/* Waits up to timeout_ms (-1: for ever) and keeps what it got for ps_loop_dispatch. The number of events; 0 after a signal. */
int ps_loop_wait(struct ps_loop *loop, int timeout_ms);

/* Calls `ready` of every source that has an event and still means it. */
void ps_loop_dispatch(struct ps_loop *loop);

#endif

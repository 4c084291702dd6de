/* timers.h - deadlines in queues of equal length. All waits of one kind last equally long, so a new one belongs at the end of its
 * queue: arming, disarming and finding the next to expire cost a few pointers, however many there are. No clock: times are
 * milliseconds of the caller's. */
#ifndef PS_SERVER_TIMERS_H
#define PS_SERVER_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

enum ps_wait {
    PS_WAIT_HEAD, /* first byte of a head (of a new connection: accept) to its end */
    PS_WAIT_BODY, /* for each PS_PROGRESS_BYTES of a body */
    PS_WAIT_IDLE, /* a kept connection without a request */
    PS_WAIT_WRITE, /* for each PS_PROGRESS_BYTES the peer takes of an answer */
    PS_WAIT_LINGER, /* for the rest of a message that is already answered */
    PS_WAIT_DRAIN, /* an idle connection of a server that is draining */
    PS_WAIT_RESUME, /* accepting again after descriptors ran out */
    PS_WAITS
};

struct ps_timer {
    struct ps_timer *prev, *next; /* NULL: not armed */
    uint64_t due;
    uint8_t wait;
};

struct ps_timers {
    struct ps_timer queues[PS_WAITS]; /* sentinels */
    uint32_t duration_ms[PS_WAITS]; /* 0: this wait has no limit */
};

#define PS_NEVER UINT64_MAX

void ps_timers_init(struct ps_timers *t, const uint32_t duration_ms[PS_WAITS]);

/* Arms (anew) for the wait's duration from `now`. Not armed where the wait has no limit. */
void ps_timer_arm(struct ps_timers *t, struct ps_timer *timer, enum ps_wait wait, uint64_t now);

/* Harmless on a zeroed or disarmed timer. */
void ps_timer_disarm(struct ps_timer *timer);

static inline bool ps_timer_armed(const struct ps_timer *timer) { return timer->next != 0; }

/* When the next one is due; PS_NEVER if none is armed. */
uint64_t ps_timers_next(const struct ps_timers *t);

/* Takes the next one due at `now` off its queue; NULL if none is. */
struct ps_timer *ps_timers_expired(struct ps_timers *t, uint64_t now);

#endif

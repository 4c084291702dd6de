/* scoreboard.h - one slot a worker in a page shared with the supervisor: written by the worker that owns the slot, read by anybody.
 *
 * Every value is a word of its own, written and read whole (relaxed atomics): a reader may see two values of different moments,
 * never a torn one. Reading costs the writer nothing. */
#ifndef PS_SERVER_SCOREBOARD_H
#define PS_SERVER_SCOREBOARD_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum ps_worker_state { PS_WORKER_EMPTY, PS_WORKER_STARTING, PS_WORKER_READY, PS_WORKER_DRAINING };

struct ps_slot {
    _Atomic uint64_t pid;
    _Atomic uint64_t state; /* enum ps_worker_state */
    _Atomic uint64_t heartbeat_ms; /* monotonic clock, stamped at every turn of the loop */
    _Atomic uint64_t connections; /* open */
    _Atomic uint64_t requests; /* answered since the worker started */
    _Atomic uint64_t running; /* in the application now */
    _Atomic uint64_t waiting; /* complete, waiting for a thread */
    uint64_t reserved; /* a slot is one cache line: neighbours do not slow each other down */
};

struct ps_scoreboard {
    struct ps_slot *slots;
    uint32_t n_slots;
    size_t bytes;
};

/* Maps shared anonymous memory, zeroed; call it before fork. 0 or PS_EIO. */
int ps_scoreboard_open(struct ps_scoreboard *board, uint32_t slots);
void ps_scoreboard_close(struct ps_scoreboard *board);

/* One slot's values, copied. */
struct ps_slot_reading {
    uint64_t pid, state, heartbeat_ms, connections, requests, running, waiting;
};

/* Empties the slot (pid 0), or gives it to a worker that is starting. */
void ps_slot_claim(struct ps_slot *slot, uint64_t pid);

void ps_slot_set_state(struct ps_slot *slot, enum ps_worker_state state);
struct ps_slot_reading ps_slot_read(struct ps_slot *slot);

#define ps_slot_store(field, value) atomic_store_explicit(&(field), (value), memory_order_relaxed)
#define ps_slot_load(field) atomic_load_explicit(&(field), memory_order_relaxed)

#endif

#define _GNU_SOURCE
#include "server/scoreboard.h"

#include <sys/mman.h>

#include "base/err.h"

int ps_scoreboard_open(struct ps_scoreboard *board, uint32_t slots) {
    size_t bytes = (size_t)slots * sizeof(struct ps_slot);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return PS_EIO;
    *board = (struct ps_scoreboard){.slots = memory, .n_slots = slots, .bytes = bytes};
    return 0;
}

void ps_scoreboard_close(struct ps_scoreboard *board) {
    if (board->slots != NULL) munmap(board->slots, board->bytes);
    board->slots = NULL;
    board->n_slots = 0;
}

void ps_slot_claim(struct ps_slot *slot, uint64_t pid) {
    _Atomic uint64_t *counters[] = {&slot->heartbeat_ms, &slot->connections, &slot->requests, &slot->running, &slot->waiting};
    for (unsigned i = 0; i < sizeof counters / sizeof counters[0]; i++) ps_slot_store(*counters[i], 0);
    ps_slot_store(slot->state, pid != 0 ? (uint64_t)PS_WORKER_STARTING : (uint64_t)PS_WORKER_EMPTY);
    ps_slot_store(slot->pid, pid);
}

void ps_slot_set_state(struct ps_slot *slot, enum ps_worker_state state) { ps_slot_store(slot->state, (uint64_t)state); }

struct ps_slot_reading ps_slot_read(struct ps_slot *slot) {
    return (struct ps_slot_reading){
        .pid = ps_slot_load(slot->pid),
        .state = ps_slot_load(slot->state),
        .heartbeat_ms = ps_slot_load(slot->heartbeat_ms),
        .connections = ps_slot_load(slot->connections),
        .requests = ps_slot_load(slot->requests),
        .running = ps_slot_load(slot->running),
        .waiting = ps_slot_load(slot->waiting),
    };
}

/* server/scoreboard: slots that outlive a fork. */
#define _GNU_SOURCE
#include "harness.h"

#include "server/scoreboard.h"

#include <sys/wait.h>
#include <unistd.h>

static void check_reading(struct ps_slot_reading r, uint64_t pid, uint64_t state, uint64_t requests) {
    CHECK_INT(r.pid, pid);
    CHECK_INT(r.state, state);
    CHECK_INT(r.requests, requests);
}

static void a_slot_is_a_cache_line(void) { CHECK_INT(sizeof(struct ps_slot), 64); }

static void slots_begin_empty(void) {
    struct ps_scoreboard board = {0};
    CHECK_INT(ps_scoreboard_open(&board, 3), 0);
    CHECK_INT(board.n_slots, 3);
    for (uint32_t i = 0; i < board.n_slots; i++) check_reading(ps_slot_read(&board.slots[i]), 0, PS_WORKER_EMPTY, 0);
    ps_scoreboard_close(&board);
    CHECK(board.slots == NULL && board.n_slots == 0);
    ps_scoreboard_close(&board);
}

static void a_worker_claims_a_slot(void) {
    struct ps_scoreboard board;
    CHECK_INT(ps_scoreboard_open(&board, 2), 0);
    struct ps_slot *slot = &board.slots[1];
    ps_slot_claim(slot, 77);
    check_reading(ps_slot_read(slot), 77, PS_WORKER_STARTING, 0);
    ps_slot_set_state(slot, PS_WORKER_READY);
    ps_slot_store(slot->heartbeat_ms, 1);
    ps_slot_store(slot->connections, 2);
    ps_slot_store(slot->requests, 3);
    ps_slot_store(slot->running, 4);
    ps_slot_store(slot->waiting, 5);
    struct ps_slot_reading r = ps_slot_read(slot);
    check_reading(r, 77, PS_WORKER_READY, 3);
    CHECK(r.heartbeat_ms == 1 && r.connections == 2 && r.running == 4 && r.waiting == 5);
    ps_slot_claim(slot, 78); /* the next one begins anew */
    r = ps_slot_read(slot);
    check_reading(r, 78, PS_WORKER_STARTING, 0);
    CHECK(r.heartbeat_ms == 0 && r.connections == 0 && r.running == 0 && r.waiting == 0);
    ps_slot_claim(slot, 0);
    check_reading(ps_slot_read(slot), 0, PS_WORKER_EMPTY, 0);
    check_reading(ps_slot_read(&board.slots[0]), 0, PS_WORKER_EMPTY, 0);
    ps_scoreboard_close(&board);
}

static void what_a_child_writes_its_parent_reads(void) {
    struct ps_scoreboard board;
    CHECK_INT(ps_scoreboard_open(&board, 1), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        ps_slot_claim(&board.slots[0], 1);
        ps_slot_store(board.slots[0].requests, 42);
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    check_reading(ps_slot_read(&board.slots[0]), 1, PS_WORKER_STARTING, 42);
    ps_scoreboard_close(&board);
}

int main(void) {
    RUN(a_slot_is_a_cache_line);
    RUN(slots_begin_empty);
    RUN(a_worker_claims_a_slot);
    RUN(what_a_child_writes_its_parent_reads);
    return harness_report();
}

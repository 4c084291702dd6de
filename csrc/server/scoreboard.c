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

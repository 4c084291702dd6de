/* heads.c - nanoseconds per request head of ps_http1, without Python: each head whole, and in pieces.
 *
 *   heads COUNT FILE...
 *
 * Prints "bytes ns ns-in-pieces" for each file, the best of several runs: what disturbs a run only ever makes it slower. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "codec/http1.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { FIELDS = 128, HEAD_MAX = 65536, RUNS = 15, PIECE = 64 };

static const struct ps_http1_limits limits = {8190, 16384, HEAD_MAX, FIELDS};

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The head arrives in pieces of `piece` bytes, and the decoder is asked at each. */
static bool read_head(struct ps_http1 *p, struct ps_span bytes, size_t piece) {
    struct ps_http1_head head = {0};
    int rc = 0;
    for (size_t have = 0; rc == 0 && have < bytes.len;) {
        have = bytes.len - have < piece ? bytes.len : have + piece;
        struct ps_span in = ps_span(bytes.ptr, have);
        rc = ps_http1_next(p, &in, &head);
    }
    ps_http1_reset(p);
    return rc == 1 && head.bytes.len == bytes.len;
}

static double best_ns(struct ps_span bytes, size_t piece, unsigned count) {
    struct ps_http1_field table[FIELDS];
    struct ps_http1 parser;
    double best = 1e18;
    ps_http1_init(&parser, &limits, table);
    for (int run = 0; run < RUNS; run++) {
        bool right = true;
        uint64_t start = now_ns();
        for (unsigned i = 0; i < count; i++) right &= read_head(&parser, bytes, piece);
        double each = (double)(now_ns() - start) / count;
        if (!right) return -1;
        if (each < best) best = each;
    }
    return best;
}

static bool time_file(const char *path, unsigned count) {
    static uint8_t content[HEAD_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) return false;
    struct ps_span bytes = ps_span(content, fread(content, 1, sizeof content, file));
    fclose(file);
    double whole = best_ns(bytes, bytes.len, count), pieces = best_ns(bytes, PIECE, count);
    printf("%zu %.1f %.1f\n", bytes.len, whole, pieces);
    return whole >= 0 && pieces >= 0;
}

int main(int argc, char **argv) {
    for (int i = 2; i < argc; i++) {
        if (time_file(argv[i], (unsigned)strtoul(argv[1], NULL, 10))) continue;
        fprintf(stderr, "%s: not a request head\n", argv[i]);
        return 1;
    }
    return argc > 2 ? 0 : 2;
}

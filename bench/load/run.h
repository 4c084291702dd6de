/* run.h - the load itself: N connections, each sends the next request when the answer to the last one is complete. */
#ifndef BENCH_LOAD_RUN_H
#define BENCH_LOAD_RUN_H

#include "address.h"
#include "answer.h"
#include "histogram.h"

struct load {
    struct address to;
    struct expectation want;
    struct ps_span request;
    uint32_t connections;
    uint64_t duration_ns; /* 0: until `requests` are answered */
    uint64_t requests;    /* 0: no limit */
    uint64_t grace_ns;    /* how long, after the end, an answer under way may still take */
    bool closes;          /* every answer ends its connection, as asked */
    bool spins;           /* never sleeps while it waits for answers: for a core of its own */
};

struct tally {
    struct histogram latency; /* of right answers, ns */
    uint64_t wrong;           /* answers that are not what is expected */
    uint64_t lost;            /* requests whose connection failed or ended before the answer was complete, or that got none */
    uint64_t retried;         /* sent again: a kept connection ended before a byte of the answer came */
    uint64_t reconnects;      /* connections opened beyond the first N */
    uint64_t bytes;           /* received */
    uint64_t elapsed_ns;      /* from the first request to the last answer */
    uint64_t spun_ns;         /* of it, spent on looking in vain */
    char error[160];          /* the first one */
};

/* 0, or -1 with errno when the generator itself failed. */
int load_run(const struct load *load, struct tally *tally);

uint64_t monotonic_ns(void);

#endif

/* runs.h - bytes as the FastCGI corpora write them: escaped, sixteen or more equal ones as {BYTE*COUNT}. A record's content
 * may have 65535 bytes, which no line of a corpus should. */
#ifndef PS_TESTS_RUNS_H
#define PS_TESTS_RUNS_H

#include "harness.h"

enum { RUN_SHORTEST = 16 };

/* The length of the run of equal bytes at the front; 0 for an empty span. */
static inline size_t run_length(struct ps_span s) {
    size_t n = 0;
    while (n < s.len && s.ptr[n] == s.ptr[0]) n++;
    return n;
}

static inline void text_add_runs(struct text *t, struct ps_span bytes) {
    for (size_t n; (n = run_length(bytes)) != 0; ps_drop(&bytes, n)) {
        const bool folded = n >= RUN_SHORTEST;
        if (folded) text_add(t, "{");
        text_add_escaped(t, ps_span(bytes.ptr, folded ? 1 : n));
        if (folded) text_add(t, "*%zu}", n);
    }
}

#endif

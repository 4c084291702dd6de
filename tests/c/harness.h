/* harness.h - what the C tests share: checks that count, guarded memory, the corpus reader, the ways to deliver bytes.
 *
 * A test program is functions of checks and a main:
 *
 *     static void trims(void) { CHECK(ps_span_eq(ps_trim(PS_LIT(" a ")), PS_LIT("a"))); }
 *
 *     int main(void) {
 *         RUN(trims);
 *         return harness_report();
 *     }
 *
 * A failed check prints its place and goes on. Programs run from the root of the repository. */
#ifndef PS_TESTS_HARNESS_H
#define PS_TESTS_HARNESS_H

#include "base/span.h"

#include <stdio.h>

/* --- checks ---------------------------------------------------------------------------------------------------------- */

#define CHECK(condition) harness_check((condition), __FILE__, __LINE__, #condition)
#define CHECK_INT(got, wanted) harness_check_int((long long)(got), (long long)(wanted), __FILE__, __LINE__, #got)
#define CHECK_STR(got, wanted) harness_check_str((got), (wanted), __FILE__, __LINE__, #got)
#define CHECK_SPAN(got, wanted) harness_check_span((got), (wanted), __FILE__, __LINE__, #got)

/* Each answers whether the check passed, so that a test can stop where the rest would make no sense. */
bool harness_check(bool passed, const char *file, int line, const char *text);
bool harness_check_int(long long got, long long wanted, const char *file, int line, const char *text);
bool harness_check_str(const char *got, const char *wanted, const char *file, int line, const char *text);
bool harness_check_span(struct ps_span got, struct ps_span wanted, const char *file, int line, const char *text);

/* Printed with each failure until the next call, e.g. the case and the delivery under test. The format is printf's. */
void harness_context(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs one test function, naming it in failures. */
#define RUN(function) harness_run(#function, (function))
void harness_run(const char *name, void (*function)(void));

/* Prints "N passed, M failed" and answers the exit status: 0 where nothing failed and something was checked. */
int harness_report(void);

/* --- random bytes ---------------------------------------------------------------------------------------------------- */

/* xorshift64*: the same numbers on every machine, so that a failure repeats. */
struct random_source {
    uint64_t state;
};
static inline struct random_source random_seed(uint64_t seed) { return (struct random_source){seed | 1}; }
uint64_t random_next(struct random_source *r);
static inline size_t random_below(struct random_source *r, size_t n) { return (size_t)(random_next(r) % n); }

/* --- guarded memory -------------------------------------------------------------------------------------------------- */

/* Copies of bytes that touch a page without access: a read past the end (guarded) or before the start (guarded_start)
 * faults, with or without a sanitizer. They live until guarded_free_all, which harness_run calls behind each test. */
struct ps_span guarded(const void *bytes, size_t len);
struct ps_span guarded_start(const void *bytes, size_t len);
void guarded_free_all(void);

/* A mapping to use again and again: any bytes up to its capacity, set against one of its two guard pages. */
struct guard {
    uint8_t *first; /* readable from here */
    size_t capacity;
};
struct guard guard_open(size_t capacity);
void guard_close(struct guard *g);
/* The bytes of the last call are gone: the rest of the mapping is overwritten, so that a stale pointer shows. */
struct ps_span guard_set_end(struct guard *g, const void *bytes, size_t len);
struct ps_span guard_set_start(struct guard *g, const void *bytes, size_t len);

/* --- text ------------------------------------------------------------------------------------------------------------ */

/* A growing string. Tests write what a decoder said into one and compare: two deliveries must give the same text. */
struct text {
    char *chars; /* NUL-terminated once anything was added; see text_str */
    size_t len, cap;
};
void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_escaped(struct text *t, struct ps_span bytes); /* as the corpus writes them, spaces as \x20 */
const char *text_str(const struct text *t);                  /* never NULL */
void text_clear(struct text *t);
void text_free(struct text *t);

/* --- corpus ---------------------------------------------------------------------------------------------------------- */

/* tests/corpus/NAME.txt, read by C and by Python alike:
 *
 *     # a comment line                          blank lines end a case
 *     name: two lengths
 *     wire: POST / HTTP/1.1\r\nHost: a\r\n      C escapes: \r \n \t \\ \0 \xHH; several wire lines are concatenated
 *     wire*2: Content-Length: 3\r\n             the text, twice
 *     expect: error PS_ELENGTH                  any other key; may repeat
 *
 * White space around a value is not part of it: write \x20 at the ends. */
struct corpus_line {
    const char *key, *value; /* as written, escapes included */
};
struct corpus_case {
    const char *name; /* the value of "name"; every case has one, and no two the same */
    int line;         /* where it starts */
    struct ps_span wire;
    struct corpus_line *lines; /* all but wire lines, in order */
    size_t n_lines;
};
struct corpus {
    struct corpus_case *cases;
    size_t n_cases;
    char *source;
};

/* Reads tests/corpus/NAME.txt. A file that cannot be read, or not as the above, ends the program with its place. */
struct corpus corpus_load(const char *name);
void corpus_free(struct corpus *c);

/* The i-th value of a key (from 0), or NULL. */
const char *corpus_value(const struct corpus_case *c, const char *key, size_t i);

/* Decodes C escapes from `text` to `out`, which has room for strlen(text) bytes; the two may be the same memory.
 * The length, or -1 for a malformed escape. */
long corpus_unescape(const char *text, uint8_t *out);

/* --- delivery -------------------------------------------------------------------------------------------------------- */

/* One way in which the bytes of a case arrive. */
struct delivery {
    const char *way;     /* "whole", "whole, guarded in front", "cut", "byte by byte", "with a tail" */
    struct ps_span wire; /* all that arrives, the tail included */
    size_t tail;         /* bytes of the tail at its end */
    size_t cut;          /* "cut": where */
    size_t step;         /* largest piece */
    size_t at;           /* delivered so far */
    struct guard *guard;
    bool front;
};

/* The next piece, alone: for decoders that consume what they read. False at the end. The piece before is gone. */
bool delivery_next(struct delivery *d, struct ps_span *piece);

/* The next piece behind the unread rest of those before, which begins `consumed` bytes into the wire: for decoders that want
 * to see everything not yet consumed. Its address differs from call to call. */
bool delivery_next_joined(struct delivery *d, size_t consumed, struct ps_span *bytes);

/* Calls run once for each delivery of `wire`: whole against a guard page behind it and before it, cut in two at every byte,
 * byte by byte, and (where `tail` is not empty) with the tail behind it. The name of the case and the delivery are the context
 * of failed checks. Wires over DELIVERY_EVERY_BYTE are cut at every byte only near their ends, and in larger steps between. */
enum { DELIVERY_EVERY_BYTE = 1024 };
void deliver(const char *name, struct ps_span wire, struct ps_span tail, void (*run)(struct delivery *, void *), void *ctx);

#endif

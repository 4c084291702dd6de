/* fcgi_params: the name-value decoder over the corpus and its laws, the encoder against bytes written by hand. */
#include "harness.h"
#include "runs.h"

#include "base/bytes.h"
#include "codec/fcgi_params.h"

/* --- the decoder over the corpus --------------------------------------------------------------------------------------- */

static void transcribe_pair(struct text *lines, const struct ps_header *pair) {
    text_add(lines, "pair ");
    text_add_runs(lines, pair->name);
    text_add(lines, "=");
    text_add_runs(lines, pair->value);
    text_add(lines, "\n");
}

static void check_inside(struct ps_span before, struct ps_span after, const struct ps_header *pair) {
    CHECK(pair->name.ptr > before.ptr);
    CHECK(pair->value.ptr == pair->name.ptr + pair->name.len);
    CHECK(after.ptr == pair->value.ptr + pair->value.len);
    CHECK(after.ptr + after.len == before.ptr + before.len);
}

/* Decodes all of `in` into `lines`; answers the decoder's last word. A fault leaves the input at its pair. */
static int transcribe(struct text *lines, struct ps_span in) {
    struct ps_header pair;
    struct ps_span before = in;
    int rc;
    while ((rc = ps_fcgi_params_next(&in, &pair)) > 0) {
        check_inside(before, in, &pair);
        transcribe_pair(lines, &pair);
        before = in;
    }
    CHECK(in.ptr == before.ptr && in.len == before.len);
    CHECK_INT(rc, in.len == 0 ? 0 : PS_EPARAMS);
    CHECK_INT(ps_fcgi_params_next(&in, &pair), rc);
    return rc;
}

static void check_whole(const char *expected, struct ps_span wire) {
    struct text lines = {0};
    const int rc = transcribe(&lines, wire);
    if (rc < 0) text_add(&lines, "error %s\n", ps_err_name(rc));
    CHECK_STR(text_str(&lines), expected);
    text_free(&lines);
}

/* PARAMS is a stream: its pieces are joined, as a protocol does, and only then decoded. */
static void check_joined(struct delivery *delivery, void *ctx) {
    struct ps_span all = ps_span(NULL, 0);
    while (delivery_next_joined(delivery, 0, &all)) continue;
    check_whole(ctx, all);
}

/* Long wires are cut everywhere only near their ends. */
static size_t next_prefix(size_t n, size_t len) {
    const bool between = n > 32 && len - n > 64;
    return len > DELIVERY_EVERY_BYTE && between ? n + 61 : n + 1;
}

/* What has been read of the whole when only its first bytes are there: pairs of it, in order, and no others. */
static void check_prefixes(const char *expected, struct ps_span wire) {
    struct guard guard = guard_open(wire.len);
    for (size_t n = 0; n < wire.len; n = next_prefix(n, wire.len)) {
        struct text lines = {0};
        harness_context("the first %zu bytes", n);
        transcribe(&lines, guard_set_end(&guard, wire.ptr, n));
        CHECK(strncmp(text_str(&lines), expected, lines.len) == 0);
        text_free(&lines);
    }
    guard_close(&guard);
}

static void check_tail(const char *name, struct text *expected, struct ps_span wire) {
    const struct ps_span tail = PS_LIT("\4\2TAILhi");
    struct ps_buf both;
    ps_buf_init(&both, SIZE_MAX);
    CHECK_INT(ps_buf_add(&both, wire), 0);
    CHECK_INT(ps_buf_add(&both, tail), 0);
    text_add(expected, "pair TAIL=hi\n");
    harness_context("%s, with a tail", name);
    check_whole(text_str(expected), guarded(both.data, both.len));
    ps_buf_free(&both);
}

static void check_case(const struct corpus_case *c) {
    struct text expected = {0};
    const char *line;
    for (size_t i = 0; (line = corpus_value(c, "expect", i)) != NULL; i++) text_add(&expected, "%s\n", line);
    deliver(c->name, c->wire, ps_span(NULL, 0), check_joined, (void *)(uintptr_t)text_str(&expected));
    check_prefixes(text_str(&expected), c->wire);
    /* Behind a pair cut short a tail would be the rest of it. */
    if (strstr(text_str(&expected), "error ") == NULL) check_tail(c->name, &expected, c->wire);
    text_free(&expected);
}

static void the_corpus_in_every_delivery(void) {
    struct corpus corpus = corpus_load("fcgi_params");
    CHECK(corpus.n_cases >= 40);
    for (size_t i = 0; i < corpus.n_cases; i++) check_case(&corpus.cases[i]);
    corpus_free(&corpus);
}

/* --- the encoder --------------------------------------------------------------------------------------------------------- */

enum { LIMIT = 1 << 20 };

static struct ps_span letters(uint8_t *memory, size_t n) {
    for (size_t i = 0; i < n; i++) memory[i] = (uint8_t)('a' + i % 26);
    return ps_span(memory, n);
}

static void lengths_take_the_shortest_form(void) {
    static uint8_t memory[300];
    static const size_t sizes[] = {0, 1, 126, 127, 128, 129, 255, 256, 300};
    enum { N = sizeof sizes / sizeof sizes[0] };
    for (size_t i = 0; i < N * N; i++) {
        const struct ps_span name = letters(memory, sizes[i / N]), value = letters(memory, sizes[i % N]);
        struct ps_buf out;
        struct ps_header pair;
        ps_buf_init(&out, LIMIT);
        harness_context("name %zu, value %zu", name.len, value.len);
        CHECK_INT(ps_fcgi_params_encode(&out, name, value), 0);
        CHECK_INT(out.len, (name.len > 127 ? 4U : 1U) + (value.len > 127 ? 4U : 1U) + name.len + value.len);
        struct ps_span in = guarded(out.data, out.len);
        CHECK_INT(ps_fcgi_params_next(&in, &pair), 1);
        CHECK_SPAN(pair.name, name);
        CHECK_SPAN(pair.value, value);
        CHECK_INT(in.len, 0);
        ps_buf_free(&out);
    }
    harness_context("%s", "");
}

static void pairs_are_appended(void) {
    struct ps_buf out;
    ps_buf_init(&out, LIMIT);
    CHECK_INT(ps_fcgi_params_encode(&out, PS_LIT("FCGI_MPXS_CONNS"), PS_LIT("1")), 0);
    CHECK_INT(ps_fcgi_params_encode(&out, ps_span(NULL, 0), ps_span(NULL, 0)), 0);
    CHECK_INT(ps_fcgi_params_encode(&out, PS_LIT("A"), ps_span(NULL, 0)), 0);
    CHECK_SPAN(ps_buf_span(&out), PS_LIT("\17\1FCGI_MPXS_CONNS1\0\0\1\0A"));
    ps_buf_free(&out);
}

static void a_pair_past_the_limit_changes_nothing(void) {
    struct ps_buf out;
    ps_buf_init(&out, 12);
    CHECK_INT(ps_fcgi_params_encode(&out, PS_LIT("NAME"), PS_LIT("v")), 0);
    CHECK_INT(ps_fcgi_params_encode(&out, PS_LIT("AB"), PS_LIT("xy")), PS_ELIMIT);
    CHECK_SPAN(ps_buf_span(&out), PS_LIT("\4\1NAMEv"));
    CHECK_INT(ps_fcgi_params_encode(&out, PS_LIT("AB"), PS_LIT("x")), 0);
    CHECK_SPAN(ps_buf_span(&out), PS_LIT("\4\1NAMEv\2\1ABx"));
    ps_buf_free(&out);
}

/* The bytes of such spans are never touched, so they need not exist. */
static void lengths_beyond_31_bits_are_refused(void) {
    const size_t largest = INT32_MAX;
    struct ps_buf out;
    ps_buf_init(&out, 64);
    CHECK_INT(ps_fcgi_params_encode(&out, ps_span("", largest + 1), PS_LIT("v")), PS_EPARAMS);
    CHECK_INT(ps_fcgi_params_encode(&out, PS_LIT("n"), ps_span("", largest + 1)), PS_EPARAMS);
    CHECK_INT(ps_fcgi_params_encode(&out, ps_span("", SIZE_MAX), ps_span("", SIZE_MAX)), PS_EPARAMS);
    CHECK_INT(ps_fcgi_params_encode(&out, ps_span("", largest), ps_span("", largest)), PS_ELIMIT);
    CHECK(out.len == 0 && out.data == NULL);
    ps_buf_free(&out);
}

static void what_is_encoded_decodes_again(void) {
    struct random_source random = random_seed(7);
    static uint8_t memory[2][400];
    for (int round = 0; round < 300; round++) {
        struct ps_buf out;
        struct text wanted = {0};
        ps_buf_init(&out, LIMIT);
        for (size_t pairs = random_below(&random, 8); pairs > 0; pairs--) {
            struct ps_header pair;
            for (size_t i = 0; i < sizeof memory; i++) memory[i / 400][i % 400] = (uint8_t)random_next(&random);
            pair.name = ps_span(memory[0], random_below(&random, 400));
            pair.value = ps_span(memory[1], random_below(&random, 400));
            CHECK_INT(ps_fcgi_params_encode(&out, pair.name, pair.value), 0);
            transcribe_pair(&wanted, &pair);
        }
        check_whole(text_str(&wanted), guarded(out.data, out.len));
        guarded_free_all();
        text_free(&wanted);
        ps_buf_free(&out);
    }
}

int main(void) {
    RUN(the_corpus_in_every_delivery);
    RUN(lengths_take_the_shortest_form);
    RUN(pairs_are_appended);
    RUN(a_pair_past_the_limit_changes_nothing);
    RUN(lengths_beyond_31_bits_are_refused);
    RUN(what_is_encoded_decodes_again);
    return harness_report();
}

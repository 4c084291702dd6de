/* codec/http1_body: the corpus in every delivery, and what no corpus can say. */
#include "harness.h"

#include "base/bytes.h"
#include "base/err.h"
#include "codec/http1_body.h"

#include <stdlib.h>

/* --- the corpus ------------------------------------------------------------------------------------------------------ */

enum { LONG_DATA = 300 }; /* more is counted, not written out */

struct outcome {
    int64_t length;
    uint32_t trailer_limit;
    struct text data, first, text; /* handed out; what the first delivery said; what this one said */
    size_t bytes;                  /* handed out */
};

/* All events that are there. The data is appended to o->data, the others are answered: 0, PS_BODY_END or an error. */
static int decode(struct ps_http1_body *b, struct ps_span *in, struct outcome *o) {
    struct ps_span data = {0};
    for (;;) {
        const struct ps_span before = *in;
        const int rc = ps_http1_body_next(b, in, &data);
        CHECK(in->len <= before.len && in->ptr + in->len == before.ptr + before.len);
        if (rc != PS_BODY_DATA) return rc;
        CHECK(data.len > 0 && data.ptr >= before.ptr && data.ptr + data.len == in->ptr);
        o->bytes += data.len;
        if (o->bytes <= LONG_DATA) text_add_escaped(&o->data, data);
    }
}

static void check_end(struct ps_http1_body *b, int rc) {
    struct ps_span more = PS_LIT("0\r\n\r\n"), data;
    CHECK_INT(ps_http1_body_pending(b), rc != PS_BODY_END);
    CHECK_INT(ps_http1_body_next(b, &more, &data), rc); /* the end and an error are for good */
    CHECK_INT(more.len, 5);
}

static void describe(struct outcome *o, int rc, struct ps_span rest) {
    text_clear(&o->text);
    if (o->bytes > LONG_DATA)
        text_add(&o->text, "bytes %zu\n", o->bytes);
    else if (o->bytes > 0)
        text_add(&o->text, "data %s\n", text_str(&o->data));
    if (rc < 0) text_add(&o->text, "error %s\n", ps_err_name(rc));
    if (rc == PS_BODY_END) text_add(&o->text, "end\n");
    if (rc == 0) text_add(&o->text, "incomplete\n");
    if (rc != PS_BODY_END || rest.len == 0) return;
    text_add(&o->text, "rest ");
    text_add_escaped(&o->text, rest);
    text_add(&o->text, "\n");
}

static void run_case(struct delivery *d, void *ctx) {
    struct outcome *o = ctx;
    struct ps_http1_body b;
    struct ps_span piece = PS_LIT("");
    ps_http1_body_init(&b, o->length, o->trailer_limit);
    text_clear(&o->data);
    o->bytes = 0;
    int rc = decode(&b, &piece, o);
    while (rc == 0 && delivery_next(d, &piece)) rc = decode(&b, &piece, o);
    const size_t unread = piece.len + d->wire.len - d->at; /* the next piece would be the rest of the wire */
    if (rc != 0) check_end(&b, rc);
    if (rc == 0) CHECK(ps_http1_body_pending(&b));
    describe(o, rc, ps_span(d->wire.ptr + d->wire.len - unread, unread - d->tail));
    if (o->first.len == 0)
        text_add(&o->first, "%s", text_str(&o->text));
    else
        CHECK_STR(text_str(&o->text), text_str(&o->first));
}

static void expected_text(const struct corpus_case *c, struct text *t) {
    const char *expected;
    for (size_t i = 0; (expected = corpus_value(c, "expect", i)) != NULL; i++) {
        const char *at = strstr(expected, " at=");
        text_add(t, "%.*s\n", (int)(at != NULL ? (size_t)(at - expected) : strlen(expected)), expected);
    }
}

/* "at=N": the error shows with byte N, not before. */
static void check_earliest(const struct corpus_case *c, struct outcome *o) {
    const char *expected, *at = NULL;
    for (size_t i = 0; at == NULL && (expected = corpus_value(c, "expect", i)) != NULL; i++) at = strstr(expected, " at=");
    if (at == NULL) return;
    const size_t n = strtoul(at + 4, NULL, 10);
    for (size_t len = n - 1; CHECK(n > 0 && n <= c->wire.len) && len <= n; len++) {
        struct ps_http1_body b;
        struct ps_span in = guarded(c->wire.ptr, len);
        ps_http1_body_init(&b, o->length, o->trailer_limit);
        harness_context("%s (line %d), the first %zu bytes", c->name, c->line, len);
        CHECK_INT(decode(&b, &in, o) < 0, len == n);
    }
}

static void test_case(const struct corpus_case *c) {
    const char *length = corpus_value(c, "length", 0), *trailer = corpus_value(c, "trailer", 0);
    struct outcome o = {
        .length = length != NULL ? strtoll(length, NULL, 10) : -1,
        .trailer_limit = trailer != NULL ? (uint32_t)strtoul(trailer, NULL, 10) : 1024,
    };
    struct text expected = {0};
    expected_text(c, &expected);
    const bool ends = strstr(text_str(&expected), "incomplete\n") == NULL; /* else a tail would be part of the body */
    CHECK(corpus_value(c, "rfc", 0) != NULL && expected.len != 0);
    deliver(c->name, c->wire, ends ? PS_LIT("0\r\n\r\nGET") : PS_LIT(""), run_case, &o);
    harness_context("%s (line %d)", c->name, c->line);
    CHECK_STR(text_str(&o.first), text_str(&expected));
    check_earliest(c, &o);
    text_free(&expected);
    text_free(&o.data);
    text_free(&o.first);
    text_free(&o.text);
}

static void the_corpus_in_every_delivery(void) {
    struct corpus corpus = corpus_load("http1_body");
    CHECK(corpus.n_cases > 100);
    for (size_t i = 0; i < corpus.n_cases; i++) {
        test_case(&corpus.cases[i]);
        guarded_free_all();
    }
    corpus_free(&corpus);
}

/* --- what no corpus can say ------------------------------------------------------------------------------------------ */

/* Random chunks, extensions and trailers, decoded in random pieces: what was put in comes out. */
static void random_bodies_in_random_pieces(void) {
    struct random_source random = random_seed(5);
    struct text wire = {0}, data = {0};
    for (int round = 0; round < 1500; round++) {
        text_clear(&wire);
        text_clear(&data);
        for (size_t chunks = random_below(&random, 6); chunks > 0; chunks--) {
            const size_t n = 1 + random_below(&random, 40);
            const size_t from = data.len;
            for (size_t i = 0; i < n; i++) text_add(&data, "%c", (int)('a' + random_below(&random, 26)));
            text_add(&wire, random_below(&random, 2) ? "%zx" : "%04zX", n);
            if (random_below(&random, 3) == 0) text_add(&wire, " ;n=\"%zu\"", n);
            text_add(&wire, "\r\n%s\r\n", text_str(&data) + from);
        }
        text_add(&wire, "0\r\n%s\r\nrest", random_below(&random, 2) ? "T: 1\r\n" : "");
        struct outcome o = {0};
        struct ps_http1_body b;
        ps_http1_body_init(&b, -1, 100);
        size_t at = 0;
        int rc = 0;
        while (rc == 0 && at < wire.len) {
            const size_t n = ps_min(1 + random_below(&random, 30), wire.len - at);
            struct ps_span in = ps_span(wire.chars + at, n);
            rc = decode(&b, &in, &o);
            at += n - in.len;
        }
        CHECK_INT(rc, PS_BODY_END);
        CHECK_STR(text_str(&wire) + at, "rest");
        CHECK_STR(text_str(&o.data), text_str(&data));
        text_free(&o.data);
    }
    text_free(&wire);
    text_free(&data);
}

static void a_body_by_length_owes_its_bytes(void) {
    struct ps_http1_body b;
    struct ps_span in = PS_LIT("ab"), data;
    ps_http1_body_init(&b, 0, 0);
    CHECK(!ps_http1_body_pending(&b));
    ps_http1_body_init(&b, 2, 0);
    CHECK(ps_http1_body_pending(&b));
    CHECK_INT(ps_http1_body_next(&b, &in, &data), PS_BODY_DATA);
    CHECK(!ps_http1_body_pending(&b)); /* the event of the end is not another byte */
    CHECK_INT(ps_http1_body_next(&b, &in, &data), PS_BODY_END);
    ps_http1_body_init(&b, -1, 0);
    CHECK(ps_http1_body_pending(&b));
}

int main(void) {
    RUN(the_corpus_in_every_delivery);
    RUN(random_bodies_in_random_pieces);
    RUN(a_body_by_length_owes_its_bytes);
    return harness_report();
}

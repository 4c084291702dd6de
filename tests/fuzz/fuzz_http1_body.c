/* fuzz_http1_body.c - hostile bytes into the body decoder, chunked and by length. The laws:
 *   - data is a piece of the input, in order; a body by length hands out exactly its bytes;
 *   - every split of the same bytes gives the same data, the same end or error, and leaves the same bytes;
 *   - the end and an error are final and consume nothing;
 *   - a body that was read whole is read again from one chunk of the encoder. */
#undef NDEBUG /* the laws are asserted in every build */
#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "codec/http1_body.h"
#include "codec/http1_write.h"

enum { TRAILER_LIMIT = 64 }; /* small, so that inputs reach it */

/* What a delivery of the input comes to. */
struct outcome {
    struct ps_buf data;
    size_t left; /* bytes not consumed */
    int rc;      /* 0, PS_BODY_END or an error */
};

static void check_final(struct ps_http1_body *b, int rc, struct ps_span in) {
    struct ps_span data;
    const struct ps_span before = in;
    assert(ps_http1_body_next(b, &in, &data) == rc);
    assert(in.ptr == before.ptr && in.len == before.len);
}

/* The piece is copied to memory of exactly its size, so that a byte read beyond it or kept from an earlier one is seen. */
static void feed(struct ps_http1_body *b, struct ps_span piece, struct outcome *o) {
    uint8_t *copy = malloc(piece.len);
    assert(copy != NULL || piece.len == 0);
    if (piece.len != 0) memcpy(copy, piece.ptr, piece.len);
    struct ps_span in = ps_span(copy, piece.len), data;
    for (const uint8_t *at = copy; (o->rc = ps_http1_body_next(b, &in, &data)) == PS_BODY_DATA; at = in.ptr) {
        assert(data.len > 0 && data.ptr >= at && data.ptr + data.len == in.ptr);
        assert(ps_buf_add(&o->data, data) == 0);
    }
    assert(o->rc != 0 || in.len == 0);
    if (o->rc != 0) check_final(b, o->rc, in);
    o->left = in.len;
    free(copy);
}

/* Delivers the first `cut` bytes, then the rest `step` at a time. */
static struct outcome deliver(int64_t length, struct ps_span wire, size_t cut, size_t step) {
    struct ps_http1_body b;
    struct outcome o = {.left = 0};
    ps_http1_body_init(&b, length, TRAILER_LIMIT);
    ps_buf_init(&o.data, wire.len);
    for (size_t n = cut;; n = ps_min(step, wire.len)) {
        feed(&b, ps_take(&wire, n), &o);
        if (o.rc != 0 || wire.len == 0) break;
    }
    o.left += wire.len;
    assert(ps_http1_body_pending(&b) == (o.rc != PS_BODY_END));
    return o;
}

static void expect_same(const struct outcome *whole, struct outcome other) {
    assert(ps_span_eq(ps_buf_span(&whole->data), ps_buf_span(&other.data)));
    assert(whole->left == other.left && whole->rc == other.rc);
    ps_buf_free(&other.data);
}

static struct outcome check_deliveries(int64_t length, struct ps_span wire, size_t cut) {
    struct outcome whole = deliver(length, wire, wire.len, wire.len);
    expect_same(&whole, deliver(length, wire, cut, wire.len));
    expect_same(&whole, deliver(length, wire, 0, 1));
    return whole;
}

static void check_encoder(struct ps_span data) {
    uint8_t line[PS_HTTP1_CHUNK_HEAD_MAX];
    struct ps_buf wire;
    ps_buf_init(&wire, SIZE_MAX);
    if (data.len != 0) {
        assert(ps_buf_add(&wire, ps_http1_encode_chunk(data.len, line)) == 0);
        assert(ps_buf_add(&wire, data) == 0 && ps_buf_append(&wire, "\r\n", 2) == 0);
    }
    assert(ps_buf_append(&wire, "0\r\n\r\n", 5) == 0);
    struct outcome again = deliver(-1, ps_buf_span(&wire), wire.len, wire.len);
    assert(again.rc == PS_BODY_END && again.left == 0 && ps_span_eq(ps_buf_span(&again.data), data));
    ps_buf_free(&again.data);
    ps_buf_free(&wire);
}

static size_t some_cut(const uint8_t *data, size_t size) {
    uint32_t hash = 2166136261U; /* FNV-1a: the cut depends on the input only, so that a finding repeats */
    for (size_t i = 0; i < size; i++) hash = (hash ^ data[i]) * 16777619U;
    return hash % (size + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct ps_span wire = ps_span(data, size);
    const size_t cut = some_cut(data, size);
    if (size == 0) return 0;

    struct outcome chunked = check_deliveries(-1, wire, cut);
    if (chunked.rc == PS_BODY_END) check_encoder(ps_buf_span(&chunked.data));
    ps_buf_free(&chunked.data);

    struct outcome counted = check_deliveries((int64_t)cut, wire, size / 2); /* a length up to all that is there */
    assert(counted.rc == PS_BODY_END && counted.left == size - cut);
    assert(ps_span_eq(ps_buf_span(&counted.data), ps_span(data, cut)));
    ps_buf_free(&counted.data);
    return 0;
}

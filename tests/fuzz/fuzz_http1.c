/* fuzz_http1.c - hostile bytes into the request head decoder. The laws:
 *   - what a head says lies inside the bytes it was read from, and is of the bytes its grammar allows;
 *   - a head consists of CR LF lines only, one for the request, one for each field, one empty;
 *   - every split of the same bytes gives the same heads, the same error, and leaves the same bytes;
 *   - an incomplete head consumes nothing, an error is final;
 *   - the vectorised runs answer what the portable ones do. */
#undef NDEBUG /* the laws are asserted in every build */
#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "codec/http1.h"

enum { FIELDS = 64, BYTE_BY_BYTE = 2048 }; /* longer inputs are only cut in two, or each would take long */

/* What a delivery of the input comes to. */
struct outcome {
    struct ps_buf heads; /* every head, as bytes to compare */
    size_t left;         /* bytes not consumed */
    int rc;
};

static void add(struct outcome *o, const void *ptr, size_t n) { assert(ps_buf_append(&o->heads, ptr, n) == 0); }

static void add_number(struct outcome *o, int64_t n) { add(o, &n, sizeof n); }

/* A span as its place in the head. */
static void add_span(struct outcome *o, const struct ps_http1_head *h, struct ps_span s) {
    assert(s.ptr >= h->bytes.ptr && s.ptr + s.len <= h->bytes.ptr + h->bytes.len);
    add_number(o, s.ptr - h->bytes.ptr);
    add_number(o, (int64_t)s.len);
}

static void check_lines(const struct ps_http1_head *h) {
    uint32_t lines = 0;
    for (size_t i = 0; i < h->bytes.len; i++) {
        const uint8_t c = h->bytes.ptr[i];
        assert(c != '\0');
        assert(c != '\r' || h->bytes.ptr[i + 1] == '\n'); /* the last byte is LF: see below */
        assert(c != '\n' || (i > 0 && h->bytes.ptr[i - 1] == '\r'));
        lines += c == '\n';
    }
    assert(h->bytes.ptr[h->bytes.len - 1] == '\n' && lines == h->n_fields + 2);
}

static void check_request_line(const struct ps_http1_head *h) {
    assert(ps_is_token(h->method) && h->method.len <= PS_HTTP1_METHOD_MAX && h->method.ptr == h->bytes.ptr);
    assert(h->target.len > 0 && ps_visible_run_portable(h->target) == h->target.len);
    assert(memchr(h->target.ptr, '#', h->target.len) == NULL);
    assert(h->form == PS_FORM_ASTERISK ? h->path.len == 0 : h->path.len > 0 && h->path.ptr[0] == '/');
    for (size_t i = 0; i < h->path.len; i++)
        assert(h->path.ptr[i] != '%' || ps_is_escape(ps_span(h->path.ptr + i, h->path.len - i)));
    assert(ps_span_eq(h->protocol, h->minor == 1 ? PS_LIT("HTTP/1.1") : PS_LIT("HTTP/1.0")));
    assert(h->authority.len == 0 ? h->minor == 0 : ps_http1_is_authority(h->authority));
}

static void check_body(const struct ps_http1_head *h) {
    switch (h->body) {
    case PS_BODY_NONE: assert(h->content_length == 0); break;
    case PS_BODY_LENGTH: assert(h->content_length >= 0); break;
    default: assert(h->body == PS_BODY_CHUNKED && h->content_length == -1 && h->minor == 1);
    }
}

static void add_fields(struct outcome *o, const struct ps_http1_head *h) {
    unsigned hosts = 0, framings = 0;
    for (uint32_t i = 0; i < h->n_fields; i++) {
        const struct ps_http1_field *f = &h->fields[i];
        const struct ps_span name = ps_span(h->bytes.ptr + f->name, f->name_len);
        const struct ps_span value = ps_span(h->bytes.ptr + f->value, f->value_len);
        add_span(o, h, name);
        add_span(o, h, value);
        assert(ps_is_token(name) && name.ptr[name.len] == ':' && value.ptr > name.ptr + name.len);
        assert(ps_field_run_portable(value) == value.len && ps_trim(value).len == value.len);
        hosts += ps_span_eq_lower(name, PS_LIT("host"));
        framings += ps_span_eq_lower(name, PS_LIT("content-length")) + ps_span_eq_lower(name, PS_LIT("transfer-encoding"));
    }
    assert(hosts == 1 || (hosts == 0 && h->minor == 0));
    assert(framings == (h->body != PS_BODY_NONE));
}

static void add_head(struct outcome *o, const struct ps_http1_head *h) {
    check_lines(h);
    check_request_line(h);
    check_body(h);
    const struct ps_span spans[] = {h->bytes, h->method, h->target, h->path, h->query, h->authority, h->protocol};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) add_span(o, h, spans[i]);
    const int64_t numbers[] = {h->n_fields,   h->minor,           h->form,    h->body,
                               h->keep_alive, h->expect_continue, h->upgrade, h->content_length};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) add_number(o, numbers[i]);
    add_fields(o, h);
}

static void check_sticky(struct ps_http1 *p, int rc, struct ps_span in) {
    struct ps_http1_head head;
    const struct ps_span before = in;
    assert(ps_http1_next(p, &in, &head) == rc);
    assert(in.ptr == before.ptr && in.len == before.len);
}

/* The bytes are copied to memory of exactly their size, so that a byte read beyond them or kept from earlier is seen. */
static void feed(struct ps_http1 *p, struct ps_span bytes, struct outcome *o) {
    uint8_t *copy = malloc(bytes.len);
    assert(copy != NULL || bytes.len == 0);
    if (bytes.len != 0) memcpy(copy, bytes.ptr, bytes.len);
    struct ps_span in = ps_span(copy, bytes.len), before = in;
    struct ps_http1_head head;
    while ((o->rc = ps_http1_next(p, &in, &head)) > 0) {
        assert(in.ptr == head.bytes.ptr + head.bytes.len && in.ptr > before.ptr && in.len < before.len);
        add_head(o, &head);
        ps_http1_reset(p);
        before = in;
    }
    assert(in.ptr == before.ptr && in.len == before.len);
    if (o->rc < 0) check_sticky(p, o->rc, in);
    o->left = in.len;
    free(copy);
}

/* Delivers the first `cut` bytes, then `step` more at a time. */
static struct outcome deliver(const struct ps_http1_limits *limits, struct ps_span wire, size_t cut, size_t step) {
    struct ps_http1_field *table = malloc(limits->fields * sizeof *table + 1);
    struct ps_http1 p;
    struct outcome o = {.left = 0};
    size_t consumed = 0, there = cut;
    assert(table != NULL);
    ps_http1_init(&p, limits, table);
    ps_buf_init(&o.heads, SIZE_MAX);
    for (;;) {
        feed(&p, ps_span(wire.ptr + consumed, there - consumed), &o);
        consumed = there - o.left;
        if (o.rc < 0 || there == wire.len) break;
        there += ps_min(step, wire.len - there);
    }
    o.left = wire.len - consumed;
    free(table);
    return o;
}

static void expect_same(const struct outcome *whole, struct outcome other) {
    assert(ps_span_eq(ps_buf_span(&whole->heads), ps_buf_span(&other.heads)));
    assert(whole->left == other.left && whole->rc == other.rc);
    ps_buf_free(&other.heads);
}

static void check_deliveries(const struct ps_http1_limits *limits, struct ps_span wire, size_t cut) {
    struct outcome whole = deliver(limits, wire, wire.len, wire.len);
    expect_same(&whole, deliver(limits, wire, cut, wire.len));
    if (wire.len <= BYTE_BY_BYTE) expect_same(&whole, deliver(limits, wire, 0, 1));
    ps_buf_free(&whole.heads);
}

static uint32_t hash_of(const uint8_t *data, size_t size) { /* FNV-1a: of the input only, so that a finding repeats */
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < size; i++) hash = (hash ^ data[i]) * 16777619U;
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct ps_span wire = ps_span(data, size);
    const uint32_t hash = hash_of(data, size);
    const struct ps_http1_limits wide = {8192, 65536, 65536, FIELDS};
    const struct ps_http1_limits narrow = {16 + hash % 64, 8 + hash / 64 % 64, 32 + hash / 4096 % 256, hash >> 20 & 7};
    if (size == 0) return 0;
    check_deliveries(&wide, wire, hash % (size + 1));
    check_deliveries(&narrow, wire, hash % (size + 1));
    assert(ps_field_run(wire) == ps_field_run_portable(wire));
    assert(ps_visible_run(wire) == ps_visible_run_portable(wire));
    (void)ps_http1_is_authority(wire);
    return 0;
}

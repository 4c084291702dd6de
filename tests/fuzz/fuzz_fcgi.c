/* fuzz_fcgi.c - hostile bytes into the record decoder. The laws:
 *   - content lies inside the input, in order, and never exceeds what its record announced;
 *   - every split of the same bytes gives the same records, the same error and the same idea of being between records;
 *   - an error is final and consumes nothing;
 *   - decoding what the encoder makes of the records gives the records again. */
#undef NDEBUG /* the laws are asserted in every build */
#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "codec/fcgi.h"

/* What a delivery of the input comes to. */
struct outcome {
    struct ps_buf records; /* encoded again without padding, so that events of one record join by themselves */
    size_t left;           /* content the last record still lacks */
    int rc;
    bool idle;
};

static void add(struct outcome *o, const void *ptr, size_t n) { assert(ps_buf_append(&o->records, ptr, n) == 0); }

static void add_event(struct outcome *o, const struct ps_fcgi_event *ev) {
    if (o->left == 0) {
        uint8_t header[PS_FCGI_HEADER_LEN];
        ps_fcgi_encode_header(header, ev->type, ev->request_id, ev->length, 0);
        add(o, header, sizeof header);
        o->left = ev->length;
    } else {
        assert(ev->data.len != 0);
    }
    assert(ev->data.len <= o->left);
    o->left -= ev->data.len;
    assert(ev->last == (o->left == 0));
    add(o, ev->data.ptr, ev->data.len);
}

static void check_sticky(struct ps_fcgi *d, int rc, struct ps_span in) {
    struct ps_fcgi_event ev;
    const struct ps_span before = in;
    assert(rc == PS_ERECORD);
    assert(ps_fcgi_next(d, &in, &ev) == rc);
    assert(in.ptr == before.ptr && in.len == before.len);
}

/* The piece is copied to memory of exactly its size, so that a byte read beyond it or kept from an earlier one is seen. */
static void feed(struct ps_fcgi *d, const uint8_t *data, size_t n, struct outcome *o) {
    uint8_t *copy = malloc(n);
    assert(copy != NULL || n == 0);
    if (n != 0) memcpy(copy, data, n);
    struct ps_span in = ps_span(copy, n);
    struct ps_fcgi_event ev;
    for (const uint8_t *at = copy; (o->rc = ps_fcgi_next(d, &in, &ev)) > 0; at = in.ptr) {
        assert(ev.data.len == 0 || (ev.data.ptr >= at && ev.data.ptr + ev.data.len <= in.ptr));
        assert(in.ptr > at || n == 0);
        add_event(o, &ev);
    }
    if (o->rc < 0)
        check_sticky(d, o->rc, in);
    else
        assert(in.len == 0);
    free(copy);
}

/* Delivers the first `cut` bytes, then the rest `step` at a time. */
static struct outcome deliver(struct ps_span wire, size_t cut, size_t step) {
    struct ps_fcgi d;
    struct outcome o = {.left = 0};
    ps_fcgi_init(&d);
    ps_buf_init(&o.records, wire.len);
    for (size_t n = cut; n != 0 && o.rc >= 0; n = ps_min(step, wire.len)) {
        feed(&d, wire.ptr, n, &o);
        ps_drop(&wire, n);
    }
    o.idle = ps_fcgi_idle(&d);
    return o;
}

static void expect_same(struct outcome whole, struct outcome other) {
    assert(ps_span_eq(ps_buf_span(&whole.records), ps_buf_span(&other.records)));
    assert(whole.left == other.left && whole.rc == other.rc && whole.idle == other.idle);
    ps_buf_free(&other.records);
}

static void check_small_bodies(struct ps_span content) {
    uint8_t record[PS_FCGI_SMALL_LEN], flags, protocol_status, flags_again, protocol_status_again;
    uint16_t role, role_again;
    uint32_t app_status, app_status_again;
    const struct ps_span body = ps_span(record + PS_FCGI_HEADER_LEN, PS_FCGI_SMALL_LEN - PS_FCGI_HEADER_LEN);
    const bool fits = content.len == body.len;
    assert(ps_fcgi_decode_begin(content, &role, &flags) == (fits ? 0 : PS_ERECORD));
    assert(ps_fcgi_decode_end(content, &app_status, &protocol_status) == (fits ? 0 : PS_ERECORD));
    if (!fits) return;
    ps_fcgi_encode_begin(record, 1, role, flags);
    assert(ps_fcgi_decode_begin(body, &role_again, &flags_again) == 0 && role_again == role && flags_again == flags);
    ps_fcgi_encode_end(record, 1, app_status, protocol_status);
    assert(ps_fcgi_decode_end(body, &app_status_again, &protocol_status_again) == 0);
    assert(app_status_again == app_status && protocol_status_again == protocol_status);
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
    struct outcome whole = deliver(wire, size, size);
    expect_same(whole, deliver(wire, ps_min(size, 1), 1));
    if (cut != 0) expect_same(whole, deliver(wire, cut, size));

    const struct ps_span records = ps_buf_span(&whole.records);
    struct outcome again = deliver(records, records.len, records.len);
    assert(again.rc == 0 && again.left == whole.left && ps_span_eq(records, ps_buf_span(&again.records)));
    ps_buf_free(&again.records);
    ps_buf_free(&whole.records);

    check_small_bodies(ps_span(data, ps_min(size, 8)));
    return 0;
}

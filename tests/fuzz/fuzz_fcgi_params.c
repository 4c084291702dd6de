/* fuzz_fcgi_params.c - hostile bytes into the name-value decoder. The laws:
 *   - name and value lie inside the input, in order, and every call that succeeds makes progress;
 *   - an error leaves the input at the pair it is about, and names that pair again when asked again;
 *   - a prefix of the input gives a prefix of the pairs;
 *   - encoding the pairs and decoding them gives the pairs again, in no more bytes than they came in. */
#undef NDEBUG /* the laws are asserted in every build */
#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "codec/fcgi_params.h"

static void check_inside(struct ps_span before, struct ps_span after, const struct ps_header *pair) {
    const uint8_t *end = before.ptr + before.len;
    assert(pair->name.ptr > before.ptr && pair->value.ptr == pair->name.ptr + pair->name.len);
    assert(pair->value.ptr + pair->value.len == after.ptr);
    assert(after.ptr + after.len == end);
}

/* Decodes all pairs and encodes them into `out`. Returns the decoder's last word. */
static int transcode(struct ps_span in, struct ps_buf *out) {
    struct ps_header pair;
    struct ps_span before = in;
    int rc;
    while ((rc = ps_fcgi_params_next(&in, &pair)) > 0) {
        check_inside(before, in, &pair);
        assert(ps_fcgi_params_encode(out, pair.name, pair.value) == 0);
        before = in;
    }
    assert(in.ptr == before.ptr && in.len == before.len);
    assert(rc == (in.len == 0 ? 0 : PS_EPARAMS));
    assert(ps_fcgi_params_next(&in, &pair) == rc);
    return rc;
}

/* A copy of exactly its size, so that a byte read beyond it is seen. */
static int transcode_copy(const uint8_t *data, size_t size, struct ps_buf *out) {
    uint8_t *copy = malloc(size);
    assert(copy != NULL || size == 0);
    if (size != 0) memcpy(copy, data, size);
    ps_buf_init(out, size);
    const int rc = transcode(ps_span(copy, size), out);
    free(copy);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ps_buf whole, again, prefix;
    transcode_copy(data, size, &whole);

    assert(transcode_copy(whole.data, whole.len, &again) == 0);
    assert(ps_span_eq(ps_buf_span(&whole), ps_buf_span(&again)));

    transcode_copy(data, size - ps_min(size, 1 + size / 3), &prefix);
    assert(ps_span_starts(ps_buf_span(&whole), ps_buf_span(&prefix)));

    ps_buf_free(&whole);
    ps_buf_free(&again);
    ps_buf_free(&prefix);
    return 0;
}

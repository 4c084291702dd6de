#include "codec/fcgi_params.h"

#include "base/bytes.h"

enum { SHORT_MAX = 127, LENGTH_MAX = INT32_MAX, LONG_FORM = 0x80 };

/* Takes one length. The long form is legal for small lengths too (section 3.4 does not ask for the shortest). */
static bool take_length(struct ps_span *in, size_t *length) {
    if (in->len == 0) return false;
    if (in->ptr[0] <= SHORT_MAX) {
        *length = *ps_take(in, 1).ptr;
        return true;
    }
    if (in->len < 4) return false;
    *length = ps_be32(ps_take(in, 4).ptr) & LENGTH_MAX;
    return true;
}

int ps_fcgi_params_next(struct ps_span *in, struct ps_header *pair) {
    if (in->len == 0) return 0;
    struct ps_span rest = *in;
    size_t name, value;
    if (!take_length(&rest, &name) || !take_length(&rest, &value)) return PS_EPARAMS;
    /* One at a time: the sum of two lengths of 31 bits may not fit a size_t of 32. */
    if (name > rest.len || value > rest.len - name) return PS_EPARAMS;
    pair->name = ps_take(&rest, name);
    pair->value = ps_take(&rest, value);
    *in = rest;
    return 1;
}

static size_t encoded_length(size_t length) { return length <= SHORT_MAX ? 1 : 4; }

static uint8_t *put_length(uint8_t *out, size_t length) {
    if (length <= SHORT_MAX)
        out[0] = (uint8_t)length;
    else
        ps_put_be32(out, (uint32_t)length | (uint32_t)LONG_FORM << 24);
    return out + encoded_length(length);
}

static uint8_t *put_bytes(uint8_t *out, struct ps_span s) {
    if (s.len != 0) memcpy(out, s.ptr, s.len); /* an empty span may point nowhere */
    return out + s.len;
}

int ps_fcgi_params_encode(struct ps_buf *out, struct ps_span name, struct ps_span value) {
    if (name.len > LENGTH_MAX || value.len > LENGTH_MAX) return PS_EPARAMS;
    size_t head = encoded_length(name.len) + encoded_length(value.len);
    if (value.len > SIZE_MAX - head - name.len) return PS_ELIMIT; /* where a size_t has 32 bits */
    int rc = ps_buf_reserve(out, head + name.len + value.len);
    if (rc < 0) return rc;
    uint8_t *end = put_length(put_length(out->data + out->len, name.len), value.len);
    end = put_bytes(put_bytes(end, name), value);
    out->len = (size_t)(end - out->data);
    return 0;
}

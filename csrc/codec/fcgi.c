#include "codec/fcgi.h"

#include "base/bytes.h"

enum { VERSION = 1, SMALL_CONTENT = PS_FCGI_SMALL_LEN - PS_FCGI_HEADER_LEN };

/* Where in a record the next byte belongs; zero is a record's start, so a zeroed decoder is an initialised one. */
enum state { HEADER, CONTENT, PADDING };

void ps_fcgi_init(struct ps_fcgi *d) { *d = (struct ps_fcgi){.state = HEADER}; }

void ps_fcgi_reset(struct ps_fcgi *d) { ps_fcgi_init(d); }

bool ps_fcgi_idle(const struct ps_fcgi *d) { return d->state == HEADER && d->have == 0; }

/* The version is judged by its first byte alone, not when the header is whole: a peer that speaks another protocol (an HTTP
 * client on this port) is refused at once, and however its bytes are split. */
static bool read_header(struct ps_fcgi *d, struct ps_span *in) {
    if (in->len == 0) return false;
    if (d->have == 0 && in->ptr[0] != VERSION) {
        d->error = PS_ERECORD;
        return false;
    }
    struct ps_span piece = ps_take(in, ps_min(in->len, (size_t)(PS_FCGI_HEADER_LEN - d->have)));
    memcpy(d->head + d->have, piece.ptr, piece.len);
    d->have = (uint8_t)(d->have + piece.len);
    if (d->have < PS_FCGI_HEADER_LEN) return false;
    d->content = ps_be16(d->head + 4);
    d->padding = d->head[6];
    d->state = CONTENT;
    return true;
}

/* Padding is dropped, never reported (section 3.3). */
static bool skip_padding(struct ps_fcgi *d, struct ps_span *in) {
    size_t n = ps_min(in->len, d->padding);
    ps_drop(in, n);
    d->padding = (uint16_t)(d->padding - n);
    if (d->padding != 0) return false;
    d->have = 0;
    d->state = HEADER;
    return true;
}

static void take_content(struct ps_fcgi *d, struct ps_span *in, struct ps_fcgi_event *ev) {
    ev->type = d->head[1];
    ev->request_id = ps_be16(d->head + 2);
    ev->length = ps_be16(d->head + 4);
    ev->data = ps_take(in, ps_min(in->len, d->content));
    d->content = (uint16_t)(d->content - ev->data.len);
    ev->last = d->content == 0;
    if (!ev->last) return;
    d->state = PADDING;
    /* Taken along where it has come, so that a connection whose last record is whole is idle without another call. */
    skip_padding(d, in);
}

int ps_fcgi_next(struct ps_fcgi *d, struct ps_span *in, struct ps_fcgi_event *ev) {
    if (d->error < 0) return d->error;
    switch ((enum state)d->state) {
    case PADDING:
        if (!skip_padding(d, in)) return 0;
        /* fall through */
    case HEADER:
        if (!read_header(d, in)) return d->error;
        /* fall through */
    case CONTENT: break;
    }
    if (in->len == 0 && d->content != 0) return 0;
    take_content(d, in, ev);
    return 1;
}

void ps_fcgi_encode_header(uint8_t out[PS_FCGI_HEADER_LEN], uint8_t type, uint16_t request_id, uint16_t length,
                           uint8_t padding) {
    out[0] = VERSION;
    out[1] = type;
    ps_put_be16(out + 2, request_id);
    ps_put_be16(out + 4, length);
    out[6] = padding;
    out[7] = 0;
}

/* Writes the header of an eight-byte record and returns its content, zeroed, to be filled in. */
static uint8_t *encode_small(uint8_t out[PS_FCGI_SMALL_LEN], uint8_t type, uint16_t request_id) {
    ps_fcgi_encode_header(out, type, request_id, SMALL_CONTENT, 0);
    return memset(out + PS_FCGI_HEADER_LEN, 0, SMALL_CONTENT);
}

void ps_fcgi_encode_begin(uint8_t out[PS_FCGI_SMALL_LEN], uint16_t request_id, uint16_t role, uint8_t flags) {
    uint8_t *content = encode_small(out, PS_FCGI_BEGIN_REQUEST, request_id);
    ps_put_be16(content, role);
    content[2] = flags;
}

void ps_fcgi_encode_end(uint8_t out[PS_FCGI_SMALL_LEN], uint16_t request_id, uint32_t app_status, uint8_t protocol_status) {
    uint8_t *content = encode_small(out, PS_FCGI_END_REQUEST, request_id);
    ps_put_be32(content, app_status);
    content[4] = protocol_status;
}

void ps_fcgi_encode_unknown_type(uint8_t out[PS_FCGI_SMALL_LEN], uint8_t type) {
    encode_small(out, PS_FCGI_UNKNOWN_TYPE, 0)[0] = type;
}

int ps_fcgi_decode_begin(struct ps_span content, uint16_t *role, uint8_t *flags) {
    if (content.len != SMALL_CONTENT) return PS_ERECORD;
    *role = ps_be16(content.ptr);
    *flags = content.ptr[2];
    return 0;
}

int ps_fcgi_decode_end(struct ps_span content, uint32_t *app_status, uint8_t *protocol_status) {
    if (content.len != SMALL_CONTENT) return PS_ERECORD;
    *app_status = ps_be32(content.ptr);
    *protocol_status = content.ptr[4];
    return 0;
}

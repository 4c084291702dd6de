#include "codec/http1_body.h"

#include "base/bytes.h"
#include "base/field.h"
#include "base/scan.h"

enum { SIZE_DIGITS_MAX = 15 }; /* 60 bits: no overflow, and no endless row of zeros */

/* The grammar's places. All but LENGTH, DATA and END take one byte at a time. */
enum state {
    LENGTH,       /* data up to a length */
    SIZE,         /* chunk-size */
    EXT_BEFORE,   /* BWS, where only ";" may follow */
    EXT_START,    /* behind ";": BWS, then the first byte of a name */
    EXT_NAME,     /* in a name */
    EXT_NAMED,    /* BWS behind a name: "=" or ";" follows */
    EXT_EQUALS,   /* behind "=": BWS, then a value */
    EXT_TOKEN,    /* in a value that is a token */
    EXT_QUOTED,   /* in a quoted-string */
    EXT_ESCAPED,  /* behind "\" in it */
    EXT_CLOSED,   /* behind it */
    SIZE_LF,      /* CR was read; the data follows, or, for a size of 0, the trailers */
    DATA,         /* chunk-data */
    DATA_CR,      /* its CR LF */
    DATA_LF,
    FIELD_START,  /* of a trailer, or of the empty line */
    FIELD_NAME,
    FIELD_VALUE,
    FIELD_LF,
    LAST_LF,      /* of the empty line */
    END
};

void ps_http1_body_init(struct ps_http1_body *b, int64_t length, uint32_t trailer_limit) {
    *b = (struct ps_http1_body){.trailer_limit = trailer_limit, .state = length < 0 ? SIZE : LENGTH};
    if (length > 0) b->remaining = (uint64_t)length;
}

static int go(struct ps_http1_body *b, enum state next) {
    b->state = (uint8_t)next;
    return 0;
}

static inline bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

/* --- chunk-size and chunk-ext ----------------------------------------------------------------------------------------- */

/* What may follow a complete extension, and the size itself; white space only where one more extension comes. */
static int after_extension(struct ps_http1_body *b, uint8_t c) {
    if (c == ';') return go(b, EXT_START);
    if (c == '\r') return go(b, SIZE_LF);
    return is_blank(c) ? go(b, EXT_BEFORE) : PS_ECHUNK;
}

static int size_byte(struct ps_http1_body *b, uint8_t c) {
    const int digit = ps_hex(c);
    if (digit < 0) return b->digits != 0 ? after_extension(b, c) : PS_ECHUNK;
    if (b->digits++ == SIZE_DIGITS_MAX) return PS_ECHUNK;
    b->remaining = b->remaining << 4 | (unsigned)digit;
    return 0;
}

static int quoted_byte(struct ps_http1_body *b, uint8_t c) {
    if (c == '"') return go(b, EXT_CLOSED);
    if (c == '\\') return go(b, EXT_ESCAPED);
    return ps_is_field_byte(c) ? 0 : PS_ECHUNK;
}

static int extension_byte(struct ps_http1_body *b, uint8_t c) {
    const bool token = ps_tchar[c] != 0, blank = is_blank(c);
    switch (b->state) {
    case EXT_BEFORE: return c == ';' ? go(b, EXT_START) : blank ? 0 : PS_ECHUNK;
    case EXT_START: return token ? go(b, EXT_NAME) : blank ? 0 : PS_ECHUNK;
    case EXT_NAME:
        if (token) return 0;
        if (c == '=') return go(b, EXT_EQUALS);
        return blank ? go(b, EXT_NAMED) : after_extension(b, c);
    case EXT_NAMED: return c == '=' ? go(b, EXT_EQUALS) : c == ';' ? go(b, EXT_START) : blank ? 0 : PS_ECHUNK;
    case EXT_EQUALS:
        if (c == '"') return go(b, EXT_QUOTED);
        return token ? go(b, EXT_TOKEN) : blank ? 0 : PS_ECHUNK;
    case EXT_TOKEN: return token ? 0 : after_extension(b, c);
    case EXT_QUOTED: return quoted_byte(b, c);
    case EXT_ESCAPED: return ps_is_field_byte(c) ? go(b, EXT_QUOTED) : PS_ECHUNK;
    default: return after_extension(b, c); /* EXT_CLOSED */
    }
}

static int size_line_byte(struct ps_http1_body *b, uint8_t c) {
    const int rc = b->state == SIZE ? size_byte(b, c) : extension_byte(b, c);
    if (rc < 0 || b->state == SIZE || b->state == SIZE_LF) return rc;
    /* Extensions mean nothing to anyone, but a peer may send megabytes of them. */
    return b->extension++ == PS_HTTP1_CHUNK_EXT_MAX ? PS_ECHUNKEXT : 0;
}

/* --- trailers --------------------------------------------------------------------------------------------------------- */

static int trailer_byte(struct ps_http1_body *b, uint8_t c) {
    if (b->state == FIELD_START && c == '\r') return go(b, LAST_LF);
    if (b->trailer++ == b->trailer_limit) return PS_EHEADLONG;
    switch (b->state) {
    case FIELD_START: return ps_tchar[c] ? go(b, FIELD_NAME) : PS_ETRAILER;
    case FIELD_NAME: return ps_tchar[c] ? 0 : c == ':' ? go(b, FIELD_VALUE) : PS_ETRAILER;
    case FIELD_VALUE: return ps_is_field_byte(c) ? 0 : c == '\r' ? go(b, FIELD_LF) : PS_ETRAILER;
    default: return c == '\n' ? go(b, FIELD_START) : PS_ETRAILER; /* FIELD_LF */
    }
}

/* --- the whole -------------------------------------------------------------------------------------------------------- */

static int line_byte(struct ps_http1_body *b, uint8_t c) {
    if (b->state < SIZE_LF) return size_line_byte(b, c);
    switch (b->state) {
    case SIZE_LF: return c == '\n' ? go(b, b->remaining != 0 ? DATA : FIELD_START) : PS_ECHUNK;
    case DATA_CR: return c == '\r' ? go(b, DATA_LF) : PS_ECHUNK;
    case DATA_LF: return c == '\n' ? go(b, SIZE) : PS_ECHUNK;
    case LAST_LF: return c == '\n' ? go(b, END) : PS_ETRAILER;
    default: return trailer_byte(b, c);
    }
}

/* Hands out what is there of the data. Behind a chunk comes its CR LF; behind a body by length, nothing. */
static int take_data(struct ps_http1_body *b, struct ps_span *in, struct ps_span *data) {
    *data = ps_take(in, b->remaining < in->len ? (size_t)b->remaining : in->len);
    b->remaining -= data->len;
    if (b->remaining == 0 && b->state == DATA) {
        b->state = DATA_CR;
        b->digits = 0;
    }
    return PS_BODY_DATA;
}

int ps_http1_body_next(struct ps_http1_body *b, struct ps_span *in, struct ps_span *data) {
    if (b->error < 0) return b->error;
    if (b->state == LENGTH && b->remaining == 0) b->state = END;
    for (;;) {
        if (b->state == END) return PS_BODY_END;
        if (in->len == 0) return 0;
        if (b->state == LENGTH || b->state == DATA) return take_data(b, in, data);
        b->error = line_byte(b, *in->ptr);
        if (b->error < 0) return b->error;
        ps_drop(in, 1);
    }
}

bool ps_http1_body_pending(const struct ps_http1_body *b) {
    return b->state != END && !(b->state == LENGTH && b->remaining == 0);
}

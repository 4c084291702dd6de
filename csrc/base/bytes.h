/* bytes.h - single bytes and numbers: big-endian integers, ASCII case, digits. Header only; nothing here allocates. */
#ifndef PS_BASE_BYTES_H
#define PS_BASE_BYTES_H

#include "base/span.h"

static inline size_t ps_min(size_t a, size_t b) { return a < b ? a : b; }

static inline uint16_t ps_be16(const uint8_t *p) { return (uint16_t)((unsigned)p[0] << 8 | p[1]); }

static inline uint32_t ps_be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void ps_put_be16(uint8_t *p, uint16_t v) {
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void ps_put_be32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static inline bool ps_is_digit(uint8_t c) { return (uint8_t)(c - '0') <= 9; }

static inline bool ps_is_upper(uint8_t c) { return (uint8_t)(c - 'A') <= 'Z' - 'A'; }

/* ASCII only: bytes from 0x80 on are returned as they are. */
static inline uint8_t ps_lower(uint8_t c) { return ps_is_upper(c) ? (uint8_t)(c | 0x20) : c; }

/* The value of a hexadecimal digit, or -1. */
static inline int ps_hex(uint8_t c) {
    if (ps_is_digit(c)) return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "%" and two hexadecimal digits at the front (RFC 3986, section 2.1). */
static inline bool ps_is_escape(struct ps_span s) {
    return s.len >= 3 && s.ptr[0] == '%' && ps_hex(s.ptr[1]) >= 0 && ps_hex(s.ptr[2]) >= 0;
}

/* Case-insensitive (ASCII) comparison with a lower-case `b`. */
static inline bool ps_span_eq_lower(struct ps_span a, struct ps_span b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (ps_lower(a.ptr[i]) != b.ptr[i]) return false;
    return true;
}

/* Parses 1*DIGIT into *value. False for an empty span, any other byte, or a value above INT64_MAX. Leading zeros are
 * legal (RFC 9110, section 8.6: Content-Length = 1*DIGIT). */
static inline bool ps_parse_decimal(struct ps_span s, int64_t *value) {
    int64_t v = 0;
    if (s.len == 0) return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!ps_is_digit(s.ptr[i])) return false;
        if (v > (INT64_MAX - (s.ptr[i] - '0')) / 10) return false;
        v = v * 10 + (s.ptr[i] - '0');
    }
    *value = v;
    return true;
}

/* The decimal digits of v, right-aligned in `digits`; the span points into it. */
static inline struct ps_span ps_format_decimal(uint64_t v, uint8_t digits[20]) {
    size_t at = 20;
    do {
        digits[--at] = (uint8_t)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    return ps_span(digits + at, 20 - at);
}

/* Exactly so many decimal digits of v, with zeros in front. */
static inline void ps_put_decimal(uint8_t *to, unsigned v, unsigned digits) {
    for (; digits > 0; v /= 10) to[--digits] = (uint8_t)('0' + v % 10);
}

#endif

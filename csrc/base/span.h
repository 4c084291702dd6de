/* span.h - borrowed bytes. A span never owns and is never freed; the function that hands one out says how long it lives. */
#ifndef PS_BASE_SPAN_H
#define PS_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ps_span {
    const uint8_t *ptr; /* may be NULL only when len is 0 */
    size_t len;
};

static inline struct ps_span ps_span(const void *ptr, size_t len) { return (struct ps_span){(const uint8_t *)ptr, len}; }

/* A span over a string literal, without its NUL. */
#define PS_LIT(s) ((struct ps_span){(const uint8_t *)("" s), sizeof(s) - 1})

/* Advances the span past its first n bytes; n must not exceed its length. */
static inline void ps_drop(struct ps_span *s, size_t n) {
    if (n == 0) return; /* NULL + 0 is undefined */
    s->ptr += n;
    s->len -= n;
}

/* Splits off the first n bytes. */
static inline struct ps_span ps_take(struct ps_span *s, size_t n) {
    struct ps_span head = ps_span(s->ptr, n);
    ps_drop(s, n);
    return head;
}

static inline bool ps_span_eq(struct ps_span a, struct ps_span b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool ps_span_starts(struct ps_span s, struct ps_span prefix) {
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

#endif

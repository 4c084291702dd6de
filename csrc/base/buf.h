/* buf.h - owned bytes that grow, up to a limit given at birth.
 *
 * The memory is contiguous: data[0..len). Pointers into it are valid until the next call that may grow it. A buffer that was
 * zeroed or initialised and never grew holds no memory, so an idle one costs nothing. */
#ifndef PS_BASE_BUF_H
#define PS_BASE_BUF_H

#include "base/err.h"
#include "base/span.h"

struct ps_buf {
    uint8_t *data;
    size_t len, cap, limit;
};

/* Allocates nothing. Growth past `limit` bytes is refused with PS_ELIMIT. */
void ps_buf_init(struct ps_buf *b, size_t limit);

/* Frees the memory and leaves an empty buffer with the same limit. */
void ps_buf_free(struct ps_buf *b);

/* Makes room for `extra` more bytes behind len. 0, PS_ELIMIT or PS_ENOMEM; on failure nothing changes. Grows by doubling, so
 * that n appends cost O(n). */
int ps_buf_reserve(struct ps_buf *b, size_t extra);

/* Appends a copy. 0, PS_ELIMIT or PS_ENOMEM; on failure nothing changes. */
static inline int ps_buf_append(struct ps_buf *b, const void *ptr, size_t n) {
    if (n == 0) return 0; /* ptr may be NULL */
    if (b->cap - b->len < n) {
        int rc = ps_buf_reserve(b, n);
        if (rc < 0) return rc;
    }
    memcpy(b->data + b->len, ptr, n);
    b->len += n;
    return 0;
}

/* Drops the first n bytes (n <= len), moving the rest to the front. */
void ps_buf_consume(struct ps_buf *b, size_t n);

static inline struct ps_span ps_buf_span(const struct ps_buf *b) { return ps_span(b->data, b->len); }

static inline int ps_buf_add(struct ps_buf *b, struct ps_span s) { return ps_buf_append(b, s.ptr, s.len); }

#endif

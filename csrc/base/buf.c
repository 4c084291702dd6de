#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 256 };

void ps_buf_init(struct ps_buf *b, size_t limit) { *b = (struct ps_buf){.limit = limit}; }

void ps_buf_free(struct ps_buf *b) {
    free(b->data);
    ps_buf_init(b, b->limit);
}

static size_t grown(const struct ps_buf *b, size_t need) {
    size_t cap = b->cap != 0 ? b->cap : FIRST_CAPACITY;
    while (cap < need) cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    return cap < b->limit ? cap : b->limit;
}

int ps_buf_reserve(struct ps_buf *b, size_t extra) {
    if (b->cap - b->len >= extra) return 0;
    if (extra > b->limit || b->len > b->limit - extra) return PS_ELIMIT;
    size_t cap = grown(b, b->len + extra);
    uint8_t *data = realloc(b->data, cap);
    if (data == NULL) return PS_ENOMEM;
    b->data = data;
    b->cap = cap;
    return 0;
}

void ps_buf_consume(struct ps_buf *b, size_t n) {
    assert(n <= b->len);
    if (n == 0) return;
    b->len -= n;
    if (b->len != 0) memmove(b->data, b->data + n, b->len);
}

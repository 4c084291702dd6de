#include "base/out.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"

/* Consumed bytes of our own are moved out of the way when there are this many: a stream whose reader never quite catches up
 * would otherwise keep every byte of framing it ever sent. */
enum { COMPACT_BYTES = 16 * 1024, FIRST_PIECES = 8 };

void ps_out_init(struct ps_out *o, size_t limit) {
    *o = (struct ps_out){0};
    ps_buf_init(&o->own, limit);
}

void ps_out_free(struct ps_out *o) {
    ps_buf_free(&o->own);
    free(o->pieces);
    o->pieces = NULL;
    o->first = o->count = o->cap = o->size = 0;
}

static struct ps_out_piece *last(struct ps_out *o) { return o->count != 0 ? &o->pieces[o->first + o->count - 1] : NULL; }

/* Room for one more piece at the end. */
static int reserve_piece(struct ps_out *o) {
    size_t used = o->first + o->count;
    if (used < o->cap) return 0;
    size_t cap = o->cap != 0 ? o->cap * 2 : FIRST_PIECES;
    struct ps_out_piece *pieces = realloc(o->pieces, cap * sizeof *pieces);
    if (pieces == NULL) return PS_ENOMEM;
    o->pieces = pieces;
    o->cap = cap;
    return 0;
}

static void push(struct ps_out *o, struct ps_out_piece piece) {
    o->pieces[o->first + o->count++] = piece;
    o->size += piece.len;
}

int ps_out_copied(struct ps_out *o, size_t length_before) {
    size_t added = o->own.len - length_before;
    struct ps_out_piece *end = last(o);
    if (added == 0) return 0;
    if (end != NULL && end->ptr == NULL && end->at + end->len == length_before) {
        end->len += added;
        o->size += added;
        return 0;
    }
    if (reserve_piece(o) < 0) {
        o->own.len = length_before;
        return PS_ENOMEM;
    }
    push(o, (struct ps_out_piece){.at = length_before, .len = added});
    return 0;
}

int ps_out_copy(struct ps_out *o, struct ps_span bytes) {
    size_t before = o->own.len;
    int rc = ps_buf_add(&o->own, bytes);
    return rc < 0 ? rc : ps_out_copied(o, before);
}

int ps_out_borrow(struct ps_out *o, struct ps_span bytes) {
    if (bytes.len < PS_OUT_COPY_MAX) return ps_out_copy(o, bytes);
    if (reserve_piece(o) < 0) return PS_ENOMEM;
    push(o, (struct ps_out_piece){.ptr = bytes.ptr, .len = bytes.len});
    return 0;
}

bool ps_out_own(struct ps_out *o, void *owner) {
    for (size_t i = o->count; i > 0; i--) {
        struct ps_out_piece *p = &o->pieces[o->first + i - 1];
        if (p->ptr == NULL) continue;
        if (p->owner != NULL) return false; /* an earlier loan: all of this one is gone */
        p->owner = owner;
        return true;
    }
    return false;
}

struct ps_span ps_out_piece(const struct ps_out *o, size_t i) {
    const struct ps_out_piece *p = &o->pieces[o->first + i];
    return ps_span(p->ptr != NULL ? p->ptr : o->own.data + p->at, p->len);
}

static void pop(struct ps_out *o, struct ps_owners *done) {
    struct ps_out_piece *p = &o->pieces[o->first];
    if (p->owner != NULL) {
        assert(done->count < done->cap);
        done->list[done->count++] = p->owner;
    }
    o->first++;
    o->count--;
}

/* Moves what is left to the front of its memory. Costs at most what was consumed since the last time. */
static void compact(struct ps_out *o) {
    if (o->count == 0) {
        o->first = 0;
        o->own.len = 0;
        return;
    }
    if (o->first > o->count) {
        memmove(o->pieces, o->pieces + o->first, o->count * sizeof *o->pieces);
        o->first = 0;
    }
    size_t dead = o->own.len;
    for (size_t i = 0; i < o->count; i++)
        if (o->pieces[o->first + i].ptr == NULL) {
            dead = o->pieces[o->first + i].at;
            break;
        }
    if (dead < COMPACT_BYTES || dead < o->own.len / 2) return;
    ps_buf_consume(&o->own, dead);
    for (size_t i = 0; i < o->count; i++)
        if (o->pieces[o->first + i].ptr == NULL) o->pieces[o->first + i].at -= dead;
}

void ps_out_consume(struct ps_out *o, size_t n, struct ps_owners *done) {
    assert(n <= o->size);
    o->size -= n;
    while (o->count != 0) {
        struct ps_out_piece *p = &o->pieces[o->first];
        size_t take = ps_min(n, p->len);
        p->len -= take;
        if (p->ptr != NULL)
            p->ptr += take;
        else
            p->at += take;
        n -= take;
        if (p->len != 0) break;
        pop(o, done);
    }
    compact(o);
}

int ps_owners_reserve(struct ps_owners *w, size_t total) {
    if (total <= w->cap) return 0;
    size_t cap = w->cap != 0 ? w->cap : FIRST_PIECES;
    while (cap < total) cap *= 2;
    void **list = realloc(w->list, cap * sizeof *list);
    if (list == NULL) return PS_ENOMEM;
    w->list = list;
    w->cap = cap;
    return 0;
}

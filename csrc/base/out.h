/* out.h - what is to be written, in order: small pieces copied, large ones borrowed.
 *
 * A protocol appends its framing and the application's bytes; whoever writes turns the front of the list into iovecs and
 * consumes what the socket took. A borrowed piece may carry an owner: an opaque pointer that comes back, once, when the last
 * byte of the piece has been consumed or dropped. Until then the memory must stay. */
#ifndef PS_BASE_OUT_H
#define PS_BASE_OUT_H

#include "base/buf.h"

/* A borrowed piece shorter than this is copied instead: cheaper than an iovec and an owner of its own. */
enum { PS_OUT_COPY_MAX = 1024 };

struct ps_out_piece {
    const uint8_t *ptr; /* NULL: own bytes, at `at` in ps_out.own */
    size_t at, len;
    void *owner;        /* NULL: nobody to tell */
};

struct ps_out {
    struct ps_buf own;
    struct ps_out_piece *pieces;
    size_t first, count, cap; /* pieces[first .. first + count) are still to be written */
    size_t size;              /* bytes in them */
};

/* Owners on their way back, in the order in which they were let go. */
struct ps_owners {
    void **list;
    size_t count, cap;
};

/* Copied bytes are limited to `limit`; borrowed bytes are the lender's to limit. Allocates nothing. */
void ps_out_init(struct ps_out *o, size_t limit);

/* Frees the list; what had an owner must have been dropped before. */
void ps_out_free(struct ps_out *o);

/* Appends a copy. 0, PS_ELIMIT or PS_ENOMEM; on failure nothing changes. */
int ps_out_copy(struct ps_out *o, struct ps_span bytes);

/* Appends the bytes without copying them (short ones are copied all the same). They must stay until consumed. */
int ps_out_borrow(struct ps_out *o, struct ps_span bytes);

/* The buffer for bytes of our own, for encoders that append to one; call ps_out_copied with the length it had before. */
static inline struct ps_buf *ps_out_buf(struct ps_out *o) { return &o->own; }
int ps_out_copied(struct ps_out *o, size_t length_before);

/* Lends the last borrowed piece an owner: it comes back when that piece is gone. For the bytes just appended, after as many of
 * them were written as could be. True: the owner is held. False: nothing that was borrowed without an owner is left. */
bool ps_out_own(struct ps_out *o, void *owner);

/* The i-th piece still to be written. */
struct ps_span ps_out_piece(const struct ps_out *o, size_t i);

/* Takes n bytes (n <= size) off the front; owners let go are appended to `done`, in which whoever calls
 * ps_out_own has reserved the room (ps_owners_reserve). */
void ps_out_consume(struct ps_out *o, size_t n, struct ps_owners *done);

/* Room for `total` owners: those in the list and those on loan together. 0 or PS_ENOMEM. */
int ps_owners_reserve(struct ps_owners *w, size_t total);

#endif

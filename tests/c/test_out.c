/* base/out: pieces copied and borrowed, what is written of them, owners on their way back. */
#include "harness.h"

#include "base/out.h"

#include <stdlib.h>

enum { LARGE = PS_OUT_COPY_MAX };

static uint8_t large[3][LARGE];

static void fill(void) {
    for (int i = 0; i < 3; i++) memset(large[i], 'A' + i, LARGE);
}

static struct ps_span large_span(int i) { return ps_span(large[i], LARGE); }

static struct ps_out out_of(size_t limit) {
    struct ps_out o;
    ps_out_init(&o, limit);
    fill();
    return o;
}

static void close_out(struct ps_out *o, struct ps_owners *done) {
    ps_out_consume(o, o->size, done);
    CHECK(o->count == 0 && o->size == 0 && o->own.len == 0);
    ps_out_free(o);
    free(done->list);
}

/* Everything still to be written, joined. */
static struct ps_buf joined(const struct ps_out *o) {
    struct ps_buf b;
    ps_buf_init(&b, SIZE_MAX);
    for (size_t i = 0; i < o->count; i++) {
        CHECK(ps_out_piece(o, i).len != 0);
        CHECK_INT(ps_buf_add(&b, ps_out_piece(o, i)), 0);
    }
    CHECK_INT(b.len, o->size);
    return b;
}

static void small_pieces_become_one(void) {
    struct ps_out o = out_of(1000);
    struct ps_owners done = {0};
    CHECK(o.own.data == NULL && o.pieces == NULL);
    CHECK_INT(ps_out_copy(&o, PS_LIT("")), 0);
    CHECK_INT(ps_out_borrow(&o, PS_LIT("")), 0);
    CHECK_INT(o.count, 0);
    CHECK_INT(ps_out_copy(&o, PS_LIT("one ")), 0);
    CHECK_INT(ps_out_borrow(&o, PS_LIT("two ")), 0);
    size_t before = ps_out_buf(&o)->len;
    CHECK_INT(ps_buf_add(ps_out_buf(&o), PS_LIT("three")), 0);
    CHECK_INT(ps_out_copied(&o, before), 0);
    CHECK_INT(ps_out_copied(&o, ps_out_buf(&o)->len), 0);
    CHECK_INT(o.count, 1);
    CHECK_SPAN(ps_out_piece(&o, 0), PS_LIT("one two three"));
    close_out(&o, &done);
}

static void large_pieces_are_borrowed(void) {
    struct ps_out o = out_of(1000);
    struct ps_owners done = {0};
    CHECK_INT(ps_out_copy(&o, PS_LIT("head")), 0);
    CHECK_INT(ps_out_borrow(&o, large_span(0)), 0);
    CHECK_INT(ps_out_copy(&o, PS_LIT("tail")), 0);
    CHECK_INT(o.count, 3);
    CHECK(ps_out_piece(&o, 1).ptr == large[0]);
    ps_out_consume(&o, 2, &done);
    CHECK_SPAN(ps_out_piece(&o, 0), PS_LIT("ad"));
    ps_out_consume(&o, 3, &done);
    CHECK(ps_out_piece(&o, 0).ptr == large[0] + 1);
    CHECK_INT(ps_out_piece(&o, 0).len, LARGE - 1);
    CHECK_INT(o.size, LARGE - 1 + 4);
    ps_out_consume(&o, LARGE, &done);
    CHECK_SPAN(ps_out_piece(&o, 0), PS_LIT("ail"));
    close_out(&o, &done);
}

static void the_limit_is_for_copies(void) {
    struct ps_out o = out_of(10);
    struct ps_owners done = {0};
    CHECK_INT(ps_out_copy(&o, PS_LIT("0123456789")), 0);
    CHECK_INT(ps_out_copy(&o, PS_LIT("x")), PS_ELIMIT);
    CHECK_INT(o.size, 10);
    CHECK_INT(ps_out_borrow(&o, large_span(0)), 0);
    CHECK_INT(ps_out_borrow(&o, PS_LIT("x")), PS_ELIMIT);
    ps_out_consume(&o, 10 + LARGE, &done);
    CHECK_INT(ps_out_copy(&o, PS_LIT("again")), 0);
    close_out(&o, &done);
}

/* --- owners ----------------------------------------------------------------------------------------------------------- */

static int owners[3]; /* addresses only */

static void an_owner_comes_back_with_the_last_byte(void) {
    struct ps_out o = out_of(1000);
    struct ps_owners done = {0};
    CHECK_INT(ps_owners_reserve(&done, 2), 0);
    CHECK_INT(ps_out_borrow(&o, large_span(0)), 0);
    CHECK_INT(ps_out_borrow(&o, large_span(1)), 0); /* one body in two pieces */
    CHECK_INT(ps_out_copy(&o, PS_LIT("\r\n")), 0);
    CHECK(ps_out_own(&o, &owners[0]));
    CHECK_INT(ps_out_borrow(&o, large_span(2)), 0);
    CHECK(ps_out_own(&o, &owners[1]));
    ps_out_consume(&o, 2 * LARGE - 1, &done);
    CHECK_INT(done.count, 0);
    ps_out_consume(&o, 1, &done);
    CHECK_INT(done.count, 1);
    CHECK(done.list[0] == &owners[0]);
    ps_out_consume(&o, 2 + LARGE, &done);
    CHECK_INT(done.count, 2);
    CHECK(done.list[1] == &owners[1]);
    close_out(&o, &done);
}

static void nothing_left_of_it_needs_no_owner(void) {
    struct ps_out o = out_of(1000);
    struct ps_owners done = {0};
    CHECK_INT(ps_owners_reserve(&done, 1), 0);
    CHECK(!ps_out_own(&o, &owners[0]));
    CHECK_INT(ps_out_copy(&o, PS_LIT("copied")), 0);
    CHECK(!ps_out_own(&o, &owners[0]));
    CHECK_INT(ps_out_borrow(&o, large_span(0)), 0);
    CHECK(ps_out_own(&o, &owners[0]));
    CHECK_INT(ps_out_copy(&o, PS_LIT("short, so copied")), 0);
    CHECK(!ps_out_own(&o, &owners[1])); /* the one before has an owner: that is not lent twice */
    ps_out_consume(&o, o.size, &done);
    CHECK_INT(done.count, 1);
    close_out(&o, &done);
}

static void room_for_owners_grows(void) {
    struct ps_owners done = {0};
    CHECK_INT(ps_owners_reserve(&done, 0), 0);
    for (size_t n = 1; n < 1000; n++) {
        CHECK_INT(ps_owners_reserve(&done, n), 0);
        CHECK(done.cap >= n);
    }
    free(done.list);
}

/* --- against a model -------------------------------------------------------------------------------------------------- */

/* Random pieces in, random amounts out, compared with one plain buffer. */
static void what_goes_in_comes_out(void) {
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct random_source r = random_seed(seed);
        struct ps_out o = out_of(SIZE_MAX);
        struct ps_owners done = {0};
        struct ps_buf model;
        size_t lent = 0;
        ps_buf_init(&model, SIZE_MAX);
        for (int step = 0; step < 300; step++) {
            const size_t n = random_below(&r, 3) == 0 ? LARGE : random_below(&r, 200);
            struct ps_span bytes = ps_span(large[random_below(&r, 3)], n);
            CHECK_INT(random_below(&r, 2) == 0 ? ps_out_copy(&o, bytes) : ps_out_borrow(&o, bytes), 0);
            CHECK_INT(ps_buf_add(&model, bytes), 0);
            CHECK_INT(ps_owners_reserve(&done, lent + 1), 0);
            lent += ps_out_own(&o, &owners[0]);
            struct ps_buf left = joined(&o);
            CHECK_SPAN(ps_buf_span(&left), ps_buf_span(&model));
            ps_buf_free(&left);
            const size_t take = random_below(&r, 4) == 0 ? o.size : random_below(&r, o.size + 1);
            ps_out_consume(&o, take, &done);
            ps_buf_consume(&model, take);
        }
        ps_out_consume(&o, o.size, &done);
        CHECK_INT(done.count, lent);
        close_out(&o, &done);
        ps_buf_free(&model);
    }
}

/* A reader that never quite catches up must not make us keep every byte that was ever copied. */
static void what_was_written_is_forgotten(void) {
    struct ps_out o = out_of(SIZE_MAX);
    struct ps_owners done = {0};
    size_t most = 0;
    for (int i = 0; i < 20000; i++) {
        CHECK_INT(ps_out_copy(&o, PS_LIT("0123456789012345678901234567890123456789")), 0);
        CHECK_INT(ps_out_borrow(&o, large_span(0)), 0);
        if (i > 3) ps_out_consume(&o, 40 + LARGE, &done);
        most = o.own.cap > most ? o.own.cap : most;
        CHECK(o.cap < 100);
    }
    CHECK(most < 256 * 1024);
    close_out(&o, &done);
}

int main(void) {
    RUN(small_pieces_become_one);
    RUN(large_pieces_are_borrowed);
    RUN(the_limit_is_for_copies);
    RUN(an_owner_comes_back_with_the_last_byte);
    RUN(nothing_left_of_it_needs_no_owner);
    RUN(room_for_owners_grows);
    RUN(what_goes_in_comes_out);
    RUN(what_was_written_is_forgotten);
    return harness_report();
}

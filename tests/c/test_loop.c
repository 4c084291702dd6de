/* server/loop: registrations, and events for what is gone. */
#define _GNU_SOURCE
#include "harness.h"

#include "server/loop.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ps_loop loop;

/* One end of a socket pair in the loop; the other is the test's. */
struct end {
    struct ps_source source; /* first */
    int other;
    int calls;
    uint32_t events;
    struct end *victim; /* removed and closed when this one is called */
    bool replace;       /* and its descriptor given to another at once */
};

static struct end replacement;

static void open_end(struct end *e, uint32_t interest);

static void close_end(struct end *e) {
    ps_loop_remove(&loop, &e->source);
    close(e->source.fd);
    close(e->other);
}

static void on_ready(struct ps_source *source, uint32_t events) {
    struct end *e = (struct end *)source;
    e->calls++;
    e->events = events;
    if (e->victim == NULL) return;
    const int fd = e->victim->source.fd;
    close_end(e->victim);
    if (e->replace) {
        open_end(&replacement, EPOLLIN);
        CHECK_INT(replacement.source.fd, fd);
    }
    e->victim = NULL;
}

static void open_end(struct end *e, uint32_t interest) {
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    *e = (struct end){.source = {.ready = on_ready, .fd = ends[0]}, .other = ends[1]};
    CHECK_INT(ps_loop_add(&loop, &e->source, interest, false), 0);
}

static int turn(void) {
    const int n = ps_loop_wait(&loop, 0);
    ps_loop_dispatch(&loop);
    return n;
}

static void open_loop(void) { CHECK_INT(ps_loop_init(&loop), 0); }

static void what_is_ready_is_called(void) {
    struct end a, b;
    open_loop();
    open_end(&a, EPOLLIN);
    open_end(&b, EPOLLIN);
    CHECK_INT(turn(), 0);
    CHECK_INT(write(a.other, "x", 1), 1);
    CHECK_INT(turn(), 1);
    CHECK(a.calls == 1 && b.calls == 0 && (a.events & EPOLLIN) != 0);
    CHECK_INT(turn(), 1); /* still there: level-triggered */
    CHECK_INT(a.calls, 2);
    close_end(&a);
    close_end(&b);
    ps_loop_free(&loop);
}

static void interest_may_change(void) {
    struct end a;
    open_loop();
    open_end(&a, 0);
    CHECK_INT(write(a.other, "x", 1), 1);
    CHECK_INT(turn(), 0);
    CHECK_INT(ps_loop_set(&loop, &a.source, EPOLLIN | EPOLLOUT), 0);
    CHECK_INT(ps_loop_set(&loop, &a.source, EPOLLIN | EPOLLOUT), 0);
    CHECK_INT(turn(), 1);
    CHECK((a.events & (EPOLLIN | EPOLLOUT)) == (EPOLLIN | EPOLLOUT));
    CHECK_INT(ps_loop_set(&loop, &a.source, EPOLLOUT), 0);
    CHECK_INT(turn(), 1);
    CHECK_INT(a.events, EPOLLOUT);
    close_end(&a);
    ps_loop_free(&loop);
}

static void errors_of_the_kernel_are_reported(void) {
    struct ps_source file = {.ready = on_ready, .fd = open("/dev/null", O_RDONLY | O_CLOEXEC)};
    struct ps_source closed = {.ready = on_ready, .fd = -1};
    struct end a;
    open_loop();
    CHECK_INT(ps_loop_add(&loop, &file, EPOLLIN, false), PS_EIO); /* files are always ready: epoll refuses them */
    CHECK_INT(ps_loop_add(&loop, &closed, EPOLLIN, false), PS_EIO);
    open_end(&a, EPOLLIN);
    CHECK_INT(a.source.slot, file.slot); /* the place was given back */
    closed.slot = a.source.slot;
    CHECK_INT(ps_loop_set(&loop, &closed, EPOLLOUT), PS_EIO);
    close(file.fd);
    close_end(&a);
    ps_loop_free(&loop);
}

/* Both are in the batch; the first called closes the other, whose number is in use again before its event is looked at. */
static void ghosts_are_dropped(void) {
    for (int replace = 0; replace < 2; replace++) {
        struct end a, b;
        open_loop();
        open_end(&a, EPOLLIN);
        open_end(&b, EPOLLIN);
        a.victim = &b;
        b.victim = &a;
        a.replace = b.replace = replace != 0;
        CHECK(write(a.other, "x", 1) == 1 && write(b.other, "x", 1) == 1);
        CHECK_INT(turn(), 2);
        CHECK_INT(a.calls + b.calls, 1);
        if (replace) {
            CHECK_INT(replacement.calls, 0);
            close_end(&replacement);
        }
        close_end(a.calls == 1 ? &a : &b);
        CHECK_INT(turn(), 0);
        ps_loop_free(&loop);
    }
}

/* More than the table holds at first, and more than a batch. */
static void many(void) {
    enum { N = 300 };
    struct end *all = calloc(N, sizeof *all);
    if (all == NULL) abort();
    open_loop();
    for (int i = 0; i < N; i++) {
        open_end(&all[i], EPOLLIN);
        CHECK(write(all[i].other, "x", 1) == 1);
    }
    CHECK_INT(turn(), PS_LOOP_BATCH);
    CHECK_INT(turn(), PS_LOOP_BATCH); /* epoll begins with those not yet reported */
    for (int i = 0; i < N; i++) CHECK(all[i].calls >= 1);
    for (int i = 0; i < N; i += 2) close_end(&all[i]);
    const uint32_t slots = loop.n_slots;
    for (int i = 0; i < N; i += 2) open_end(&all[i], EPOLLIN);
    CHECK_INT(loop.n_slots, slots);
    for (int i = 0; i < N; i++) close_end(&all[i]);
    free(all);
    ps_loop_free(&loop);
}

static void an_unmade_loop_can_be_freed(void) {
    struct ps_loop none = {.fd = -1};
    ps_loop_free(&none);
    CHECK_INT(none.fd, -1);
}

int main(void) {
    RUN(what_is_ready_is_called);
    RUN(interest_may_change);
    RUN(errors_of_the_kernel_are_reported);
    RUN(ghosts_are_dropped);
    RUN(many);
    RUN(an_unmade_loop_can_be_freed);
    return harness_report();
}

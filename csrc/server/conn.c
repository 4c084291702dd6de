#define _GNU_SOURCE
#include "server/conn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "server/exchange.h"
#include "server/lock.h"

enum {
    READS_PER_TURN = 4,      /* then others get their turn */
    READ_AHEAD = 64 * 1024,  /* pipelined bytes we hold while an answer is due */
    IOVECS = 64,
    OUT_OWN_SLACK = 4
        << 20  /* framing and copied bytes of one connection, beyond twice the high watermark that keeps them down */
};

/* ---- memory ---- */

struct ps_out *ps_conn_out(struct ps_conn *c) {
    struct ps_server *s = c->server;
    if (c->out != NULL) return c->out;
    struct ps_out *out = s->free_out;
    if (out != NULL) {
        s->free_out = NULL;
    } else if ((out = malloc(sizeof *out)) != NULL) {
        ps_out_init(out, 2 * s->config.high_watermark + OUT_OWN_SLACK);
    }
    return c->out = out;
}

/* Written, or not wanted any more. */
static void consume(struct ps_server *s, struct ps_out *out, size_t n) {
    ps_out_consume(out, n, &s->owners);
    if (s->owners.count != 0) atomic_store_explicit(&s->has_owners, true, memory_order_relaxed);
}

/* One list is kept for the next connection that writes; nearly always one is all that is in use. */
static void release_out(struct ps_conn *c) {
    struct ps_server *s = c->server;
    struct ps_out *out = c->out;
    if (out == NULL) return;
    c->out = NULL;
    consume(s, out, out->size);
    if (s->free_out == NULL && out->own.cap <= PS_SCRATCH_BYTES) {
        s->free_out = out;
        return;
    }
    ps_out_free(out);
    free(out);
}

/* Keeps what the protocol left of `in`: a partial head, or what was pipelined behind a request. */
static void keep_input(struct ps_conn *c, struct ps_span in, bool scratch) {
    if (!scratch)
        ps_buf_consume(&c->in, c->in.len - in.len);
    else if (ps_buf_add(&c->in, in) < 0)
        ps_conn_close(c);
    if (c->in.len == 0) ps_buf_free(&c->in);
    c->unread = c->in.len != 0 && c->wire.blocked;
}

/* ---- closing ---- */

void ps_conn_close(struct ps_conn *c) {
    struct ps_server *s = c->server;
    if (c->dead) return;
    c->dead = true;
    while (c->exchanges != NULL) ps_exchange_lost(c->exchanges);
    c->wire.protocol->release(&c->wire);
    ps_timer_disarm(&c->timer);
    ps_loop_remove(&s->loop, &c->source);
    close(c->source.fd);
    release_out(c);
    ps_buf_free(&c->in);
    ps_server_unlink(s, c);
}

/* What the peer has not read is dropped and it gets a reset: the only way to say that something was not whole. */
static void reset(struct ps_conn *c) {
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(c->source.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    ps_conn_close(c);
}

static void linger(struct ps_conn *c) {
    if (c->eof || shutdown(c->source.fd, SHUT_WR) < 0) {
        ps_conn_close(c);
        return;
    }
    c->lingering = true;
}

/* ---- writing ---- */

static size_t gather(const struct ps_out *out, struct iovec iov[IOVECS]) {
    size_t n = ps_min(out->count, IOVECS);
    for (size_t i = 0; i < n; i++) {
        struct ps_span piece = ps_out_piece(out, i);
        iov[i] = (struct iovec){.iov_base = (void *)piece.ptr, .iov_len = piece.len};
    }
    return n;
}

static size_t total(const struct iovec *iov, size_t n) {
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) bytes += iov[i].iov_len;
    return bytes;
}

/* Most answers are small, and so one piece: the kernel takes that with less ado. */
static ssize_t send_pieces(int fd, struct iovec *iov, size_t n) {
    if (n == 1) return send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
    struct msghdr message = {.msg_iov = iov};
    message.msg_iovlen = (uint16_t)n; /* a size_t in glibc, an int in musl: this converts to both */
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* One write of what there is. True: go on at once; false: it is all written, or the socket is full, or broken (dead). */
static bool write_some(struct ps_conn *c) {
    struct iovec iov[IOVECS];
    size_t pieces = gather(c->out, iov);
    ssize_t n = send_pieces(c->source.fd, iov, pieces);
    if (n < 0) {
        if (errno == EINTR) return true;
        if (errno != EAGAIN && errno != EWOULDBLOCK) ps_conn_close(c);
        return false;
    }
    bool all = (size_t)n == total(iov, pieces);
    c->written += (uint32_t)n;
    consume(c->server, c->out, (size_t)n);
    return all && c->out->size != 0;
}

void ps_conn_flush(struct ps_conn *c) {
    if (c->dead || c->out == NULL) return;
    while (c->out->size != 0 && write_some(c)) continue;
    if (c->dead) return;
    size_t size = c->out->size;
    if (size == 0) release_out(c);
    if (size > c->server->config.low_watermark) return;
    for (struct ps_exchange *x = c->exchanges; x != NULL; x = x->next) ps_exchange_drained(x);
}

void ps_conn_flush_blocking(struct ps_conn *c) {
    uint32_t limit = c->server->config.wait_ms[PS_WAIT_WRITE];
    struct pollfd fd = {.fd = c->source.fd, .events = POLLOUT};
    int rc;
    do rc = poll(&fd, 1, limit != 0 ? (int)limit : -1);
    while (rc < 0 && errno == EINTR);
    if (rc > 0)
        ps_conn_flush(c);
    else
        reset(c);
}

/* ---- reading ---- */

static void on_event(struct ps_conn *c, const struct ps_event *ev) {
    struct ps_exchange *x = ps_exchange_of(ev->request);
    switch (ev->type) {
    case PS_EVENT_REQUEST: ps_exchange_begin(x, c); break;
    case PS_EVENT_BODY: ps_exchange_body(x, ev->data); break;
    case PS_EVENT_END: ps_exchange_complete(x); break;
    case PS_EVENT_ABORT: ps_exchange_lost(x); break;
    }
}

typedef int step(struct ps_wire *, struct ps_event *, struct ps_out *);

static void pull(struct ps_conn *c, step *verb) {
    struct ps_event ev;
    struct ps_out *out = ps_conn_out(c);
    if (out == NULL) {
        ps_conn_close(c);
        return;
    }
    while (!c->dead && verb(&c->wire, &ev, out) > 0) on_event(c, &ev);
}

/* Shows the protocol what it has not seen. Writes nothing yet: answers to several pipelined records go out together. */
static void present(struct ps_conn *c, struct ps_span in, bool scratch) {
    struct ps_event ev;
    struct ps_out *out = ps_conn_out(c);
    if (out == NULL) {
        ps_conn_close(c);
        return;
    }
    while (!c->dead && c->wire.protocol->next(&c->wire, &in, &ev, out) > 0) on_event(c, &ev);
    if (!c->dead) keep_input(c, in, scratch);
}

static void take_input(struct ps_conn *c, struct ps_span in) {
    if (c->lingering) return;
    if (c->in.len == 0 && !c->wire.blocked) {
        present(c, in, true);
        return;
    }
    if (ps_buf_add(&c->in, in) < 0) {
        ps_conn_close(c);
        return;
    }
    if (c->wire.blocked)
        c->unread = true;
    else
        present(c, ps_buf_span(&c->in), false);
}

static bool out_full(const struct ps_conn *c) { return c->out != NULL && c->out->size >= c->server->config.high_watermark; }

static bool may_read(const struct ps_conn *c) {
    if (c->eof || c->dead) return false;
    return c->lingering || !((c->wire.blocked && c->in.len >= READ_AHEAD) || out_full(c));
}

/* One read. True: there may be more. */
static bool read_some(struct ps_conn *c) {
    uint8_t *scratch = c->server->scratch;
    ssize_t n = recv(c->source.fd, scratch, PS_SCRATCH_BYTES, 0);
    if (n > 0) {
        take_input(c, ps_span(scratch, (size_t)n));
        return n == PS_SCRATCH_BYTES;
    }
    if (n == 0)
        c->eof = true;
    else if (errno == EINTR)
        return true;
    else if (errno != EAGAIN && errno != EWOULDBLOCK)
        ps_conn_close(c);
    return false;
}

static void read_input(struct ps_conn *c) {
    for (int i = 0; i < READS_PER_TURN && may_read(c) && read_some(c); i++) continue;
    if (c->lingering && c->eof) ps_conn_close(c);
}

/* ---- what comes next ---- */

static bool something_arrived(const struct ps_conn *c) {
    uint8_t byte;
    return !c->eof && recv(c->source.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void end(struct ps_conn *c) {
    switch (c->wire.end) {
    case PS_END_RESET: reset(c); break;
    case PS_END_LINGER: linger(c); break;
    default:
        /* Closing with unread input would reset the connection and could take the answer with it. */
        if (c->in.len != 0 || something_arrived(c))
            linger(c);
        else
            ps_conn_close(c);
    }
}

static void set_interest(struct ps_conn *c) {
    uint32_t interest = (may_read(c) ? (uint32_t)EPOLLIN : 0) | (c->out != NULL ? (uint32_t)EPOLLOUT : 0);
    if (ps_loop_set(&c->server->loop, &c->source, interest) < 0) ps_conn_close(c);
}

static uint8_t wait_of(const struct ps_conn *c) {
    if (c->lingering) return PS_WAIT_LINGER;
    if (c->out != NULL) return PS_WAIT_WRITE;
    switch (c->wire.phase) {
    case PS_PHASE_HEAD: return PS_WAIT_HEAD;
    case PS_PHASE_BODY: return PS_WAIT_BODY;
    case PS_PHASE_DRAIN: return PS_WAIT_LINGER;
    case PS_PHASE_BUSY: return PS_WAIT_NONE;
    default: break;
    }
    if (c->server->draining) return PS_WAIT_DRAIN;
    if (!c->wire.used) return PS_WAIT_HEAD;
    return c->wire.protocol->peer_keeps ? PS_WAIT_NONE : PS_WAIT_IDLE;
}

static void set_deadline(struct ps_conn *c) {
    uint8_t wait = wait_of(c);
    bool same = wait == c->waiting_for && c->epoch == c->wire.epoch && ps_timer_armed(&c->timer);
    if (same && (wait != PS_WAIT_WRITE || c->written < PS_PROGRESS_BYTES)) return;
    c->waiting_for = wait;
    c->epoch = c->wire.epoch;
    c->written = 0;
    if (wait == PS_WAIT_NONE)
        ps_timer_disarm(&c->timer);
    else
        ps_timer_arm(&c->server->timers, &c->timer, wait, c->server->now);
}

/* Input that waited for the end of an answer, then the peer's end. True: something was done. */
static bool catch_up(struct ps_conn *c) {
    if (c->dead || c->lingering || c->wire.blocked || c->wire.end != PS_END_NONE) return false;
    if (c->unread) {
        if (out_full(c)) return false; /* who does not read his answers gets no more of them */
        c->unread = false;
        present(c, ps_buf_span(&c->in), false);
        return true;
    }
    if (!c->eof || c->eof_told) return false;
    c->eof_told = true;
    pull(c, c->wire.protocol->eof);
    return true;
}

/* A unix socket knows no reset, and nginx without fastcgi_keep_conn takes its end for the end of the answer. */
static void break_visibly(struct ps_conn *c) {
    if (c->dead || c->wire.end != PS_END_RESET || c->peer.address_len != 0) return;
    struct ps_out *out = ps_conn_out(c);
    if (out != NULL && ps_out_copy(out, c->wire.protocol->broken) == 0) c->wire.end = PS_END_LINGER;
}

void ps_conn_after(struct ps_conn *c) {
    break_visibly(c);
    do ps_conn_flush(c);
    while (catch_up(c));
    if (c->dead) return;
    bool over = c->wire.end == PS_END_RESET || (c->wire.end != PS_END_NONE && c->out == NULL);
    if (over && !c->lingering) end(c);
    if (!c->dead) set_interest(c);
    if (!c->dead) set_deadline(c);
}

/* ---- events ---- */

static void on_ready(struct ps_source *source, uint32_t events) {
    struct ps_conn *c = (struct ps_conn *)source;
    /* Nothing will be read and nothing can be written; without this the event would come again and again. */
    if (!may_read(c) && (events & (EPOLLHUP | EPOLLERR)) != 0) {
        ps_conn_close(c);
        return;
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_input(c);
    ps_conn_after(c);
}

void ps_conn_expired(struct ps_timer *timer) {
    struct ps_conn *c = (struct ps_conn *)((char *)timer - offsetof(struct ps_conn, timer));
    if (c->lingering) {
        ps_conn_close(c);
        return;
    }
    if (c->waiting_for == PS_WAIT_WRITE) {
        reset(c);
        return;
    }
    /* A request that crosses the close on its way must not be lost: what has arrived is served. */
    if (c->wire.phase == PS_PHASE_IDLE && something_arrived(c))
        read_input(c);
    else
        pull(c, c->wire.protocol->expire);
    ps_conn_after(c);
}

void ps_conn_drain(struct ps_conn *c) { set_deadline(c); }

bool ps_conn_open(struct ps_listener *listener, int fd, const struct ps_endpoint *peer, const struct ps_endpoint *local) {
    struct ps_server *s = listener->server;
    size_t wire_at = offsetof(struct ps_conn, wire);
    struct ps_conn *c = calloc(1, wire_at + listener->protocol->state_bytes);
    if (c == NULL) {
        close(fd);
        return false;
    }
    c->server = s;
    c->source = (struct ps_source){.ready = on_ready, .fd = fd};
    c->peer = *peer;
    c->local = *local;
    c->waiting_for = PS_WAIT_NONE;
    ps_buf_init(&c->in, s->config.limits.head + 2 * READ_AHEAD + PS_SCRATCH_BYTES);
    c->wire.protocol = listener->protocol;
    c->wire.env = &s->env;
    c->wire.local = &c->local;
    c->wire.peer = &c->peer;
    if (ps_loop_add(&s->loop, &c->source, EPOLLIN, false) < 0) {
        close(fd);
        free(c);
        return false;
    }
    listener->protocol->init(&c->wire);
    ps_server_link(s, c);
    set_deadline(c);
    return true;
}

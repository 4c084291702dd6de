#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 256, INPUT_BYTES = 256 * 1024, IDLE_TURN_MS = 100 };

/* CLOSED: no socket. SENDING: bytes of the request left (or the connection still on its way). WAITING: for the answer.
 * ENDING: answered, waits for the end of a connection that the server closes. */
enum state { CLOSED, SENDING, WAITING, ENDING };

struct connection {
    int fd;
    uint8_t state;
    bool watched_out; /* epoll reports room to write */
    uint32_t served;  /* answers on this connection */
    size_t sent;
    uint64_t started;
    struct answer answer;
};

struct run {
    const struct load *load;
    struct tally *tally;
    struct connection *connections;
    uint8_t *input;
    int epoll;
    uint32_t busy; /* connections with a request under way */
    uint64_t issued, now, begin, deadline;
};

uint64_t monotonic_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void note(struct run *r, const struct connection *c, const char *what) {
    if (r->tally->error[0] != '\0') return;
    snprintf(r->tally->error, sizeof r->tally->error, "%s (status %d, %llu body bytes, answer %u of its connection)", what,
             c->answer.status, (unsigned long long)c->answer.length, c->served + 1);
}

static void disconnect(struct connection *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    c->state = CLOSED;
    c->served = 0;
    c->watched_out = false;
}

static bool may_issue(const struct run *r) {
    const struct load *load = r->load;
    if (load->requests != 0 && r->issued >= load->requests) return false;
    return load->duration_ns == 0 || r->now < r->deadline;
}

static void watch(struct run *r, struct connection *c, bool out) {
    struct epoll_event ev = {.events = out ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c};
    if (c->watched_out == out) return;
    c->watched_out = out;
    epoll_ctl(r->epoll, EPOLL_CTL_MOD, c->fd, &ev);
}

/* A request given up: counted, and its connection closed. */
static void give_up(struct run *r, struct connection *c, uint64_t *counter, const char *what) {
    note(r, c, what);
    ++*counter;
    r->busy--;
    disconnect(c);
}

static void send_rest(struct run *r, struct connection *c) {
    struct ps_span rest = r->load->request;
    ps_drop(&rest, c->sent);
    ssize_t n = send(c->fd, rest.ptr, rest.len, MSG_NOSIGNAL);
    if (n > 0) c->sent += (size_t)n;
    /* A refused send is found out by the recv that follows: an answer may be there in spite of it. */
    bool refused = n < 0 && errno != EAGAIN;
    c->state = c->sent == r->load->request.len || refused ? WAITING : SENDING;
    watch(r, c, c->state == SENDING);
}

static bool open_connection(struct run *r, struct connection *c) {
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    c->fd = address_connect(&r->load->to, SOCK_NONBLOCK);
    if (c->fd < 0) return false;
    c->watched_out = true;
    c->served = 0;
    answer_free(&c->answer);
    answer_init(&c->answer);
    return epoll_ctl(r->epoll, EPOLL_CTL_ADD, c->fd, &ev) == 0;
}

/* Sends a request under way, on a new connection where there is none; the clock of the request is not touched. */
static void transmit(struct run *r, struct connection *c) {
    c->sent = 0;
    answer_reset(&c->answer);
    if (c->fd >= 0) {
        send_rest(r, c);
        return;
    }
    c->state = SENDING; /* goes out when epoll says that the connection stands */
    if (!open_connection(r, c)) give_up(r, c, &r->tally->lost, "cannot connect");
}

static void next_request(struct run *r, struct connection *c) {
    if (!may_issue(r)) {
        disconnect(c);
        return;
    }
    r->issued++;
    r->busy++;
    c->started = r->now;
    transmit(r, c);
}

static void reconnect(struct run *r, struct connection *c) {
    disconnect(c);
    if (may_issue(r)) r->tally->reconnects++;
    next_request(r, c);
}

static void answered(struct run *r, struct connection *c) {
    r->now = monotonic_ns();
    histogram_add(&r->tally->latency, r->now - c->started);
    r->busy--;
    c->served++;
    if (c->answer.closes || r->load->closes) {
        c->state = ENDING; /* closing first would leave our port in TIME_WAIT, and ports run out within seconds */
        return;
    }
    next_request(r, c);
}

/* The connection ended. Where it was a kept one and not a byte of the answer had come, the server may have closed it while
 * idle, before it saw the request: HTTP (RFC 9112, section 9.3.1) lets a client send it again. */
static void ended(struct run *r, struct connection *c, const char *how) {
    if (c->state == ENDING) {
        reconnect(r, c);
    } else if (c->served != 0 && !c->answer.begun) {
        r->tally->retried++;
        r->tally->reconnects++;
        disconnect(c);
        transmit(r, c);
    } else {
        give_up(r, c, &r->tally->lost, how);
        reconnect(r, c);
    }
}

static void judge(struct run *r, struct connection *c, enum answer_result result) {
    if (result == ANSWER_DONE) {
        answered(r, c);
    } else if (result == ANSWER_WRONG) {
        give_up(r, c, &r->tally->wrong, c->answer.error);
        reconnect(r, c);
    }
}

static void receive(struct run *r, struct connection *c) {
    ssize_t n = recv(c->fd, r->input, INPUT_BYTES, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        ended(r, c, n == 0 ? "connection closed before the answer was complete" : strerror(errno));
        return;
    }
    r->tally->bytes += (uint64_t)n;
    if (c->state != ENDING) judge(r, c, answer_read(&c->answer, &r->load->want, ps_span(r->input, (size_t)n)));
}

/* A generator that sleeps has to be woken, and the wake-up of another core is paid for by the server's send: the quicker the
 * generator, the dearer the server would look. No client on another machine is woken by the server. So it spins. */
static void turn(struct run *r) {
    struct epoll_event events[BATCH];
    int n = epoll_wait(r->epoll, events, BATCH, r->load->spins ? 0 : IDLE_TURN_MS);
    uint64_t before = r->now;
    r->now = monotonic_ns(); /* also where nothing is ever answered: the deadline must come */
    if (n == 0 && r->load->spins) r->tally->spun_ns += r->now - before;
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        if (c->state == SENDING && (events[i].events & EPOLLOUT)) send_rest(r, c);
        if (c->fd >= 0 && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) receive(r, c);
    }
}

static void run_all(struct run *r) {
    r->begin = r->now = monotonic_ns();
    r->deadline = r->begin + r->load->duration_ns;
    for (uint32_t i = 0; i < r->load->connections; i++) next_request(r, &r->connections[i]);
    uint64_t last_answer = r->begin;
    for (uint64_t seen = 0; r->busy != 0 || may_issue(r);) {
        turn(r);
        if (r->tally->latency.count != seen) {
            seen = r->tally->latency.count;
            last_answer = r->now;
        }
        /* Nothing right for so long: whatever is still under way counts as lost. */
        if (r->now > last_answer + r->load->grace_ns && (r->load->duration_ns == 0 || r->now > r->deadline)) break;
    }
    r->tally->elapsed_ns = last_answer - r->begin;
}

static void clean_up(struct run *r) {
    for (uint32_t i = 0; i < r->load->connections; i++) {
        struct connection *c = &r->connections[i];
        if (c->state == SENDING || c->state == WAITING) give_up(r, c, &r->tally->lost, "no answer in time");
        disconnect(c);
        answer_free(&c->answer);
    }
    close(r->epoll);
}

int load_run(const struct load *load, struct tally *tally) {
    struct run r = {.load = load, .tally = tally, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    r.connections = calloc(load->connections, sizeof *r.connections);
    r.input = malloc(INPUT_BYTES);
    int rc = -1;
    if (r.epoll >= 0 && r.connections != NULL && r.input != NULL) {
        for (uint32_t i = 0; i < load->connections; i++) {
            r.connections[i].fd = -1;
            answer_init(&r.connections[i].answer);
        }
        run_all(&r);
        clean_up(&r);
        rc = 0;
    }
    free(r.connections);
    free(r.input);
    return rc;
}

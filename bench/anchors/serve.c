#define _GNU_SOURCE /* accept4 */
#include "serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 256, BACKLOG = 4096 };

static int epoll;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void drop_link(struct link *link) {
    close(link->fd);
    free(link->in);
    free(link->owned);
    free(link);
}

static size_t drop_sent(struct iovec *parts, int n, size_t sent) {
    size_t left = 0;
    for (int i = 0; i < n; i++) {
        size_t gone = sent < parts[i].iov_len ? sent : parts[i].iov_len;
        parts[i].iov_base = (uint8_t *)parts[i].iov_base + gone;
        parts[i].iov_len -= gone;
        sent -= gone;
        left += parts[i].iov_len;
    }
    return left;
}

static void keep_copy(struct link *link, const struct iovec *parts, int n, size_t left) {
    uint8_t *at = link->owned = malloc(left);
    if (at == NULL) die("malloc");
    for (int i = 0; i < n; i++) {
        memcpy(at, parts[i].iov_base, parts[i].iov_len);
        at += parts[i].iov_len;
    }
    link->out = link->owned;
    link->out_len = left;
}

void link_send(struct link *link, const struct iovec *parts, int n, bool last_is_static) {
    struct iovec rest[4];
    memcpy(rest, parts, (size_t)n * sizeof *parts);
    ssize_t sent = writev(link->fd, rest, n);
    size_t left = drop_sent(rest, n, sent < 0 ? 0 : (size_t)sent);
    if (left == 0) return;
    if (last_is_static && left == rest[n - 1].iov_len) {
        link->out = rest[n - 1].iov_base;
        link->out_len = left;
    } else {
        keep_copy(link, rest, n, left);
    }
}

/* True when nothing is left to send. */
static bool flush_out(struct link *link) {
    if (link->out_len == 0) return true;
    ssize_t n = write(link->fd, link->out, link->out_len);
    if (n > 0) {
        link->out += n;
        link->out_len -= (size_t)n;
    }
    if (link->out_len != 0) return false;
    free(link->owned);
    link->owned = NULL;
    return true;
}

static void watch(struct link *link, bool out) {
    struct epoll_event ev = {.events = out ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = link};
    if (link->watched_out == out) return;
    link->watched_out = out;
    epoll_ctl(epoll, EPOLL_CTL_MOD, link->fd, &ev);
}

/* True when the whole answer is out. */
static bool advance(struct link *link, const struct anchor *anchor) {
    while (flush_out(link)) {
        if (link->pieces_left == 0) return true;
        anchor->piece(link);
    }
    return false;
}

static void use_up(struct link *link, size_t used) {
    if (used == link->in_len) {
        link->in_len = 0;
        return;
    }
    memmove(link->in, link->in + used, link->in_len - used);
    link->in_len -= used;
}

/* A connection of which nothing is kept reads into one buffer that all share. */
static uint8_t shared_in[IN_BYTES];

static void keep_input(struct link *link) {
    if (link->in_len != 0 && link->in == shared_in) {
        link->in = malloc(IN_BYTES);
        if (link->in == NULL) die("malloc");
        memcpy(link->in, shared_in, link->in_len);
    } else if (link->in_len == 0) {
        if (link->in != shared_in) free(link->in);
        link->in = NULL;
    }
}

static bool read_requests(struct link *link, const struct anchor *anchor) {
    if (link->in == NULL) link->in = shared_in;
    ssize_t n = recv(link->fd, link->in + link->in_len, IN_BYTES - link->in_len, 0);
    if (n <= 0) {
        if (link->in == shared_in) link->in = NULL;
        return n < 0 && errno == EAGAIN;
    }
    link->in_len += (size_t)n;
    for (size_t used = 1; used != 0 && link->in_len != 0 && link->out_len == 0 && link->pieces_left == 0;) {
        used = anchor->request(link);
        use_up(link, used);
    }
    keep_input(link);
    return true;
}

static void serve_link(struct link *link, const struct anchor *anchor, uint32_t events) {
    bool alive = true;
    if (link->out_len == 0 && link->pieces_left == 0 && (events & ~(uint32_t)EPOLLOUT)) alive = read_requests(link, anchor);
    if (events & (EPOLLHUP | EPOLLERR)) alive = false;
    if (!alive) {
        drop_link(link);
        return;
    }
    bool done = advance(link, anchor);
    watch(link, !done);
    if (done && link->close_after) drop_link(link);
}

static void accept_all(int listener) {
    int one = 1, fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct link *link = calloc(1, sizeof *link);
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = link};
        if (link == NULL) die("calloc");
        link->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
    }
}

static int listen_on(int port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, BACKLOG) < 0) die("bind");
    return fd;
}

void anchor_serve(int port, const struct anchor *anchor) {
    struct epoll_event events[BATCH], ev = {.events = EPOLLIN, .data.ptr = NULL};
    int listener = listen_on(port);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    signal(SIGPIPE, SIG_IGN);
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &ev) < 0) die("epoll");
    for (;;) {
        int n = epoll_wait(epoll, events, BATCH, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL) {
                accept_all(listener);
            } else {
                serve_link(events[i].data.ptr, anchor, events[i].events);
            }
        }
    }
}

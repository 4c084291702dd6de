#define _GNU_SOURCE
#include "server/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "server/conn.h"
#include "server/endpoint.h"

/* Connections accepted in one go; the level-triggered loop comes back for the rest, and other workers get their share. */
enum { ACCEPTS_PER_EVENT = 64 };

int ps_listener_start(struct ps_listener *l) {
    if (l->accepting) return 0;
    int rc = ps_loop_add(&l->server->loop, &l->source, EPOLLIN, true);
    l->accepting = rc == 0;
    return rc;
}

void ps_listener_stop(struct ps_listener *l) {
    if (!l->accepting) return;
    ps_loop_remove(&l->server->loop, &l->source);
    l->accepting = false;
}

/* Out of descriptors or memory: the queue stays readable, so asking again at once would spin. Those connected are served; the
 * listeners rest until one of them leaves, or for PS_WAIT_RESUME. */
static void rest(struct ps_server *s) {
    for (struct ps_listener *l = s->listeners; l != NULL; l = l->next) ps_listener_stop(l);
    ps_timer_arm(&s->timers, &s->resume, PS_WAIT_RESUME, s->now);
}

static bool is_exhausted(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

static bool at_limit(const struct ps_server *s) {
    return s->config.limits.connections != 0 && s->n_conns >= s->config.limits.connections;
}

/* The address the peer connected to: the listener's own, unless that stands for all of them. */
static struct ps_endpoint local_of(const struct ps_listener *l, int fd) {
    struct ps_endpoint local = l->local;
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (l->any_address && getsockname(fd, (struct sockaddr *)&address, &size) == 0) ps_endpoint_format(&local, &address);
    return local;
}

static void open_conn(struct ps_listener *l, int fd, const struct sockaddr_storage *address) {
    struct ps_endpoint peer, local = local_of(l, fd);
    int on = 1;
    ps_endpoint_format(&peer, address);
    /* Answers are written in one piece; waiting for more to send (Nagle) would only delay them. */
    if (l->tcp) (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)ps_conn_open(l, fd, &peer, &local);
}

/* One connection. False: no more for now. */
static bool accept_one(struct ps_listener *l) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (at_limit(l->server)) {
        for (struct ps_listener *each = l->server->listeners; each != NULL; each = each->next) ps_listener_stop(each);
        return false;
    }
    int fd = accept4(l->source.fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        open_conn(l, fd, &address);
        return true;
    }
    const int error = errno;
    if (is_exhausted(error)) rest(l->server);
    /* A connection that died in the queue (ECONNABORTED and its like) says nothing about the next. */
    return error != EAGAIN && error != EWOULDBLOCK && error != EBADF && error != EINVAL && !is_exhausted(error);
}

static void on_ready(struct ps_source *source, uint32_t events) {
    struct ps_listener *l = (struct ps_listener *)source;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_EVENT && accept_one(l); i++) continue;
}

void ps_listener_accept(struct ps_listener *l) {
    while (accept_one(l)) continue;
}

/* A front keeps its connections for as long as it likes, so no deadline finds one whose machine is gone: the kernel asks. Accepted
 * sockets inherit these settings. */
static void probe_peers(int fd) {
    const int on = 1, idle_s = 60, interval_s = 10, probes = 3;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

int ps_server_listen(struct ps_server *s, int fd, const struct ps_protocol *protocol) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0) return PS_EIO;
    struct ps_listener *l = calloc(1, sizeof *l);
    if (l == NULL) return PS_ENOMEM;
    l->source = (struct ps_source){.ready = on_ready, .fd = fd};
    l->server = s;
    l->protocol = protocol;
    l->any_address = ps_endpoint_is_any(&address);
    l->tcp = address.ss_family == AF_INET || address.ss_family == AF_INET6;
    ps_endpoint_format(&l->local, &address);
    if (l->tcp) probe_peers(fd);
    int rc = ps_listener_start(l);
    if (rc < 0) {
        free(l);
        return rc;
    }
    l->next = s->listeners;
    s->listeners = l;
    return 0;
}

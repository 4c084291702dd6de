#define _GNU_SOURCE
#include "site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000, TURN_MS = 5, BACKLOG = 256, GOT_MAX = 256 << 20 };

static void need(bool so, const char *what) {
    if (so) return;
    perror(what);
    exit(2);
}

struct ps_server_config site_config(void) {
    return (struct ps_server_config){.limits = {.line = 8192,
                                                .field = 8192,
                                                .fields = 100,
                                                .head = 16 * 1024,
                                                .body = 1 << 20,
                                                .drain = 64 * 1024,
                                                .multiplex = 10,
                                                .connections = 100},
                                     .body_memory = 4096,
                                     .high_watermark = 64 * 1024,
                                     .low_watermark = 16 * 1024,
                                     .queue = 1000};
}

/* ---- life ---- */

static socklen_t address_of(enum site_kind kind, const char *folder, struct sockaddr_storage *address) {
    *address = (struct sockaddr_storage){0};
    if (kind == SITE_UNIX) {
        struct sockaddr_un *un = (struct sockaddr_un *)address;
        un->sun_family = AF_UNIX;
        snprintf(un->sun_path, sizeof un->sun_path, "%s/socket", folder);
        return sizeof *un;
    }
    if (kind == SITE_TCP6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
        in6->sin6_family = AF_INET6;
        in6->sin6_addr = in6addr_loopback;
        return sizeof *in6;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)address;
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof *in;
}

int site_listen(enum site_kind kind, const char *folder, struct sockaddr_storage *address, socklen_t *len) {
    *len = address_of(kind, folder, address);
    const int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    need(fd >= 0, "socket");
    need(bind(fd, (struct sockaddr *)address, *len) == 0, "bind");
    need(listen(fd, BACKLOG) == 0, "listen");
    *len = sizeof *address;
    need(getsockname(fd, (struct sockaddr *)address, len) == 0, "getsockname");
    return fd;
}

void site_open(struct site *s, const struct ps_protocol *protocol, enum site_kind kind, const struct ps_server_config *config) {
    struct ps_server_config used = config != NULL ? *config : site_config();
    snprintf(s->folder, sizeof s->folder, "/tmp/penstock-site-XXXXXX");
    need(mkdtemp(s->folder) != NULL, "mkdtemp");
    s->listener = site_listen(kind, s->folder, &s->address, &s->address_len);
    if (used.body_folder == NULL) used.body_folder = s->folder;
    CHECK_INT(ps_server_init(&s->server, &used, NULL), 0);
    CHECK_INT(ps_server_listen(&s->server, s->listener, protocol), 0);
}

void site_close(struct site *s) {
    char path[64];
    ps_server_free(&s->server);
    close(s->listener);
    snprintf(path, sizeof path, "%s/socket", s->folder);
    unlink(path);
    CHECK_INT(rmdir(s->folder), 0); /* no body has left anything in it */
}

/* ---- turning ---- */

uint64_t site_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t site_patience(void) { return site_now() + PATIENCE_MS; }

bool site_turn(struct site *s, uint64_t until) {
    (void)ps_server_turn(&s->server, TURN_MS);
    return site_now() < until;
}

void site_idle(struct site *s) {
    for (int i = 0; i < 3; i++) (void)ps_server_turn(&s->server, 1);
}

struct ps_exchange *site_ready(struct site *s, unsigned *ready) { return ps_server_take(&s->server, NULL, ready); }

struct ps_exchange *site_take(struct site *s) {
    struct ps_exchange *x = NULL;
    unsigned ready = 0;
    UNTIL(s, x != NULL || (x = site_ready(s, &ready)) != NULL);
    if (x == NULL || !CHECK_INT(ready, PS_READY_REQUEST)) exit(harness_report() | 1);
    return x;
}

/* ---- answers ---- */

int site_respond(struct ps_exchange *x, struct ps_span body, bool more) {
    struct ps_response head;
    bool kept = true;
    ps_response_init(&head);
    CHECK_INT(ps_response_begin(&head, PS_LIT("200 OK")), 0);
    const int rc = ps_exchange_respond(x, &head, body, more, &head, &kept);
    CHECK(!kept);
    ps_response_free(&head);
    return rc;
}

void site_answer(struct ps_exchange *x, const char *body) {
    CHECK_INT(site_respond(x, ps_span(body, strlen(body)), false), 0);
    ps_exchange_finish(x);
}

/* ---- clients ---- */

struct client client_open(struct site *s) {
    struct client c = {.fd = socket(s->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    need(c.fd >= 0, "socket");
    need(connect(c.fd, (struct sockaddr *)&s->address, s->address_len) == 0, "connect");
    need(fcntl(c.fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    ps_buf_init(&c.got, GOT_MAX);
    return c;
}

void client_close(struct client *c) {
    close(c->fd);
    ps_buf_free(&c->got);
}

void client_reset(struct client *c) {
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    client_close(c);
}

void client_send(struct client *c, struct ps_span bytes) {
    CHECK_INT(send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL), bytes.len);
}

void client_say(struct client *c, const char *text) { client_send(c, ps_span(text, strlen(text))); }

bool client_pull(struct client *c) {
    enum { PIECE = 64 * 1024 };
    while (!c->ended && c->error == 0) {
        CHECK_INT(ps_buf_reserve(&c->got, PIECE), 0);
        const ssize_t n = recv(c->fd, c->got.data + c->got.len, PIECE, 0);
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) c->error = errno;
        if (n == 0) c->ended = true;
        if (n > 0) c->got.len += (size_t)n;
    }
    return c->ended || c->error != 0;
}

size_t client_got(struct client *c) {
    client_pull(c);
    return c->got.len;
}

/* Without its Date lines, which nobody can know. */
static void add_dateless(struct text *t, struct ps_span s) {
    static const size_t date_line = sizeof "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" - 1;
    while (s.len != 0) {
        if (ps_span_starts(s, PS_LIT("Date: ")) && s.len >= date_line)
            ps_drop(&s, date_line);
        else
            text_add_escaped(t, ps_take(&s, 1));
    }
}

bool site_check_got(struct site *s, struct client *c, const char *text, const char *file, int line) {
    const uint64_t patience = site_patience();
    struct text got = {0}, wanted = {0};
    text_add_escaped(&wanted, ps_span(text, strlen(text)));
    do {
        client_pull(c);
        text_clear(&got);
        add_dateless(&got, ps_buf_span(&c->got));
    } while (got.len < wanted.len && c->error == 0 && !c->ended && site_turn(s, patience));
    const bool same = harness_check_str(text_str(&got), text_str(&wanted), file, line, "what came");
    text_free(&got);
    text_free(&wanted);
    ps_buf_free(&c->got);
    return same;
}

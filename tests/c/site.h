/* site.h - a server on a real socket and its clients, all in one thread: the server turns, a condition is looked at, and so on.
 *
 *     struct site s;
 *     site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
 *     struct client c = client_open(&s);
 *     client_say(&c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
 *     struct ps_exchange *x = site_take(&s);
 *
 * Nothing here waits for a time to pass: UNTIL turns until something is so, and fails only where that takes half a minute. */
#ifndef PS_TESTS_SITE_H
#define PS_TESTS_SITE_H

#include <sys/socket.h>

#include "harness.h"
#include "server/conn.h"
#include "server/exchange.h"
#include "server/server.h"

enum site_kind { SITE_TCP, SITE_TCP6, SITE_UNIX };

struct site {
    struct ps_server server;
    int listener;
    struct sockaddr_storage address;
    socklen_t address_len;
    char folder[40]; /* for bodies and the socket; removed with the site */
};

/* No deadlines, small limits: body 1 MiB (4 KiB in memory), 100 connections, watermarks of 64 and 16 KiB. */
struct ps_server_config site_config(void);

/* `config` NULL: site_config(). A body folder left out is the site's own. */
void site_open(struct site *s, const struct ps_protocol *protocol, enum site_kind kind, const struct ps_server_config *config);
void site_close(struct site *s);

/* The listener only, non-blocking. */
int site_listen(enum site_kind kind, const char *folder, struct sockaddr_storage *address, socklen_t *len);

/* One short turn. False once `until` (site_patience) has passed. */
bool site_turn(struct site *s, uint64_t until);
uint64_t site_patience(void);
uint64_t site_now(void); /* the server's clock, in milliseconds */

#define UNTIL(s, condition)                                                 \
    do {                                                                    \
        const uint64_t site_until = site_patience();                        \
        bool so;                                                            \
        while (!(so = (condition)) && site_turn((s), site_until)) continue; \
        harness_check(so, __FILE__, __LINE__, #condition);                  \
    } while (0)

/* A few turns in which nothing should happen. */
void site_idle(struct site *s);

/* The next new request, awaited. */
struct ps_exchange *site_take(struct site *s);

/* What is ready now and why; NULL if nothing is. */
struct ps_exchange *site_ready(struct site *s, unsigned *ready);

/* Answers 200 with this body (copied) and finishes. */
void site_answer(struct ps_exchange *x, const char *body);

/* ps_exchange_respond with 200 and no fields. Nothing of the body may be kept. */
int site_respond(struct ps_exchange *x, struct ps_span body, bool more);

/* ---- clients ---- */

struct client {
    int fd;
    struct ps_buf got;
    bool ended; /* the server's last byte has come */
    int error; /* of a connection that broke */
};

struct client client_open(struct site *s);
void client_close(struct client *c);

/* Closes with a reset. */
void client_reset(struct client *c);

/* Writes what the socket takes at once; must be all. */
void client_say(struct client *c, const char *text);
void client_send(struct client *c, struct ps_span bytes);

/* Reads what is there. Answers whether the connection has ended. */
bool client_pull(struct client *c);

/* How many bytes have come. */
size_t client_got(struct client *c);

/* Turns until so many bytes have come, compares all of them but for the Date and forgets them. */
#define CHECK_GOT(s, c, text) site_check_got((s), (c), (text), __FILE__, __LINE__)
bool site_check_got(struct site *s, struct client *c, const char *text, const char *file, int line);

#endif

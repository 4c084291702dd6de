/* wire.h - drives one protocol state without a socket, as server/conn.c would: bytes in, a transcript of events and bytes out.
 *
 * Input is presented in memory of exactly its size, which is freed when the call returns: a protocol that reads past its
 * end, or keeps a span of it, is caught. What a protocol leaves unread is presented again with what follows, and not while it
 * is blocked.
 *
 * The transcript has a line for each event: "REQUEST 1 GET /path", "BODY 1 text" (pieces joined, so that every split of the
 * input gives the same lines; of a long body only the length), "END 1", "ABORT 1", "error PS_EFIELD". Requests are numbered as
 * they come, those of FastCGI by their id. */
#ifndef PS_TESTS_WIRE_H
#define PS_TESTS_WIRE_H

#include "harness.h"
#include "protocol/protocol.h"

enum { WIRE_REQUESTS = 256 };

/* What the pool makes. */
struct wire_request {
    struct ps_request request; /* first */
    struct ps_buf body;        /* not yet in the transcript */
};

struct wire {
    struct ps_protocol_env env;
    struct ps_endpoint local, peer;
    struct ps_wire *state;
    struct ps_out out;
    struct ps_owners owners;
    struct ps_buf kept; /* presented and left */
    struct text said;
    struct ps_buf sent;                         /* of the last wire_sent */
    struct ps_request *requests[WIRE_REQUESTS]; /* told of, in order; a reference each until wire_done */
    size_t n_requests;
    bool eof, failed;
    void (*on_end)(struct wire *, struct ps_request *); /* whoever answers by itself; NULL: nobody */
};

/* The Date of every answer. */
#define WIRE_DATE "Sun, 06 Nov 1994 08:49:37 GMT"

/* Small enough to be reached: body 1 MiB, drain 1000, multiplex 4, connections 100, head 16 KiB. */
struct ps_limits wire_limits(void);

/* `limits` NULL: wire_limits(). The ends are 192.0.2.1:5000 (peer) and 127.0.0.1:8000. */
void wire_open(struct wire *w, const struct ps_protocol *protocol, const struct ps_limits *limits);

/* Lets go of everything; every request must have come back to the pool then. */
void wire_close(struct wire *w);

/* Bytes arrive. */
void wire_feed(struct wire *w, struct ps_span bytes);
#define FEED(w, literal) wire_feed((w), PS_LIT(literal))

/* The peer's last byte has come: told once nothing is blocked. */
void wire_eof(struct wire *w);

/* The deadline passes. */
void wire_expire(struct wire *w);

/* The n-th request told of, from 1; the test fails and ends where there is none. */
struct ps_request *wire_request(struct wire *w, size_t n);

/* Lets go of a request, as a gateway that has finished with it. */
void wire_done(struct wire *w, size_t n);

/* Answers with a head of `status` and `fields` ("Name: value" lines, each ended by \n), then more. Return what the protocol
 * does; input that waited is presented after. The body must stay until it was sent. */
int wire_respond(struct wire *w, struct ps_request *rq, const char *status, const char *fields, struct ps_span body, bool more);
int wire_send(struct wire *w, struct ps_request *rq, struct ps_span body, bool more);
void wire_fail(struct wire *w, struct ps_request *rq);

/* An on_end: answers 200 with the method, the path and the length of the body. */
void wire_echo(struct wire *w, struct ps_request *rq);

/* What is in the list to be written, taken out of it: one write. Valid until the next call. */
struct ps_span wire_sent(struct wire *w);
#define CHECK_SENT(w, literal) CHECK_SPAN(wire_sent(w), PS_LIT(literal))

/* The transcript since the last check. */
#define CHECK_SAID(w, lines) wire_check_said((w), (lines), __FILE__, __LINE__)
bool wire_check_said(struct wire *w, const char *lines, const char *file, int line);

/* Delivers `bytes` in every split (harness.h), then their end, to a fresh state with wire_echo: each time this must be the
 * transcript and these the bytes sent. */
struct wire_talk {
    const char *name;
    const struct ps_protocol *protocol;
    const struct ps_limits *limits; /* may be NULL */
    struct ps_span bytes;
    const char *said;
    struct ps_span sent;
};
void wire_every_split(const struct wire_talk *talk);

/* A request's headers, "name: value" lines; freed by the caller. */
struct text wire_headers(const struct ps_request *rq);

#endif

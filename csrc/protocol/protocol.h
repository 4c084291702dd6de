/* protocol.h - the seam a wire protocol plugs into. Sans-IO: bytes in, events out; answers in, bytes out.
 *
 * A protocol is one table of functions and, per connection, one state that begins with `struct ps_wire`. Whoever owns the
 * socket (server/conn.h) feeds it and looks at the wire's public half after each call to know what comes next; it never
 * asks which protocol it is.
 *
 *   recv -> next(in) -> REQUEST  BODY*  END       a request whose body is complete; END follows REQUEST at once without one
 *                    -> ABORT                     the peer gave this request up; no answer is wanted
 *   respond(request, head, body, more) -> out     once per request, then
 *   send(request, body, more) -> out              while more; or
 *   fail(request)                                 the answer broke off: the peer must be able to see it
 */
#ifndef PS_PROTOCOL_PROTOCOL_H
#define PS_PROTOCOL_PROTOCOL_H

#include "base/date.h"
#include "base/out.h"
#include "base/request.h"
#include "base/response.h"

struct ps_protocol;

/* What a peer may send, and how much of it. Bytes unless said. */
struct ps_limits {
    uint32_t line, field, fields, head; /* HTTP/1; `head` also limits the params of a FastCGI request */
    int64_t body;                       /* of a request; 0: no limit */
    uint32_t drain;                     /* unread body that is still read after the answer to keep the connection */
    uint32_t multiplex;                 /* requests open at once on one FastCGI connection */
    uint32_t connections;               /* per worker; reported to FastCGI peers that ask */
};

/* What all connections of a server share. Lives longer than any of them. */
struct ps_protocol_env {
    struct ps_limits limits;
    struct ps_request_pool pool;
    struct ps_span root_path; /* the mount, without "/" at its end */
    bool has_root_path;       /* false: a split that the front made is kept */
    bool draining;            /* answers from now on close their connection */
    uint8_t date[PS_DATE_LEN];         /* an IMF-fixdate, kept current by the owner of the clock */
};

/* What a connection waits for; decides which deadline applies. */
enum ps_phase {
    PS_PHASE_IDLE,  /* nothing of a request has been read */
    PS_PHASE_HEAD,  /* a part of a head */
    PS_PHASE_BODY,  /* a head, and not yet the whole body */
    PS_PHASE_BUSY,  /* for us: an answer is due */
    PS_PHASE_DRAIN  /* answered; the rest of the peer's message is being read and dropped */
};

/* A body makes progress by this many bytes; a peer that sends fewer within the body's deadline is too slow. */
enum { PS_PROGRESS_BYTES = 16 * 1024 };

/* How a connection is to end, once everything in `out` is written. */
enum ps_end {
    PS_END_NONE,
    PS_END_CLOSE,  /* nothing more will come that matters */
    PS_END_LINGER, /* the peer may still be sending: close our half, read to its end (bounded), then close; a plain close
                      would reset the connection and could take the answer with it */
    PS_END_RESET   /* the answer is broken: nothing but a reset shows it */
};

/* The public half of a connection's protocol state. */
struct ps_wire {
    const struct ps_protocol *protocol;
    const struct ps_protocol_env *env;
    uint8_t phase;  /* enum ps_phase */
    uint8_t end;    /* enum ps_end */
    bool used;      /* a request has been answered before: an idle connection is kept, not new */
    bool blocked;   /* input is left alone until the answer is complete; then `next` wants to be called again */
    uint32_t epoch; /* changes when what the phase waits for has changed: another head, another piece of the body. A deadline
                       starts anew with it, so that it bounds the wait for one thing, not the life of the connection */
    const struct ps_endpoint *local, *peer; /* live as long as the connection */
};

enum ps_event_type { PS_EVENT_REQUEST = 1, PS_EVENT_BODY, PS_EVENT_END, PS_EVENT_ABORT };

struct ps_event {
    enum ps_event_type type;
    struct ps_request *request;
    struct ps_span data; /* BODY: borrows from the input */
};

struct ps_protocol {
    const char *name;   /* as in --bind NAME:// */
    size_t state_bytes; /* of the struct that begins with the wire */
    bool peer_keeps;    /* idle connections are the peer's to close: no keep-alive deadline */
    struct ps_span broken; /* shows that an answer broke off where the transport knows no reset; may be empty */

    /* `wire` is zeroed but for protocol, env, local and peer. */
    void (*init)(struct ps_wire *wire);

    /* Lets go of everything; no other call follows. */
    void (*release)(struct ps_wire *wire);

    /* The next event from `in`, advancing it past the bytes used; what it must say meanwhile (a refusal, an interim answer, a
     * reply to a management record) goes to `out`.
     * 1: `ev` is filled. 0: nothing more to be had from these bytes; the rest must be presented again with what follows.
     * <0: a ps_err for the log: the peer broke the protocol or memory is out. `out` holds the answer, if one is due, `end` is
     * set, and no other call but release follows for input. */
    int (*next)(struct ps_wire *wire, struct ps_span *in, struct ps_event *ev, struct ps_out *out);

    /* The peer sent its last byte, and all before it was presented and is not blocked. Same results as next; call until 0. */
    int (*eof)(struct ps_wire *wire, struct ps_event *ev, struct ps_out *out);

    /* The deadline of the present phase has passed. Same results as next; call until 0 or less. */
    int (*expire)(struct ps_wire *wire, struct ps_event *ev, struct ps_out *out);

    /* The body is wanted now: an "Expect: 100-continue" is answered. 0 or <0. */
    int (*want_body)(struct ps_wire *wire, struct ps_request *rq, struct ps_out *out);

    /* Starts an answer with its first bytes of body; `more` follows through send. Bytes beyond a declared length are dropped and
     * reported (PS_ELONG, after the declared ones were written); a shorter body gives PS_ESHORT and breaks the answer visibly.
     * 0; PS_EORDER for a second answer; PS_ELIMIT, PS_ENOMEM. `body` is borrowed by `out`. */
    int (*respond)(struct ps_wire *wire, struct ps_request *rq, const struct ps_response *head, struct ps_span body, bool more,
                   struct ps_out *out);
    int (*send)(struct ps_wire *wire, struct ps_request *rq, struct ps_span body, bool more, struct ps_out *out);

    /* Gives an answer up. Sets `end` so that the peer can see it. */
    void (*fail)(struct ps_wire *wire, struct ps_request *rq);
};

/* Counts bytes of a body that arrived, and the progress they make. */
static inline void ps_wire_received(struct ps_wire *wire, struct ps_request *rq, size_t n) {
    int64_t before = rq->received;
    rq->received += (int64_t)n;
    if (before / PS_PROGRESS_BYTES != rq->received / PS_PROGRESS_BYTES) wire->epoch++;
}

/* The host of host[:port], whatever stands for a port. */
struct ps_span ps_authority_host(struct ps_span authority);

extern const struct ps_protocol ps_proto_http1, ps_proto_fcgi;

/* The protocol of that name; NULL if there is none. */
const struct ps_protocol *ps_protocol_find(struct ps_span name);

#endif

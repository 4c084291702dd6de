/* exchange.h - the ready queue and the life of an exchange, as the connection sees it. Under the server's lock. */
#ifndef PS_SERVER_EXCHANGE_H
#define PS_SERVER_EXCHANGE_H

#include "server/server.h"

enum ps_exchange_state {
    PS_EXCHANGE_COLLECTING, /* its body is coming */
    PS_EXCHANGE_QUEUED,     /* ready, and nobody has taken it yet */
    PS_EXCHANGE_TAKEN       /* a gateway has it */
};

static inline struct ps_exchange *ps_exchange_of(struct ps_request *rq) { return (struct ps_exchange *)rq; }

/* Sets up the pool that makes exchanges. */
void ps_exchange_pool_init(struct ps_server *s);

/* The three events of a request. */
void ps_exchange_begin(struct ps_exchange *x, struct ps_conn *c);
void ps_exchange_body(struct ps_exchange *x, struct ps_span data);
void ps_exchange_complete(struct ps_exchange *x);

/* The peer gave it up, or its connection is gone. */
void ps_exchange_lost(struct ps_exchange *x);

/* Answers it with a ps_err's status, without a gateway, and is done with it. The caller writes (ps_conn_after). */
void ps_exchange_refuse(struct ps_exchange *x, int err);

/* What waited for the peer is below the low watermark: whoever waits may go on. */
void ps_exchange_drained(struct ps_exchange *x);

#endif

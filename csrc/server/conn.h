/* conn.h - one socket: reads into its protocol, writes what the protocol and the gateway produced, keeps its deadline.
 *
 * All of it runs under the server's lock where there is one. Any function may find the connection broken and close it: `dead` is
 * then set, and the memory stays until the next turn. */
#ifndef PS_SERVER_CONN_H
#define PS_SERVER_CONN_H

#include "server/server.h"

enum { PS_WAIT_NONE = PS_WAITS };

struct ps_conn {
    struct ps_source source;
    struct ps_server *server;
    struct ps_conn *prev, *next;
    struct ps_exchange *exchanges; /* whose requests came by it and are not yet finished */
    struct ps_buf in;              /* read and not yet consumed; holds no memory while empty */
    struct ps_out *out;            /* not yet written; NULL while there is nothing */
    struct ps_timer timer;
    struct ps_endpoint peer, local;
    uint32_t epoch;                /* of the wire when the deadline was set */
    uint32_t written;              /* bytes since the write deadline was set */
    uint8_t waiting_for;           /* enum ps_wait of the armed timer */
    bool eof;                      /* the peer sent its last byte */
    bool eof_told;
    bool lingering;                /* our half is closed; what comes is dropped */
    bool unread;                   /* `in` holds bytes the protocol has not been shown since it was blocked */
    bool dead;                     /* closed; freed at the next turn, for somebody on the stack may still look */
    struct ps_wire wire;           /* followed by the protocol's state */
};

/* Takes over an accepted socket. False: it could not be served and is closed. */
bool ps_conn_open(struct ps_listener *listener, int fd, const struct ps_endpoint *peer, const struct ps_endpoint *local);

/* Closes at once; exchanges lose their connection. */
void ps_conn_close(struct ps_conn *c);

/* The timer of a connection has expired. */
void ps_conn_expired(struct ps_timer *timer);

/* The server began to drain: an idle connection gets the short deadline. */
void ps_conn_drain(struct ps_conn *c);

/* The list answers are appended to; NULL when out of memory. */
struct ps_out *ps_conn_out(struct ps_conn *c);

/* After the protocol was called: writes what there is, reads on where input waited for the answer, ends the connection if it is
 * to end, sets interest and deadline. */
void ps_conn_after(struct ps_conn *c);

/* Writes what the socket takes, without looking further: for whoever has a last borrowed piece to protect. */
void ps_conn_flush(struct ps_conn *c);

/* Blocks until the socket takes more, for at most the write deadline, and writes; closes the connection if it does not. */
void ps_conn_flush_blocking(struct ps_conn *c);

#endif

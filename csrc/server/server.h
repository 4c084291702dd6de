/* server.h - listeners, connections and the requests on them: everything of a worker that needs no Python.
 *
 * A worker alternates between two steps.
 *   1. ps_server_turn: wait, accept, read, parse, write what sockets refused before, expire deadlines. Requests that became
 *      complete are put on the ready queue.
 *   2. ps_server_take, then for each exchange: run the application and answer through ps_exchange_*. Answers are written at once.
 * The core never calls back. With one thread, the same thread does both. With several, one thread turns and the others take, each
 * with a ps_taker of its own: an answer that waited for its reader goes on where it began. `threaded` makes every call here take
 * the server's lock, which a turn gives up while it waits. The lock is held for short, non-blocking work only, and never by
 * anybody who waits for anything else.
 *
 * A slow client costs no thread: a request is ready when its body is complete (spool.h), an answer is written as the socket
 * takes it, and whoever produces one is told to stop above the high watermark. */
#ifndef PS_SERVER_SERVER_H
#define PS_SERVER_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "protocol/protocol.h"
#include "server/loop.h"
#include "server/scoreboard.h"
#include "server/spool.h"
#include "server/timers.h"

struct ps_conn;

struct ps_server_config {
    struct ps_limits limits;          /* limits.connections also bounds what is accepted */
    uint32_t wait_ms[PS_WAITS];       /* 0: no limit */
    size_t body_memory;               /* larger bodies go to a file */
    const char *body_folder;          /* for those files; must live as long as the server */
    size_t high_watermark, low_watermark; /* bytes of an answer waiting for the peer: stop producing, go on */
    uint32_t queue;                   /* threaded: complete requests waiting for a thread; more are answered 503 */
    struct ps_span root_path;         /* must live as long as the server */
    bool has_root_path;
    bool threaded;
};

/* Why an exchange is on the ready queue; bits. */
enum {
    PS_READY_REQUEST = 1, /* new: its request is complete, its body in `body` */
    PS_READY_DRAINED = 2, /* what waited for the peer is below the low watermark, where ps_exchange_wait asked; or it yielded */
    PS_READY_GONE = 4 /* the peer gave it up while somebody waited: nothing that is written matters any more */
};

/* Exchanges in the order in which they became ready. Zeroed: empty. */
struct ps_ready_queue {
    struct ps_exchange *first, *last;
    uint32_t count;
};

/* A thread that takes what is ready. Zeroed before it is used; lives as long as the server. */
struct ps_taker {
    struct ps_ready_queue own; /* answers it has begun, and that may go on */
    bool own_next; /* whose turn it is: its own's, or everybody's */
};

/* One request and its answer, from its head to the gateway's last word. */
struct ps_exchange {
    struct ps_request request; /* first: the pool makes exchanges */
    struct ps_spool body;
    struct ps_server *server;
    struct ps_conn *conn; /* NULL once the connection, or the peer's interest, is gone */
    struct ps_exchange *prev, *next; /* of the same connection */
    struct ps_exchange *ready_next;
    struct ps_taker *taker; /* who has it; NULL before somebody has, and where there is one thread */
    void *gateway; /* the gateway's own; it clears it before ps_exchange_finish */
    uint8_t state; /* enum ps_exchange_state (exchange.h) */
    uint8_t ready; /* PS_READY_ bits; not 0: on the ready queue */
    bool waits; /* wants PS_READY_DRAINED */
    bool blocks; /* somebody is in ps_exchange_block for it */
};

struct ps_listener {
    struct ps_source source;
    struct ps_server *server;
    const struct ps_protocol *protocol;
    struct ps_endpoint local;
    struct ps_listener *next;
    bool any_address; /* bound to all addresses: each connection has its own local one */
    bool tcp, accepting;
};

struct ps_server {
    struct ps_protocol_env env;
    struct ps_server_config config;
    struct ps_loop loop;
    struct ps_timers timers;
    struct ps_timer resume; /* accepting again after descriptors ran out */
    struct ps_listener *listeners;
    struct ps_conn *conns; /* all open connections */
    struct ps_conn *closed; /* kept until the next turn: somebody on the stack may still look at them */
    struct ps_ready_queue ready;
    struct ps_out *free_out; /* one spare list; nearly always one is all that is in use */
    struct ps_owners owners; /* let go, waiting for ps_server_take_owner */
    atomic_bool has_owners; /* there are some: may be asked without the lock */
    size_t loans; /* owners held by answers, and those let go */
    struct ps_source wake;
    int wake_write;
    pthread_mutex_t lock;
    pthread_cond_t ready_cond, drained_cond;
    uint64_t now; /* milliseconds, monotonic */
    uint64_t sleep_until; /* when the waiting turn will end by itself */
    int64_t date; /* the second env.date is of */
    uint32_t n_conns, n_exchanges, n_queued, n_taken;
    uint32_t n_sleeping; /* threads in ps_server_take that have found nothing */
    uint64_t n_requests;
    struct ps_slot *slot; /* of the scoreboard; never NULL */
    struct ps_slot own_slot;
    bool draining, stopped, signalled;
    int failure, failure_errno; /* the last ps_err that was our fault and nobody has been told of; 0: none */
    uint8_t *scratch; /* read buffer, shared: what must stay is copied out of it */
};

enum { PS_SCRATCH_BYTES = 64 * 1024 };

/* Copies the configuration. `slot` may be NULL. 0, PS_ENOMEM or PS_EIO. Call it after fork. */
int ps_server_init(struct ps_server *s, const struct ps_server_config *config, struct ps_slot *slot);

/* Closes every connection, whatever is open on it; nothing is accepted any more. Parked answers come back as PS_READY_GONE. */
void ps_server_close(struct ps_server *s);

/* What went wrong on our side since the last call (a body that could not be kept, say), for the log; 0: nothing. */
int ps_server_take_failure(struct ps_server *s, int *error_number);

/* Closes every connection and frees everything. Exchanges still taken must have been finished. */
void ps_server_free(struct ps_server *s);

/* Serves a listening, non-blocking socket, which stays the caller's. 0, PS_ENOMEM or PS_EIO. */
int ps_server_listen(struct ps_server *s, int fd, const struct ps_protocol *protocol);

/* One turn, waiting at most max_wait_ms. True: whoever turns should look up: a signal came (it interrupted the wait, or its handler
 * wrote to the wake descriptor), the server is draining, or the wait was spent without an event. */
bool ps_server_turn(struct ps_server *s, int max_wait_ms);

/* Makes the turn that waits, or the next one, return at once. Any thread; also from a signal handler. */
void ps_server_wake(struct ps_server *s);

/* The descriptor a signal's handler may write a byte to (not 0) for the same effect. */
static inline int ps_server_wake_fd(const struct ps_server *s) { return s->wake_write; }

/* Stop accepting (what waits in the listeners' queues is still taken), answer what was accepted, close each connection with its
 * answer and idle ones after PS_WAIT_DRAIN. Idempotent. */
void ps_server_drain(struct ps_server *s);

/* Nothing open any more: a drain is complete. */
bool ps_server_idle(struct ps_server *s);

/* Threads waiting in ps_server_take return NULL from now on. */
void ps_server_stop(struct ps_server *s);

/* The next ready exchange with the reasons why, or NULL. With one thread `taker` is NULL; others sleep until there is one or the
 * server is stopped. */
struct ps_exchange *ps_server_take(struct ps_server *s, struct ps_taker *taker, unsigned *ready);

/* How many there are for everybody. With one thread: take so many between two turns, for one that yields is back at once. */
static inline uint32_t ps_server_ready(const struct ps_server *s) { return s->ready.count; }

/* An owner whose bytes are no longer needed, or NULL. */
void *ps_server_take_owner(struct ps_server *s);
static inline bool ps_server_has_owners(const struct ps_server *s) {
    return atomic_load_explicit(&s->has_owners, memory_order_relaxed); /* what comes a moment later waits for the next look */
}

/* Starts the answer, or goes on with it; see protocol.h for `more` and the errors. PS_EGONE: nobody is there to read it.
 * *kept: some of `body` waits for the peer; it must stay until `owner` (not NULL) comes back through ps_server_take_owner. */
int ps_exchange_respond(struct ps_exchange *x, const struct ps_response *head, struct ps_span body, bool more, void *owner,
                        bool *kept);
int ps_exchange_send(struct ps_exchange *x, struct ps_span body, bool more, void *owner, bool *kept);

/* Text for the front's error log, sent with what is written next; dropped where the protocol has no such stream. */
void ps_exchange_errors(struct ps_exchange *x, struct ps_span text);

/* Above the high watermark: stop producing. */
bool ps_exchange_full(struct ps_exchange *x);

/* Asks for PS_READY_DRAINED (or PS_READY_GONE) on the ready queue. False: there is room again, go on. */
bool ps_exchange_wait(struct ps_exchange *x);

/* Gives others their turn, in a long answer that never has to wait for room: PS_READY_DRAINED (or PS_READY_GONE) comes, behind what
 * is ready now. */
void ps_exchange_yield(struct ps_exchange *x);

/* Blocks until there is room. 0; PS_EGONE when the peer is gone or too slow. For answers that a callable pushes. */
int ps_exchange_block(struct ps_exchange *x);

/* The answer cannot be completed: breaks it off so that the peer can see it. */
void ps_exchange_fail(struct ps_exchange *x);

/* The gateway's last word: the exchange is not its any more. An answer not ended by then is broken off. */
void ps_exchange_finish(struct ps_exchange *x);

#endif

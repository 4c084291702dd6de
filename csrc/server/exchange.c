#include "server/exchange.h"

#include <errno.h>

#include "protocol/answer.h"
#include "server/conn.h"
#include "server/lock.h"

/* ---- the pool ---- */

static void on_new(struct ps_request *rq) {
    struct ps_exchange *x = ps_exchange_of(rq);
    struct ps_server *s = (struct ps_server *)((char *)rq->pool - offsetof(struct ps_server, env.pool));
    x->conn = NULL;
    x->prev = x->next = x->ready_next = NULL;
    x->taker = NULL;
    x->gateway = NULL;
    x->server = s;
    x->state = PS_EXCHANGE_COLLECTING;
    x->ready = 0;
    x->waits = x->blocks = false;
    ps_spool_init(&x->body, s->config.body_memory, s->config.body_folder);
}

static void on_clear(struct ps_request *rq) { ps_spool_free(&ps_exchange_of(rq)->body); }

void ps_exchange_pool_init(struct ps_server *s) {
    struct ps_request_pool *pool = &s->env.pool;
    *pool = (struct ps_request_pool){
        .object_bytes = sizeof(struct ps_exchange),
        .fields = s->config.limits.fields,
        .scratch_bytes = s->config.limits.fields * PS_REQUEST_SCRATCH_PER_FIELD,
        .arena_limit = 2 * (size_t)s->config.limits.head + 4096,
        .keep = 256,
        .init = on_new,
        .clear = on_clear,
    };
}

/* ---- the connection's side ---- */

static void link_to(struct ps_exchange *x, struct ps_conn *c) {
    x->conn = c;
    x->next = c->exchanges;
    if (x->next != NULL) x->next->prev = x;
    c->exchanges = x;
}

static void unlink_conn(struct ps_exchange *x) {
    if (x->conn == NULL) return;
    if (x->prev != NULL)
        x->prev->next = x->next;
    else
        x->conn->exchanges = x->next;
    if (x->next != NULL) x->next->prev = x->prev;
    x->prev = x->next = NULL;
    x->conn = NULL;
}

/* The server's side lets go. */
static void done(struct ps_exchange *x) {
    unlink_conn(x);
    x->request.announced = false;
    x->server->n_exchanges--;
    ps_request_unref(&x->request);
}

static void append(struct ps_ready_queue *q, struct ps_exchange *x) {
    x->ready_next = NULL;
    if (q->last != NULL)
        q->last->ready_next = x;
    else
        q->first = x;
    q->last = x;
    q->count++;
}

static struct ps_ready_queue *queue_of(struct ps_exchange *x) { return x->taker != NULL ? &x->taker->own : &x->server->ready; }

/* True: it is on its queue now, and was not before. */
static bool enqueue(struct ps_exchange *x, uint8_t why) {
    bool queued = x->ready != 0;
    x->ready |= why;
    if (!queued) append(queue_of(x), x);
    return !queued;
}

static void push_ready(struct ps_exchange *x, uint8_t why) {
    struct ps_server *s = x->server;
    if (!enqueue(x, why) || !s->config.threaded) return;
    if (x->taker != NULL)
        pthread_cond_broadcast(&s->ready_cond); /* who it is for cannot be told from the others */
    else
        pthread_cond_signal(&s->ready_cond);
}

/* The gateway wants to hear no more of it: it may have asked, and the answer to that be on the queue. */
static void withdraw(struct ps_exchange *x) {
    struct ps_ready_queue *q = queue_of(x);
    struct ps_exchange *before = NULL;
    x->waits = false;
    if (x->ready == 0) return;
    for (struct ps_exchange *at = q->first; at != x; at = at->ready_next) before = at;
    *(before != NULL ? &before->ready_next : &q->first) = x->ready_next;
    if (q->last == x) q->last = before;
    q->count--;
    x->ready = 0;
}

void ps_exchange_begin(struct ps_exchange *x, struct ps_conn *c) {
    ps_request_ref(&x->request);
    x->server->n_exchanges++;
    link_to(x, c);
    if (x->request.has_body && x->request.expect_continue && c->wire.protocol->want_body(&c->wire, &x->request, c->out) < 0)
        ps_conn_close(c);
}

void ps_exchange_body(struct ps_exchange *x, struct ps_span data) {
    int rc = ps_spool_write(&x->body, data, x->request.content_length);
    if (rc == 0) return;
    x->server->failure_errno = errno;
    x->server->failure = rc;
    ps_exchange_refuse(x, rc);
}

static void set_queued(struct ps_server *s, uint32_t n) {
    s->n_queued = n;
    ps_slot_store(s->slot->waiting, n);
}

/* Requests that a sleeping thread is about to take do not wait. */
static bool queue_full(const struct ps_server *s) {
    return s->config.threaded && s->config.queue != 0 && s->n_queued >= (uint64_t)s->config.queue + s->n_sleeping;
}

void ps_exchange_complete(struct ps_exchange *x) {
    struct ps_server *s = x->server;
    if (queue_full(s)) {
        ps_exchange_refuse(x, PS_EBUSY);
        return;
    }
    x->state = PS_EXCHANGE_QUEUED;
    set_queued(s, s->n_queued + 1);
    push_ready(x, PS_READY_REQUEST);
}

void ps_exchange_lost(struct ps_exchange *x) {
    struct ps_server *s = x->server;
    unlink_conn(x);
    if (x->state == PS_EXCHANGE_QUEUED) { /* nobody waits for it, so nobody shall wait behind it */
        withdraw(x);
        set_queued(s, s->n_queued - 1);
    }
    if (x->state != PS_EXCHANGE_TAKEN) {
        done(x);
    } else if (x->waits || x->ready != 0) {
        x->waits = false;
        push_ready(x, PS_READY_GONE);
    }
    if (s->config.threaded) pthread_cond_broadcast(&s->drained_cond);
}

void ps_exchange_refuse(struct ps_exchange *x, int err) {
    struct ps_conn *c = x->conn;
    struct ps_response head;
    struct ps_span body;
    char text[PS_REFUSAL_MAX];
    ps_response_init(&head);
    int rc = ps_answer_refusal(err, &head, text, &body);
    if (rc == 0) rc = c->wire.protocol->respond(&c->wire, &x->request, &head, body, false, c->out);
    ps_response_free(&head);
    if (rc < 0) c->wire.protocol->fail(&c->wire, &x->request);
    done(x);
}

void ps_exchange_drained(struct ps_exchange *x) {
    if (x->blocks && x->server->config.threaded) pthread_cond_broadcast(&x->server->drained_cond);
    x->blocks = false;
    if (!x->waits) return;
    x->waits = false;
    push_ready(x, PS_READY_DRAINED);
}

/* ---- the gateway's side ---- */

static struct ps_exchange *pop(struct ps_ready_queue *q, unsigned *ready) {
    struct ps_exchange *x = q->first;
    q->first = x->ready_next;
    if (q->first == NULL) q->last = NULL;
    q->count--;
    *ready = x->ready;
    x->ready = 0;
    x->ready_next = NULL;
    return x;
}

static void mark_taken(struct ps_exchange *x, struct ps_taker *taker) {
    struct ps_server *s = x->server;
    x->state = PS_EXCHANGE_TAKEN;
    x->taker = taker;
    s->n_taken++;
    set_queued(s, s->n_queued - 1);
    ps_slot_store(s->slot->running, s->n_taken);
}

static struct ps_exchange *take_from(struct ps_ready_queue *q, struct ps_taker *taker, unsigned *ready) {
    if (q->first == NULL) return NULL;
    struct ps_exchange *x = pop(q, ready);
    if (x->state == PS_EXCHANGE_QUEUED) mark_taken(x, taker);
    return x;
}

/* From the taker's own queue and from everybody's in turn: neither may starve the other. */
static struct ps_exchange *take_ready(struct ps_server *s, struct ps_taker *taker, unsigned *ready) {
    if (taker == NULL) return take_from(&s->ready, NULL, ready);
    taker->own_next = !taker->own_next;
    struct ps_ready_queue *first = taker->own_next ? &taker->own : &s->ready;
    struct ps_ready_queue *second = taker->own_next ? &s->ready : &taker->own;
    struct ps_exchange *x = take_from(first, taker, ready);
    return x != NULL ? x : take_from(second, taker, ready);
}

struct ps_exchange *ps_server_take(struct ps_server *s, struct ps_taker *taker, unsigned *ready) {
    ps_server_lock(s);
    struct ps_exchange *x = take_ready(s, taker, ready);
    while (taker != NULL && x == NULL && !s->stopped) {
        s->n_sleeping++;
        pthread_cond_wait(&s->ready_cond, &s->lock);
        s->n_sleeping--;
        x = take_ready(s, taker, ready);
    }
    ps_server_unlock(s);
    return x;
}

void *ps_server_take_owner(struct ps_server *s) {
    void *owner = NULL;
    if (!ps_server_has_owners(s)) return NULL;
    ps_server_lock(s);
    if (s->owners.count != 0) {
        owner = s->owners.list[--s->owners.count];
        s->loans--;
    }
    atomic_store_explicit(&s->has_owners, s->owners.count != 0, memory_order_relaxed);
    ps_server_unlock(s);
    return owner;
}

/* Nobody is there to read more of it. Where that is because all that was declared is sent and the connection closed, `body` is too
 * much. */
static int gone(const struct ps_exchange *x, struct ps_span body) {
    const struct ps_answer *a = &x->request.answer;
    return a->ended && a->remaining == 0 && !a->bodyless && body.len != 0 ? PS_ELONG : PS_EGONE;
}

/* What is common to both ways of writing: the list, the owner's place in it, the socket. `head` is NULL to go on. */
static int write_answer(struct ps_exchange *x, const struct ps_response *head, struct ps_span body, bool more, void *owner,
                        bool *kept) {
    struct ps_server *s = x->server;
    struct ps_conn *c = x->conn;
    if (c == NULL) return head != NULL ? PS_EGONE : gone(x, body);
    struct ps_out *out = ps_conn_out(c);
    if (out == NULL || ps_owners_reserve(&s->owners, s->loans + 1) < 0) return PS_ENOMEM;
    const struct ps_protocol *protocol = c->wire.protocol;
    ps_server_refresh(s);
    int rc = head != NULL ? protocol->respond(&c->wire, &x->request, head, body, more, out)
                          : protocol->send(&c->wire, &x->request, body, more, out);
    ps_conn_flush(c);
    if (c->out != NULL && body.len >= PS_OUT_COPY_MAX && ps_out_own(c->out, owner)) {
        *kept = true;
        s->loans++;
    }
    ps_conn_after(c);
    return rc < 0 ? rc : c->dead && !x->request.answer.ended ? PS_EGONE : 0;
}

int ps_exchange_respond(struct ps_exchange *x, const struct ps_response *head, struct ps_span body, bool more, void *owner,
                        bool *kept) {
    *kept = false;
    ps_server_lock(x->server);
    int rc = write_answer(x, head, body, more, owner, kept);
    ps_server_unlock(x->server);
    return rc;
}

int ps_exchange_send(struct ps_exchange *x, struct ps_span body, bool more, void *owner, bool *kept) {
    *kept = false;
    ps_server_lock(x->server);
    int rc = write_answer(x, NULL, body, more, owner, kept);
    ps_server_unlock(x->server);
    return rc;
}

void ps_exchange_errors(struct ps_exchange *x, struct ps_span text) {
    ps_server_lock(x->server);
    if (x->conn != NULL && x->request.wants_errors) {
        struct ps_buf *b = &x->request.errors;
        size_t room = b->limit - b->len;
        (void)ps_buf_append(b, text.ptr, text.len < room ? text.len : room);
    }
    ps_server_unlock(x->server);
}

static bool full(const struct ps_exchange *x) {
    const struct ps_conn *c = x->conn;
    return c != NULL && c->out != NULL && c->out->size >= x->server->config.high_watermark;
}

bool ps_exchange_full(struct ps_exchange *x) {
    ps_server_lock(x->server);
    bool is = full(x);
    ps_server_unlock(x->server);
    return is;
}

bool ps_exchange_wait(struct ps_exchange *x) {
    ps_server_lock(x->server);
    bool waits = x->waits = full(x);
    ps_server_unlock(x->server);
    return waits;
}

void ps_exchange_yield(struct ps_exchange *x) {
    ps_server_lock(x->server);
    (void)enqueue(x, x->conn != NULL ? PS_READY_DRAINED : PS_READY_GONE); /* its taker is awake: it is who asks */
    ps_server_unlock(x->server);
}

int ps_exchange_block(struct ps_exchange *x) {
    struct ps_server *s = x->server;
    ps_server_lock(s);
    x->blocks = full(x);
    while (x->blocks && x->conn != NULL) {
        if (s->config.threaded)
            pthread_cond_wait(&s->drained_cond, &s->lock);
        else
            ps_conn_flush_blocking(x->conn);
    }
    x->blocks = false;
    int rc = x->conn == NULL ? PS_EGONE : 0;
    ps_server_unlock(s);
    return rc;
}

static void fail(struct ps_exchange *x) {
    struct ps_conn *c = x->conn;
    if (c == NULL || x->request.answer.ended) return;
    ps_server_refresh(x->server);
    c->wire.protocol->fail(&c->wire, &x->request);
    ps_conn_after(c);
}

void ps_exchange_fail(struct ps_exchange *x) {
    ps_server_lock(x->server);
    fail(x);
    ps_server_unlock(x->server);
}

void ps_exchange_finish(struct ps_exchange *x) {
    struct ps_server *s = x->server;
    ps_server_lock(s);
    withdraw(x);
    fail(x);
    s->n_taken--;
    s->n_requests++;
    ps_slot_store(s->slot->running, s->n_taken);
    ps_slot_store(s->slot->requests, s->n_requests);
    done(x);
    if (s->config.threaded && s->draining) ps_server_wake(s); /* it may have been the last */
    ps_server_unlock(s);
}

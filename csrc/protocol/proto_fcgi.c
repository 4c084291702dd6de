/* proto_fcgi.c - FastCGI 1.0 on one connection, Responder role: requests interleaved by id, answers interleaved too.
 *
 * A request's two directions:
 *   input:  PARAMS --empty PARAMS--> STDIN --content length reached--> TAIL --empty STDIN--> CLOSED
 *                                      \------------empty STDIN----------------------------/
 *   output: WAITING --respond--> OPEN --last byte--> HELD --input CLOSED (or the deadline)--> END_REQUEST, gone
 *
 * END_REQUEST waits for the peer's last STDIN record because fronts that are still sending when it comes lose the answer
 * (docs/fronts.md). Nothing follows an END_REQUEST in the same write unless another request has something to say, or the
 * connection shall end: nginx keeps a connection only if its buffer ends exactly there. */
#include "base/bytes.h"
#include "codec/fcgi.h"
#include "codec/fcgi_params.h"
#include "protocol/answer.h"
#include "protocol/cgi_params.h"
#include "protocol/protocol.h"

enum input { PARAMS, STDIN, TAIL, CLOSED, GIVEN_UP /* as if closed, but it never was */ };
enum output { WAITING, OPEN, HELD, SHUT /* held, and its STDOUT is closed */ };

enum { VALUES_MAX = 4096 }; /* content of one GET_VALUES record we are ready to read */

struct fcgi {
    struct ps_wire wire;
    struct ps_fcgi records;
    struct ps_request *open;  /* requests without an END_REQUEST, newest first */
    struct ps_request *ended; /* whose body ended with the last event: an END event is due */
    struct ps_buf discrete;   /* content so far of a BEGIN_REQUEST or GET_VALUES record */
    uint32_t n_open;
    bool close;               /* a request came without KEEP_CONN */
    bool sending;             /* a request has ended before its STDIN did: the rest may still come */
};

static struct fcgi *self(struct ps_wire *wire) { return (struct fcgi *)wire; }

static void init(struct ps_wire *wire) {
    ps_fcgi_init(&self(wire)->records);
    ps_buf_init(&self(wire)->discrete, VALUES_MAX);
}

static struct ps_request *find(const struct fcgi *c, uint16_t id) {
    struct ps_request *rq = c->open;
    while (rq != NULL && rq->id != id) rq = rq->next;
    return rq;
}

static bool is_held(const struct ps_request *rq) { return rq->output >= HELD; }

static bool is_open(const struct fcgi *c, const struct ps_request *wanted) {
    const struct ps_request *rq = c->open;
    while (rq != NULL && rq != wanted) rq = rq->next;
    return rq != NULL;
}

static void forget(struct fcgi *c, struct ps_request *rq) {
    struct ps_request **link = &c->open;
    while (*link != rq) link = &(*link)->next;
    *link = rq->next;
    c->n_open--;
    if (c->ended == rq) c->ended = NULL;
    ps_request_unref(rq);
}

static void release(struct ps_wire *wire) {
    struct fcgi *c = self(wire);
    while (c->open != NULL) forget(c, c->open);
    ps_buf_free(&c->discrete);
}

static void over(struct fcgi *c, uint8_t end) {
    if (c->wire.end < end) c->wire.end = end;
}

/* The wait that matters most among those of all open requests. */
static void set_phase(struct fcgi *c) {
    bool any[PS_PHASE_DRAIN + 1] = {false};
    for (const struct ps_request *rq = c->open; rq != NULL; rq = rq->next) {
        if (rq->input == PARAMS)
            any[PS_PHASE_HEAD] = true;
        else if (is_held(rq))
            any[PS_PHASE_DRAIN] = true;
        else
            any[rq->input == STDIN ? PS_PHASE_BODY : PS_PHASE_BUSY] = true;
    }
    c->wire.phase = any[PS_PHASE_HEAD] || (c->open == NULL && !ps_fcgi_idle(&c->records)) ? PS_PHASE_HEAD
                    : any[PS_PHASE_BODY]                                                  ? PS_PHASE_BODY
                    : any[PS_PHASE_DRAIN]                                                 ? PS_PHASE_DRAIN
                    : any[PS_PHASE_BUSY]                                                  ? PS_PHASE_BUSY
                                                                                          : PS_PHASE_IDLE;
}

/* ---- output ---- */

static int put_header(struct ps_out *out, uint8_t type, uint16_t id, size_t length) {
    uint8_t header[PS_FCGI_HEADER_LEN];
    ps_fcgi_encode_header(header, type, id, (uint16_t)length, ps_fcgi_padding(length));
    return ps_out_copy(out, ps_span(header, sizeof header));
}

static int put_padding(struct ps_out *out, size_t length) {
    static const uint8_t zeros[8];
    return ps_out_copy(out, ps_span(zeros, ps_fcgi_padding(length)));
}

/* `bytes` as records of a stream, each as large as it can be without padding, the last one padded. */
static int put_stream(struct ps_out *out, uint8_t type, uint16_t id, struct ps_span bytes) {
    int rc = 0;
    while (rc == 0 && bytes.len != 0) {
        struct ps_span content = ps_take(&bytes, ps_min(bytes.len, PS_FCGI_CONTENT_ALIGNED));
        rc = put_header(out, type, id, content.len);
        if (rc == 0) rc = ps_out_borrow(out, content);
        if (rc == 0) rc = put_padding(out, content.len);
    }
    return rc;
}

/* One record of bytes that are about to go. */
static int put_copy(struct ps_out *out, uint8_t type, uint16_t id, struct ps_span content) {
    int rc = put_header(out, type, id, content.len);
    if (rc == 0) rc = ps_out_copy(out, content);
    return rc == 0 ? put_padding(out, content.len) : rc;
}

/* What the application wrote to its error stream goes out just before something else does: a STDERR record that is the last thing
 * a front has read crashes HAProxy 2.6. */
static int put_errors(struct ps_request *rq, struct ps_out *out) {
    struct ps_span text = ps_buf_span(&rq->errors);
    int rc = 0;
    while (rc == 0 && text.len != 0)
        rc = put_copy(out, PS_FCGI_STDERR, rq->id, ps_take(&text, ps_min(text.len, PS_FCGI_CONTENT_ALIGNED)));
    rq->errors.len = 0;
    return rc;
}

/* Nothing is open any more: the connection ends if its front, or we, wanted that.
 *
 * A front that wanted to keep it must not send its next request while we close: FastCGI has no word for that. But nginx keeps a
 * connection only if END_REQUEST is the last of what it has read. So a record that says nothing follows it, and the front closes. */
static int leave(struct fcgi *c, struct ps_out *out) {
    if (c->close) over(c, c->sending ? PS_END_LINGER : PS_END_CLOSE);
    if (c->close || !c->wire.env->draining) return 0;
    over(c, PS_END_LINGER);
    return put_header(out, PS_FCGI_GET_VALUES_RESULT, 0, 0);
}

/* The last records of a request; then nothing more is said of it. */
static int put_end(struct fcgi *c, struct ps_request *rq, struct ps_out *out) {
    uint8_t end[PS_FCGI_SMALL_LEN];
    ps_fcgi_encode_end(end, rq->id, 0, PS_FCGI_REQUEST_COMPLETE);
    int rc = put_errors(rq, out);
    if (rc == 0 && rq->output != SHUT) rc = put_header(out, PS_FCGI_STDOUT, rq->id, 0);
    if (rc == 0) rc = ps_out_copy(out, ps_span(end, sizeof end));
    if (rc < 0) over(c, PS_END_RESET);
    if (rq->input != CLOSED) c->sending = true;
    forget(c, rq);
    c->wire.used = true;
    if (rc == 0 && c->n_open == 0) rc = leave(c, out);
    set_phase(c);
    return rc;
}

static int end_answer(struct fcgi *c, struct ps_request *rq, struct ps_out *out) {
    if (!is_held(rq)) rq->output = HELD;
    if (rq->input >= CLOSED) return put_end(c, rq, out);
    set_phase(c);
    return 0;
}

/* The CGI header block. Status comes last: HAProxy turns a status into 302 when a Location follows it. */
static int append_head(struct ps_buf *b, const struct ps_response *head, const struct ps_answer_plan *plan) {
    uint8_t digits[20], status[3];
    int rc = ps_buf_add(b, ps_response_fields(head));
    if (rc == 0 && plan->delimiter == PS_DELIMITER_LENGTH) {
        rc = ps_buf_add(b, PS_LIT("Content-Length: "));
        if (rc == 0) rc = ps_buf_add(b, ps_format_decimal((uint64_t)plan->length, digits));
        if (rc == 0) rc = ps_buf_add(b, PS_LIT("\r\n"));
    }
    ps_put_decimal(status, (unsigned)head->status, 3);
    if (rc == 0) rc = ps_buf_add(b, PS_LIT("Status: "));
    if (rc == 0) rc = ps_buf_add(b, ps_span(status, sizeof status));
    if (rc == 0) rc = ps_buf_add(b, PS_LIT(" "));
    if (rc == 0) rc = ps_buf_add(b, ps_response_reason(head));
    return rc == 0 ? ps_buf_add(b, PS_LIT("\r\n\r\n")) : rc;
}

/* A block too large for one record goes on in the next. It stands in the list's own buffer, behind the place of a header at
 * `before`, and moves out of it first: more headers come between. */
static int split_head(struct ps_request *rq, size_t before, struct ps_span *body, struct ps_out *out) {
    struct ps_buf *b = ps_out_buf(out), copy;
    size_t start = before + PS_FCGI_HEADER_LEN;
    ps_buf_init(&copy, b->limit);
    int rc = ps_buf_append(&copy, b->data + start, b->len - start);
    struct ps_span block = ps_buf_span(&copy);
    b->len = before;
    while (rc == 0 && block.len > PS_FCGI_CONTENT_ALIGNED)
        rc = put_copy(out, PS_FCGI_STDOUT, rq->id, ps_take(&block, PS_FCGI_CONTENT_ALIGNED));
    struct ps_span first = ps_take(body, ps_min(body->len, PS_FCGI_CONTENT_ALIGNED - block.len));
    if (rc == 0) rc = put_header(out, PS_FCGI_STDOUT, rq->id, block.len + first.len);
    if (rc == 0) rc = ps_out_copy(out, block);
    if (rc == 0) rc = ps_out_borrow(out, first);
    if (rc == 0) rc = put_padding(out, block.len + first.len);
    ps_buf_free(&copy);
    return rc;
}

/* The header block and as much of the body as fits, in one record: HAProxy crashes on a block that ends with its record, and
 * nginx likes it whole. */
static int put_head(struct ps_request *rq, const struct ps_response *head, const struct ps_answer_plan *plan,
                    struct ps_span *body, struct ps_out *out) {
    struct ps_buf *b = ps_out_buf(out);
    uint8_t header[PS_FCGI_HEADER_LEN] = {0}; /* its place: the length is known below */
    size_t before = b->len, start = before + sizeof header;
    int rc = ps_buf_append(b, header, sizeof header);
    if (rc == 0) rc = append_head(b, head, plan);
    if (rc < 0) {
        b->len = before;
        return rc;
    }
    size_t block = b->len - start;
    if (block > PS_FCGI_CONTENT_ALIGNED) return split_head(rq, before, body, out);
    struct ps_span first = ps_take(body, ps_min(body->len, PS_FCGI_CONTENT_ALIGNED - block));
    size_t length = block + first.len;
    ps_fcgi_encode_header(b->data + before, PS_FCGI_STDOUT, rq->id, (uint16_t)length, ps_fcgi_padding(length));
    rc = ps_out_copied(out, before);
    if (rc == 0) rc = ps_out_borrow(out, first);
    return rc == 0 ? put_padding(out, length) : rc;
}

/* An answer without a body whose END_REQUEST has to wait: the end of its STDOUT goes out behind the head, which would
 * otherwise end its record and all that the front has read. */
static int shut(struct ps_request *rq, struct ps_out *out) {
    rq->output = SHUT;
    return put_header(out, PS_FCGI_STDOUT, rq->id, 0);
}

static void break_off(struct fcgi *c, struct ps_request *rq) {
    over(c, PS_END_RESET); /* no front looks at appStatus: only a reset shows that the answer is not whole */
    forget(c, rq);
    set_phase(c);
}

static int finish_write(struct fcgi *c, struct ps_request *rq, int counted, int rc, struct ps_out *out) {
    if (rc < 0 || counted == PS_ESHORT)
        break_off(c, rq);
    else if (rq->answer.ended)
        rc = end_answer(c, rq, out);
    return rc < 0 ? rc : counted;
}

/* Room for all that is copied but the body, so that of an answer without room nothing is written and another may be tried. */
static int reserve(const struct ps_request *rq, const struct ps_response *head, struct ps_out *out) {
    /* Content-Length and Status but for the reason; a record's header and padding. */
    enum { FIELDS_MAX = 64, RECORD_MAX = PS_FCGI_HEADER_LEN + 7 };
    size_t text = rq->errors.len + head->text.len + FIELDS_MAX;
    size_t records = 4 + text / PS_FCGI_CONTENT_ALIGNED; /* STDERR, STDOUT, its end, END_REQUEST */
    return ps_buf_reserve(ps_out_buf(out), text + records * RECORD_MAX);
}

static int respond(struct ps_wire *wire, struct ps_request *rq, const struct ps_response *head, struct ps_span body, bool more,
                   struct ps_out *out) {
    struct fcgi *c = self(wire);
    struct ps_answer_plan plan;
    if (!is_open(c, rq)) return PS_EORDER;
    int rc = ps_answer_begin(rq, head, body.len, more, &plan);
    if (rc < 0) return rc;
    if ((rc = reserve(rq, head, out)) < 0) {
        rq->answer.status = 0;
        return rc;
    }
    int counted = ps_answer_count(rq, &body, more);
    rc = put_errors(rq, out);
    bool bare = body.len == 0;
    rq->output = OPEN;
    if (rc == 0) rc = put_head(rq, head, &plan, &body, out);
    if (rc == 0) rc = put_stream(out, PS_FCGI_STDOUT, rq->id, body);
    if (rc == 0 && bare && rq->answer.ended && rq->input < CLOSED) rc = shut(rq, out);
    return finish_write(c, rq, counted, rc, out);
}

static int send(struct ps_wire *wire, struct ps_request *rq, struct ps_span body, bool more, struct ps_out *out) {
    struct fcgi *c = self(wire);
    if (rq->answer.status == 0) return PS_EORDER;
    bool ended = rq->answer.ended;
    int counted = ps_answer_count(rq, &body, more), rc = 0;
    if (ended || !is_open(c, rq)) return counted;
    if (body.len != 0) {
        rc = put_errors(rq, out);
        if (rc == 0) rc = put_stream(out, PS_FCGI_STDOUT, rq->id, body);
    }
    return finish_write(c, rq, counted, rc, out);
}

static void fail(struct ps_wire *wire, struct ps_request *rq) {
    if (is_open(self(wire), rq)) break_off(self(wire), rq);
}

static int want_body(struct ps_wire *wire, struct ps_request *rq, struct ps_out *out) {
    (void)wire, (void)rq, (void)out; /* the front has dealt with Expect */
    return 0;
}

/* ---- refusals ---- */

/* Answers a request that no application will see. */
static int refuse(struct fcgi *c, struct ps_request *rq, int err, struct ps_out *out) {
    struct ps_response head;
    struct ps_span body;
    char text[PS_REFUSAL_MAX];
    ps_response_init(&head);
    int rc = ps_answer_refusal(err, &head, text, &body);
    if (rc == 0) rc = respond(&c->wire, rq, &head, body, false, out);
    ps_response_free(&head);
    return rc;
}

/* The same for one whose gateway may know it: an ABORT event tells. */
static int refuse_event(struct fcgi *c, struct ps_request *rq, int err, struct ps_event *ev, struct ps_out *out) {
    bool tell = rq->announced;
    *ev = (struct ps_event){.type = PS_EVENT_ABORT, .request = rq};
    if (rq->output == WAITING) {
        int rc = refuse(c, rq, err, out);
        if (rc < 0) return rc;
    } else if (rq->output == OPEN) {
        break_off(c, rq);
    }
    return tell ? 1 : 0;
}

/* The connection itself cannot go on. */
static int refuse_connection(struct fcgi *c, int err) {
    over(c, PS_END_RESET);
    return err;
}

/* ---- management records ---- */

static int put_value(struct ps_buf *b, struct ps_span name, uint64_t value) {
    uint8_t digits[20];
    return ps_fcgi_params_encode(b, name, ps_format_decimal(value, digits));
}

static int answer_value(const struct fcgi *c, struct ps_span name, struct ps_buf *b) {
    const struct ps_limits *limits = &c->wire.env->limits;
    if (ps_span_eq(name, PS_LIT("FCGI_MAX_CONNS"))) return put_value(b, name, limits->connections);
    /* HAProxy, the one front that asks, opens as many on each connection. */
    if (ps_span_eq(name, PS_LIT("FCGI_MAX_REQS"))) return put_value(b, name, limits->multiplex);
    if (ps_span_eq(name, PS_LIT("FCGI_MPXS_CONNS"))) return put_value(b, name, limits->multiplex > 1);
    return 0; /* section 4.1: names we do not know are left out */
}

static int answer_values(struct fcgi *c, struct ps_span asked, struct ps_out *out) {
    struct ps_header pair;
    struct ps_buf values;
    int rc;
    ps_buf_init(&values, PS_FCGI_CONTENT_ALIGNED);
    while ((rc = ps_fcgi_params_next(&asked, &pair)) > 0)
        if ((rc = answer_value(c, pair.name, &values)) < 0) break;
    if (rc == 0) rc = put_header(out, PS_FCGI_GET_VALUES_RESULT, 0, values.len);
    if (rc == 0) rc = ps_out_copy(out, ps_buf_span(&values));
    if (rc == 0) rc = put_padding(out, values.len);
    ps_buf_free(&values);
    return rc;
}

/* Collects a record that means something only as a whole. 1: complete in c->discrete; 0: not yet. */
static int collect(struct fcgi *c, const struct ps_fcgi_event *record) {
    if (record->length > c->discrete.limit) return PS_ERECORD;
    int rc = ps_buf_add(&c->discrete, record->data);
    return rc < 0 ? rc : record->last;
}

static int on_management(struct fcgi *c, const struct ps_fcgi_event *record, struct ps_out *out) {
    if (record->type != PS_FCGI_GET_VALUES) {
        uint8_t unknown[PS_FCGI_SMALL_LEN];
        ps_fcgi_encode_unknown_type(unknown, record->type);
        return record->last ? ps_out_copy(out, ps_span(unknown, sizeof unknown)) : 0;
    }
    int rc = collect(c, record);
    if (rc == 1) {
        rc = answer_values(c, ps_buf_span(&c->discrete), out);
        ps_buf_free(&c->discrete);
    }
    return rc;
}

/* ---- requests ---- */

static int put_refused_begin(struct fcgi *c, uint16_t id, uint8_t status, bool keep, struct ps_out *out) {
    uint8_t end[PS_FCGI_SMALL_LEN];
    ps_fcgi_encode_end(end, id, 0, status);
    if (!keep) c->close = true;
    if (c->n_open == 0 && c->close) over(c, PS_END_LINGER);
    return ps_out_copy(out, ps_span(end, sizeof end));
}

static int begin(struct fcgi *c, uint16_t id, struct ps_out *out) {
    uint16_t role;
    uint8_t flags;
    int rc = ps_fcgi_decode_begin(ps_buf_span(&c->discrete), &role, &flags);
    ps_buf_free(&c->discrete);
    if (rc < 0) return rc;
    bool keep = (flags & PS_FCGI_KEEP_CONN) != 0;
    if (find(c, id) != NULL) return PS_ERECORD; /* undefined by the specification: whose records would follow? */
    if (role != PS_FCGI_RESPONDER) return put_refused_begin(c, id, PS_FCGI_UNKNOWN_ROLE, keep, out);
    const uint32_t most = c->wire.env->limits.multiplex;
    if (c->n_open >= most) return put_refused_begin(c, id, most == 1 ? PS_FCGI_CANT_MPX_CONN : PS_FCGI_OVERLOADED, keep, out);
    struct ps_request *rq = ps_request_new((struct ps_request_pool *)&c->wire.env->pool);
    if (rq == NULL) return PS_ENOMEM;
    rq->id = id;
    rq->keep = keep;
    rq->wants_errors = true;
    rq->next = c->open;
    c->open = rq;
    c->n_open++;
    c->wire.epoch++;
    if (!keep) c->close = true;
    return 0;
}

static int decode_params(struct fcgi *c, struct ps_request *rq) {
    struct ps_header pair;
    size_t joined = rq->arena.len;
    /* Names and values are borrowed from the arena from here on, so it must not move: the path may be joined behind them. */
    int rc = ps_buf_reserve(&rq->arena, joined);
    if (rc < 0) return rc;
    struct ps_span params = ps_span(rq->arena.data, joined);
    while ((rc = ps_fcgi_params_next(&params, &pair)) > 0)
        if ((rc = ps_cgi_param(rq, c->wire.env, pair.name, pair.value)) < 0) break;
    return rc < 0 ? rc : ps_cgi_finish(rq, c->wire.env);
}

static int end_of_params(struct fcgi *c, struct ps_request *rq, struct ps_event *ev, struct ps_out *out) {
    int64_t limit = c->wire.env->limits.body;
    rq->input = STDIN;
    c->wire.epoch++;
    if (rq->output != WAITING) return 0; /* refused already: not all of them were kept */
    int rc = decode_params(c, rq);
    if (rc == 0 && limit != 0 && rq->content_length > limit) rc = PS_EBODYLONG;
    if (rc < 0) return refuse(c, rq, rc, out);
    if (rq->content_length == 0) {
        rq->input = TAIL;
        c->ended = rq;
    }
    rq->announced = true;
    *ev = (struct ps_event){.type = PS_EVENT_REQUEST, .request = rq};
    return 1;
}

static int on_params(struct fcgi *c, struct ps_request *rq, const struct ps_fcgi_event *record, struct ps_event *ev,
                     struct ps_out *out) {
    if (rq->input != PARAMS) return PS_ERECORD;
    if (record->length == 0) return end_of_params(c, rq, ev, out);
    if (rq->output != WAITING) return 0; /* refused already: the rest only has to be read */
    if (rq->arena.len + record->data.len > c->wire.env->limits.head) return refuse(c, rq, PS_EHEADLONG, out);
    return ps_buf_add(&rq->arena, record->data);
}

static int end_of_stdin(struct fcgi *c, struct ps_request *rq, struct ps_event *ev, struct ps_out *out) {
    bool cut_short = rq->input == STDIN && rq->content_length > rq->received;
    bool complete = rq->input == STDIN && rq->announced && rq->output == WAITING;
    rq->input = CLOSED;
    if (is_held(rq)) return put_end(c, rq, out);
    if (cut_short && rq->announced) return refuse_event(c, rq, PS_EEOF, ev, out);
    if (!complete) return 0;
    *ev = (struct ps_event){.type = PS_EVENT_END, .request = rq};
    return 1;
}

static int on_stdin(struct fcgi *c, struct ps_request *rq, const struct ps_fcgi_event *record, struct ps_event *ev,
                    struct ps_out *out) {
    if (rq->input == PARAMS) return PS_ERECORD;
    if (rq->input == CLOSED) return 0;
    if (record->length == 0) return end_of_stdin(c, rq, ev, out);
    ps_wire_received(&c->wire, rq, record->data.len);
    if (!rq->announced || rq->output != WAITING) return 0; /* nobody wants it; it has to be read all the same */
    int64_t limit = c->wire.env->limits.body;
    if (limit != 0 && rq->received > limit) return refuse_event(c, rq, PS_EBODYLONG, ev, out);
    if (rq->content_length >= 0 && rq->received > rq->content_length) return refuse_event(c, rq, PS_ELENGTH, ev, out);
    if (rq->received == rq->content_length) {
        rq->input = TAIL;
        c->ended = rq;
    }
    *ev = (struct ps_event){.type = PS_EVENT_BODY, .request = rq, .data = record->data};
    return 1;
}

static int on_abort(struct fcgi *c, struct ps_request *rq, struct ps_event *ev, struct ps_out *out) {
    bool tell = rq->announced && !is_held(rq); /* an answer that is complete cannot be given up, nor one given up again */
    *ev = (struct ps_event){.type = PS_EVENT_ABORT, .request = rq};
    rq->answer.ended = true; /* whatever the application still writes is dropped */
    int rc = put_end(c, rq, out);
    return rc < 0 ? rc : tell;
}

static int on_record(struct fcgi *c, const struct ps_fcgi_event *record, struct ps_event *ev, struct ps_out *out) {
    if (record->request_id == 0) return on_management(c, record, out);
    if (record->type == PS_FCGI_BEGIN_REQUEST) {
        int rc = collect(c, record);
        return rc == 1 ? begin(c, record->request_id, out) : rc;
    }
    struct ps_request *rq = find(c, record->request_id);
    if (rq == NULL) return 0; /* section 3.3: records for ids that are not active are ignored */
    switch (record->type) {
    case PS_FCGI_PARAMS: return on_params(c, rq, record, ev, out);
    case PS_FCGI_STDIN: return on_stdin(c, rq, record, ev, out);
    case PS_FCGI_ABORT_REQUEST: return record->last ? on_abort(c, rq, ev, out) : 0;
    default: return 0; /* DATA belongs to the Filter role; the rest to the other direction */
    }
}

/* False: whoever was told of the request has finished with it meanwhile. */
static bool end_event(struct fcgi *c, struct ps_event *ev) {
    *ev = (struct ps_event){.type = PS_EVENT_END, .request = c->ended};
    c->ended = NULL;
    set_phase(c);
    return ev->request->announced;
}

static int next(struct ps_wire *wire, struct ps_span *in, struct ps_event *ev, struct ps_out *out) {
    struct fcgi *c = self(wire);
    struct ps_fcgi_event record;
    int rc = 0;
    if (c->ended != NULL && end_event(c, ev)) return 1;
    while (rc == 0 && wire->end == PS_END_NONE && (rc = ps_fcgi_next(&c->records, in, &record)) > 0)
        rc = on_record(c, &record, ev, out);
    if (rc < 0) return refuse_connection(c, rc);
    if (wire->end != PS_END_NONE) ps_drop(in, in->len);
    set_phase(c);
    return rc;
}

/* A front that goes away gives up every request it had open. */
static int eof(struct ps_wire *wire, struct ps_event *ev, struct ps_out *out) {
    struct fcgi *c = self(wire);
    (void)out;
    while (c->open != NULL) {
        struct ps_request *rq = c->open;
        bool tell = rq->announced && !is_held(rq);
        *ev = (struct ps_event){.type = PS_EVENT_ABORT, .request = rq};
        rq->answer.ended = true;
        forget(c, rq);
        if (tell) return 1;
    }
    over(c, PS_END_CLOSE);
    return 0;
}

/* One that waits for its peer. Within a record nothing but the end of an answer is left to give. */
static struct ps_request *find_slow(const struct fcgi *c, bool stuck) {
    struct ps_request *rq = c->open;
    while (rq != NULL && !is_held(rq) && (stuck || (rq->input != PARAMS && rq->input != STDIN))) rq = rq->next;
    return rq;
}

/* Requests whose peer is too slow are answered and ended without waiting for the rest of them; the others go on. A peer that stopped
 * within a record can say nothing more, but an answer it has got still gets its end: nginx stops sending a body, wherever it is, once
 * the answer begins. */
static int expire(struct ps_wire *wire, struct ps_event *ev, struct ps_out *out) {
    struct fcgi *c = self(wire);
    struct ps_request *rq;
    const bool stuck = !ps_fcgi_idle(&c->records);
    if (c->open == NULL) {
        over(c, PS_END_CLOSE);
        return 0;
    }
    while ((rq = find_slow(c, stuck)) != NULL) {
        rq->input = GIVEN_UP;
        int rc = is_held(rq) ? put_end(c, rq, out) : refuse_event(c, rq, PS_ETIMEOUT, ev, out);
        if (rc != 0) return rc;
    }
    if (stuck) over(c, c->open != NULL ? PS_END_RESET : PS_END_LINGER);
    set_phase(c);
    return 0;
}

const struct ps_protocol ps_proto_fcgi = {
    .name = "fcgi",
    .state_bytes = sizeof(struct fcgi),
    .peer_keeps = true,
    .broken = {(const uint8_t *)"\0\0\0\0\0\0\0", PS_FCGI_HEADER_LEN}, /* a record of no version that there is */
    .init = init,
    .release = release,
    .next = next,
    .eof = eof,
    .expire = expire,
    .want_body = want_body,
    .respond = respond,
    .send = send,
    .fail = fail,
};

/* proto_http1.c - HTTP/1.0 and HTTP/1.1 on one connection: keep-alive, pipelining, 100-continue, framing of the answer.
 *
 * One request at a time. What a peer pipelines behind it stays unread until the answer is complete, so answers are in order and
 * a peer cannot make us hold more than one request.
 *
 *   input:   HEAD --head complete--> BODY --last byte--> WAIT --answer complete--> HEAD
 *              \--refused--> OVER      \--answer complete--> SKIP --last byte--> HEAD
 *   An answer that says "close" goes to OVER instead of HEAD. */
#include <assert.h>

#include "base/bytes.h"
#include "codec/http1.h"
#include "codec/http1_body.h"
#include "codec/http1_write.h"
#include "protocol/answer.h"
#include "protocol/protocol.h"

enum input {
    HEAD, /* reading a head, or nothing yet */
    BODY, /* reading the body for the application */
    WAIT, /* the request is complete; its answer is not */
    SKIP, /* the answer is complete; the rest of the body is dropped */
    OVER  /* nothing more is read */
};

enum framing { PLAIN, CHUNKED };

struct http1 {
    struct ps_wire wire;
    struct ps_http1 head;
    struct ps_http1_body body;
    struct ps_request *rq; /* the one being read or answered; NULL while idle */
    uint32_t skipped;      /* bytes of body dropped after the answer */
    uint8_t input;         /* enum input */
    uint8_t framing;       /* enum framing, of the answer under way */
    bool end_due;          /* an END event follows the REQUEST */
    bool close;            /* the answer's head said so */
    bool http10;           /* the request's version: no chunked coding, keep-alive only when asked for */
};

static struct http1 *self(struct ps_wire *wire) { return (struct http1 *)wire; }

static void init(struct ps_wire *wire) {
    self(wire)->input = HEAD;
    wire->phase = PS_PHASE_IDLE;
}

static void drop_request(struct http1 *c) {
    if (c->rq == NULL) return;
    ps_request_unref(c->rq);
    c->rq = NULL;
}

static void release(struct ps_wire *wire) { drop_request(self(wire)); }

static void over(struct http1 *c, uint8_t end) {
    c->input = OVER;
    c->wire.blocked = false;
    if (c->wire.end < end) c->wire.end = end;
}

/* ---- requests ---- */

/* Appends the bytes to the request's arena, whose room was reserved: spans into it stay. */
static struct ps_span keep(struct ps_request *rq, struct ps_span bytes) {
    size_t at = rq->arena.len;
    assert(rq->arena.cap - at >= bytes.len);
    if (bytes.len != 0) memcpy(rq->arena.data + at, bytes.ptr, bytes.len);
    rq->arena.len += bytes.len;
    return ps_span(rq->arena.data + at, bytes.len);
}

/* The decoded path. Escapes are two digits each: the codec has checked. */
static struct ps_span decode_path(struct ps_request *rq, struct ps_span path) {
    if (path.len == 0 || memchr(path.ptr, '%', path.len) == NULL) return path;
    uint8_t *start = rq->arena.data + rq->arena.len, *out = start;
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] != '%') {
            *out++ = path.ptr[i];
            continue;
        }
        *out++ = (uint8_t)(ps_hex(path.ptr[i + 1]) << 4 | ps_hex(path.ptr[i + 2]));
        i += 2;
    }
    rq->arena.len += (size_t)(out - start);
    return ps_span(start, (size_t)(out - start));
}

/* Field offsets become spans, names become lower case (in the copy, which is ours to change). */
static void take_fields(struct ps_request *rq, const struct ps_http1_head *head, uint8_t *copy) {
    for (uint32_t i = 0; i < head->n_fields; i++) {
        const struct ps_http1_field *f = &head->fields[i];
        struct ps_span name = ps_span(copy + f->name, f->name_len);
        ps_lower_into(copy + f->name, name);
        rq->headers[i] = (struct ps_header){name, ps_span(copy + f->value, f->value_len)};
    }
    rq->n_headers = head->n_fields;
}

/* An absolute-form target overrides Host (RFC 9112, section 3.2.2), or stands in for the one HTTP/1.0 may leave out. */
static void override_host(struct ps_request *rq, struct ps_span authority) {
    uint32_t i = 0;
    while (i < rq->n_headers && !ps_span_eq(rq->headers[i].name, PS_LIT("host"))) i++;
    if (i == rq->n_headers) rq->n_headers++;
    rq->headers[i] = (struct ps_header){PS_LIT("host"), authority};
}

/* Where the socket has no address (unix), the name the client used is the best there is. */
static void take_ends(struct ps_request *rq, const struct ps_wire *wire, struct ps_span authority) {
    rq->local = *wire->local;
    rq->peer = *wire->peer;
    rq->remote_addr = ps_endpoint_address(&rq->peer);
    rq->remote_port = ps_endpoint_port(&rq->peer);
    rq->server_name = ps_endpoint_address(&rq->local);
    rq->server_port = ps_endpoint_port(&rq->local);
    if (rq->server_name.len != 0) return;
    struct ps_span host = ps_authority_host(authority), port = authority;
    ps_drop(&port, ps_min(host.len + 1, port.len));
    rq->server_name = host.len != 0 ? host : PS_LIT("localhost");
    rq->server_port = port.len != 0 ? port : PS_LIT("80");
}

static struct ps_span moved(struct ps_span s, const uint8_t *from, const uint8_t *to) {
    return s.len == 0 ? s : ps_span(to + (s.ptr - from), s.len);
}

/* The head, copied into the request's own memory: from here on the input may go. */
static int take_head(struct http1 *c, const struct ps_http1_head *head) {
    struct ps_request *rq = c->rq;
    int rc = ps_buf_reserve(&rq->arena, head->bytes.len + head->path.len);
    if (rc < 0) return rc;
    const uint8_t *from = head->bytes.ptr;
    uint8_t *copy = rq->arena.data;
    keep(rq, head->bytes);
    take_fields(rq, head, copy);
    struct ps_span authority = moved(head->authority, from, copy);
    if (head->form == PS_FORM_ABSOLUTE) override_host(rq, authority);
    rq->method = moved(head->method, from, copy);
    rq->target = moved(head->target, from, copy);
    rq->query = moved(head->query, from, copy);
    rq->protocol = moved(head->protocol, from, copy);
    rq->scheme = PS_LIT("http");
    ps_request_set_path(rq, c->wire.env->root_path, decode_path(rq, moved(head->path, from, copy)));
    take_ends(rq, &c->wire, authority);
    rq->content_length = head->content_length;
    rq->has_body = head->body != PS_BODY_NONE;
    rq->is_head = ps_span_eq(rq->method, PS_LIT("HEAD"));
    rq->keep = head->keep_alive;
    c->http10 = head->minor == 0;
    rq->expect_continue = head->expect_continue && head->content_length != 0;
    return 0;
}

/* ---- refusals ---- */

static int encode_head(const struct http1 *c, const struct ps_response *head, const struct ps_answer_plan *plan, bool kept,
                       struct ps_out *out) {
    static const uint8_t framing[] = {[PS_DELIMITER_NONE] = PS_FRAMING_NONE, [PS_DELIMITER_LENGTH] = PS_FRAMING_LENGTH};
    struct ps_http1_answer a = {
        .status = head->status,
        .reason = ps_response_reason(head),
        .fields = ps_response_fields(head),
        .date = head->has_date ? ps_span(NULL, 0) : ps_span(c->wire.env->date, sizeof c->wire.env->date),
        .length = plan->length < 0 ? 0 : (uint64_t)plan->length,
        .framing = plan->delimiter != PS_DELIMITER_OPEN ? framing[plan->delimiter]
                   : c->http10                          ? (uint8_t)PS_FRAMING_CLOSE
                                                        : (uint8_t)PS_FRAMING_CHUNKED,
        .connection = !kept       ? PS_CONNECTION_CLOSE
                      : c->http10 ? PS_CONNECTION_KEEP_ALIVE
                                  : PS_CONNECTION_DEFAULT,
    };
    size_t before = ps_out_buf(out)->len;
    int rc = ps_http1_encode_head(&a, ps_out_buf(out));
    return rc < 0 ? rc : ps_out_copied(out, before);
}

/* Answers a message that never became a request, or whose body cannot be read, and ends the connection: where it ends, and so
 * where the next one would begin, is not known. Returns err. */
static int refuse(struct http1 *c, int err, struct ps_out *out) {
    struct ps_response head;
    struct ps_span body;
    char text[PS_REFUSAL_MAX];
    bool answered = c->rq != NULL && c->rq->answer.status != 0;
    over(c, PS_END_LINGER);
    if (answered || ps_err_status(err) == 0) {
        if (answered && !c->rq->answer.ended) over(c, PS_END_RESET);
        if (answered) c->rq->answer.ended = true;
        return err;
    }
    ps_response_init(&head);
    if (ps_answer_refusal(err, &head, text, &body) == 0) {
        struct ps_answer_plan plan = {PS_DELIMITER_LENGTH, (int64_t)body.len};
        if (c->rq != NULL && c->rq->is_head) body.len = 0;
        if (encode_head(c, &head, &plan, false, out) == 0) (void)ps_out_copy(out, body);
    }
    if (c->rq != NULL) c->rq->answer = (struct ps_answer){.status = head.status, .ended = true}; /* nobody else answers it */
    ps_response_free(&head);
    return err;
}

/* Out of memory or a broken body after the request was announced: whoever holds the request must know. */
static int refuse_announced(struct http1 *c, int err, struct ps_event *ev, struct ps_out *out) {
    (void)refuse(c, err, out);
    *ev = (struct ps_event){.type = PS_EVENT_ABORT, .request = c->rq};
    return c->rq->announced ? 1 : err;
}

/* ---- input ---- */

static int begin_request(struct http1 *c) {
    const struct ps_limits *limits = &c->wire.env->limits;
    struct ps_http1_limits codec = {limits->line, limits->field, limits->head, limits->fields};
    c->rq = ps_request_new((struct ps_request_pool *)&c->wire.env->pool);
    if (c->rq == NULL) return PS_ENOMEM;
    ps_http1_init(&c->head, &codec, c->rq->scratch);
    return 0;
}

/* Nothing, or the empty line that may stand before a head (RFC 9112, section 2.2): a peer that says no more waits for no
 * answer. */
static bool is_blank(struct ps_span in) { return ps_span_starts(PS_LIT("\r\n"), in); }

static int next_head(struct http1 *c, struct ps_span *in, struct ps_event *ev, struct ps_out *out) {
    struct ps_http1_head head;
    int rc;
    if (c->rq == NULL && is_blank(*in)) return 0;
    if (c->rq == NULL && (rc = begin_request(c)) < 0) return refuse(c, rc, out);
    rc = ps_http1_next(&c->head, in, &head);
    if (rc == 0) {
        c->wire.phase = PS_PHASE_HEAD;
        return 0;
    }
    if (rc < 0 || (rc = take_head(c, &head)) < 0) return refuse(c, rc, out);
    int64_t limit = c->wire.env->limits.body;
    if (limit != 0 && c->rq->content_length > limit) return refuse(c, PS_EBODYLONG, out);
    if (c->rq->has_body) ps_http1_body_init(&c->body, c->rq->content_length, c->wire.env->limits.head);
    if (in->len != 0) c->rq->expect_continue = false; /* the peer did not wait */
    c->end_due = !c->rq->has_body || c->rq->content_length == 0;
    c->input = BODY;
    c->close = false;
    c->skipped = 0;
    c->wire.phase = PS_PHASE_BODY;
    c->rq->announced = true;
    *ev = (struct ps_event){.type = PS_EVENT_REQUEST, .request = c->rq};
    return 1;
}

static int end_of_request(struct http1 *c, struct ps_event *ev) {
    c->end_due = false;
    c->input = WAIT;
    c->wire.phase = PS_PHASE_BUSY;
    c->wire.blocked = true;
    *ev = (struct ps_event){.type = PS_EVENT_END, .request = c->rq};
    return 1;
}

static int next_body(struct http1 *c, struct ps_span *in, struct ps_event *ev, struct ps_out *out) {
    struct ps_request *rq = c->rq;
    struct ps_span data;
    if (c->end_due) return end_of_request(c, ev);
    int rc = ps_http1_body_next(&c->body, in, &data);
    if (rc < 0) return refuse_announced(c, rc, ev, out);
    if (rc == 0) return 0;
    if (rc == PS_BODY_END) return end_of_request(c, ev);
    ps_wire_received(&c->wire, rq, data.len);
    rq->expect_continue = false;
    int64_t limit = c->wire.env->limits.body;
    if (limit != 0 && rq->received > limit) return refuse_announced(c, PS_EBODYLONG, ev, out);
    *ev = (struct ps_event){.type = PS_EVENT_BODY, .request = rq, .data = data};
    return 1;
}

/* Ready for the next request on the connection. */
static void next_message(struct http1 *c) {
    drop_request(c);
    c->wire.used = true;
    c->wire.blocked = false;
    c->wire.epoch++;
    if (c->close) {
        over(c, PS_END_CLOSE);
        return;
    }
    c->input = HEAD;
    c->wire.phase = PS_PHASE_IDLE;
}

static int skip_body(struct http1 *c, struct ps_span *in) {
    struct ps_span data;
    int rc;
    while ((rc = ps_http1_body_next(&c->body, in, &data)) == PS_BODY_DATA) {
        c->skipped += (uint32_t)ps_min(data.len, UINT32_MAX - c->skipped);
        if (c->skipped > c->wire.env->limits.drain) {
            over(c, PS_END_LINGER);
            return 0;
        }
    }
    if (rc == PS_BODY_END) next_message(c);
    if (rc < 0) over(c, PS_END_LINGER);
    return rc < 0 ? rc : 0;
}

static int next(struct ps_wire *wire, struct ps_span *in, struct ps_event *ev, struct ps_out *out) {
    struct http1 *c = self(wire);
    if (c->input == SKIP) {
        int rc = skip_body(c, in);
        if (rc < 0) return rc;
    }
    switch (c->input) {
    case HEAD: return next_head(c, in, ev, out);
    case BODY: return next_body(c, in, ev, out);
    case OVER: ps_drop(in, in->len); return 0;
    default: return 0;
    }
}

/* A peer that sent its last byte may still want its answer: only what is incomplete is given up. */
static int eof(struct ps_wire *wire, struct ps_event *ev, struct ps_out *out) {
    struct http1 *c = self(wire);
    switch (c->input) {
    case HEAD:
        if (c->rq != NULL) return refuse(c, PS_EEOF, out);
        over(c, PS_END_CLOSE);
        return 0;
    case BODY: return refuse_announced(c, PS_EEOF, ev, out);
    case SKIP: over(c, PS_END_CLOSE); return 0;
    default: return 0;
    }
}

static int expire(struct ps_wire *wire, struct ps_event *ev, struct ps_out *out) {
    struct http1 *c = self(wire);
    switch (c->input) {
    case HEAD:
        if (c->rq != NULL) return refuse(c, PS_ETIMEOUT, out);
        over(c, PS_END_CLOSE);
        return 0;
    case BODY: return refuse_announced(c, PS_ETIMEOUT, ev, out);
    case SKIP: over(c, PS_END_CLOSE); return 0;
    default: return 0;
    }
}

/* ---- output ---- */

static int want_body(struct ps_wire *wire, struct ps_request *rq, struct ps_out *out) {
    if (self(wire)->rq != rq || !rq->expect_continue) return 0;
    rq->expect_continue = false;
    return ps_out_copy(out, PS_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
}

/* Whether the connection can go on after this answer. A body still on its way is read to its end if that is near enough. */
static bool may_keep(const struct http1 *c, const struct ps_answer_plan *plan) {
    const struct ps_request *rq = c->rq;
    if (!rq->keep || c->close || c->wire.env->draining) return false;
    if (plan->delimiter == PS_DELIMITER_OPEN && c->http10) return false;
    if (c->input != BODY) return true;
    if (rq->expect_continue) return false; /* the peer may or may not send it: only a new connection is certain */
    return rq->content_length < 0 || rq->content_length - rq->received <= c->wire.env->limits.drain;
}

static void answer_complete(struct http1 *c) {
    if (c->input == WAIT) {
        next_message(c);
    } else if (c->close) {
        drop_request(c);
        over(c, PS_END_LINGER);
    } else {
        c->input = SKIP;
        c->wire.phase = PS_PHASE_DRAIN;
    }
}

/* A body that falls short: with a length or chunks the missing end shows; where the end of the connection is the end of the
 * body, only a reset can tell. */
static void break_off(struct http1 *c) {
    over(c, c->framing == PLAIN && c->rq->answer.remaining < 0 ? PS_END_RESET : PS_END_CLOSE);
    drop_request(c);
}

static int write_body(struct http1 *c, struct ps_span body, bool more, struct ps_out *out) {
    struct ps_request *rq = c->rq;
    int counted = ps_answer_count(rq, &body, more), rc = 0;
    bool chunked = c->framing == CHUNKED && !rq->answer.bodyless;
    if (body.len != 0 && chunked) {
        uint8_t line[PS_HTTP1_CHUNK_HEAD_MAX];
        rc = ps_out_copy(out, ps_http1_encode_chunk(body.len, line));
    }
    if (rc == 0 && body.len != 0) rc = ps_out_borrow(out, body);
    if (rc == 0 && body.len != 0 && chunked) rc = ps_out_copy(out, PS_LIT("\r\n"));
    if (rc == 0 && chunked && rq->answer.ended) rc = ps_out_copy(out, PS_LIT("0\r\n\r\n"));
    if (rc < 0 || counted == PS_ESHORT)
        break_off(c);
    else if (rq->answer.ended)
        answer_complete(c);
    return rc < 0 ? rc : counted;
}

static int respond(struct ps_wire *wire, struct ps_request *rq, const struct ps_response *head, struct ps_span body, bool more,
                   struct ps_out *out) {
    struct http1 *c = self(wire);
    struct ps_answer_plan plan;
    if (c->rq != rq) return PS_EORDER;
    int rc = ps_answer_begin(rq, head, body.len, more, &plan);
    if (rc < 0) return rc;
    c->close = !may_keep(c, &plan);
    c->framing = plan.delimiter == PS_DELIMITER_OPEN && !c->http10 ? CHUNKED : PLAIN;
    rc = encode_head(c, head, &plan, !c->close, out);
    if (rc < 0) {
        rq->answer.status = 0; /* nothing was written: another answer may be tried */
        return rc;
    }
    return write_body(c, body, more, out);
}

static int send(struct ps_wire *wire, struct ps_request *rq, struct ps_span body, bool more, struct ps_out *out) {
    struct http1 *c = self(wire);
    if (rq->answer.status == 0) return PS_EORDER;
    if (c->rq != rq || rq->answer.ended) return ps_answer_count(rq, &body, more); /* only bytes beyond the length matter */
    return write_body(c, body, more, out);
}

static void fail(struct ps_wire *wire, struct ps_request *rq) {
    struct http1 *c = self(wire);
    if (c->rq == rq) break_off(c);
}

const struct ps_protocol ps_proto_http1 = {
    .name = "http",
    .state_bytes = sizeof(struct http1),
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

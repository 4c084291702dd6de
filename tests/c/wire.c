#include "wire.h"

#include <stdlib.h>

#include "base/bytes.h"

enum { OUT_MAX = 64 << 20, KEPT_MAX = 4 << 20, BODY_SHOWN = 300 };

static struct wire_request *told(struct ps_request *rq) { return (struct wire_request *)rq; }

static void on_new(struct ps_request *rq) { ps_buf_init(&told(rq)->body, KEPT_MAX); }

static void on_clear(struct ps_request *rq) { ps_buf_free(&told(rq)->body); }

static struct ps_endpoint endpoint(const char *address, const char *port) {
    struct ps_endpoint e = {.address_len = (uint8_t)strlen(address), .port_len = (uint8_t)strlen(port)};
    memcpy(e.address, address, e.address_len);
    memcpy(e.port, port, e.port_len);
    return e;
}

struct ps_limits wire_limits(void) {
    return (struct ps_limits){.line = 8192,
                              .field = 8192,
                              .fields = 100,
                              .head = 16 * 1024,
                              .body = 1 << 20,
                              .drain = 1000,
                              .multiplex = 4,
                              .connections = 100};
}

void wire_open(struct wire *w, const struct ps_protocol *protocol, const struct ps_limits *limits) {
    *w = (struct wire){.local = endpoint("127.0.0.1", "8000"), .peer = endpoint("192.0.2.1", "5000")};
    w->env.limits = limits != NULL ? *limits : wire_limits();
    w->env.pool = (struct ps_request_pool){.object_bytes = sizeof(struct wire_request),
                                           .fields = w->env.limits.fields,
                                           .scratch_bytes = w->env.limits.fields * PS_REQUEST_SCRATCH_PER_FIELD,
                                           .arena_limit = 2 * (size_t)w->env.limits.head + 4096,
                                           .keep = 8,
                                           .init = on_new,
                                           .clear = on_clear};
    memcpy(w->env.date, WIRE_DATE, sizeof w->env.date);
    ps_out_init(&w->out, OUT_MAX);
    ps_buf_init(&w->kept, KEPT_MAX);
    ps_buf_init(&w->sent, OUT_MAX);
    w->state = calloc(1, protocol->state_bytes);
    if (w->state == NULL) abort();
    w->state->protocol = protocol;
    w->state->env = &w->env;
    w->state->local = &w->local;
    w->state->peer = &w->peer;
    protocol->init(w->state);
}

void wire_done(struct wire *w, size_t n) {
    struct ps_request *rq = wire_request(w, n);
    w->requests[n - 1] = NULL;
    rq->announced = false;
    ps_request_unref(rq);
}

void wire_close(struct wire *w) {
    w->state->protocol->release(w->state);
    free(w->state);
    for (size_t i = 1; i <= w->n_requests; i++)
        if (w->requests[i - 1] != NULL) wire_done(w, i);
    ps_request_pool_free(&w->env.pool); /* a request still held would be seen as a leak */
    ps_out_consume(&w->out, w->out.size, &w->owners);
    ps_out_free(&w->out);
    free(w->owners.list);
    ps_buf_free(&w->kept);
    ps_buf_free(&w->sent);
    text_free(&w->said);
}

struct ps_request *wire_request(struct wire *w, size_t n) {
    if (CHECK(n >= 1 && n <= w->n_requests) && CHECK(w->requests[n - 1] != NULL)) return w->requests[n - 1];
    exit(harness_report() | 1); /* nothing that follows would mean anything */
}

/* ---- input ---- */

static size_t number_of(const struct wire *w, const struct ps_request *rq) {
    if (rq->id != 0) return rq->id;
    for (size_t i = 0; i < w->n_requests; i++)
        if (w->requests[i] == rq) return i + 1;
    return 0;
}

static void say_body(struct wire *w, struct ps_request *rq) {
    struct ps_buf *body = &told(rq)->body;
    if (body->len == 0) return;
    text_add(&w->said, "BODY %zu ", number_of(w, rq));
    if (body->len > BODY_SHOWN)
        text_add(&w->said, "{%zu}", body->len);
    else
        text_add_escaped(&w->said, ps_buf_span(body));
    text_add(&w->said, "\n");
    ps_buf_free(body);
}

static void begin(struct wire *w, struct ps_request *rq) {
    struct ps_span path[] = {rq->method, rq->script_name, rq->path_info};
    if (!CHECK(w->n_requests < WIRE_REQUESTS)) exit(harness_report() | 1);
    CHECK(rq->announced);
    w->requests[w->n_requests++] = ps_request_ref(rq);
    text_add(&w->said, "REQUEST %zu ", number_of(w, rq));
    for (size_t i = 0; i < 3; i++) {
        text_add_escaped(&w->said, path[i]);
        if (i == 0) text_add(&w->said, " ");
    }
    if (rq->query.len != 0) text_add(&w->said, "?%.*s", (int)rq->query.len, (const char *)rq->query.ptr);
    text_add(&w->said, "\n");
    if (rq->expect_continue) CHECK(w->state->protocol->want_body(w->state, rq, &w->out) == 0);
}

static void on_event(struct wire *w, const struct ps_event *ev) {
    struct ps_request *rq = ev->request;
    if (ev->type == PS_EVENT_REQUEST) {
        begin(w, rq);
        return;
    }
    if (ev->type == PS_EVENT_BODY) {
        CHECK(ev->data.len != 0);
        CHECK_INT(ps_buf_add(&told(rq)->body, ev->data), 0);
        return;
    }
    say_body(w, rq);
    text_add(&w->said, "%s %zu\n", ev->type == PS_EVENT_END ? "END" : "ABORT", number_of(w, rq));
    if (ev->type == PS_EVENT_END && w->on_end != NULL) w->on_end(w, rq);
}

static void note_error(struct wire *w, int rc) {
    if (rc >= 0) return;
    text_add(&w->said, "error %s\n", ps_err_name(rc));
    CHECK(w->state->end != PS_END_NONE);
    w->failed = true;
}

/* All that the protocol makes of these bytes. */
static void present(struct wire *w, struct ps_span *in) {
    struct ps_event ev;
    int rc = 0;
    do {
        const struct ps_span before = *in;
        rc = w->state->protocol->next(w->state, in, &ev, &w->out);
        CHECK(in->len <= before.len && in->ptr + in->len == before.ptr + before.len);
        if (rc > 0) on_event(w, &ev);
    } while (rc > 0);
    note_error(w, rc);
}

static void pull(struct wire *w, int (*verb)(struct ps_wire *, struct ps_event *, struct ps_out *)) {
    struct ps_event ev;
    int rc;
    while ((rc = verb(w->state, &ev, &w->out)) > 0) on_event(w, &ev);
    note_error(w, rc);
}

static void present_kept(struct wire *w) {
    const size_t len = w->kept.len;
    uint8_t *copy = malloc(len);
    if (copy == NULL) abort();
    memcpy(copy, w->kept.data, len);
    struct ps_span in = ps_span(copy, len);
    present(w, &in);
    ps_buf_consume(&w->kept, len - in.len);
    free(copy);
}

/* What waits, unless it waits for an answer; then the end. */
static void go_on(struct wire *w) {
    if (!w->failed && !w->state->blocked && w->kept.len != 0) present_kept(w);
    if (!w->eof || w->failed || w->state->blocked || w->state->end != PS_END_NONE) return;
    w->eof = false;
    pull(w, w->state->protocol->eof);
}

void wire_feed(struct wire *w, struct ps_span bytes) {
    CHECK_INT(ps_buf_add(&w->kept, bytes), 0);
    go_on(w);
}

void wire_eof(struct wire *w) {
    w->eof = true;
    go_on(w);
}

void wire_expire(struct wire *w) { pull(w, w->state->protocol->expire); }

/* ---- output ---- */

static void build_head(struct ps_response *head, const char *status, const char *fields) {
    ps_response_init(head);
    CHECK_INT(ps_response_begin(head, ps_span(status, strlen(status))), 0);
    for (const char *end; *fields != '\0'; fields = end + 1) {
        end = strchr(fields, '\n');
        const char *colon = strchr(fields, ':');
        struct ps_span value = ps_span(colon + 1, (size_t)(end - colon) - 1);
        CHECK_INT(ps_response_add(head, ps_span(fields, (size_t)(colon - fields)), value), 0);
    }
}

int wire_respond(struct wire *w, struct ps_request *rq, const char *status, const char *fields, struct ps_span body,
                 bool more) {
    struct ps_response head;
    build_head(&head, status, fields);
    int rc = w->state->protocol->respond(w->state, rq, &head, body, more, &w->out);
    ps_response_free(&head);
    go_on(w);
    return rc;
}

int wire_send(struct wire *w, struct ps_request *rq, struct ps_span body, bool more) {
    int rc = w->state->protocol->send(w->state, rq, body, more, &w->out);
    go_on(w);
    return rc;
}

void wire_fail(struct wire *w, struct ps_request *rq) {
    w->state->protocol->fail(w->state, rq);
    go_on(w);
}

void wire_echo(struct wire *w, struct ps_request *rq) {
    char text[512]; /* short enough to be copied */
    int n = snprintf(text, sizeof text, "%.*s %.*s %lld\n", (int)rq->method.len, (const char *)rq->method.ptr,
                     (int)ps_min(rq->path_info.len, 400), (const char *)rq->path_info.ptr, (long long)rq->received);
    struct ps_response head;
    build_head(&head, "200 OK", "");
    CHECK_INT(w->state->protocol->respond(w->state, rq, &head, ps_span(text, (size_t)n), false, &w->out), 0);
    ps_response_free(&head);
}

struct ps_span wire_sent(struct wire *w) {
    w->sent.len = 0;
    for (size_t i = 0; i < w->out.count; i++) CHECK_INT(ps_buf_add(&w->sent, ps_out_piece(&w->out, i)), 0);
    CHECK_INT(w->sent.len, w->out.size);
    ps_out_consume(&w->out, w->out.size, &w->owners);
    return ps_buf_span(&w->sent);
}

bool wire_check_said(struct wire *w, const char *lines, const char *file, int line) {
    bool same = harness_check_str(text_str(&w->said), lines, file, line, "what was said");
    text_clear(&w->said);
    return same;
}

struct text wire_headers(const struct ps_request *rq) {
    struct text t = {0};
    for (uint32_t i = 0; i < rq->n_headers; i++)
        text_add(&t, "%.*s: %.*s\n", (int)rq->headers[i].name.len, (const char *)rq->headers[i].name.ptr,
                 (int)rq->headers[i].value.len, (const char *)rq->headers[i].value.ptr);
    return t;
}

static void run_talk(struct delivery *d, void *ctx) {
    const struct wire_talk *talk = ctx;
    struct ps_span piece;
    struct wire w;
    wire_open(&w, talk->protocol, talk->limits);
    w.on_end = wire_echo;
    while (delivery_next(d, &piece)) wire_feed(&w, piece);
    wire_eof(&w);
    CHECK_SAID(&w, talk->said);
    CHECK_SPAN(wire_sent(&w), talk->sent);
    wire_close(&w);
}

void wire_every_split(const struct wire_talk *talk) {
    deliver(talk->name, talk->bytes, PS_LIT(""), run_talk, (void *)(uintptr_t)talk);
}

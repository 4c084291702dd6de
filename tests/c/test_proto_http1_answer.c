/* proto_http1: what is answered. Framing byte for byte, declared lengths, answers that break off, what becomes of the
 * connection and of a body nobody read. */
#include "wire.h"

#include <stdlib.h>

#define OK_HEAD "HTTP/1.1 200 OK\r\nDate: " WIRE_DATE "\r\n"

/* A state that was just asked for "/". */
static struct ps_request *ask(struct wire *w, const char *method, const char *version, const char *fields) {
    char head[200];
    int n = snprintf(head, sizeof head, "%s / %s\r\nHost: h\r\n%s\r\n", method, version, fields);
    wire_open(w, &ps_proto_http1, NULL);
    wire_feed(w, ps_span(head, (size_t)n));
    return wire_request(w, 1);
}

static struct ps_request *get(struct wire *w) { return ask(w, "GET", "HTTP/1.1", ""); }

/* --- framing ---------------------------------------------------------------------------------------------------------- */

/* One answer in up to two pieces; NULL: no second one, the first is the last. */
struct answer {
    const char *method, *version, *fields, *status, *answer_fields, *first, *second, *sent;
    int end;
};

static const struct answer answers[] = {
    /* The whole body is there: its length is declared. */
    {"GET", "HTTP/1.1", "", "200 OK", "A: b\n", "hello", NULL, OK_HEAD "A: b\r\nContent-Length: 5\r\n\r\nhello", PS_END_NONE},
    {"GET", "HTTP/1.1", "", "200 OK", "", "", NULL, OK_HEAD "Content-Length: 0\r\n\r\n", PS_END_NONE},
    {"GET", "HTTP/1.0", "", "200 OK", "", "hello", NULL, OK_HEAD "Content-Length: 5\r\nConnection: close\r\n\r\nhello",
     PS_END_CLOSE},
    {"GET", "HTTP/1.0", "Connection: keep-alive\r\n", "200 OK", "", "hello", NULL,
     OK_HEAD "Content-Length: 5\r\nConnection: keep-alive\r\n\r\nhello", PS_END_NONE},
    {"GET", "HTTP/1.1", "Connection: x, Close\r\n", "200 OK", "", "hello", NULL,
     OK_HEAD "Content-Length: 5\r\nConnection: close\r\n\r\nhello", PS_END_CLOSE},
    /* It is not: chunks, and to HTTP/1.0 the end of the connection. */
    {"GET", "HTTP/1.1", "", "200 OK", "", "hello", "", OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
     PS_END_NONE},
    {"GET", "HTTP/1.1", "", "200 OK", "", "", "hello", OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
     PS_END_NONE},
    {"GET", "HTTP/1.1", "", "200 OK", "", "0123456789abcdef", "g",
     OK_HEAD "Transfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n1\r\ng\r\n0\r\n\r\n", PS_END_NONE},
    {"GET", "HTTP/1.1", "", "200 OK", "", "", "", OK_HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", PS_END_NONE},
    {"GET", "HTTP/1.0", "", "200 OK", "", "hel", "lo", OK_HEAD "Connection: close\r\n\r\nhello", PS_END_CLOSE},
    {"GET", "HTTP/1.0", "Connection: keep-alive\r\n", "200 OK", "", "hel", "lo", OK_HEAD "Connection: close\r\n\r\nhello",
     PS_END_CLOSE},
    /* Declared by the application. */
    {"GET", "HTTP/1.1", "", "200 OK", "Content-Length: 5\n", "hel", "lo", OK_HEAD "Content-Length: 5\r\n\r\nhello",
     PS_END_NONE},
    {"GET", "HTTP/1.0", "Connection: keep-alive\r\n", "200 OK", "Content-Length: 5\n", "hel", "lo",
     OK_HEAD "Content-Length: 5\r\nConnection: keep-alive\r\n\r\nhello", PS_END_NONE},
    {"GET", "HTTP/1.1", "", "200 OK", "content-length: 0\n", "", "", OK_HEAD "Content-Length: 0\r\n\r\n", PS_END_NONE},
    /* No body whatever the application wrote. */
    {"HEAD", "HTTP/1.1", "", "200 OK", "", "hello", NULL, OK_HEAD "Content-Length: 5\r\n\r\n", PS_END_NONE},
    {"HEAD", "HTTP/1.1", "", "200 OK", "Content-Length: 50\n", "hello", NULL, OK_HEAD "Content-Length: 50\r\n\r\n",
     PS_END_NONE},
    {"HEAD", "HTTP/1.1", "", "200 OK", "Content-Length: 50\n", "", NULL, OK_HEAD "Content-Length: 50\r\n\r\n", PS_END_NONE},
    {"HEAD", "HTTP/1.1", "", "200 OK", "", "", NULL, OK_HEAD "\r\n", PS_END_NONE},
    {"HEAD", "HTTP/1.1", "", "200 OK", "", "hel", "lo", OK_HEAD "\r\n", PS_END_NONE},
    {"HEAD", "HTTP/1.0", "Connection: keep-alive\r\n", "200 OK", "", "hel", "lo", OK_HEAD "Connection: keep-alive\r\n\r\n",
     PS_END_NONE},
    {"GET", "HTTP/1.1", "", "204 No Content", "", "hello", NULL, "HTTP/1.1 204 No Content\r\nDate: " WIRE_DATE "\r\n\r\n",
     PS_END_NONE},
    {"GET", "HTTP/1.1", "", "204 No Content", "Content-Length: 5\n", "hel", "lo",
     "HTTP/1.1 204 No Content\r\nDate: " WIRE_DATE "\r\n\r\n", PS_END_NONE},
    {"GET", "HTTP/1.1", "", "304 Not Modified", "ETag: \"x\"\n", "hello", NULL,
     "HTTP/1.1 304 Not Modified\r\nDate: " WIRE_DATE "\r\nETag: \"x\"\r\n\r\n", PS_END_NONE},
    {"GET", "HTTP/1.1", "", "304 Not Modified", "Content-Length: 5\n", "hel", "lo",
     "HTTP/1.1 304 Not Modified\r\nDate: " WIRE_DATE "\r\nContent-Length: 5\r\n\r\n", PS_END_NONE},
    /* A Date of the application's own; a status without reason. */
    {"GET", "HTTP/1.1", "", "299", "Date: yesterday\n", "a", NULL,
     "HTTP/1.1 299 \r\nDate: yesterday\r\nContent-Length: 1\r\n\r\na", PS_END_NONE},
};

static struct ps_span span_of(const char *text) { return ps_span(text, strlen(text)); }

static void run_answer(const struct answer *a) {
    struct wire w;
    struct ps_request *rq = ask(&w, a->method, a->version, a->fields);
    CHECK_INT(wire_respond(&w, rq, a->status, a->answer_fields, span_of(a->first), a->second != NULL), 0);
    if (a->second != NULL) CHECK_INT(wire_send(&w, rq, span_of(a->second), false), 0);
    CHECK_SPAN(wire_sent(&w), span_of(a->sent));
    CHECK_INT(w.state->end, a->end);
    CHECK(rq->answer.ended);
    wire_done(&w, 1);
    if (a->end == PS_END_NONE) { /* the next request is read where this one ended */
        FEED(&w, "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
        CHECK_SPAN(wire_request(&w, 2)->path_info, PS_LIT("/next"));
    }
    wire_close(&w);
}

static void answers_byte_for_byte(void) {
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const struct answer *a = &answers[i];
        harness_context("%s %s, %s, %s%s", a->method, a->version, a->status, a->answer_fields, a->first);
        run_answer(a);
    }
}

static void a_large_body_is_borrowed(void) {
    static uint8_t body[100000];
    memset(body, 'x', sizeof body);
    struct wire w;
    struct ps_request *rq = get(&w);
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", ps_span(body, sizeof body), true), 0);
    bool borrowed = false;
    for (size_t i = 0; i < w.out.count; i++) borrowed |= ps_out_piece(&w.out, i).ptr == body;
    CHECK(borrowed);
    CHECK_INT(wire_sent(&w).len, strlen(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n186a0\r\n\r\n") + sizeof body);
    wire_close(&w);
}

/* --- lengths that do not hold ----------------------------------------------------------------------------------------- */

static void an_excess_is_cut_and_reported(void) {
    struct wire w;
    struct ps_request *rq = get(&w);
    CHECK_INT(wire_respond(&w, rq, "200 OK", "Content-Length: 5\n", PS_LIT("hello you"), false), PS_ELONG);
    CHECK_SENT(&w, OK_HEAD "Content-Length: 5\r\n\r\nhello");
    CHECK_INT(w.state->end, PS_END_NONE);
    CHECK_INT(wire_send(&w, rq, PS_LIT("more"), false), PS_ELONG);
    CHECK_SENT(&w, "");
    wire_close(&w);
    rq = get(&w);
    CHECK_INT(wire_respond(&w, rq, "200 OK", "Content-Length: 5\n", PS_LIT("hel"), true), 0);
    CHECK_INT(wire_send(&w, rq, PS_LIT("lo"), true), 0);
    CHECK_INT(wire_send(&w, rq, PS_LIT(" you"), true), PS_ELONG);
    CHECK_INT(wire_send(&w, rq, PS_LIT(""), false), 0);
    CHECK_SENT(&w, OK_HEAD "Content-Length: 5\r\n\r\nhello");
    wire_close(&w);
}

static void an_answer_that_falls_short_is_seen(void) {
    static const struct {
        const char *version, *fields;
        int end;
    } cases[] = {
        {"HTTP/1.1", "Content-Length: 5\n", PS_END_CLOSE}, {"HTTP/1.1", "", PS_END_CLOSE}, {"HTTP/1.0", "", PS_END_RESET}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire w;
        harness_context("%s %s", cases[i].version, cases[i].fields);
        struct ps_request *rq = ask(&w, "GET", cases[i].version, "Connection: keep-alive\r\n");
        CHECK_INT(wire_respond(&w, rq, "200 OK", cases[i].fields, PS_LIT("hel"), true), 0);
        if (i == 0)
            CHECK_INT(wire_send(&w, rq, PS_LIT(""), false), PS_ESHORT);
        else
            wire_fail(&w, rq);
        CHECK_INT(w.state->end, cases[i].end);
        struct ps_span sent = wire_sent(&w);
        CHECK(sent.len > 5 && memcmp(sent.ptr + sent.len - 5, "0\r\n\r\n", 5) != 0);
        FEED(&w, "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
        CHECK_INT(w.n_requests, 1);
        wire_close(&w);
    }
}

static void failing_before_the_head_sends_nothing(void) {
    struct wire w;
    wire_fail(&w, get(&w));
    CHECK_SENT(&w, "");
    CHECK_INT(w.state->end, PS_END_CLOSE);
    wire_close(&w);
}

static void out_of_order(void) {
    struct wire w;
    struct ps_request *rq = get(&w);
    CHECK_INT(wire_send(&w, rq, PS_LIT("x"), true), PS_EORDER);
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("x"), true), 0);
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("x"), true), PS_EORDER);
    CHECK_INT(wire_send(&w, rq, PS_LIT(""), false), 0);
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("x"), false), PS_EORDER);
    CHECK_INT(wire_send(&w, rq, PS_LIT(""), false), 0);
    wire_fail(&w, rq);
    CHECK_INT(w.state->end, PS_END_NONE);
    CHECK_SENT(&w, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
    wire_close(&w);
}

static void a_head_that_finds_no_room_may_be_followed_by_another(void) {
    struct wire w;
    struct ps_request *rq = get(&w);
    w.out.own.limit = 30;
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("x"), false), PS_ELIMIT);
    w.out.own.limit = 1000;
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("x"), false), 0);
    CHECK_SENT(&w, OK_HEAD "Content-Length: 1\r\n\r\nx");
    wire_close(&w);
    rq = get(&w);
    w.out.own.limit = sizeof(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n") + 1; /* no room for the chunk: the head is out */
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("x"), true), PS_ELIMIT);
    CHECK_INT(w.state->end, PS_END_CLOSE);
    wire_close(&w);
}

/* --- a body that nobody read ------------------------------------------------------------------------------------------ */

#define POST(length) "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " length "\r\n\r\n"

static struct ps_request *posted(struct wire *w, struct ps_span head) {
    wire_open(w, &ps_proto_http1, NULL);
    wire_feed(w, head);
    return wire_request(w, 1);
}

/* `n` bytes of body, then another request. */
static void feed_rest(struct wire *w, size_t n) {
    uint8_t *bytes = calloc(1, n + 1);
    if (bytes == NULL) abort();
    wire_feed(w, ps_span(bytes, n));
    free(bytes);
    FEED(w, "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
}

static void an_unread_body_is_drained(void) {
    struct wire w;
    struct ps_request *rq = posted(&w, PS_LIT(POST("1003") "abc"));
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("x"), false), 0);
    CHECK_SENT(&w, OK_HEAD "Content-Length: 1\r\n\r\nx");
    CHECK_INT(w.state->phase, PS_PHASE_DRAIN);
    CHECK_INT(w.state->end, PS_END_NONE);
    feed_rest(&w, 1000);
    CHECK_SAID(&w, "REQUEST 1 POST /\nREQUEST 2 GET /next\nEND 2\n");
    wire_close(&w);
}

static void too_much_of_it_ends_the_connection(void) {
    struct wire w;
    struct ps_request *rq = posted(&w, PS_LIT(POST("1004") "abc"));
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("x"), false), 0);
    CHECK_SENT(&w, OK_HEAD "Content-Length: 1\r\nConnection: close\r\n\r\nx");
    CHECK_INT(w.state->end, PS_END_LINGER);
    feed_rest(&w, 1001);
    CHECK_INT(w.n_requests, 1);
    wire_close(&w);
}

static void chunks_are_drained_as_far_as_that_goes(void) {
    for (unsigned n = 1000; n <= 1001; n++) {
        char chunk[20];
        struct wire w;
        struct ps_request *rq = posted(&w, PS_LIT("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
        CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("x"), false), 0);
        CHECK_SENT(&w, OK_HEAD "Content-Length: 1\r\n\r\nx");
        int size = snprintf(chunk, sizeof chunk, "%x\r\n", n);
        wire_feed(&w, ps_span(chunk, (size_t)size));
        uint8_t bytes[1001] = {0};
        wire_feed(&w, ps_span(bytes, n));
        FEED(&w, "\r\n0\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n");
        CHECK_INT(w.n_requests, n == 1000 ? 2 : 1);
        CHECK_INT(w.state->end, n == 1000 ? PS_END_NONE : PS_END_LINGER);
        wire_close(&w);
    }
}

static void a_peer_that_still_waits_to_send_is_closed(void) {
    struct wire w;
    wire_open(&w, &ps_proto_http1, NULL);
    FEED(&w, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
    struct ps_request *rq = wire_request(&w, 1);
    rq->expect_continue = true; /* as if nobody had asked for the body yet */
    CHECK_INT(wire_respond(&w, rq, "403 Forbidden", "", PS_LIT(""), false), 0);
    CHECK_INT(w.state->end, PS_END_LINGER);
    wire_close(&w);
}

static void the_end_of_a_drain(void) {
    void (*const ends[])(struct wire *) = {wire_eof, wire_expire};
    for (size_t i = 0; i < 2; i++) {
        struct wire w;
        struct ps_request *rq = posted(&w, PS_LIT(POST("1003") "abc"));
        CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("x"), false), 0);
        wire_sent(&w);
        ends[i](&w);
        CHECK_INT(w.state->end, PS_END_CLOSE);
        CHECK(!w.failed);
        CHECK_SENT(&w, "");
        wire_close(&w);
    }
    struct wire w; /* a malformed rest */
    struct ps_request *rq = posted(&w, PS_LIT("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("x"), false), 0);
    wire_sent(&w);
    FEED(&w, "x");
    CHECK_SAID(&w, "REQUEST 1 POST /\nerror PS_ECHUNK\n");
    CHECK_SENT(&w, "");
    CHECK_INT(w.state->end, PS_END_LINGER);
    wire_close(&w);
}

static void an_answer_may_overtake_its_request(void) {
    struct wire w;
    struct ps_request *rq = posted(&w, PS_LIT(POST("5") "he"));
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("a"), true), 0);
    CHECK_INT(wire_send(&w, rq, PS_LIT("b"), false), 0);
    CHECK_INT(wire_send(&w, rq, PS_LIT(""), false), 0); /* nothing more, not even another end */
    CHECK_SENT(&w, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    FEED(&w, "lloGET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK_SPAN(wire_request(&w, 2)->path_info, PS_LIT("/next"));
    wire_close(&w);
    rq = posted(&w, PS_LIT(POST("5") "he"));
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("a"), true), 0);
    wire_eof(&w); /* the body breaks off while the answer is under way */
    CHECK_SAID(&w, "REQUEST 1 POST /\nBODY 1 he\nABORT 1\n");
    CHECK_INT(w.state->end, PS_END_RESET);
    wire_sent(&w);
    (void)wire_send(&w, rq, PS_LIT("b"), false); /* whoever has not noticed */
    FEED(&w, "lloGET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK_SENT(&w, "");
    CHECK_INT(w.n_requests, 1);
    wire_close(&w);
}

/* --- draining --------------------------------------------------------------------------------------------------------- */

static void a_draining_server_closes_with_each_answer(void) {
    struct wire w;
    struct ps_request *rq = get(&w);
    w.env.draining = true;
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("x"), false), 0);
    CHECK_SENT(&w, OK_HEAD "Content-Length: 1\r\nConnection: close\r\n\r\nx");
    CHECK_INT(w.state->end, PS_END_CLOSE);
    wire_close(&w);
    rq = get(&w); /* an answer begun before keeps its word */
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("x"), true), 0);
    w.env.draining = true;
    CHECK_INT(wire_send(&w, rq, PS_LIT(""), false), 0);
    CHECK_INT(w.state->end, PS_END_NONE);
    wire_close(&w);
}

int main(void) {
    RUN(answers_byte_for_byte);
    RUN(a_large_body_is_borrowed);
    RUN(an_excess_is_cut_and_reported);
    RUN(an_answer_that_falls_short_is_seen);
    RUN(failing_before_the_head_sends_nothing);
    RUN(out_of_order);
    RUN(a_head_that_finds_no_room_may_be_followed_by_another);
    RUN(an_unread_body_is_drained);
    RUN(too_much_of_it_ends_the_connection);
    RUN(chunks_are_drained_as_far_as_that_goes);
    RUN(a_peer_that_still_waits_to_send_is_closed);
    RUN(the_end_of_a_drain);
    RUN(an_answer_may_overtake_its_request);
    RUN(a_draining_server_closes_with_each_answer);
    return harness_report();
}

/* proto_fcgi: what is answered. Records and what each write holds, lengths, error text, when END_REQUEST may go out; aborts and
 * ends, whatever state the request is in. */
#include "records.h"

#include <stdlib.h>

enum { KEEP = PS_FCGI_KEEP_CONN };

#define OK_STATUS "Status: 200 OK\\r\\n\\r\\n"
#define END(id) "STDOUT " id "\nEND " id " complete\n"

/* A state that was asked for "/", its STDIN ended. */
static struct ps_request *ask(struct wire *w, const char *params, uint8_t flags) {
    wire_open(w, &ps_proto_fcgi, NULL);
    feed_request(w, 1, flags, params);
    feed_stdin(w, 1, "");
    return wire_request(w, 1);
}

static struct ps_request *get(struct wire *w) { return ask(w, GET_PARAMS, KEEP); }

#define HEAD_PARAMS "REQUEST_METHOD=HEAD\nREQUEST_URI=/\nSCRIPT_NAME=/\nCONTENT_LENGTH=0\n"

/* --- records ---------------------------------------------------------------------------------------------------------- */

/* One answer in up to two pieces; NULL: no second one, the first is the last. */
static const struct answer {
    const char *params, *status, *fields, *first, *second, *records;
} answers[] = {
    {GET_PARAMS, "200 OK", "A: b\n", "hello", NULL, "STDOUT 1 A: b\\r\\nContent-Length: 5\\r\\n" OK_STATUS "hello\n" END("1")},
    {GET_PARAMS, "200 OK", "", "", NULL, "STDOUT 1 Content-Length: 0\\r\\n" OK_STATUS "\n" END("1")},
    /* Nothing need be said of a length that is not known: the stream ends by itself. */
    {GET_PARAMS, "200 OK", "", "hel", "lo", "STDOUT 1 " OK_STATUS "hel\nSTDOUT 1 lo\n" END("1")},
    {GET_PARAMS, "200 OK", "", "hello", "", "STDOUT 1 " OK_STATUS "hello\n" END("1")},
    {GET_PARAMS, "200 OK", "Content-Length: 5\n", "hel", "lo",
     "STDOUT 1 Content-Length: 5\\r\\n" OK_STATUS "hel\nSTDOUT 1 lo\n" END("1")},
    /* HAProxy turns a status into 302 when a Location follows it. */
    {GET_PARAMS, "201 Created", "X: y\nLocation: /new\n", "", NULL,
     "STDOUT 1 X: y\\r\\nLocation: /new\\r\\nContent-Length: 0\\r\\nStatus: 201 Created\\r\\n\\r\\n\n" END("1")},
    {GET_PARAMS, "299", "", "a", NULL, "STDOUT 1 Content-Length: 1\\r\\nStatus: 299 \\r\\n\\r\\na\n" END("1")},
    /* No body whatever the application wrote: HAProxy answers 502 to a HEAD with one. */
    {HEAD_PARAMS, "200 OK", "", "hello", NULL, "STDOUT 1 Content-Length: 5\\r\\n" OK_STATUS "\n" END("1")},
    {HEAD_PARAMS, "200 OK", "", "hel", "lo", "STDOUT 1 " OK_STATUS "\n" END("1")},
    {GET_PARAMS, "204 No Content", "Content-Length: 5\n", "hel", "lo",
     "STDOUT 1 Status: 204 No Content\\r\\n\\r\\n\n" END("1")},
    {GET_PARAMS, "304 Not Modified", "Content-Length: 5\n", "hello", NULL,
     "STDOUT 1 Content-Length: 5\\r\\nStatus: 304 Not Modified\\r\\n\\r\\n\n" END("1")},
};

static void answers_record_for_record(void) {
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const struct answer *a = &answers[i];
        struct wire w;
        harness_context("%s, %s%s", a->status, a->fields, a->first);
        struct ps_request *rq = ask(&w, a->params, KEEP);
        CHECK_INT(wire_respond(&w, rq, a->status, a->fields, ps_span(a->first, strlen(a->first)), a->second != NULL), 0);
        if (a->second != NULL) CHECK_INT(wire_send(&w, rq, ps_span(a->second, strlen(a->second)), false), 0);
        CHECK_RECORDS(&w, a->records);
        CHECK(w.state->end == PS_END_NONE && w.state->phase == PS_PHASE_IDLE && w.state->used);
        wire_close(&w);
    }
}

static struct ps_span filled(size_t n) {
    uint8_t *bytes = malloc(n);
    if (bytes == NULL) abort();
    memset(bytes, 'x', n);
    return ps_span(bytes, n);
}

static void a_large_body_fills_its_records(void) {
    struct wire w;
    struct ps_request *rq = get(&w);
    struct ps_span body = filled(1050000);
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", body, false), 0);
    bool borrowed = false;
    for (size_t i = 0; i < w.out.count; i++) borrowed |= ps_out_piece(&w.out, i).ptr == body.ptr;
    CHECK(borrowed);
    struct text wanted = {0};
    const size_t head = strlen("Content-Length: 1050000\r\nStatus: 200 OK\r\n\r\n");
    size_t left = body.len + head;
    for (; left > PS_FCGI_CONTENT_ALIGNED; left -= PS_FCGI_CONTENT_ALIGNED)
        text_add(&wanted, "STDOUT 1 {%d}\n", PS_FCGI_CONTENT_ALIGNED);
    text_add(&wanted, "STDOUT 1 {%zu}\n" END("1"), left);
    CHECK_RECORDS(&w, text_str(&wanted));
    text_free(&wanted);
    free((void *)(uintptr_t)body.ptr);
    wire_close(&w);
}

/* Up to the largest record the head block is in one, with the first of the body; a larger one goes on in the next. */
static void large_head_blocks(void) {
    static const size_t sizes[] = {40000, PS_FCGI_CONTENT_ALIGNED - 50, PS_FCGI_CONTENT_ALIGNED, 100000, 500000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct wire w;
        struct text field = {0}, wanted = {0};
        struct ps_request *rq = get(&w);
        struct ps_span value = filled(sizes[i]);
        harness_context("%zu", sizes[i]);
        text_add(&field, "A: %.*s\n", (int)value.len, (const char *)value.ptr);
        CHECK_INT(wire_respond(&w, rq, "200 OK", text_str(&field), PS_LIT("0123456789"), false), 0);
        size_t left = value.len + strlen("A: \r\nContent-Length: 10\r\nStatus: 200 OK\r\n\r\n0123456789");
        for (; left > PS_FCGI_CONTENT_ALIGNED; left -= PS_FCGI_CONTENT_ALIGNED)
            text_add(&wanted, "STDOUT 1 {%d}\n", PS_FCGI_CONTENT_ALIGNED);
        struct text records = records_of(wire_sent(&w));
        CHECK(strncmp(text_str(&records), text_str(&wanted), wanted.len) == 0);
        CHECK(strstr(text_str(&records), END("1")) != NULL);
        text_free(&records);
        text_free(&wanted);
        text_free(&field);
        free((void *)(uintptr_t)value.ptr);
        wire_close(&w);
    }
}

static void answers_may_interleave(void) {
    struct wire w;
    struct ps_request *one = get(&w);
    feed_request(&w, 2, KEEP, GET_PARAMS);
    struct ps_request *two = wire_request(&w, 2);
    CHECK_INT(wire_respond(&w, two, "200 OK", "", PS_LIT("2a"), true), 0);
    CHECK_INT(wire_respond(&w, one, "200 OK", "", PS_LIT("1a"), true), 0);
    CHECK_INT(wire_send(&w, two, PS_LIT("2b"), true), 0);
    CHECK_INT(wire_send(&w, one, PS_LIT("1b"), false), 0);
    feed_stdin(&w, 2, "");
    CHECK_INT(wire_send(&w, two, PS_LIT("2c"), false), 0);
    CHECK_RECORDS(&w, "STDOUT 2 " OK_STATUS "2a\nSTDOUT 1 " OK_STATUS
                      "1a\nSTDOUT 2 2b\nSTDOUT 1 1b\n" END("1") "STDOUT 2 2c\n" END("2"));
    wire_close(&w);
}

/* --- the head is never the last thing read ---------------------------------------------------------------------------- */

/* HAProxy 2.6 crashes on a header block that ends both its record and what it has read. */
static void something_follows_a_head_without_a_body(void) {
    struct wire w;
    wire_open(&w, &ps_proto_fcgi, NULL);
    feed_request(&w, 1, KEEP, POST_PARAMS("0"));
    CHECK_INT(wire_respond(&w, wire_request(&w, 1), "204 No Content", "", PS_LIT(""), false), 0);
    CHECK_RECORDS(&w, "STDOUT 1 Status: 204 No Content\\r\\n\\r\\n\nSTDOUT 1\n");
    feed_stdin(&w, 1, "");
    CHECK_RECORDS(&w, "END 1 complete\n");
    wire_close(&w);
}

/* --- error text ------------------------------------------------------------------------------------------------------- */

static void add_errors(struct ps_request *rq, const char *text) {
    CHECK(rq->wants_errors);
    CHECK_INT(ps_buf_append(&rq->errors, text, strlen(text)), 0);
}

static void error_text_goes_before_something_else(void) {
    struct wire w;
    struct ps_request *rq = get(&w);
    add_errors(rq, "one\n");
    CHECK_RECORDS(&w, "");
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("a"), true), 0);
    CHECK_RECORDS(&w, "STDERR 1 one\\n\nSTDOUT 1 " OK_STATUS "a\n");
    add_errors(rq, "two\n");
    CHECK_INT(wire_send(&w, rq, PS_LIT(""), true), 0);
    CHECK_RECORDS(&w, "");
    CHECK_INT(wire_send(&w, rq, PS_LIT("b"), true), 0);
    CHECK_RECORDS(&w, "STDERR 1 two\\n\nSTDOUT 1 b\n");
    add_errors(rq, "three\n");
    CHECK_INT(wire_send(&w, rq, PS_LIT(""), false), 0);
    CHECK_RECORDS(&w, "STDERR 1 three\\n\n" END("1"));
    wire_close(&w);
}

static void error_text_of_an_answer_that_is_held(void) {
    struct wire w;
    wire_open(&w, &ps_proto_fcgi, NULL);
    feed_request(&w, 1, KEEP, POST_PARAMS("0"));
    struct ps_request *rq = wire_request(&w, 1);
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("a"), false), 0);
    CHECK_RECORDS(&w, "STDOUT 1 Content-Length: 1\\r\\n" OK_STATUS "a\n");
    add_errors(rq, "late\n");
    feed_stdin(&w, 1, "");
    CHECK_RECORDS(&w, "STDERR 1 late\\n\n" END("1"));
    wire_close(&w);
}

/* --- END_REQUEST ------------------------------------------------------------------------------------------------------ */

static void the_end_waits_for_the_end_of_stdin(void) {
    struct wire w;
    wire_open(&w, &ps_proto_fcgi, NULL);
    feed_request(&w, 1, 0, POST_PARAMS("100"));
    struct ps_request *rq = wire_request(&w, 1);
    feed_stdin(&w, 1, "some");
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("early"), false), 0);
    CHECK_RECORDS(&w, "STDOUT 1 Content-Length: 5\\r\\n" OK_STATUS "early\n");
    CHECK_INT(w.state->phase, PS_PHASE_DRAIN);
    feed_stdin(&w, 1, "more");
    CHECK_SAID(&w, "REQUEST 1 POST /p\n");
    CHECK_INT(w.state->end, PS_END_NONE);
    CHECK_INT(wire_send(&w, rq, PS_LIT(""), false), 0);
    feed_stdin(&w, 1, "");
    CHECK_RECORDS(&w, END("1"));
    CHECK_INT(w.state->end, PS_END_CLOSE);
    feed_request(&w, 2, KEEP, GET_PARAMS); /* nothing is sent behind it */
    CHECK_RECORDS(&w, "");
    CHECK_INT(w.n_requests, 1);
    wire_close(&w);
}

/* A peer that never ends its STDIN may still be sending: a plain close could take the answer with it. */
static void the_end_does_not_wait_for_ever(void) {
    for (uint8_t keep = 0; keep <= KEEP; keep++) {
        struct wire w;
        wire_open(&w, &ps_proto_fcgi, NULL);
        feed_request(&w, 1, keep, POST_PARAMS("100"));
        CHECK_INT(wire_respond(&w, wire_request(&w, 1), "200 OK", "", PS_LIT("early"), false), 0);
        wire_sent(&w);
        wire_expire(&w);
        CHECK_RECORDS(&w, END("1"));
        CHECK_INT(w.state->end, keep ? PS_END_NONE : PS_END_LINGER);
        CHECK_SAID(&w, "REQUEST 1 POST /p\n");
        wire_close(&w);
    }
}

static void a_connection_ends_with_the_last_of_its_requests(void) {
    struct wire w;
    struct ps_request *one = ask(&w, GET_PARAMS, 0);
    feed_request(&w, 2, KEEP, GET_PARAMS);
    feed_stdin(&w, 2, "");
    CHECK_INT(wire_respond(&w, one, "200 OK", "", PS_LIT("1"), false), 0);
    CHECK_INT(w.state->end, PS_END_NONE);
    CHECK_INT(wire_respond(&w, wire_request(&w, 2), "200 OK", "", PS_LIT("2"), false), 0);
    CHECK_INT(w.state->end, PS_END_CLOSE);
    wire_close(&w);
}

/* FastCGI has no word for it: a record behind the last END_REQUEST keeps nginx from keeping the connection. */
static void a_draining_server_ends_kept_connections(void) {
    struct wire w;
    struct ps_request *rq = get(&w);
    w.env.draining = true;
    feed_request(&w, 2, KEEP, GET_PARAMS);
    feed_stdin(&w, 2, "");
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("1"), false), 0);
    CHECK_INT(w.state->end, PS_END_NONE);
    CHECK_INT(wire_respond(&w, wire_request(&w, 2), "200 OK", "", PS_LIT("2"), false), 0);
    CHECK_RECORDS(&w, "STDOUT 1 Content-Length: 1\\r\\n" OK_STATUS "1\n" END("1") "STDOUT 2 Content-Length: 1\\r\\n" OK_STATUS
                                                                                  "2\n" END("2") "GET_VALUES_RESULT\n");
    CHECK_INT(w.state->end, PS_END_LINGER);
    wire_close(&w);
    rq = ask(&w, GET_PARAMS, 0);
    w.env.draining = true;
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("1"), false), 0);
    CHECK_RECORDS(&w, "STDOUT 1 Content-Length: 1\\r\\n" OK_STATUS "1\n" END("1"));
    CHECK_INT(w.state->end, PS_END_CLOSE);
    wire_close(&w);
}

/* --- answers that break ----------------------------------------------------------------------------------------------- */

static void an_answer_that_breaks_resets_the_connection(void) {
    for (int how = 0; how < 3; how++) {
        struct wire w;
        struct ps_request *rq = get(&w);
        harness_context("%d", how);
        CHECK_INT(wire_respond(&w, rq, "200 OK", how == 0 ? "Content-Length: 5\n" : "", PS_LIT("hel"), true), 0);
        if (how == 0) CHECK_INT(wire_send(&w, rq, PS_LIT("l"), false), PS_ESHORT);
        if (how == 1) wire_fail(&w, rq);
        if (how == 2) {
            struct ps_span copied = filled(PS_OUT_COPY_MAX - 1);
            w.out.own.limit = w.out.own.len;
            CHECK_INT(wire_send(&w, rq, copied, false), PS_ELIMIT);
            free((void *)(uintptr_t)copied.ptr);
        }
        CHECK_INT(w.state->end, PS_END_RESET);
        struct ps_span sent = wire_sent(&w);
        if (how == 2) sent.len = 0; /* the record broke off, too */
        struct text records = records_of(sent);
        CHECK(strstr(text_str(&records), "END") == NULL);
        text_free(&records);
        (void)wire_send(&w, rq, PS_LIT("o"), false);
        wire_fail(&w, rq);
        CHECK_RECORDS(&w, "");
        wire_close(&w);
    }
}

static void an_excess_is_cut_and_reported(void) {
    struct wire w;
    struct ps_request *rq = get(&w);
    CHECK_INT(wire_respond(&w, rq, "200 OK", "Content-Length: 2\n", PS_LIT("hello"), true), PS_ELONG);
    CHECK_RECORDS(&w, "STDOUT 1 Content-Length: 2\\r\\n" OK_STATUS "he\n" END("1"));
    CHECK_INT(wire_send(&w, rq, PS_LIT("more"), false), PS_ELONG);
    CHECK_INT(wire_send(&w, rq, PS_LIT(""), false), 0);
    CHECK_RECORDS(&w, "");
    CHECK_INT(w.state->end, PS_END_NONE);
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
    wire_fail(&w, rq);
    CHECK_RECORDS(&w, "STDOUT 1 " OK_STATUS "x\n" END("1"));
    CHECK_INT(w.state->end, PS_END_NONE);
    wire_close(&w);
}

static void a_head_that_finds_no_room_may_be_followed_by_another(void) {
    struct wire w;
    struct ps_request *rq = get(&w);
    w.out.own.limit = 30;
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("x"), false), PS_ELIMIT);
    w.out.own.limit = 1000;
    CHECK_INT(w.state->end, PS_END_NONE);
    CHECK_INT(wire_respond(&w, rq, "500", "", PS_LIT("y"), false), 0);
    CHECK_RECORDS(&w, "STDOUT 1 Content-Length: 1\\r\\nStatus: 500 \\r\\n\\r\\ny\n" END("1"));
    wire_close(&w);
}

/* --- aborts and ends, whatever the state ------------------------------------------------------------------------------ */

/* Brings request 1 into a state, with another (2) waiting for its answer beside it. */
enum state { IN_PARAMS, IN_STDIN, BEHIND_BODY, COMPLETE, ANSWERING, ANSWERED, STATES };

static void bring(struct wire *w, enum state state, uint8_t keep) {
    struct ps_buf b;
    ps_buf_init(&b, 1000);
    wire_open(w, &ps_proto_fcgi, NULL);
    feed_request(w, 2, keep, GET_PARAMS);
    feed_stdin(w, 2, "");
    if (state == IN_PARAMS) {
        put_begin(&b, 1, PS_FCGI_RESPONDER, keep);
        wire_feed(w, ps_buf_span(&b));
        feed_record(w, PS_FCGI_PARAMS, 1, PS_LIT("\1\1a"));
    } else {
        feed_request(w, 1, keep, POST_PARAMS("5"));
    }
    if (state >= BEHIND_BODY) feed_stdin(w, 1, "hello");
    if (state >= COMPLETE && state != ANSWERED) feed_stdin(w, 1, "");
    if (state >= ANSWERING) CHECK_INT(wire_respond(w, wire_request(w, 2), "200 OK", "", PS_LIT("x"), state == ANSWERING), 0);
    CHECK_SAID(w, state == IN_PARAMS    ? "REQUEST 2 GET /\nEND 2\n"
                  : state < BEHIND_BODY ? "REQUEST 2 GET /\nEND 2\nREQUEST 1 POST /p\n"
                                        : "REQUEST 2 GET /\nEND 2\nREQUEST 1 POST /p\nBODY 1 hello\nEND 1\n");
    wire_sent(w);
    ps_buf_free(&b);
}

static void an_abort_ends_the_request(void) {
    for (int state = 0; state < STATES; state++) {
        struct wire w;
        harness_context("state %d", state);
        bring(&w, (enum state)state, KEEP);
        feed_record(&w, PS_FCGI_ABORT_REQUEST, 1, PS_LIT(""));
        CHECK_SAID(&w, state == IN_PARAMS || state == ANSWERED ? "" : "ABORT 1\n");
        CHECK_RECORDS(&w, END("1"));
        feed_stdin(&w, 1, "rest");
        feed_stdin(&w, 1, "");
        feed_record(&w, PS_FCGI_ABORT_REQUEST, 1, PS_LIT(""));
        if (state > IN_PARAMS) (void)wire_send(&w, wire_request(&w, 2), PS_LIT("late"), false);
        if (state == COMPLETE) CHECK_INT(wire_respond(&w, wire_request(&w, 2), "200 OK", "", PS_LIT("x"), false), PS_EORDER);
        CHECK_RECORDS(&w, "");
        CHECK_SAID(&w, "");
        CHECK_INT(w.state->end, PS_END_NONE);
        CHECK_INT(wire_respond(&w, wire_request(&w, 1), "200 OK", "", PS_LIT("2"), false), 0); /* the other one goes on */
        CHECK_RECORDS(&w, "STDOUT 2 Content-Length: 1\\r\\n" OK_STATUS "2\n" END("2"));
        wire_close(&w);
    }
}

/* It need not have sent all of its STDIN. */
static void an_abort_without_keep_conn_ends_the_connection(void) {
    struct wire w;
    wire_open(&w, &ps_proto_fcgi, NULL);
    feed_request(&w, 1, 0, POST_PARAMS("5"));
    feed_record(&w, PS_FCGI_ABORT_REQUEST, 1, PS_LIT(""));
    CHECK_RECORDS(&w, END("1"));
    CHECK_INT(w.state->end, PS_END_LINGER);
    wire_close(&w);
}

static void a_front_that_goes_away_gives_up_all(void) {
    for (int state = 0; state < STATES; state++) {
        struct wire w;
        harness_context("state %d", state);
        bring(&w, (enum state)state, KEEP);
        wire_eof(&w);
        CHECK_SAID(&w, state == IN_PARAMS || state == ANSWERED ? "ABORT 2\n" : "ABORT 1\nABORT 2\n");
        CHECK_RECORDS(&w, "");
        CHECK_INT(w.state->end, PS_END_CLOSE);
        for (size_t n = 1; n <= w.n_requests; n++) (void)wire_send(&w, wire_request(&w, n), PS_LIT("late"), false);
        CHECK_INT(wire_respond(&w, wire_request(&w, 1), "200 OK", "", PS_LIT("2"), false), PS_EORDER);
        CHECK_RECORDS(&w, "");
        wire_close(&w);
    }
}

#define TOO_SLOW                                                                                                            \
    "STDOUT 1 Content-Type: text/plain; charset=utf-8\\r\\nContent-Length: 50\\r\\nStatus: 408 Request Timeout\\r\\n\\r\\n" \
    "408 Request Timeout: request not complete in time\\n\n" END("1")

static void a_slow_front_is_answered(void) {
    static const struct {
        const char *said, *records;
    } wanted[STATES] = {{"", TOO_SLOW}, {"ABORT 1\n", TOO_SLOW}, {"", ""}, {"", ""}, {"", ""}, {"", END("1")}};
    for (int state = 0; state < STATES; state++) {
        struct wire w;
        harness_context("state %d", state);
        bring(&w, (enum state)state, KEEP);
        wire_expire(&w);
        CHECK_SAID(&w, wanted[state].said);
        CHECK_RECORDS(&w, wanted[state].records);
        CHECK_INT(w.state->end, PS_END_NONE);
        CHECK_INT(wire_respond(&w, wire_request(&w, 1), "200 OK", "", PS_LIT("2"), false), 0);
        wire_close(&w);
    }
}

static void a_record_that_stops_half_way(void) {
    struct wire w;
    wire_open(&w, &ps_proto_fcgi, NULL);
    FEED(&w, "\1\1\0");
    CHECK_INT(w.state->phase, PS_PHASE_HEAD);
    wire_expire(&w);
    CHECK_INT(w.state->end, PS_END_CLOSE);
    CHECK_RECORDS(&w, "");
    wire_close(&w);
    bring(&w, IN_STDIN, KEEP);
    FEED(&w, "\1\5\0\1\0\5\0\0he");
    wire_expire(&w);
    CHECK_INT(w.state->end, PS_END_RESET);
    wire_close(&w);
    wire_open(&w, &ps_proto_fcgi, NULL); /* idle */
    wire_expire(&w);
    CHECK_INT(w.state->end, PS_END_CLOSE);
    wire_close(&w);
}

int main(void) {
    RUN(answers_record_for_record);
    RUN(a_large_body_fills_its_records);
    RUN(large_head_blocks);
    RUN(answers_may_interleave);
    RUN(something_follows_a_head_without_a_body);
    RUN(error_text_goes_before_something_else);
    RUN(error_text_of_an_answer_that_is_held);
    RUN(the_end_waits_for_the_end_of_stdin);
    RUN(the_end_does_not_wait_for_ever);
    RUN(a_connection_ends_with_the_last_of_its_requests);
    RUN(a_draining_server_ends_kept_connections);
    RUN(an_answer_that_breaks_resets_the_connection);
    RUN(an_excess_is_cut_and_reported);
    RUN(out_of_order);
    RUN(a_head_that_finds_no_room_may_be_followed_by_another);
    RUN(an_abort_ends_the_request);
    RUN(an_abort_without_keep_conn_ends_the_connection);
    RUN(a_front_that_goes_away_gives_up_all);
    RUN(a_slow_front_is_answered);
    RUN(a_record_that_stops_half_way);
    return harness_report();
}

/* proto_http1: what arrives. Requests in any split and order, refusals, the ends of a connection. The answers' bytes are
 * test_proto_http1_answer.c's. */
#define _GNU_SOURCE /* memmem */
#include "wire.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nDate: " WIRE_DATE "\r\n"
#define REFUSED(line, length)                                                                                        \
    "HTTP/1.1 " line "\r\nDate: " WIRE_DATE "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " length \
    "\r\nConnection: close\r\n\r\n"

static void open_http(struct wire *w) { wire_open(w, &ps_proto_http1, NULL); }

/* --- every split ------------------------------------------------------------------------------------------------------ */

static void every_split_of_the_input_gives_the_same(void) {
    const struct wire_talk talks[] = {
        {"pipelined requests", &ps_proto_http1, NULL,
         PS_LIT("GET /a?x=1 HTTP/1.1\r\nHost: h\r\n\r\n"
                "\r\nPOST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
                "PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n"
                "HEAD /d HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
                "GET /e HTTP/1.0\r\n\r\n"
                "GET /never HTTP/1.1\r\nHost: h\r\n\r\n"),
         "REQUEST 1 GET /a?x=1\nEND 1\n"
         "REQUEST 2 POST /b\nBODY 2 hello\nEND 2\n"
         "REQUEST 3 PUT /c\nBODY 3 abcde\nEND 3\n"
         "REQUEST 4 HEAD /d\nEND 4\n"
         "REQUEST 5 GET /e\nEND 5\n",
         PS_LIT(OK_HEAD "Content-Length: 9\r\n\r\nGET /a 0\n" OK_HEAD "Content-Length: 10\r\n\r\nPOST /b 5\n" OK_HEAD
                        "Content-Length: 9\r\n\r\nPUT /c 5\n" OK_HEAD "Content-Length: 10\r\n\r\n" OK_HEAD
                        "Content-Length: 9\r\nConnection: close\r\n\r\nGET /e 0\n")},
        {"kept by HTTP/1.0", &ps_proto_http1, NULL,
         PS_LIT(
             "GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /c"),
         "REQUEST 1 GET /a\nEND 1\nREQUEST 2 GET /b\nEND 2\n",
         PS_LIT(OK_HEAD "Content-Length: 9\r\nConnection: keep-alive\r\n\r\nGET /a 0\n" OK_HEAD
                        "Content-Length: 9\r\nConnection: close\r\n\r\nGET /b 0\n")},
        {"a malformed head behind a good one", &ps_proto_http1, NULL,
         PS_LIT("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost : h\r\n\r\nGET /c HTTP/1.1\r\nHost: h\r\n\r\n"),
         "REQUEST 1 GET /a\nEND 1\nerror PS_EFIELD\n",
         PS_LIT(OK_HEAD "Content-Length: 9\r\n\r\nGET /a 0\n" REFUSED("400 Bad Request",
                                                                      "40") "400 Bad Request: malformed header field\n")},
        {"a malformed chunk", &ps_proto_http1, NULL,
         PS_LIT("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\nGET /c HTTP/1.1\r\nHost: "
                "h\r\n\r\n"),
         "REQUEST 1 POST /a\nBODY 1 abc\nABORT 1\n",
         PS_LIT(REFUSED("400 Bad Request", "33") "400 Bad Request: malformed chunk\n")},
        {"an unfinished head", &ps_proto_http1, NULL, PS_LIT("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost"),
         "REQUEST 1 GET /a\nEND 1\nerror PS_EEOF\n",
         PS_LIT(OK_HEAD "Content-Length: 9\r\n\r\nGET /a 0\n" REFUSED(
             "400 Bad Request", "51") "400 Bad Request: connection ended inside a message\n")},
        {"an unfinished body", &ps_proto_http1, NULL, PS_LIT("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello"),
         "REQUEST 1 POST /a\nBODY 1 hello\nABORT 1\n",
         PS_LIT(REFUSED("400 Bad Request", "51") "400 Bad Request: connection ended inside a message\n")},
        {"empty lines and nothing more", &ps_proto_http1, NULL, PS_LIT("\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n\r\n"),
         "REQUEST 1 GET /a\nEND 1\n", PS_LIT(OK_HEAD "Content-Length: 9\r\n\r\nGET /a 0\n")},
    };
    for (size_t i = 0; i < sizeof talks / sizeof talks[0]; i++) wire_every_split(&talks[i]);
}

/* --- requests --------------------------------------------------------------------------------------------------------- */

static void a_request_says_all_of_itself(void) {
    struct wire w;
    open_http(&w);
    FEED(&w,
         "POST /caf%C3%A9/%2F%00x?q=%41&r HTTP/1.1\r\nHost: example.com:81\r\nX-One:  a b \r\nX-One: c\r\nContent-Type: t/p\r\n"
         "Content-Length: 3\r\n\r\nabc");
    struct ps_request *rq = wire_request(&w, 1);
    CHECK_SPAN(rq->method, PS_LIT("POST"));
    CHECK_SPAN(rq->target, PS_LIT("/caf%C3%A9/%2F%00x?q=%41&r"));
    CHECK_SPAN(rq->script_name, PS_LIT(""));
    CHECK_SPAN(rq->path_info, PS_LIT("/caf\xC3\xA9//\0x"));
    CHECK_SPAN(rq->query, PS_LIT("q=%41&r"));
    CHECK_SPAN(rq->protocol, PS_LIT("HTTP/1.1"));
    CHECK_SPAN(rq->scheme, PS_LIT("http"));
    CHECK_SPAN(rq->remote_addr, PS_LIT("192.0.2.1"));
    CHECK_SPAN(rq->remote_port, PS_LIT("5000"));
    CHECK_SPAN(rq->server_name, PS_LIT("127.0.0.1"));
    CHECK_SPAN(rq->server_port, PS_LIT("8000"));
    CHECK_INT(rq->content_length, 3);
    CHECK(rq->has_body && !rq->is_head && !rq->expect_continue && rq->keep && !rq->wants_errors);
    struct text headers = wire_headers(rq);
    CHECK_STR(text_str(&headers), "host: example.com:81\nx-one: a b\nx-one: c\ncontent-type: t/p\ncontent-length: 3\n");
    text_free(&headers);
    wire_close(&w);
}

static void mounts(void) {
    static const struct {
        const char *target, *script_name, *path_info;
    } cases[] = {{"/app/x", "/app", "/x"}, {"/app", "/app", ""},       {"/app/", "/app", "/"},   {"/apple", "/app", "/apple"},
                 {"/x", "/app", "/x"},     {"/%61pp/x", "/app", "/x"}, {"/app?/app", "/app", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire w;
        char head[100];
        harness_context("%s", cases[i].target);
        open_http(&w);
        w.env.root_path = PS_LIT("/app");
        w.env.has_root_path = true;
        int n = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", cases[i].target);
        wire_feed(&w, ps_span(head, (size_t)n));
        const struct ps_request *rq = wire_request(&w, 1);
        CHECK_SPAN(rq->script_name, ps_span(cases[i].script_name, strlen(cases[i].script_name)));
        CHECK_SPAN(rq->path_info, ps_span(cases[i].path_info, strlen(cases[i].path_info)));
        wire_close(&w);
    }
}

static void an_absolute_target_overrides_host(void) {
    struct wire w;
    open_http(&w);
    FEED(&w, "GET http://example.com:8080/p%20q?r HTTP/1.1\r\nHost: other\r\n\r\n");
    struct ps_request *rq = wire_request(&w, 1);
    struct text headers = wire_headers(rq);
    CHECK_STR(text_str(&headers), "host: example.com:8080\n");
    CHECK_SPAN(rq->path_info, PS_LIT("/p q"));
    CHECK_SPAN(rq->query, PS_LIT("r"));
    CHECK_SPAN(rq->target, PS_LIT("http://example.com:8080/p%20q?r"));
    text_free(&headers);
    wire_close(&w);
    open_http(&w);
    FEED(&w, "GET http://example.com HTTP/1.1\r\nHost: example.com\r\n\r\n");
    CHECK_SPAN(wire_request(&w, 1)->path_info, PS_LIT("/"));
    wire_close(&w);
    open_http(&w);
    FEED(&w, "OPTIONS * HTTP/1.1\r\nHost: example.com\r\n\r\n");
    CHECK_SPAN(wire_request(&w, 1)->path_info, PS_LIT(""));
    wire_close(&w);
}

/* HTTP/1.0 may leave Host out; with as many fields as allowed there is room for it all the same. */
static void an_absolute_target_stands_in_for_host(void) {
    struct ps_limits limits = wire_limits();
    limits.fields = 1;
    struct wire w;
    wire_open(&w, &ps_proto_http1, &limits);
    FEED(&w, "GET http://example.com/ HTTP/1.0\r\nA: b\r\n\r\n");
    struct text headers = wire_headers(wire_request(&w, 1));
    CHECK_STR(text_str(&headers), "a: b\nhost: example.com\n");
    text_free(&headers);
    wire_close(&w);
}

static void behind_a_unix_socket_host_names_the_server(void) {
    static const struct {
        const char *host, *name, *port;
    } cases[] = {{"example.com:8080", "example.com", "8080"},
                 {"example.com", "example.com", "80"},
                 {"10.0.0.1", "10.0.0.1", "80"},
                 {"[::1]:81", "[::1]", "81"},
                 {"[::1]", "[::1]", "80"},
                 {"example.com:", "example.com", "80"}};
    struct wire w;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char head[100];
        harness_context("%s", cases[i].host);
        open_http(&w);
        w.local = w.peer = (struct ps_endpoint){0};
        int n = snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", cases[i].host);
        wire_feed(&w, ps_span(head, (size_t)n));
        const struct ps_request *rq = wire_request(&w, 1);
        CHECK_SPAN(rq->server_name, ps_span(cases[i].name, strlen(cases[i].name)));
        CHECK_SPAN(rq->server_port, ps_span(cases[i].port, strlen(cases[i].port)));
        CHECK_INT(rq->remote_addr.len, 0);
        wire_close(&w);
    }
    open_http(&w);
    w.local = (struct ps_endpoint){0};
    FEED(&w, "GET / HTTP/1.0\r\n\r\n");
    CHECK_SPAN(wire_request(&w, 1)->server_name, PS_LIT("localhost"));
    wire_close(&w);
}

static void as_many_fields_as_allowed_and_one_more(void) {
    struct ps_limits limits = wire_limits();
    limits.fields = 3;
    for (size_t n = 2; n <= 4; n++) {
        struct wire w;
        wire_open(&w, &ps_proto_http1, &limits);
        FEED(&w, "GET / HTTP/1.1\r\nHost: h\r\n");
        for (size_t i = 1; i < n; i++) FEED(&w, "A: b\r\n");
        FEED(&w, "\r\n");
        CHECK_SAID(&w, n <= 3 ? "REQUEST 1 GET /\nEND 1\n" : "error PS_EFIELDS\n");
        wire_close(&w);
    }
}

/* --- pipelining ------------------------------------------------------------------------------------------------------- */

static void a_second_request_waits_for_the_first_answer(void) {
    struct wire w;
    open_http(&w);
    FEED(&w, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nabGET /3");
    CHECK_SAID(&w, "REQUEST 1 GET /1\nEND 1\n");
    CHECK(w.state->blocked && w.state->phase == PS_PHASE_BUSY);
    struct ps_request *first = wire_request(&w, 1);
    CHECK_INT(wire_respond(&w, first, "200 OK", "", PS_LIT("a"), true), 0);
    CHECK(w.state->blocked);
    CHECK_SAID(&w, "");
    CHECK_INT(wire_send(&w, first, PS_LIT("b"), false), 0);
    CHECK_SAID(&w, "REQUEST 2 POST /2\nBODY 2 ab\nEND 2\n");
    CHECK_INT(wire_respond(&w, wire_request(&w, 2), "204", "", PS_LIT(""), false), 0);
    CHECK(!w.state->blocked && w.state->used && w.state->phase == PS_PHASE_HEAD);
    FEED(&w, " HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK_SAID(&w, "REQUEST 3 GET /3\nEND 3\n");
    wire_close(&w);
}

static void each_request_has_a_deadline_of_its_own(void) {
    struct wire w;
    open_http(&w);
    w.on_end = wire_echo;
    FEED(&w, "GET /1 HTT");
    const uint32_t epoch = w.state->epoch;
    CHECK_INT(w.state->phase, PS_PHASE_HEAD);
    FEED(&w, "P/1.1\r\nHost: h\r\n\r\nGET /2 HTT");
    CHECK_INT(w.state->phase, PS_PHASE_HEAD);
    CHECK(w.state->epoch != epoch);
    wire_close(&w);
}

static void a_body_makes_progress(void) {
    static const uint8_t bytes[PS_PROGRESS_BYTES + 1];
    struct wire w;
    open_http(&w);
    FEED(&w, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
    const uint32_t epoch = w.state->epoch;
    CHECK_INT(w.state->phase, PS_PHASE_BODY);
    wire_feed(&w, ps_span(bytes, PS_PROGRESS_BYTES - 1));
    CHECK_INT(w.state->epoch, epoch);
    wire_feed(&w, ps_span(bytes, 1));
    CHECK_INT(w.state->epoch, epoch + 1);
    wire_close(&w);
}

/* --- Expect: 100-continue --------------------------------------------------------------------------------------------- */

#define EXPECT(version, length) \
    "POST / HTTP/" version "\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: " length "\r\n\r\n"

static void the_peer_is_told_to_go_on_once(void) {
    struct wire w;
    open_http(&w);
    FEED(&w, EXPECT("1.1", "5"));
    CHECK_SENT(&w, "HTTP/1.1 100 Continue\r\n\r\n");
    CHECK_INT(w.state->protocol->want_body(w.state, wire_request(&w, 1), &w.out), 0);
    CHECK_SENT(&w, "");
    FEED(&w, "he");
    CHECK_INT(w.state->protocol->want_body(w.state, wire_request(&w, 1), &w.out), 0);
    FEED(&w, "llo");
    CHECK_SENT(&w, "");
    CHECK_SAID(&w, "REQUEST 1 POST /\nBODY 1 hello\nEND 1\n");
    wire_close(&w);
}

static void nobody_is_told_to_go_on_who_already_did(void) {
    static const char *const heads[] = {EXPECT("1.1", "5") "h", EXPECT("1.1", "0"), EXPECT("1.0", "5"),
                                        "GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct wire w;
        harness_context("%s", heads[i]);
        open_http(&w);
        wire_feed(&w, ps_span(heads[i], strlen(heads[i])));
        wire_request(&w, 1);
        CHECK_SENT(&w, "");
        wire_close(&w);
    }
}

static void a_refused_length_is_not_asked_for(void) {
    struct wire w;
    open_http(&w);
    FEED(&w, EXPECT("1.1", "1048577"));
    CHECK_SAID(&w, "error PS_EBODYLONG\n");
    CHECK_SENT(&w, REFUSED("413 Content Too Large", "58") "413 Content Too Large: request body larger than the limit\n");
    wire_close(&w);
}

static void an_unknown_expectation_is_refused(void) {
    struct wire w;
    open_http(&w);
    FEED(&w, "POST / HTTP/1.1\r\nHost: h\r\nExpect: wonders\r\nContent-Length: 5\r\n\r\n");
    CHECK_SAID(&w, "error PS_EEXPECT\n");
    wire_close(&w);
}

/* --- limits and refusals ---------------------------------------------------------------------------------------------- */

static void a_chunked_body_may_not_grow_past_the_limit(void) {
    struct ps_limits limits = wire_limits();
    limits.body = 10;
    struct wire w;
    wire_open(&w, &ps_proto_http1, &limits);
    FEED(&w, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n5\r\n67890\r\n");
    CHECK_SENT(&w, "");
    FEED(&w, "1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK_SAID(&w, "REQUEST 1 POST /\nBODY 1 1234567890\nABORT 1\n");
    CHECK_SENT(&w, REFUSED("413 Content Too Large", "58") "413 Content Too Large: request body larger than the limit\n");
    CHECK_INT(w.state->end, PS_END_LINGER);
    wire_close(&w);
    limits.body = 0; /* no limit */
    wire_open(&w, &ps_proto_http1, &limits);
    FEED(&w, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9223372036854775807\r\n\r\n");
    wire_request(&w, 1);
    wire_close(&w);
}

/* Whatever the answer to a malformed head: the status line, a close, and nothing of what follows is read as a request. */
static void nothing_behind_a_refusal_is_a_request(void) {
    static const struct {
        const char *head, *status;
    } cases[] = {
        {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", "505 HTTP Version Not Supported"},
        {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 Bad Request"},
        {"GET / HTTP/1.1\nHost: h\n\n", "400 Bad Request"},
        {"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", "400 Bad Request"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400 Bad Request"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400 Bad Request"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501 Not Implemented"},
        {"GET nothing HTTP/1.1\r\nHost: h\r\n\r\n", "400 Bad Request"},
        {"\x16\x03\x01", "400 Bad Request"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire w;
        char line[100];
        harness_context("%s", cases[i].head);
        open_http(&w);
        wire_feed(&w, ps_span(cases[i].head, strlen(cases[i].head)));
        CHECK(w.failed && w.n_requests == 0);
        struct ps_span sent = wire_sent(&w);
        int n = snprintf(line, sizeof line, "HTTP/1.1 %s\r\n", cases[i].status);
        CHECK(ps_span_starts(sent, ps_span(line, (size_t)n)));
        CHECK(memmem(sent.ptr, sent.len, "\r\nConnection: close\r\n", 21) != NULL);
        CHECK_INT(w.state->end, PS_END_LINGER);
        struct ps_span more = PS_LIT("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        struct ps_event ev;
        CHECK_INT(w.state->protocol->next(w.state, &more, &ev, &w.out), 0);
        CHECK_INT(more.len, 0);
        CHECK_SENT(&w, "");
        wire_close(&w);
    }
}

static void a_refused_head_request_has_no_body(void) {
    struct wire w;
    open_http(&w);
    FEED(&w, "HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n");
    CHECK_SENT(&w, REFUSED("413 Content Too Large", "58"));
    wire_close(&w);
}

static void an_aborted_request_is_answered_by_nobody_else(void) {
    struct wire w;
    open_http(&w);
    FEED(&w, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx");
    struct ps_request *rq = wire_request(&w, 1);
    CHECK(wire_sent(&w).len != 0);
    CHECK_INT(wire_respond(&w, rq, "200 OK", "", PS_LIT("late"), false), PS_EORDER);
    (void)wire_send(&w, rq, PS_LIT("late"), false);
    CHECK_SENT(&w, "");
    wire_close(&w);
}

/* --- ends ------------------------------------------------------------------------------------------------------------- */

static void a_half_closed_peer_is_answered(void) {
    struct wire w;
    open_http(&w);
    FEED(&w, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_eof(&w);
    CHECK_INT(w.state->end, PS_END_NONE);
    CHECK_INT(wire_respond(&w, wire_request(&w, 1), "200 OK", "", PS_LIT("1"), false), 0);
    CHECK_INT(w.state->end, PS_END_NONE);
    CHECK_INT(wire_respond(&w, wire_request(&w, 2), "200 OK", "", PS_LIT("2"), false), 0);
    CHECK_INT(w.state->end, PS_END_CLOSE);
    CHECK_SAID(&w, "REQUEST 1 GET /1\nEND 1\nREQUEST 2 GET /2\nEND 2\n");
    CHECK_SENT(&w, OK_HEAD "Content-Length: 1\r\n\r\n1" OK_HEAD "Content-Length: 1\r\n\r\n2");
    wire_close(&w);
}

static void a_silent_peer_gets_no_answer(void) {
    void (*const ends[])(struct wire *) = {wire_eof, wire_expire};
    static const char *const said[] = {"", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "\r\n", "\r"};
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < sizeof said / sizeof said[0]; k++) {
            struct wire w;
            harness_context("%s after %zu", i == 0 ? "eof" : "expire", k);
            open_http(&w);
            w.on_end = wire_echo;
            wire_feed(&w, ps_span(said[k], strlen(said[k])));
            wire_sent(&w);
            CHECK_INT(w.state->phase, PS_PHASE_IDLE);
            ends[i](&w);
            CHECK_SENT(&w, "");
            CHECK_INT(w.state->end, PS_END_CLOSE);
            CHECK(!w.failed);
            wire_close(&w);
        }
}

static void a_slow_peer_is_told(void) {
    struct wire w;
    open_http(&w);
    FEED(&w, "GET / HT");
    wire_expire(&w);
    CHECK_SAID(&w, "error PS_ETIMEOUT\n");
    CHECK_SENT(&w, REFUSED("408 Request Timeout", "50") "408 Request Timeout: request not complete in time\n");
    CHECK_INT(w.state->end, PS_END_LINGER);
    wire_close(&w);
    open_http(&w);
    FEED(&w, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel");
    wire_expire(&w);
    CHECK_SAID(&w, "REQUEST 1 POST /\nBODY 1 hel\nABORT 1\n");
    CHECK_SENT(&w, REFUSED("408 Request Timeout", "50") "408 Request Timeout: request not complete in time\n");
    wire_close(&w);
}

static void our_own_time_is_not_the_peers(void) {
    struct wire w;
    open_http(&w);
    FEED(&w, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_expire(&w);
    CHECK_INT(w.state->end, PS_END_NONE);
    CHECK_INT(wire_respond(&w, wire_request(&w, 1), "200 OK", "", PS_LIT("x"), false), 0);
    CHECK_INT(w.state->end, PS_END_NONE);
    wire_close(&w);
}

static void protocols_have_names(void) {
    CHECK(ps_protocol_find(PS_LIT("http")) == &ps_proto_http1);
    CHECK(ps_protocol_find(PS_LIT("fcgi")) == &ps_proto_fcgi);
    CHECK(ps_protocol_find(PS_LIT("HTTP")) == NULL);
    CHECK(ps_protocol_find(PS_LIT("")) == NULL);
    CHECK_SPAN(ps_authority_host(PS_LIT("[::1]:80")), PS_LIT("[::1]"));
    CHECK_SPAN(ps_authority_host(PS_LIT("")), PS_LIT(""));
}

int main(void) {
    RUN(protocols_have_names);
    RUN(every_split_of_the_input_gives_the_same);
    RUN(a_request_says_all_of_itself);
    RUN(mounts);
    RUN(an_absolute_target_overrides_host);
    RUN(an_absolute_target_stands_in_for_host);
    RUN(behind_a_unix_socket_host_names_the_server);
    RUN(as_many_fields_as_allowed_and_one_more);
    RUN(a_second_request_waits_for_the_first_answer);
    RUN(each_request_has_a_deadline_of_its_own);
    RUN(a_body_makes_progress);
    RUN(the_peer_is_told_to_go_on_once);
    RUN(nobody_is_told_to_go_on_who_already_did);
    RUN(a_refused_length_is_not_asked_for);
    RUN(an_unknown_expectation_is_refused);
    RUN(a_chunked_body_may_not_grow_past_the_limit);
    RUN(nothing_behind_a_refusal_is_a_request);
    RUN(a_refused_head_request_has_no_body);
    RUN(an_aborted_request_is_answered_by_nobody_else);
    RUN(a_half_closed_peer_is_answered);
    RUN(a_silent_peer_gets_no_answer);
    RUN(a_slow_peer_is_told);
    RUN(our_own_time_is_not_the_peers);
    return harness_report();
}

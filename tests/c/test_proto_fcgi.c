/* proto_fcgi: what arrives. Requests interleaved in any split, params in pieces, bodies of known and unknown length, aborts,
 * management records, limits, ends. The answers' records are test_proto_fcgi_answer.c's. */
#include "records.h"

#include "codec/fcgi_params.h"

enum { KEEP = PS_FCGI_KEEP_CONN, BYTES_MAX = 8 << 20 };

static void open_fcgi(struct wire *w) { wire_open(w, &ps_proto_fcgi, NULL); }

static struct ps_buf bytes(void) {
    struct ps_buf b;
    ps_buf_init(&b, BYTES_MAX);
    return b;
}

/* --- every split ------------------------------------------------------------------------------------------------------ */

/* Everything at once: management records, two requests interleaved, another behind one of them, an unknown role, records for
 * nobody. */
static void put_everything(struct ps_buf *b) {
    struct ps_buf pairs = bytes();
    put_pairs(&pairs, "FCGI_MPXS_CONNS=\nFCGI_UNHEARD_OF=\nFCGI_MAX_CONNS=\n");
    put_record(b, PS_FCGI_GET_VALUES, 0, ps_buf_span(&pairs), 3);
    put_record(b, 77, 0, PS_LIT("whatever"), 0);
    put_record(b, PS_FCGI_STDIN, 9, PS_LIT("nobody's"), 0);
    put_begin(b, 1, PS_FCGI_RESPONDER, KEEP);
    put_request(b, 2, KEEP, POST_PARAMS("5"));
    pairs.len = 0;
    put_pairs(&pairs, "REQUEST_METHOD=PUT\nSCRIPT_NAME=/one\nHTTP_X=a long value, so that there is something to cut\n");
    for (size_t i = 0; i < pairs.len; i++) put_record(b, PS_FCGI_PARAMS, 1, ps_span(pairs.data + i, 1), (uint8_t)(i % 9));
    put_stdin(b, 2, "he");
    put_record(b, PS_FCGI_PARAMS, 1, PS_LIT(""), 200);
    put_stdin(b, 1, "unknown ");
    put_stdin(b, 2, "llo");
    put_begin(b, 3, PS_FCGI_AUTHORIZER, KEEP);
    put_stdin(b, 2, "");
    put_stdin(b, 1, "length");
    put_stdin(b, 1, "");
    put_request(b, 1, 0, GET_PARAMS); /* the id again */
    put_stdin(b, 1, "");
    ps_buf_free(&pairs);
}

static void every_split_of_the_input_gives_the_same(void) {
    struct ps_buf in = bytes(), out = bytes();
    put_everything(&in);
    struct wire w;
    open_fcgi(&w);
    w.on_end = wire_echo;
    wire_feed(&w, ps_buf_span(&in));
    CHECK_SAID(&w, "REQUEST 2 POST /p\nREQUEST 1 PUT /one\nBODY 2 hello\nEND 2\nBODY 1 unknown\\x20length\nEND 1\n"
                   "REQUEST 1 GET /\nEND 1\n");
    struct ps_span sent = wire_sent(&w);
    CHECK_INT(ps_buf_add(&out, sent), 0);
    struct text records = records_of(sent);
    CHECK_STR(text_str(&records), "GET_VALUES_RESULT FCGI_MPXS_CONNS=1 FCGI_MAX_CONNS=100\n"
                                  "UNKNOWN_TYPE 77\n"
                                  "STDOUT 2 Content-Length: 10\\r\\nStatus: 200 OK\\r\\n\\r\\nPOST /p 5\\n\n"
                                  "END 3 unknown-role\n"
                                  "STDOUT 2\nEND 2 complete\n"
                                  "STDOUT 1 Content-Length: 12\\r\\nStatus: 200 OK\\r\\n\\r\\nPUT /one 14\\n\n"
                                  "STDOUT 1\nEND 1 complete\n"
                                  "STDOUT 1 Content-Length: 8\\r\\nStatus: 200 OK\\r\\n\\r\\nGET / 0\\n\n"
                                  "STDOUT 1\nEND 1 complete\n");
    text_free(&records);
    CHECK_INT(w.state->end, PS_END_CLOSE);
    wire_close(&w);
    wire_every_split(&(struct wire_talk){"everything", &ps_proto_fcgi, NULL, ps_buf_span(&in),
                                         "REQUEST 2 POST /p\nREQUEST 1 PUT /one\nBODY 2 hello\nEND 2\n"
                                         "BODY 1 unknown\\x20length\nEND 1\nREQUEST 1 GET /\nEND 1\n",
                                         ps_buf_span(&out)});
    ps_buf_free(&in);
    ps_buf_free(&out);
}

static void params_may_straddle_records_anywhere(void) {
    struct ps_buf pairs = bytes();
    char value[300];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    put_pairs(&pairs, POST_PARAMS("0"));
    CHECK_INT(ps_fcgi_params_encode(&pairs, PS_LIT("HTTP_LONG"), ps_span(value, 299)), 0);
    for (size_t cut = 1; cut < pairs.len; cut++) {
        struct wire w;
        struct ps_buf b = bytes();
        harness_context("cut at %zu", cut);
        put_begin(&b, 1, PS_FCGI_RESPONDER, KEEP);
        put_record(&b, PS_FCGI_PARAMS, 1, ps_span(pairs.data, cut), 0);
        put_record(&b, PS_FCGI_PARAMS, 1, ps_span(pairs.data + cut, pairs.len - cut), 7);
        put_record(&b, PS_FCGI_PARAMS, 1, PS_LIT(""), 0);
        open_fcgi(&w);
        wire_feed(&w, ps_buf_span(&b));
        CHECK_SAID(&w, "REQUEST 1 POST /p\nEND 1\n");
        CHECK_INT(wire_request(&w, 1)->headers[1].value.len, 299);
        wire_close(&w);
        ps_buf_free(&b);
    }
    ps_buf_free(&pairs);
}

/* --- bodies ----------------------------------------------------------------------------------------------------------- */

static void the_length_says_when_a_body_is_complete(void) {
    struct wire w;
    open_fcgi(&w);
    feed_request(&w, 1, KEEP, POST_PARAMS("5"));
    CHECK_INT(w.state->phase, PS_PHASE_BODY);
    feed_stdin(&w, 1, "hello");
    CHECK_SAID(&w, "REQUEST 1 POST /p\nBODY 1 hello\nEND 1\n");
    CHECK_INT(w.state->phase, PS_PHASE_BUSY);
    feed_stdin(&w, 1, "");
    CHECK_SAID(&w, "");
    CHECK_INT(w.state->phase, PS_PHASE_BUSY);
    wire_close(&w);
}

static void without_one_the_stream_does(void) {
    static const char *const lengths[] = {POST_PARAMS(""), POST_PARAMS("-1"), "REQUEST_METHOD=POST\nSCRIPT_NAME=/p\n"};
    for (size_t i = 0; i < 3; i++) {
        struct wire w;
        open_fcgi(&w);
        feed_request(&w, 1, KEEP, lengths[i]);
        CHECK_INT(wire_request(&w, 1)->content_length, -1);
        CHECK(wire_request(&w, 1)->has_body);
        feed_stdin(&w, 1, "hello");
        CHECK_SAID(&w, "REQUEST 1 POST /p\n");
        feed_stdin(&w, 1, "");
        CHECK_SAID(&w, "BODY 1 hello\nEND 1\n");
        wire_close(&w);
    }
}

static void a_body_cut_short_is_never_complete(void) {
    struct wire w;
    open_fcgi(&w);
    feed_request(&w, 1, KEEP, POST_PARAMS("5"));
    feed_stdin(&w, 1, "hell");
    feed_stdin(&w, 1, "");
    CHECK_SAID(&w, "REQUEST 1 POST /p\nBODY 1 hell\nABORT 1\n");
    CHECK_RECORDS(
        &w, "STDOUT 1 Content-Type: text/plain; charset=utf-8\\r\\nContent-Length: 51\\r\\nStatus: 400 Bad Request\\r\\n\\r\\n"
            "400 Bad Request: connection ended inside a message\\n\n"
            "STDOUT 1\nEND 1 complete\n");
    CHECK_INT(w.state->end, PS_END_NONE);
    CHECK_INT(wire_respond(&w, wire_request(&w, 1), "200 OK", "", PS_LIT(""), false), PS_EORDER);
    wire_close(&w);
}

static void a_body_longer_than_it_said_is_refused(void) {
    struct wire w;
    open_fcgi(&w);
    feed_request(&w, 1, KEEP, POST_PARAMS("5"));
    feed_stdin(&w, 1, "hello!");
    CHECK_SAID(&w, "REQUEST 1 POST /p\nABORT 1\n");
    feed_stdin(&w, 1, "");
    CHECK_RECORDS(
        &w, "STDOUT 1 Content-Type: text/plain; charset=utf-8\\r\\nContent-Length: 55\\r\\nStatus: 400 Bad Request\\r\\n\\r\\n"
            "400 Bad Request: invalid or conflicting Content-Length\\n\nSTDOUT 1\nEND 1 complete\n");
    wire_close(&w);
    open_fcgi(&w); /* behind what was complete, but not yet answered */
    feed_request(&w, 1, KEEP, POST_PARAMS("5"));
    feed_stdin(&w, 1, "hello");
    feed_stdin(&w, 1, "!");
    CHECK_SAID(&w, "REQUEST 1 POST /p\nBODY 1 hello\nEND 1\nABORT 1\n");
    CHECK_INT(wire_respond(&w, wire_request(&w, 1), "200 OK", "", PS_LIT(""), false), PS_EORDER);
    wire_close(&w);
}

#define TOO_LONG                                                                                                              \
    "STDOUT 1 Content-Type: text/plain; charset=utf-8\\r\\nContent-Length: 58\\r\\nStatus: 413 Content Too Large\\r\\n\\r\\n" \
    "413 Content Too Large: request body larger than the limit\\n\n"

static void a_body_over_the_limit_is_refused(void) {
    struct ps_limits limits = wire_limits();
    limits.body = 10;
    struct wire w;
    wire_open(&w, &ps_proto_fcgi, &limits);
    feed_request(&w, 1, KEEP, POST_PARAMS("11"));
    CHECK_SAID(&w, "");
    feed_stdin(&w, 1, "hello, world");
    CHECK_INT(w.state->phase, PS_PHASE_DRAIN);
    feed_stdin(&w, 1, "");
    CHECK_SAID(&w, "");
    CHECK_RECORDS(&w, TOO_LONG "STDOUT 1\nEND 1 complete\n");
    CHECK_INT(w.state->end, PS_END_NONE);
    CHECK_INT(w.state->phase, PS_PHASE_IDLE);
    wire_close(&w);
    wire_open(&w, &ps_proto_fcgi, &limits);
    feed_request(&w, 1, KEEP, POST_PARAMS(""));
    feed_stdin(&w, 1, "0123456789");
    feed_stdin(&w, 1, "a");
    feed_stdin(&w, 1, "bcdef");
    feed_stdin(&w, 1, "");
    CHECK_SAID(&w, "REQUEST 1 POST /p\nBODY 1 0123456789\nABORT 1\n");
    CHECK_RECORDS(&w, TOO_LONG "STDOUT 1\nEND 1 complete\n");
    wire_close(&w);
}

/* --- params that are refused ------------------------------------------------------------------------------------------ */

static void bad_params_are_answered(void) {
    static const struct {
        const char *params, *status;
    } cases[] = {{"SCRIPT_NAME=/\n", "400 Bad Request"},
                 {"REQUEST_METHOD=G T\n", "400 Bad Request"},
                 {POST_PARAMS("5x"), "400 Bad Request"},
                 {POST_PARAMS("99999999999999999999"), "400 Bad Request"},
                 {GET_PARAMS "HTTP_A=b\001\n", "400 Bad Request"},
                 {GET_PARAMS "HTTP_=b\n", "400 Bad Request"},
                 {"", "400 Bad Request"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire w;
        harness_context("%s", cases[i].params);
        open_fcgi(&w);
        feed_request(&w, 1, KEEP, cases[i].params);
        feed_stdin(&w, 1, "");
        CHECK_SAID(&w, "");
        struct text records = records_of(wire_sent(&w));
        CHECK(strstr(text_str(&records), cases[i].status) != NULL);
        CHECK(strstr(text_str(&records), "STDOUT 1\nEND 1 complete\n") != NULL);
        CHECK_INT(w.state->end, PS_END_NONE);
        text_free(&records);
        wire_close(&w);
    }
}

static void pairs_that_run_past_their_end_are_answered(void) {
    struct wire w;
    open_fcgi(&w);
    struct ps_buf b = bytes();
    put_begin(&b, 1, PS_FCGI_RESPONDER, KEEP);
    put_record(&b, PS_FCGI_PARAMS, 1, PS_LIT("\x05\x05short"), 0);
    put_record(&b, PS_FCGI_PARAMS, 1, PS_LIT(""), 0);
    put_stdin(&b, 1, "");
    wire_feed(&w, ps_buf_span(&b));
    struct text records = records_of(wire_sent(&w));
    CHECK(strstr(text_str(&records), "400 Bad Request: malformed FastCGI name-value pair") != NULL);
    text_free(&records);
    ps_buf_free(&b);
    wire_close(&w);
}

/* Records of whole pairs, so that what was kept of them could be taken for a request. */
static void params_over_the_limit_are_refused_once(void) {
    struct ps_limits limits = wire_limits();
    limits.head = 100;
    struct wire w;
    wire_open(&w, &ps_proto_fcgi, &limits);
    struct ps_buf b = bytes(), pairs = bytes();
    put_begin(&b, 1, PS_FCGI_RESPONDER, KEEP);
    for (int i = 0; i < 3; i++) {
        pairs.len = 0;
        put_pairs(&pairs, i == 0 ? GET_PARAMS : "HTTP_LONG=0123456789012345678901234567890123456789\n");
        put_record(&b, PS_FCGI_PARAMS, 1, ps_buf_span(&pairs), 0);
    }
    put_record(&b, PS_FCGI_PARAMS, 1, PS_LIT(""), 0);
    put_stdin(&b, 1, "abc");
    put_stdin(&b, 1, "");
    wire_feed(&w, ps_buf_span(&b));
    CHECK_SAID(&w, "");
    CHECK_RECORDS(&w, "STDOUT 1 Content-Type: text/plain; charset=utf-8\\r\\nContent-Length: 72\\r\\n"
                      "Status: 431 Request Header Fields Too Large\\r\\n\\r\\n"
                      "431 Request Header Fields Too Large: request head larger than the limit\\n\nSTDOUT 1\nEND 1 complete\n");
    CHECK_INT(w.state->end, PS_END_NONE);
    CHECK_INT(w.state->phase, PS_PHASE_IDLE);
    ps_buf_free(&pairs);
    ps_buf_free(&b);
    wire_close(&w);
}

static void more_fields_or_variables_than_allowed_are_refused(void) {
    static const char *const names[] = {"HTTP_A=b\n", "A=b\n"};
    static const int most[] = {100, PS_VARIABLES_MAX};
    for (int kind = 0; kind < 2; kind++)
        for (int n = most[kind]; n <= most[kind] + 1; n++) {
            struct wire w;
            struct text params = {0};
            text_add(&params, "REQUEST_METHOD=GET\n");
            for (int i = 0; i < n; i++) text_add(&params, "%s", names[kind]);
            open_fcgi(&w);
            feed_request(&w, 1, KEEP, text_str(&params));
            CHECK_INT(w.n_requests, n == most[kind]);
            text_free(&params);
            wire_close(&w);
        }
}

/* --- sequences -------------------------------------------------------------------------------------------------------- */

static void too_many_at_once_are_turned_away(void) {
    struct wire w;
    open_fcgi(&w);
    for (uint16_t id = 1; id <= 5; id++) feed_request(&w, id, KEEP, GET_PARAMS);
    CHECK_INT(w.n_requests, 4);
    CHECK_RECORDS(&w, "END 5 overloaded\n");
    feed_stdin(&w, 5, "");
    for (uint16_t id = 1; id <= 4; id++) feed_stdin(&w, id, "");
    CHECK_INT(wire_respond(&w, wire_request(&w, 3), "204", "", PS_LIT(""), false), 0);
    CHECK_RECORDS(&w, "STDOUT 3 Status: 204 \\r\\n\\r\\n\nSTDOUT 3\nEND 3 complete\n");
    feed_request(&w, 5, KEEP, GET_PARAMS);
    CHECK_INT(w.n_requests, 5);
    wire_close(&w);
}

static void one_at_a_time_is_no_multiplexing(void) {
    struct ps_limits limits = wire_limits();
    limits.multiplex = 1;
    struct wire w;
    wire_open(&w, &ps_proto_fcgi, &limits);
    feed_request(&w, 1, KEEP, GET_PARAMS);
    feed_request(&w, 2, KEEP, GET_PARAMS);
    CHECK_RECORDS(&w, "END 2 cant-mpx\n");
    feed_record(&w, PS_FCGI_GET_VALUES, 0, PS_LIT("\x0F\0FCGI_MPXS_CONNS"));
    CHECK_RECORDS(&w, "GET_VALUES_RESULT FCGI_MPXS_CONNS=0\n");
    wire_close(&w);
}

static void other_roles_are_turned_away(void) {
    static const uint16_t roles[] = {PS_FCGI_AUTHORIZER, PS_FCGI_FILTER, 0, 4, 0x0101};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        for (uint8_t keep = 0; keep <= KEEP; keep++) {
            struct wire w;
            open_fcgi(&w);
            struct ps_buf b = bytes();
            put_begin(&b, 7, roles[i], keep);
            wire_feed(&w, ps_buf_span(&b));
            CHECK_RECORDS(&w, "END 7 unknown-role\n");
            CHECK_INT(w.state->end, keep ? PS_END_NONE : PS_END_LINGER);
            feed_record(&w, PS_FCGI_PARAMS, 7, PS_LIT("\1\1ab"));
            feed_record(&w, PS_FCGI_PARAMS, 7, PS_LIT(""));
            feed_stdin(&w, 7, "");
            CHECK_RECORDS(&w, "");
            CHECK_SAID(&w, "");
            ps_buf_free(&b);
            wire_close(&w);
        }
}

static void management(void) {
    struct wire w;
    open_fcgi(&w);
    struct ps_buf pairs = bytes();
    put_pairs(&pairs, "FCGI_MAX_REQS=\nFCGI_MAX_CONNS=\nFCGI_MPXS_CONNS=\nFCGI_MAX_REQ=\n=\n");
    feed_record(&w, PS_FCGI_GET_VALUES, 0, ps_buf_span(&pairs));
    /* HAProxy takes FCGI_MAX_REQS for what one connection may carry. */
    CHECK_RECORDS(&w, "GET_VALUES_RESULT FCGI_MAX_REQS=4 FCGI_MAX_CONNS=100 FCGI_MPXS_CONNS=1\n");
    feed_record(&w, PS_FCGI_GET_VALUES, 0, PS_LIT(""));
    CHECK_RECORDS(&w, "GET_VALUES_RESULT\n");
    feed_request(&w, 1, KEEP, GET_PARAMS);
    feed_record(&w, PS_FCGI_GET_VALUES, 0, PS_LIT("\x0F\0FCGI_MPXS_CONNS"));
    feed_record(&w, 200, 0, PS_LIT("xyz"));
    feed_record(&w, PS_FCGI_BEGIN_REQUEST, 0, PS_LIT("\0\1\1\0\0\0\0\0"));
    feed_record(&w, PS_FCGI_ABORT_REQUEST, 0, PS_LIT(""));
    CHECK_RECORDS(&w, "GET_VALUES_RESULT FCGI_MPXS_CONNS=1\nUNKNOWN_TYPE 200\nUNKNOWN_TYPE 1\nUNKNOWN_TYPE 2\n");
    feed_record(&w, 200, 1, PS_LIT("unknown, but not ours to answer"));
    CHECK_RECORDS(&w, "");
    CHECK_INT(w.state->end, PS_END_NONE);
    feed_record(&w, PS_FCGI_GET_VALUES, 0, PS_LIT("\x0F"));
    CHECK(w.failed && w.state->end == PS_END_RESET);
    ps_buf_free(&pairs);
    wire_close(&w);
}

/* Records nobody could make sense of end the connection. */
static void senseless_records(void) {
    static uint8_t long_values[5000];
    const struct {
        uint8_t type;
        uint16_t id;
        struct ps_span content;
    } cases[] = {{PS_FCGI_BEGIN_REQUEST, 1, PS_LIT("\0\1\1\0\0\0\0\0")}, /* a second one */
                 {PS_FCGI_BEGIN_REQUEST, 2, PS_LIT("\0\1\1")},
                 {PS_FCGI_BEGIN_REQUEST, 2, PS_LIT("")},
                 {PS_FCGI_PARAMS, 1, PS_LIT("\1\1ab")},
                 {PS_FCGI_PARAMS, 1, PS_LIT("")},
                 {PS_FCGI_GET_VALUES, 0, ps_span(long_values, sizeof long_values)}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire w;
        harness_context("case %zu", i);
        open_fcgi(&w);
        feed_request(&w, 1, KEEP, POST_PARAMS("5"));
        feed_record(&w, cases[i].type, cases[i].id, cases[i].content);
        CHECK_SAID(&w, "REQUEST 1 POST /p\nerror PS_ERECORD\n");
        CHECK_INT(w.state->end, PS_END_RESET);
        wire_close(&w);
    }
    struct wire w; /* STDIN before the params have ended; another protocol */
    open_fcgi(&w);
    struct ps_buf b = bytes();
    put_begin(&b, 1, PS_FCGI_RESPONDER, KEEP);
    put_stdin(&b, 1, "x");
    wire_feed(&w, ps_buf_span(&b));
    CHECK_SAID(&w, "error PS_ERECORD\n");
    ps_buf_free(&b);
    wire_close(&w);
    open_fcgi(&w);
    FEED(&w, "GET / HTTP/1.1\r\n\r\n");
    CHECK_SAID(&w, "error PS_ERECORD\n");
    wire_close(&w);
}

static void records_for_nobody_are_ignored(void) {
    static const uint8_t types[] = {PS_FCGI_ABORT_REQUEST, PS_FCGI_PARAMS,      PS_FCGI_STDIN,
                                    PS_FCGI_DATA,          PS_FCGI_END_REQUEST, PS_FCGI_STDOUT,
                                    PS_FCGI_STDERR,        PS_FCGI_GET_VALUES,  99};
    struct wire w;
    open_fcgi(&w);
    for (size_t i = 0; i < sizeof types; i++) {
        feed_record(&w, types[i], 5, PS_LIT("anything"));
        feed_record(&w, types[i], 5, PS_LIT(""));
    }
    CHECK_SAID(&w, "");
    CHECK_RECORDS(&w, "");
    CHECK(w.state->end == PS_END_NONE && w.state->phase == PS_PHASE_IDLE && !w.failed);
    wire_close(&w);
}

int main(void) {
    RUN(every_split_of_the_input_gives_the_same);
    RUN(params_may_straddle_records_anywhere);
    RUN(the_length_says_when_a_body_is_complete);
    RUN(without_one_the_stream_does);
    RUN(a_body_cut_short_is_never_complete);
    RUN(a_body_longer_than_it_said_is_refused);
    RUN(a_body_over_the_limit_is_refused);
    RUN(bad_params_are_answered);
    RUN(pairs_that_run_past_their_end_are_answered);
    RUN(params_over_the_limit_are_refused_once);
    RUN(more_fields_or_variables_than_allowed_are_refused);
    RUN(too_many_at_once_are_turned_away);
    RUN(one_at_a_time_is_no_multiplexing);
    RUN(other_roles_are_turned_away);
    RUN(management);
    RUN(senseless_records);
    RUN(records_for_nobody_are_ignored);
    return harness_report();
}

/* server: deadlines, draining, and what happens when connections or descriptors run out. */
#define _GNU_SOURCE
#include "records.h"
#include "site.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK(length, body) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n" body
#define OK_CLOSE(length, body) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\nConnection: close\r\n\r\n" body
#define TIMEOUT                                                                                                     \
    "HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 50\r\nConnection: " \
    "close\r\n\r\n"                                                                                                 \
    "408 Request Timeout: request not complete in time\n"

enum { SHORT_MS = 20, LONG_MS = 1000000 };

/* Every wait is long but this one. */
static struct ps_server_config only(enum ps_wait wait) {
    struct ps_server_config config = site_config();
    for (int i = 0; i < PS_WAITS; i++) config.wait_ms[i] = LONG_MS;
    config.wait_ms[wait] = SHORT_MS;
    return config;
}

static void open_site(struct site *s, const struct ps_protocol *protocol, enum ps_wait wait) {
    const struct ps_server_config config = only(wait);
    site_open(s, protocol, SITE_TCP, &config);
}

/* --- deadlines of the peer -------------------------------------------------------------------------------------------- */

static void one_that_says_nothing_is_closed(void) {
    struct site s;
    open_site(&s, &ps_proto_http1, PS_WAIT_HEAD);
    struct client c = client_open(&s);
    UNTIL(&s, client_pull(&c));
    CHECK(c.ended && c.got.len == 0);
    CHECK_INT(s.server.n_conns, 0);
    client_close(&c);
    site_close(&s);
}

/* However it trickles: the deadline is for the whole head. */
static void a_slow_head_is_answered(void) {
    struct site s;
    open_site(&s, &ps_proto_http1, PS_WAIT_HEAD);
    struct client c = client_open(&s);
    client_say(&c, "GET /");
    const uint64_t patience = site_patience();
    while (client_got(&c) == 0 && site_turn(&s, patience)) (void)send(c.fd, "x", 1, MSG_NOSIGNAL);
    CHECK_GOT(&s, &c, TIMEOUT);
    UNTIL(&s, client_pull(&c));
    client_close(&c);
    site_close(&s);
}

static void a_slow_body_is_answered(void) {
    struct site s;
    open_site(&s, &ps_proto_http1, PS_WAIT_BODY);
    struct client c = client_open(&s);
    client_say(&c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel");
    CHECK_GOT(&s, &c, TIMEOUT);
    UNTIL(&s, client_pull(&c));
    CHECK_INT(s.server.n_exchanges, 0);
    client_close(&c);
    site_close(&s);
}

static void an_idle_connection_is_closed(void) {
    struct site s;
    open_site(&s, &ps_proto_http1, PS_WAIT_IDLE);
    struct client c = client_open(&s);
    client_say(&c, GET);
    site_answer(site_take(&s), "x");
    CHECK_GOT(&s, &c, OK("1", "x"));
    UNTIL(&s, client_pull(&c));
    CHECK(c.ended && c.got.len == 0);
    client_close(&c);
    c = client_open(&s); /* an empty line is not a request: it gains nothing */
    client_say(&c, GET "\r\n");
    site_answer(site_take(&s), "x");
    UNTIL(&s, client_pull(&c));
    CHECK_GOT(&s, &c, OK("1", "x"));
    client_close(&c);
    UNTIL(&s, s.server.n_conns == 0);
    site_close(&s);
}

static struct ps_conn *the_conn(struct site *s) {
    UNTIL(s, s->server.conns != NULL);
    return s->server.conns;
}

/* Its deadline has passed, but the request was there first. */
static void a_request_that_crosses_the_close_is_served(void) {
    struct site s;
    open_site(&s, &ps_proto_http1, PS_WAIT_RESUME);
    struct client c = client_open(&s);
    client_say(&c, GET);
    site_answer(site_take(&s), "1");
    client_say(&c, GET);
    struct ps_conn *conn = the_conn(&s);
    CHECK_INT(conn->waiting_for, PS_WAIT_IDLE);
    ps_timer_disarm(&conn->timer);
    ps_conn_expired(&conn->timer);
    site_answer(site_take(&s), "2");
    CHECK_GOT(&s, &c, OK("1", "1") OK("1", "2"));
    CHECK(ps_timer_armed(&conn->timer));
    client_close(&c);
    site_close(&s);
}

static void a_front_keeps_its_idle_connections(void) {
    struct site s;
    open_site(&s, &ps_proto_fcgi, PS_WAIT_IDLE);
    struct client c = client_open(&s);
    struct ps_buf b;
    ps_buf_init(&b, 10000);
    put_request(&b, 1, PS_FCGI_KEEP_CONN, GET_PARAMS);
    put_stdin(&b, 1, "");
    client_send(&c, ps_buf_span(&b));
    site_answer(site_take(&s), "x");
    UNTIL(&s, client_got(&c) != 0);
    CHECK(!ps_timer_armed(&the_conn(&s)->timer));
    ps_buf_free(&b);
    client_close(&c);
    site_close(&s);
}

static void a_peer_that_does_not_read_is_reset(void) {
    enum { SIZE = 16 << 20 };
    struct site s;
    open_site(&s, &ps_proto_http1, PS_WAIT_WRITE);
    struct client c = client_open(&s);
    client_say(&c, GET);
    struct ps_exchange *x = site_take(&s);
    uint8_t *body = calloc(1, SIZE);
    struct ps_response head;
    bool kept = false;
    ps_response_init(&head);
    CHECK_INT(ps_response_begin(&head, PS_LIT("200 OK")), 0);
    CHECK_INT(ps_exchange_respond(x, &head, ps_span(body, SIZE), false, body, &kept), 0);
    ps_exchange_finish(x);
    CHECK(kept);
    UNTIL(&s, s.server.n_conns == 0);
    CHECK(ps_server_take_owner(&s.server) == body);
    UNTIL(&s, client_pull(&c));
    CHECK_INT(c.error, ECONNRESET);
    ps_response_free(&head);
    free(body);
    client_close(&c);
    site_close(&s);
}

static void nobody_lingers_for_ever(void) {
    struct site s;
    open_site(&s, &ps_proto_http1, PS_WAIT_LINGER);
    struct client c = client_open(&s);
    client_say(&c, "bad\r\n");
    UNTIL(&s, client_pull(&c));
    UNTIL(&s, s.server.n_conns == 0); /* though the client has not closed */
    client_close(&c);
    site_close(&s);
}

/* END_REQUEST waits for the end of STDIN, and not for ever. */
static void the_end_of_an_answer_is_not_held_for_ever(void) {
    struct site s;
    open_site(&s, &ps_proto_fcgi, PS_WAIT_LINGER);
    struct client c = client_open(&s);
    struct ps_buf b;
    ps_buf_init(&b, 10000);
    put_request(&b, 1, PS_FCGI_KEEP_CONN, POST_PARAMS("5"));
    put_stdin(&b, 1, "hello");
    client_send(&c, ps_buf_span(&b));
    site_answer(site_take(&s), "x");
    UNTIL(&s, client_got(&c) >= 72);
    struct text records = records_of(ps_buf_span(&c.got));
    CHECK_STR(text_str(&records), "STDOUT 1 Content-Length: 1\\r\\nStatus: 200 OK\\r\\n\\r\\nx\nSTDOUT 1\nEND 1 complete\n");
    CHECK(!client_pull(&c));
    text_free(&records);
    ps_buf_free(&b);
    client_close(&c);
    site_close(&s);
}

static void our_own_time_has_no_deadline(void) {
    struct site s;
    open_site(&s, &ps_proto_http1, PS_WAIT_RESUME);
    struct client c = client_open(&s);
    client_say(&c, GET);
    struct ps_exchange *x = site_take(&s);
    CHECK(!ps_timer_armed(&the_conn(&s)->timer));
    site_answer(x, "x");
    client_close(&c);
    site_close(&s);
}

/* With one thread, an application that runs for long stops the loop's clock. What begins with its answer begins then. */
static void deadlines_begin_when_the_application_is_done(void) {
    struct site s;
    open_site(&s, &ps_proto_http1, PS_WAIT_RESUME);
    struct client c = client_open(&s);
    client_say(&c, GET);
    struct ps_exchange *x = site_take(&s);
    s.server.now -= 500000; /* as if it had begun then */
    s.server.date = 0;
    const uint64_t now = site_now();
    memset(s.server.env.date, '?', sizeof s.server.env.date);
    site_answer(x, "x");
    CHECK_INT(the_conn(&s)->waiting_for, PS_WAIT_IDLE);
    CHECK(the_conn(&s)->timer.due >= now + LONG_MS);
    CHECK(s.server.env.date[0] != '?'); /* and so does its Date */
    CHECK_GOT(&s, &c, OK("1", "x"));
    client_close(&c);
    site_close(&s);
}

/* --- draining --------------------------------------------------------------------------------------------------------- */

static void a_drain_answers_what_was_accepted(void) {
    struct site s;
    open_site(&s, &ps_proto_http1, PS_WAIT_DRAIN);
    struct client idle = client_open(&s), fresh = client_open(&s), busy = client_open(&s);
    client_say(&idle, GET);
    site_answer(site_take(&s), "x");
    CHECK_GOT(&s, &idle, OK("1", "x"));
    client_say(&busy, GET GET);
    struct ps_exchange *x = site_take(&s);
    UNTIL(&s, s.server.n_conns == 3);
    ps_server_drain(&s.server);
    ps_server_drain(&s.server);
    CHECK(!ps_server_idle(&s.server));
    UNTIL(&s, client_pull(&idle) && client_pull(&fresh));
    CHECK(idle.ended && fresh.ended && idle.got.len == 0 && fresh.got.len == 0);
    CHECK(ps_server_turn(&s.server, 0)); /* whoever turns should look */
    CHECK(!client_pull(&busy));
    site_answer(x, "y");
    CHECK_GOT(&s, &busy, OK_CLOSE("1", "y"));
    UNTIL(&s, client_pull(&busy));
    CHECK(busy.ended);
    client_close(&busy);
    UNTIL(&s, ps_server_idle(&s.server));
    client_close(&idle);
    client_close(&fresh);
    site_close(&s);
}

static void a_request_that_crosses_a_drain_is_served(void) {
    struct site s;
    open_site(&s, &ps_proto_http1, PS_WAIT_DRAIN);
    struct client c = client_open(&s);
    (void)the_conn(&s);
    ps_server_drain(&s.server);
    client_say(&c, GET);
    site_answer(site_take(&s), "x");
    CHECK_GOT(&s, &c, OK_CLOSE("1", "x"));
    client_close(&c);
    site_close(&s);
}

/* As many as one event takes and then some: all of them were accepted as far as the client can tell. */
static void a_drain_takes_those_who_queue(void) {
    enum { N = 90 };
    struct site s;
    struct client clients[N];
    open_site(&s, &ps_proto_http1, PS_WAIT_DRAIN);
    for (int i = 0; i < N; i++) {
        clients[i] = client_open(&s);
        client_say(&clients[i], GET);
    }
    ps_server_drain(&s.server);
    CHECK_INT(s.server.n_conns, N);
    for (int i = 0; i < N; i++) site_answer(site_take(&s), "x");
    for (int i = 0; i < N; i++) {
        CHECK_GOT(&s, &clients[i], OK_CLOSE("1", "x"));
        client_close(&clients[i]);
    }
    UNTIL(&s, ps_server_idle(&s.server));
    site_close(&s);
}

/* --- limits ----------------------------------------------------------------------------------------------------------- */

static void only_so_many_connections(void) {
    struct ps_server_config config = only(PS_WAIT_RESUME);
    config.limits.connections = 2;
    struct site s;
    site_open(&s, &ps_proto_http1, SITE_TCP, &config);
    struct client clients[3] = {client_open(&s), client_open(&s), client_open(&s)};
    for (int i = 0; i < 3; i++) client_say(&clients[i], GET);
    site_answer(site_take(&s), "1");
    site_answer(site_take(&s), "2");
    site_idle(&s);
    unsigned ready;
    CHECK(site_ready(&s, &ready) == NULL);
    CHECK(s.server.n_conns == 2 && !s.server.listeners->accepting);
    CHECK_GOT(&s, &clients[0], OK("1", "1"));
    client_close(&clients[0]);
    site_answer(site_take(&s), "3"); /* there is room for another */
    CHECK_GOT(&s, &clients[2], OK("1", "3"));
    client_close(&clients[1]);
    client_close(&clients[2]);
    UNTIL(&s, s.server.n_conns == 0 && s.server.listeners->accepting);
    site_close(&s);
}

/* Lets the process open `more` further descriptors. */
static struct rlimit allow(rlim_t more) {
    struct rlimit before = {0}, now;
    const int next = dup(STDERR_FILENO);
    CHECK(next >= 0 && getrlimit(RLIMIT_NOFILE, &before) == 0);
    close(next);
    now = before;
    now.rlim_cur = (rlim_t)next + more;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &now), 0);
    return before;
}

static void when_descriptors_run_out(void) {
    struct site s;
    open_site(&s, &ps_proto_http1, PS_WAIT_RESUME);
    struct client clients[3] = {client_open(&s), client_open(&s), client_open(&s)};
    for (int i = 0; i < 3; i++) client_say(&clients[i], GET);
    const struct rlimit before = allow(1);
    struct ps_exchange *x = site_take(&s);
    CHECK(s.server.n_conns == 1 && !s.server.listeners->accepting); /* it rests, and does not spin */
    CHECK(ps_timer_armed(&s.server.resume));
    site_answer(x, "1"); /* those connected are served */
    client_say(&clients[0], GET);
    site_answer(site_take(&s), "2");
    CHECK_GOT(&s, &clients[0], OK("1", "1") OK("1", "2"));
    for (int i = 0; i < 3; i++) {
        UNTIL(&s, !ps_timer_armed(&s.server.resume) || s.server.listeners->accepting); /* tries now and then */
        UNTIL(&s, !s.server.listeners->accepting);
    }
    CHECK_INT(s.server.n_conns, 1);
    CHECK(shutdown(clients[0].fd, SHUT_WR) == 0);
    site_answer(site_take(&s), "3"); /* the place of one that left */
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
    site_answer(site_take(&s), "4");
    for (int i = 0; i < 3; i++) client_close(&clients[i]);
    UNTIL(&s, s.server.n_conns == 0);
    site_close(&s);
}

static void a_server_that_cannot_be_made(void) {
    const struct ps_server_config config = site_config();
    for (rlim_t more = 0; more < 3; more++) { /* the loop and both ends of a pipe */
        struct ps_server s;
        const struct rlimit before = allow(more);
        CHECK_INT(ps_server_init(&s, &config, NULL), PS_EIO);
        ps_server_free(&s);
        CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
    }
}

int main(void) {
    RUN(one_that_says_nothing_is_closed);
    RUN(a_slow_head_is_answered);
    RUN(a_slow_body_is_answered);
    RUN(an_idle_connection_is_closed);
    RUN(a_request_that_crosses_the_close_is_served);
    RUN(a_front_keeps_its_idle_connections);
    RUN(a_peer_that_does_not_read_is_reset);
    RUN(nobody_lingers_for_ever);
    RUN(the_end_of_an_answer_is_not_held_for_ever);
    RUN(our_own_time_has_no_deadline);
    RUN(deadlines_begin_when_the_application_is_done);
    RUN(a_drain_answers_what_was_accepted);
    RUN(a_request_that_crosses_a_drain_is_served);
    RUN(a_drain_takes_those_who_queue);
    RUN(only_so_many_connections);
    RUN(when_descriptors_run_out);
    RUN(a_server_that_cannot_be_made);
    return harness_report();
}

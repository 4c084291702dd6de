/* server: requests and answers over real sockets, bodies, ends of connections. Deadlines and limits are test_server_limits.c's,
 * slow readers test_server_flow.c's, threads test_server_threads.c's. */
#define _GNU_SOURCE
#include "records.h"
#include "site.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK(length, body) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n" body
#define OK_CLOSE(length, body) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\nConnection: close\r\n\r\n" body

/* --- one request after the other -------------------------------------------------------------------------------------- */

static void a_request_is_taken_answered_finished(void) {
    for (int kind = SITE_TCP; kind <= SITE_UNIX; kind++) {
        struct site s;
        harness_context("kind %d", kind);
        site_open(&s, &ps_proto_http1, (enum site_kind)kind, NULL);
        struct client c = client_open(&s);
        client_say(&c, "GET /x HTTP/1.1\r\nHost: example.com:81\r\n\r\n");
        struct ps_exchange *x = site_take(&s);
        struct ps_slot_reading slot = ps_slot_read(s.server.slot);
        CHECK(slot.connections == 1 && slot.running == 1 && slot.waiting == 0 && slot.requests == 0 && slot.heartbeat_ms != 0);
        CHECK_SPAN(x->request.path_info, PS_LIT("/x"));
        static const char *const addresses[] = {"127.0.0.1", "::1", ""}, *const names[] = {"127.0.0.1", "::1", "example.com"};
        CHECK_SPAN(x->request.remote_addr, ps_span(addresses[kind], strlen(addresses[kind])));
        CHECK_SPAN(x->request.server_name, ps_span(names[kind], strlen(names[kind])));
        CHECK_INT(x->request.remote_port.len != 0, kind != SITE_UNIX);
        site_answer(x, "hello");
        CHECK_GOT(&s, &c, OK("5", "hello"));
        slot = ps_slot_read(s.server.slot);
        CHECK(slot.connections == 1 && slot.running == 0 && slot.requests == 1);
        client_say(&c, GET); /* and again, on the same connection */
        site_answer(site_take(&s), "again");
        CHECK_GOT(&s, &c, OK("5", "again"));
        client_close(&c);
        UNTIL(&s, s.server.n_conns == 0);
        CHECK_INT(ps_slot_read(s.server.slot).connections, 0);
        CHECK(ps_server_idle(&s.server));
        site_close(&s);
    }
}

/* Bound to all addresses, the one the client reached is the server's. */
static void any_address(void) {
    struct site s;
    site_open(&s, &ps_proto_http1, SITE_UNIX, NULL);
    const int any = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    CHECK(bind(any, (struct sockaddr *)&address, len) == 0 && listen(any, 5) == 0);
    CHECK(getsockname(any, (struct sockaddr *)&address, &len) == 0);
    CHECK_INT(ps_server_listen(&s.server, any, &ps_proto_http1), 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct site there = {.address_len = len};
    memcpy(&there.address, &address, sizeof address);
    struct client c = client_open(&there);
    client_say(&c, GET);
    struct ps_exchange *x = site_take(&s);
    CHECK_SPAN(x->request.server_name, PS_LIT("127.0.0.1"));
    site_answer(x, "");
    client_close(&c);
    site_close(&s);
    close(any);
}

static void what_cannot_be_listened_on(void) {
    struct site s;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    CHECK_INT(ps_server_listen(&s.server, -1, &ps_proto_http1), PS_EIO);
    const int file = dup(STDERR_FILENO);
    CHECK_INT(ps_server_listen(&s.server, file, &ps_proto_http1), PS_EIO);
    close(file);
    site_close(&s);
}

static void pipelined_answers_come_in_order(void) {
    struct site s;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    struct client c = client_open(&s);
    struct text asked = {0}, wanted = {0};
    enum { N = 3000 }; /* more than is read ahead */
    for (int i = 0; i < N; i++) {
        text_add(&asked, "POST /%04d HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n%04d", i, i);
        text_add(&wanted, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n/%04d", i);
    }
    size_t said = 0;
    for (int i = 0; i < N; i++) {
        while (said < asked.len) {
            const ssize_t n = send(c.fd, text_str(&asked) + said, asked.len - said, MSG_NOSIGNAL);
            if (n < 0) break;
            said += (size_t)n;
        }
        struct ps_exchange *x = site_take(&s);
        char path[6] = {0};
        memcpy(path, x->request.path_info.ptr, 5);
        CHECK_SPAN(ps_buf_span(&x->body.memory), ps_span(path + 1, 4));
        CHECK_INT(s.server.n_exchanges, 1);
        site_answer(x, path);
        client_pull(&c);
    }
    CHECK_GOT(&s, &c, text_str(&wanted));
    text_free(&asked);
    text_free(&wanted);
    client_close(&c);
    site_close(&s);
}

static void protocols_side_by_side(void) {
    struct site s, other;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    const int fd = site_listen(SITE_UNIX, s.folder, &other.address, &other.address_len);
    CHECK_INT(ps_server_listen(&s.server, fd, &ps_proto_fcgi), 0);
    struct client http = client_open(&s), fcgi = client_open(&other);
    struct ps_buf b;
    ps_buf_init(&b, 10000);
    put_request(&b, 1, PS_FCGI_KEEP_CONN, GET_PARAMS "HTTP_X=y\n");
    put_stdin(&b, 1, "");
    client_send(&fcgi, ps_buf_span(&b));
    struct ps_exchange *x = site_take(&s);
    ps_exchange_errors(x, PS_LIT("oh\n"));
    site_answer(x, "by fcgi");
    client_say(&http, GET);
    x = site_take(&s);
    ps_exchange_errors(x, PS_LIT("dropped: HTTP has no stream for it\n"));
    site_answer(x, "by http");
    CHECK_GOT(&s, &http, OK("7", "by http"));
    UNTIL(&s, client_got(&fcgi) >= 90);
    struct text records = records_of(ps_buf_span(&fcgi.got));
    CHECK_STR(text_str(&records),
              "STDERR 1 oh\\n\nSTDOUT 1 Content-Length: 7\\r\\nStatus: 200 OK\\r\\n\\r\\nby fcgi\nSTDOUT 1\nEND 1 complete\n");
    text_free(&records);
    ps_buf_free(&b);
    client_close(&http);
    client_close(&fcgi);
    site_close(&s);
    close(fd);
}

/* --- bodies ----------------------------------------------------------------------------------------------------------- */

static void say_body(struct client *c, size_t n) {
    struct text t = {0};
    text_add(&t, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", n);
    for (size_t i = 0; i < n; i++) text_add(&t, "%c", (char)('a' + i % 26));
    client_say(c, text_str(&t));
    text_free(&t);
}

static void bodies_are_complete_in_memory_or_in_a_file(void) {
    struct site s;
    site_open(&s, &ps_proto_http1, SITE_UNIX, NULL);
    struct client c = client_open(&s);
    static const size_t sizes[] = {0, 1, 4096, 4097, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        harness_context("%zu", sizes[i]);
        say_body(&c, sizes[i]);
        struct ps_exchange *x = site_take(&s);
        CHECK_INT(x->body.size, sizes[i]);
        CHECK_INT(x->body.fd >= 0, sizes[i] > 4096);
        int fd = ps_spool_take_file(&x->body);
        if (fd >= 0) {
            char letters[27] = {0};
            CHECK_INT(read(fd, letters, 26), 26);
            CHECK_STR(letters, "abcdefghijklmnopqrstuvwxyz");
            CHECK_INT(lseek(fd, 0, SEEK_END), sizes[i]);
            close(fd);
        }
        site_answer(x, "ok");
        CHECK_GOT(&s, &c, OK("2", "ok"));
    }
    client_close(&c);
    site_close(&s);
}

/* The one request is answered with an error, and the connection goes on. */
static void a_body_that_cannot_be_kept(void) {
    struct ps_server_config config = site_config();
    config.body_folder = "/nonexistent";
    struct site s;
    site_open(&s, &ps_proto_http1, SITE_UNIX, &config);
    struct client c = client_open(&s);
    say_body(&c, 30000);
    client_say(&c, GET);
    site_answer(site_take(&s), "next");
    CHECK_GOT(&s, &c,
              "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 50\r\n\r\n"
              "500 Internal Server Error: input or output failed\n" OK("4", "next"));
    CHECK_INT(s.server.n_exchanges, 0);
    client_close(&c);
    site_close(&s);
}

static void the_peer_is_asked_for_its_body(void) {
    struct site s;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    struct client c = client_open(&s);
    client_say(&c, "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK_GOT(&s, &c, "HTTP/1.1 100 Continue\r\n\r\n");
    client_say(&c, "ab");
    site_answer(site_take(&s), "ok");
    CHECK_GOT(&s, &c, OK("2", "ok"));
    client_close(&c);
    site_close(&s);
}

/* --- ends ------------------------------------------------------------------------------------------------------------- */

static void a_half_closed_peer_gets_its_answers(void) {
    struct site s;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    struct client c = client_open(&s);
    client_say(&c, GET GET);
    CHECK_INT(shutdown(c.fd, SHUT_WR), 0);
    site_answer(site_take(&s), "1");
    site_idle(&s);
    site_answer(site_take(&s), "2");
    UNTIL(&s, client_pull(&c));
    CHECK_GOT(&s, &c, OK("1", "1") OK("1", "2"));
    CHECK_INT(c.error, 0);
    UNTIL(&s, s.server.n_conns == 0);
    client_close(&c);
    site_close(&s);
}

/* What is still on its way must not take the answer with it. */
static void an_answer_survives_what_was_not_read(void) {
    struct site s;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    struct client c = client_open(&s);
    client_say(&c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n");
    UNTIL(&s, s.server.conns != NULL && s.server.conns->lingering);
    static const uint8_t junk[30000];
    for (int i = 0; i < 20; i++) {
        client_send(&c, ps_span(junk, sizeof junk));
        site_idle(&s);
    }
    CHECK_GOT(&s, &c,
              "HTTP/1.1 413 Content Too Large\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 58\r\nConnection: "
              "close\r\n\r\n"
              "413 Content Too Large: request body larger than the limit\n");
    UNTIL(&s, client_pull(&c));
    CHECK(c.ended && c.error == 0);
    CHECK_INT(s.server.n_conns, 1); /* until the peer has ended, too */
    client_close(&c);
    UNTIL(&s, s.server.n_conns == 0);
    site_close(&s);
}

static void requests_behind_the_last_are_dropped(void) {
    struct site s;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    struct client c = client_open(&s);
    client_say(&c, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" GET GET);
    site_answer(site_take(&s), "last");
    UNTIL(&s, client_pull(&c));
    CHECK_GOT(&s, &c, OK_CLOSE("4", "last"));
    CHECK(c.ended && c.error == 0);
    CHECK(s.server.ready.first == NULL);
    client_close(&c);
    site_close(&s);
}

static void a_broken_answer_is_a_reset(void) {
    struct site s;
    site_open(&s, &ps_proto_fcgi, SITE_TCP, NULL);
    struct client c = client_open(&s);
    struct ps_buf b;
    ps_buf_init(&b, 10000);
    put_request(&b, 1, PS_FCGI_KEEP_CONN, GET_PARAMS);
    put_stdin(&b, 1, "");
    client_send(&c, ps_buf_span(&b));
    struct ps_exchange *x = site_take(&s);
    CHECK_INT(site_respond(x, PS_LIT("begun"), true), 0);
    ps_exchange_finish(x); /* without having ended it */
    UNTIL(&s, client_pull(&c));
    CHECK_INT(c.error, ECONNRESET);
    CHECK_INT(s.server.n_exchanges, 0);
    ps_buf_free(&b);
    client_close(&c);
    site_close(&s);
}

/* A unix socket knows no reset, and a front may take its end for the end of the answer: so a record follows that is none. */
static void a_broken_answer_over_a_unix_socket(void) {
    struct site s;
    site_open(&s, &ps_proto_fcgi, SITE_UNIX, NULL);
    struct client c = client_open(&s);
    struct ps_buf b;
    ps_buf_init(&b, 10000);
    put_request(&b, 1, 0, GET_PARAMS);
    put_stdin(&b, 1, "");
    client_send(&c, ps_buf_span(&b));
    struct ps_exchange *x = site_take(&s);
    CHECK_INT(site_respond(x, PS_LIT("begun"), true), 0);
    ps_exchange_finish(x);
    UNTIL(&s, client_pull(&c));
    CHECK(c.ended && c.got.len > 8);
    struct ps_span got = ps_buf_span(&c.got);
    struct text records = records_of(ps_take(&got, got.len - 8));
    CHECK_STR(text_str(&records), "STDOUT 1 Status: 200 OK\\r\\n\\r\\nbegun\n");
    CHECK(got.ptr[0] != 1); /* the version */
    text_free(&records);
    ps_buf_free(&b);
    client_close(&c);
    site_close(&s);
}

static void what_is_too_much_is_said_though_nobody_is_there(void) {
    struct site s;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    struct client c = client_open(&s);
    client_say(&c, "GET / HTTP/1.0\r\n\r\n");
    struct ps_exchange *x = site_take(&s);
    struct ps_response head;
    bool kept;
    ps_response_init(&head);
    CHECK_INT(ps_response_begin(&head, PS_LIT("200 OK")), 0);
    CHECK_INT(ps_response_add(&head, PS_LIT("Content-Length"), PS_LIT("2")), 0);
    CHECK_INT(ps_exchange_respond(x, &head, PS_LIT("ab"), true, &s, &kept), 0);
    UNTIL(&s, client_pull(&c) && s.server.n_conns == 0);
    CHECK_INT(ps_exchange_send(x, PS_LIT("c"), true, &s, &kept), PS_ELONG);
    CHECK_INT(ps_exchange_send(x, PS_LIT(""), false, &s, &kept), PS_EGONE);
    ps_exchange_finish(x);
    ps_response_free(&head);
    client_close(&c);
    site_close(&s);
}

static void a_peer_that_is_gone(void) {
    struct site s;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    struct client c = client_open(&s);
    client_say(&c, GET);
    struct ps_exchange *x = site_take(&s);
    client_reset(&c);
    UNTIL(&s, s.server.n_conns == 0);
    CHECK(x->conn == NULL);
    CHECK(!ps_exchange_full(x) && !ps_exchange_wait(x));
    CHECK_INT(ps_exchange_block(x), PS_EGONE);
    CHECK_INT(site_respond(x, PS_LIT("too late"), false), PS_EGONE);
    ps_exchange_errors(x, PS_LIT("too late"));
    ps_exchange_fail(x);
    ps_exchange_finish(x);
    CHECK(ps_server_idle(&s.server));
    c = client_open(&s); /* gone before anybody took its request */
    client_say(&c, GET);
    UNTIL(&s, s.server.ready.first != NULL);
    client_reset(&c);
    UNTIL(&s, s.server.n_conns == 0);
    unsigned ready;
    CHECK(site_ready(&s, &ready) == NULL);
    CHECK(ps_server_idle(&s.server));
    site_close(&s);
}

static void an_abort_is_noticed(void) {
    struct site s;
    site_open(&s, &ps_proto_fcgi, SITE_UNIX, NULL);
    struct client c = client_open(&s);
    struct ps_buf b;
    ps_buf_init(&b, 10000);
    put_request(&b, 1, PS_FCGI_KEEP_CONN, GET_PARAMS);
    put_stdin(&b, 1, "");
    put_request(&b, 2, PS_FCGI_KEEP_CONN, POST_PARAMS("5"));
    client_send(&c, ps_buf_span(&b));
    struct ps_exchange *x = site_take(&s);
    b.len = 0;
    put_record(&b, PS_FCGI_ABORT_REQUEST, 1, PS_LIT(""), 0);
    put_record(&b, PS_FCGI_ABORT_REQUEST, 2, PS_LIT(""), 0);
    client_send(&c, ps_buf_span(&b));
    UNTIL(&s, x->conn == NULL && s.server.n_exchanges == 1);
    CHECK_INT(site_respond(x, PS_LIT("too late"), false), PS_EGONE);
    ps_exchange_finish(x);
    UNTIL(&s, client_got(&c) >= 48);
    struct text records = records_of(ps_buf_span(&c.got));
    CHECK_STR(text_str(&records), "STDOUT 1\nEND 1 complete\nSTDOUT 2\nEND 2 complete\n");
    CHECK_INT(s.server.n_conns, 1);
    text_free(&records);
    ps_buf_free(&b);
    client_close(&c);
    site_close(&s);
}

/* --- waking ----------------------------------------------------------------------------------------------------------- */

static void a_turn_says_when_to_look_up(void) {
    struct site s;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    CHECK(ps_server_turn(&s.server, 0)); /* nothing came of it */
    ps_server_wake(&s.server);
    CHECK(!ps_server_turn(&s.server, 30000));
    CHECK_INT(write(ps_server_wake_fd(&s.server), "\x0f", 1), 1);
    ps_server_wake(&s.server);
    CHECK(ps_server_turn(&s.server, 30000));
    for (int i = 0; i < 100000; i++) ps_server_wake(&s.server); /* a full pipe wakes as well */
    UNTIL(&s, ps_server_turn(&s.server, 0));
    ps_server_stop(&s.server);
    CHECK(ps_server_turn(&s.server, 30000));
    site_close(&s);
}

/* With everything in the air: idle, in a head, in a body, queued, taken, answering, lingering. */
static void a_server_can_be_freed_at_any_time(void) {
    static const char *const said[] = {"", "GET", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc", GET,
                                       "bad\r\n\r\n"};
    struct site s;
    struct client clients[6];
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    clients[5] = client_open(&s);
    client_say(&clients[5], GET);
    struct ps_exchange *x = site_take(&s);
    for (int i = 0; i < 5; i++) {
        clients[i] = client_open(&s);
        client_say(&clients[i], said[i]);
    }
    UNTIL(&s, s.server.n_conns == 6 && s.server.n_queued == 1 && client_got(&clients[4]) != 0);
    uint8_t *body = calloc(1, 8 << 20);
    struct ps_response head;
    bool kept = false;
    ps_response_init(&head);
    CHECK_INT(ps_response_begin(&head, PS_LIT("200 OK")), 0);
    CHECK_INT(ps_exchange_respond(x, &head, ps_span(body, 8 << 20), true, body, &kept), 0);
    CHECK(kept);
    ps_exchange_finish(x); /* not ended, and most of it not yet written */
    CHECK(!ps_server_has_owners(&s.server));
    site_close(&s);
    free(body);
    ps_response_free(&head);
    for (int i = 0; i < 6; i++) client_close(&clients[i]);
}

int main(void) {
    RUN(a_request_is_taken_answered_finished);
    RUN(any_address);
    RUN(what_cannot_be_listened_on);
    RUN(pipelined_answers_come_in_order);
    RUN(protocols_side_by_side);
    RUN(bodies_are_complete_in_memory_or_in_a_file);
    RUN(a_body_that_cannot_be_kept);
    RUN(the_peer_is_asked_for_its_body);
    RUN(a_half_closed_peer_gets_its_answers);
    RUN(an_answer_survives_what_was_not_read);
    RUN(requests_behind_the_last_are_dropped);
    RUN(a_broken_answer_is_a_reset);
    RUN(a_broken_answer_over_a_unix_socket);
    RUN(what_is_too_much_is_said_though_nobody_is_there);
    RUN(a_peer_that_is_gone);
    RUN(an_abort_is_noticed);
    RUN(a_turn_says_when_to_look_up);
    RUN(a_server_can_be_freed_at_any_time);
    return harness_report();
}

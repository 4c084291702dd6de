/* server: answers that are larger than what the peer reads. Watermarks, owners, parked and blocked answers, what a peer that
 * does not read can make us hold. */
#define _GNU_SOURCE
#include "site.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

enum { HIGH = 64 * 1024, LOW = 16 * 1024, PIECE = 1 << 20 };

static uint8_t *piece;

/* Sends a piece; it is its own owner. Answers whether it is kept. */
static bool send_piece(struct ps_exchange *x, size_t n, bool more, void *owner) {
    bool kept = false;
    struct ps_response head;
    ps_response_init(&head);
    CHECK_INT(ps_response_begin(&head, PS_LIT("200 OK")), 0);
    if (x->request.answer.status == 0)
        CHECK_INT(ps_exchange_respond(x, &head, ps_span(piece, n), more, owner, &kept), 0);
    else
        CHECK_INT(ps_exchange_send(x, ps_span(piece, n), more, owner, &kept), 0);
    ps_response_free(&head);
    return kept;
}

static struct ps_exchange *ask(struct site *s, struct client *c) {
    *c = client_open(s);
    client_say(c, GET);
    return site_take(s);
}

/* --- owners ----------------------------------------------------------------------------------------------------------- */

/* Keeps count of what came back. */
static void take_owners(struct site *s, int counts[], const uint8_t *base) {
    const uint8_t *owner;
    while ((owner = ps_server_take_owner(&s->server)) != NULL) counts[owner - base]++;
}

static void each_owner_comes_back_once(void) {
    enum { N = 12 }; /* more than sockets hold */
    static const uint8_t owners[N];
    int counts[N] = {0}, lent = 0;
    struct site s;
    struct client c;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    struct ps_exchange *x = ask(&s, &c);
    for (int i = 0; i < N; i++) {
        const bool kept = send_piece(x, PIECE, i < N - 1, (void *)(uintptr_t)&owners[i]);
        CHECK(kept || lent == 0); /* behind one that waits, all wait */
        lent += kept;
    }
    CHECK(lent >= 1);
    ps_exchange_finish(x);
    take_owners(&s, counts, owners);
    CHECK_INT(counts[N - 1], 0);
    UNTIL(&s, client_got(&c) > (size_t)N * PIECE);
    UNTIL(&s, s.server.conns->out == NULL);
    take_owners(&s, counts, owners);
    for (int i = 0; i < N; i++) CHECK_INT(counts[i], i >= N - lent);
    CHECK_INT(s.server.loans, 0);
    client_close(&c);
    site_close(&s);
}

static void owners_come_back_when_the_peer_does_not_read(void) {
    static const uint8_t owners[3];
    int counts[3] = {0};
    struct site s;
    struct client c;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    struct ps_exchange *x = ask(&s, &c);
    CHECK(send_piece(x, 8 * PIECE, true, (void *)(uintptr_t)&owners[0]));
    CHECK(send_piece(x, 2000, true, (void *)(uintptr_t)&owners[1]));
    CHECK(!send_piece(x, 1000, true, (void *)(uintptr_t)&owners[2])); /* copied */
    client_reset(&c);
    UNTIL(&s, s.server.n_conns == 0);
    take_owners(&s, counts, owners);
    CHECK(counts[0] == 1 && counts[1] == 1 && counts[2] == 0);
    ps_exchange_finish(x);
    site_close(&s);
}

static void what_is_written_at_once_is_not_kept(void) {
    struct site s;
    struct client c;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    struct ps_exchange *x = ask(&s, &c);
    CHECK(!send_piece(x, 10000, true, &s));
    CHECK(!send_piece(x, 0, false, &s));
    CHECK(!ps_server_has_owners(&s.server) && s.server.loans == 0);
    ps_exchange_finish(x);
    client_close(&c);
    site_close(&s);
}

/* --- parked answers --------------------------------------------------------------------------------------------------- */

static void a_parked_answer_goes_on_when_there_is_room(void) {
    struct site s;
    struct client c;
    unsigned ready = 0;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    struct ps_exchange *x = ask(&s, &c);
    CHECK(!ps_exchange_full(x) && !ps_exchange_wait(x));
    CHECK(send_piece(x, 8 * PIECE, true, &s));
    CHECK(ps_exchange_full(x) && ps_exchange_wait(x));
    site_idle(&s);
    CHECK(site_ready(&s, &ready) == NULL);
    struct ps_exchange *back = NULL;
    UNTIL(&s, client_got(&c) != 0 && (back = site_ready(&s, &ready)) != NULL);
    CHECK(back == x);
    CHECK_INT(ready, PS_READY_DRAINED);
    CHECK(s.server.conns->out == NULL || s.server.conns->out->size <= LOW);
    UNTIL(&s, client_got(&c) > 8 * (size_t)PIECE);
    CHECK(site_ready(&s, &ready) == NULL); /* once is enough */
    (void)ps_server_take_owner(&s.server);
    CHECK(!send_piece(x, 0, false, &s));
    ps_exchange_finish(x);
    client_close(&c);
    site_close(&s);
}

static void a_parked_answer_hears_of_its_end(void) {
    struct site s;
    struct client c;
    unsigned ready = 0;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    struct ps_exchange *x = ask(&s, &c);
    CHECK(send_piece(x, 8 * PIECE, true, &s));
    CHECK(ps_exchange_wait(x));
    client_reset(&c);
    struct ps_exchange *back = NULL;
    UNTIL(&s, (back = site_ready(&s, &ready)) != NULL);
    CHECK(back == x);
    CHECK_INT(ready & PS_READY_GONE, PS_READY_GONE);
    CHECK(ps_server_take_owner(&s.server) == &s);
    ps_exchange_finish(x);
    CHECK(ps_server_idle(&s.server));
    site_close(&s);
}

/* A gateway may give up what it parked; nobody is told of it then. */
static void a_parked_answer_may_be_finished(void) {
    for (int drained = 0; drained < 2; drained++) {
        struct site s;
        struct client c, d;
        unsigned ready = 0;
        site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
        struct ps_exchange *x = ask(&s, &c), *y = ask(&s, &d);
        CHECK(send_piece(x, 8 * PIECE, true, &s) && send_piece(y, 8 * PIECE, true, &s));
        CHECK(ps_exchange_wait(x) && ps_exchange_wait(y));
        if (drained) UNTIL(&s, client_got(&c) + client_got(&d) != 0 && x->ready != 0 && y->ready != 0);
        ps_exchange_finish(x);
        client_reset(&c);
        if (!drained) UNTIL(&s, client_got(&d) != 0 && y->ready != 0);
        CHECK(site_ready(&s, &ready) == y);
        CHECK(site_ready(&s, &ready) == NULL);
        ps_exchange_finish(y);
        CHECK_INT(s.server.n_exchanges, 0);
        CHECK_INT(s.server.n_taken, 0);
        client_reset(&d);
        site_close(&s);
    }
}

/* A long answer that always finds room gives way all the same. */
static void an_answer_that_yields_comes_back_behind_others(void) {
    struct site s;
    struct client c, d;
    unsigned ready = 0;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    struct ps_exchange *x = ask(&s, &c);
    CHECK(!send_piece(x, 10, true, &s));
    d = client_open(&s);
    client_say(&d, GET);
    UNTIL(&s, ps_server_ready(&s.server) == 1);
    ps_exchange_yield(x);
    ps_exchange_yield(x);
    CHECK_INT(ps_server_ready(&s.server), 2);
    struct ps_exchange *y = site_ready(&s, &ready);
    CHECK(y != NULL && y != x && ready == PS_READY_REQUEST);
    CHECK(site_ready(&s, &ready) == x && ready == PS_READY_DRAINED);
    ps_exchange_yield(x); /* and hears of its end there, too */
    client_reset(&c);
    UNTIL(&s, x->conn == NULL);
    CHECK(site_ready(&s, &ready) == x && (ready & PS_READY_GONE) != 0);
    ps_exchange_finish(x);
    ps_exchange_yield(y);
    ps_exchange_finish(y);
    CHECK(site_ready(&s, &ready) == NULL);
    client_close(&d);
    site_close(&s);
}

/* --- blocked answers -------------------------------------------------------------------------------------------------- */

static void *read_all(void *fd) {
    static uint8_t bytes[65536];
    while (read(*(int *)fd, bytes, sizeof bytes) > 0) continue;
    return NULL;
}

static void a_blocked_answer_waits_for_its_reader(void) {
    struct site s;
    unsigned ready = 0;
    pthread_t reader;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    struct client c = client_open(&s);
    client_say(&c, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    struct ps_exchange *x = site_take(&s);
    CHECK(send_piece(x, 8 * PIECE, true, &s));
    CHECK_INT(fcntl(c.fd, F_SETFL, 0), 0);
    CHECK_INT(pthread_create(&reader, NULL, read_all, &c.fd), 0);
    CHECK_INT(ps_exchange_block(x), 0);
    CHECK(s.server.conns->out == NULL || s.server.conns->out->size <= LOW);
    CHECK_INT(ps_exchange_block(x), 0);
    CHECK(!send_piece(x, 0, false, &s));
    ps_exchange_finish(x);
    CHECK(site_ready(&s, &ready) == NULL); /* who blocked is not told again */
    UNTIL(&s, s.server.n_conns == 0);
    CHECK_INT(pthread_join(reader, NULL), 0);
    CHECK(ps_server_take_owner(&s.server) == &s && ps_server_idle(&s.server));
    client_close(&c);
    site_close(&s);
}

static void a_reader_that_does_not_read_is_given_up(void) {
    struct ps_server_config config = site_config();
    config.wait_ms[PS_WAIT_WRITE] = 20;
    struct site s;
    struct client c;
    unsigned ready = 0;
    site_open(&s, &ps_proto_http1, SITE_TCP, &config);
    struct ps_exchange *x = ask(&s, &c);
    CHECK(send_piece(x, 8 * PIECE, true, &s));
    CHECK_INT(ps_exchange_block(x), PS_EGONE);
    CHECK(x->conn == NULL);
    ps_exchange_finish(x);
    CHECK(site_ready(&s, &ready) == NULL);
    CHECK(ps_server_take_owner(&s.server) == &s && ps_server_idle(&s.server));
    client_close(&c);
    site_close(&s);
}

/* --- what a peer can make us hold ------------------------------------------------------------------------------------- */

static void a_producer_that_looks_holds_little(void) {
    struct site s;
    struct client c;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    struct ps_exchange *x = ask(&s, &c);
    for (int i = 0; i < 2000 && !ps_exchange_full(x); i++)
        if (send_piece(x, 10000, true, &s)) CHECK(s.server.conns->out->size < HIGH + 10100);
    CHECK(ps_exchange_full(x));
    ps_exchange_finish(x);
    client_reset(&c);
    UNTIL(&s, s.server.n_conns == 0);
    while (ps_server_take_owner(&s.server) != NULL) continue;
    site_close(&s);
}

/* Asks again and again and reads nothing: no more than one answer above the watermark is made for it. */
static void a_pipelining_peer_that_does_not_read(void) {
    struct site s;
    unsigned ready = 0;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    struct client c = client_open(&s);
    for (int i = 0; i < 2000; i++) client_say(&c, GET);
    size_t answers = 0, most = 0;
    for (int idle = 0; idle < 20;) {
        struct ps_exchange *x;
        (void)ps_server_turn(&s.server, 1);
        idle++;
        while ((x = site_ready(&s, &ready)) != NULL) {
            (void)send_piece(x, 100000, false, &s);
            ps_exchange_finish(x);
            answers++;
            idle = 0;
            const struct ps_out *out = s.server.conns->out;
            most = out != NULL && out->size > most ? out->size : most;
        }
    }
    CHECK(answers < 2000);
    CHECK(most < HIGH + 2 * 100200);
    CHECK_INT(s.server.conns->source.interest & EPOLLIN, 0); /* nor is more read */
    size_t seen = 0;
    const uint64_t until = site_patience();
    while (answers < 2000 && site_turn(&s, until)) { /* once it reads, all is answered */
        struct ps_exchange *x;
        seen += client_got(&c);
        c.got.len = 0;
        if ((x = site_ready(&s, &ready)) == NULL) continue;
        (void)send_piece(x, 100000, false, &s);
        ps_exchange_finish(x);
        answers++;
    }
    CHECK_INT(answers, 2000);
    UNTIL(&s, (seen += client_got(&c), c.got.len = 0, seen >= (size_t)2000 * 100000));
    while (ps_server_take_owner(&s.server) != NULL) continue;
    client_close(&c);
    site_close(&s);
}

/* While an answer is due only so much is read ahead; and if the peer then resets, that is noticed all the same. */
static void what_is_read_ahead_is_bounded(void) {
    static uint8_t junk[16 * 1024];
    struct site s;
    struct client c;
    site_open(&s, &ps_proto_http1, SITE_TCP, NULL);
    struct ps_exchange *x = ask(&s, &c);
    struct ps_conn *conn = s.server.conns;
    for (int i = 0; i < 1000 && send(c.fd, junk, sizeof junk, MSG_NOSIGNAL) > 0; i++) (void)ps_server_turn(&s.server, 0);
    UNTIL(&s, (conn->source.interest & EPOLLIN) == 0);
    CHECK(conn->in.len >= 64 * 1024 && conn->in.len <= 2 * 64 * 1024);
    client_reset(&c);
    UNTIL(&s, s.server.n_conns == 0);
    CHECK_INT(site_respond(x, PS_LIT("too late"), false), PS_EGONE);
    ps_exchange_finish(x);
    site_close(&s);
}

int main(void) {
    piece = calloc(8, PIECE);
    if (piece == NULL) return 2;
    RUN(each_owner_comes_back_once);
    RUN(owners_come_back_when_the_peer_does_not_read);
    RUN(what_is_written_at_once_is_not_kept);
    RUN(a_parked_answer_goes_on_when_there_is_room);
    RUN(a_parked_answer_hears_of_its_end);
    RUN(a_parked_answer_may_be_finished);
    RUN(an_answer_that_yields_comes_back_behind_others);
    RUN(a_blocked_answer_waits_for_its_reader);
    RUN(a_reader_that_does_not_read_is_given_up);
    RUN(a_producer_that_looks_holds_little);
    RUN(a_pipelining_peer_that_does_not_read);
    RUN(what_is_read_ahead_is_bounded);
    free(piece);
    return harness_report();
}

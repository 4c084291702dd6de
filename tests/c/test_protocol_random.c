/* protocol: both state machines under random input and random use. Nothing is compared with a wanted answer here; what is
 * checked are the promises of protocol.h that hold whatever happens:
 *   - a request is told of by REQUEST, then BODY, then END once; behind END, or instead of it, there may be one ABORT, then
 *     nothing;
 *   - `end` only ever becomes more severe; behind an error comes nothing but silence;
 *   - FastCGI's output is whole records, the last of a request an END_REQUEST, and nothing of it follows;
 *   - memory: every request comes back to the pool, no span outlives its input (the sanitizers). */
#include "records.h"

#include "base/bytes.h"

#include <stdlib.h>

enum { ROUNDS = 5000, STEPS = 60 };

static struct random_source r;

/* BEGIN_REQUEST records made and END_REQUEST records seen, by id; bytes that were changed on their way may begin others. */
enum { IDS = 5 };
static int begun[IDS], ended[IDS];
static bool changed;

static size_t any(size_t n) { return random_below(&r, n); }

/* ---- input ---- */

static const char *const http_parts[] = {
    "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "HEAD /a?b HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
    "3\r\nabc\r\n",
    "0\r\n\r\n",
    "abc",
    "\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    "GET http://h/%41 HTTP/1.1\r\nHost: x\r\n\r\n",
};

static void put_http(struct ps_buf *b) {
    const char *part = http_parts[any(sizeof http_parts / sizeof http_parts[0])];
    CHECK_INT(ps_buf_append(b, part, strlen(part)), 0);
}

static void put_fcgi(struct ps_buf *b) {
    static const char *const params[] = {GET_PARAMS, POST_PARAMS("5"), POST_PARAMS(""), POST_PARAMS("x"), ""};
    static const uint8_t junk[300];
    const uint16_t id = (uint16_t)any(5);
    const uint8_t keep = (uint8_t)(any(4) != 0), padding = (uint8_t)(any(3) == 0 ? any(256) : 0), type = (uint8_t)any(14);
    switch (any(8)) {
    case 0:
    case 1:
        if (id == 0) break;
        put_request(b, id, keep, params[any(5)]);
        begun[id]++;
        break;
    case 2: put_stdin(b, id, any(2) != 0 ? "hello" : "hel"); break;
    case 3:
    case 4: put_stdin(b, id, ""); break;
    case 5: put_record(b, PS_FCGI_ABORT_REQUEST, id, PS_LIT(""), 0); break;
    case 6:
        put_begin(b, id, (uint16_t)(1 + any(30) / 29), keep);
        begun[id]++;
        break;
    default: put_record(b, type, id, ps_span(junk, any(2) * any(300)), padding); changed |= type == PS_FCGI_BEGIN_REQUEST;
    }
}

/* Now and then a byte is not what it was. */
static void feed_some(struct wire *w, void (*put)(struct ps_buf *), struct ps_buf *waiting) {
    if (waiting->len == 0) put(waiting);
    if (waiting->len == 0) return;
    if (any(100) == 0) {
        waiting->data[any(waiting->len)] ^= (uint8_t)(1 << any(8));
        changed = true;
    }
    const size_t n = any(3) == 0 ? waiting->len : 1 + any(waiting->len);
    wire_feed(w, ps_span(waiting->data, n));
    ps_buf_consume(waiting, n);
}

/* ---- use ---- */

static uint8_t large[100000];

static struct ps_span any_body(void) { return ps_span(large, any(3) == 0 ? any(sizeof large) : any(20)); }

static void use(struct wire *w) {
    static const char *const statuses[] = {"200 OK", "204", "304", "404 Not Found"};
    static const char *const fields[] = {"", "A: b\n", "Content-Length: 5\n", "Content-Length: 0\n"};
    if (w->n_requests == 0) return;
    const size_t n = 1 + any(w->n_requests);
    struct ps_request *rq = w->requests[n - 1];
    if (rq == NULL) return;
    switch (any(8)) {
    case 0:
    case 1:
    case 2: (void)wire_respond(w, rq, statuses[any(4)], fields[any(4)], any_body(), any(2) == 0); break;
    case 3:
    case 4: (void)wire_send(w, rq, any_body(), any(3) != 0); break;
    case 5:
        if (any(5) == 0) wire_fail(w, rq);
        break;
    case 6:
        if (rq->wants_errors) (void)ps_buf_append(&rq->errors, "error text\n", 11);
        break;
    default:
        if (rq->answer.ended) wire_done(w, n);
    }
}

/* ---- what is promised ---- */

enum { NEVER, BEGUN, COMPLETE, ABORTED };

/* Reads the transcript: "REQUEST n ...", "BODY n ...", "END n", "ABORT n". An id may be used again once its request is gone. */
static void check_transcript(const struct text *said, uint8_t states[], bool ids) {
    for (const char *line = text_str(said); *line != '\0'; line = strchr(line, '\n') + 1) {
        unsigned n = 0;
        char word[16];
        CHECK(sscanf(line, "%15s %u", word, &n) >= 1);
        uint8_t *state = &states[n % WIRE_REQUESTS];
        if (strcmp(word, "error") == 0) continue;
        if (strcmp(word, "REQUEST") == 0) {
            CHECK(ids || *state == NEVER);
            *state = BEGUN;
        } else if (strcmp(word, "BODY") == 0) {
            CHECK_INT(*state, BEGUN);
        } else if (strcmp(word, "END") == 0) {
            CHECK_INT(*state, BEGUN);
            *state = COMPLETE;
        } else {
            CHECK(*state == BEGUN || *state == COMPLETE);
            *state = ABORTED;
        }
    }
}

/* Whole records; none of a request behind its END_REQUEST. */
static void check_records(struct wire *w) {
    struct text t = records_of(wire_sent(w));
    for (const char *line = text_str(&t); *line != '\0'; line = strchr(line, '\n') + 1) {
        unsigned id = 0;
        char word[20];
        CHECK(sscanf(line, "%19s %u", word, &id) >= 1);
        if (strcmp(word, "STDOUT") != 0 && strcmp(word, "STDERR") != 0 && strcmp(word, "END") != 0) continue;
        CHECK(changed || (id < IDS && ended[id] < begun[id]));
        if (strcmp(word, "END") == 0 && id < IDS) ended[id]++;
    }
    text_free(&t);
}

static void run_round(const struct ps_protocol *protocol, void (*put)(struct ps_buf *), bool fcgi) {
    struct ps_limits limits = wire_limits();
    struct ps_buf waiting;
    struct wire w;
    uint8_t states[WIRE_REQUESTS] = {0}, end = PS_END_NONE;
    limits.body = any(2) == 0 ? 4 : 10000;
    limits.head = any(4) == 0 ? 60 : 16 * 1024;
    memset(begun, 0, sizeof begun);
    memset(ended, 0, sizeof ended);
    changed = false;
    ps_buf_init(&waiting, 1 << 20);
    wire_open(&w, protocol, &limits);
    for (int step = 0; step < STEPS; step++) {
        const bool over = w.failed || w.state->end == PS_END_RESET;
        const size_t told = w.n_requests;
        if (any(2) == 0)
            feed_some(&w, put, &waiting);
        else if (any(40) == 0 && !w.failed)
            wire_expire(&w);
        else if (any(60) == 0)
            wire_eof(&w);
        else
            use(&w);
        if (over) CHECK_INT(w.n_requests, told);
        CHECK(w.state->end >= end && w.state->end <= PS_END_RESET && w.state->phase <= PS_PHASE_DRAIN);
        end = w.state->end;
        if (fcgi && end != PS_END_RESET) check_records(&w);
        if (any(50) == 0) w.env.draining = true;
        if (w.n_requests > WIRE_REQUESTS - 50) break;
    }
    check_transcript(&w.said, states, fcgi);
    ps_buf_free(&waiting);
    wire_close(&w);
}

static void http_keeps_its_promises(void) {
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        harness_context("seed %llu", (unsigned long long)seed);
        r = random_seed(seed * 2654435761);
        run_round(&ps_proto_http1, put_http, false);
    }
}

static void fcgi_keeps_its_promises(void) {
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        harness_context("seed %llu", (unsigned long long)seed);
        r = random_seed(seed * 2654435761);
        run_round(&ps_proto_fcgi, put_fcgi, true);
    }
}

int main(void) {
    RUN(http_keeps_its_promises);
    RUN(fcgi_keeps_its_promises);
    return harness_report();
}

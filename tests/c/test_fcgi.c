/* fcgi: the record decoder over the corpus and its laws, the encoders against bytes written by hand. */
#include "harness.h"
#include "runs.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "codec/fcgi.h"

/* --- the decoder over the corpus, in every delivery -------------------------------------------------------------------- */

static const char *const type_names[] = {
    [PS_FCGI_BEGIN_REQUEST] = "BEGIN_REQUEST",
    [PS_FCGI_ABORT_REQUEST] = "ABORT_REQUEST",
    [PS_FCGI_END_REQUEST] = "END_REQUEST",
    [PS_FCGI_PARAMS] = "PARAMS",
    [PS_FCGI_STDIN] = "STDIN",
    [PS_FCGI_STDOUT] = "STDOUT",
    [PS_FCGI_STDERR] = "STDERR",
    [PS_FCGI_DATA] = "DATA",
    [PS_FCGI_GET_VALUES] = "GET_VALUES",
    [PS_FCGI_GET_VALUES_RESULT] = "GET_VALUES_RESULT",
    [PS_FCGI_UNKNOWN_TYPE] = "UNKNOWN_TYPE",
};
enum { N_TYPES = sizeof type_names / sizeof type_names[0] };

/* What a delivery came to, in the words of the corpus. The pieces of a record are joined, for where they are cut is not the
 * record's affair. */
struct transcript {
    struct text lines;
    struct ps_fcgi_event record; /* the one whose content is being joined */
    struct ps_buf content;
    bool joining;
};

static void transcribe_record(struct transcript *t, const char *prefix) {
    const uint8_t type = t->record.type;
    text_add(&t->lines, "%s", prefix);
    if (type < N_TYPES && type_names[type] != NULL)
        text_add(&t->lines, "%s", type_names[type]);
    else
        text_add(&t->lines, "%u", type);
    text_add(&t->lines, " %u %u", t->record.request_id, t->record.length);
    if (t->content.len != 0) text_add(&t->lines, " ");
    text_add_runs(&t->lines, ps_buf_span(&t->content));
    text_add(&t->lines, "\n");
    ps_buf_consume(&t->content, t->content.len);
    t->joining = false;
}

static void transcribe_event(struct transcript *t, const struct ps_fcgi_event *ev) {
    if (t->joining) {
        CHECK(ev->type == t->record.type && ev->request_id == t->record.request_id && ev->length == t->record.length);
        CHECK(ev->data.len != 0);
    }
    t->record = *ev;
    t->joining = true;
    CHECK_INT(ps_buf_add(&t->content, ev->data), 0);
    CHECK_INT(ev->last, t->content.len == ev->length);
    if (ev->last) transcribe_record(t, "");
}

static bool lies_inside(struct ps_span data, struct ps_span piece) {
    return data.len == 0 || (data.ptr >= piece.ptr && data.ptr + data.len <= piece.ptr + piece.len);
}

/* Decodes one piece. A decoder that has failed must say the same again, and leave the input alone. */
static int transcribe_piece(struct transcript *t, struct ps_fcgi *d, struct ps_span piece) {
    struct ps_fcgi_event ev;
    struct ps_span in = piece;
    int rc;
    while ((rc = ps_fcgi_next(d, &in, &ev)) > 0) {
        CHECK(lies_inside(ev.data, piece));
        transcribe_event(t, &ev);
    }
    if (rc == 0) CHECK_INT(in.len, 0);
    const struct ps_span left = in;
    CHECK_INT(ps_fcgi_next(d, &in, &ev), rc);
    CHECK(in.ptr == left.ptr && in.len == left.len);
    return rc;
}

static void transcribe_end(struct transcript *t, const struct ps_fcgi *d, int rc) {
    if (t->joining) transcribe_record(t, "part ");
    if (rc < 0)
        text_add(&t->lines, "error %s\n", ps_err_name(rc));
    else if (!ps_fcgi_idle(d))
        text_add(&t->lines, "open\n");
}

static struct transcript transcript_new(void) {
    struct transcript t = {.joining = false};
    ps_buf_init(&t.content, PS_FCGI_CONTENT_MAX);
    return t;
}

static void transcript_free(struct transcript *t) {
    text_free(&t->lines);
    ps_buf_free(&t->content);
}

struct expectation {
    struct text lines, with_tail;
};

static void check_delivery(struct delivery *delivery, void *ctx) {
    const struct expectation *expected = ctx;
    struct transcript t = transcript_new();
    struct ps_fcgi d;
    struct ps_span piece;
    int rc = 0;
    ps_fcgi_init(&d);
    while (delivery_next(delivery, &piece)) {
        const int before = rc;
        rc = transcribe_piece(&t, &d, piece);
        if (before < 0) CHECK_INT(rc, before);
    }
    transcribe_end(&t, &d, rc);
    CHECK_STR(text_str(&t.lines), text_str(delivery->tail != 0 ? &expected->with_tail : &expected->lines));
    transcript_free(&t);
}

/* Behind a whole record the tail is a record of its own, behind an error it is not looked at. A case that ends inside a
 * record gets none: what it would mean is for its own case to say. */
static struct ps_span choose_tail(struct expectation *e) {
    const char *lines = text_str(&e->lines);
    text_add(&e->with_tail, "%s", lines);
    if (strstr(lines, "open\n") != NULL) return ps_span(NULL, 0);
    if (strstr(lines, "error ") == NULL) text_add(&e->with_tail, "STDERR 513 2 hi\n");
    return PS_LIT("\1\7\2\1\0\2\1\0hi\0");
}

static void check_case(const struct corpus_case *c) {
    struct expectation e = {{0}, {0}};
    const char *line;
    for (size_t i = 0; (line = corpus_value(c, "expect", i)) != NULL; i++) text_add(&e.lines, "%s\n", line);
    deliver(c->name, c->wire, choose_tail(&e), check_delivery, &e);
    text_free(&e.lines);
    text_free(&e.with_tail);
}

static void the_corpus_in_every_delivery(void) {
    struct corpus corpus = corpus_load("fcgi");
    CHECK(corpus.n_cases >= 50);
    for (size_t i = 0; i < corpus.n_cases; i++) check_case(&corpus.cases[i]);
    corpus_free(&corpus);
}

/* --- the decoder's laws ------------------------------------------------------------------------------------------------ */

static void every_padding_is_dropped(void) {
    for (unsigned padding = 0; padding <= 255; padding++) {
        uint8_t wire[2 * PS_FCGI_HEADER_LEN + 3 + 255];
        memset(wire, 1, sizeof wire); /* looks like the start of a record, wherever one stops too early */
        ps_fcgi_encode_header(wire, PS_FCGI_STDIN, 9, 3, (uint8_t)padding);
        ps_fcgi_encode_header(wire + PS_FCGI_HEADER_LEN + 3 + padding, PS_FCGI_ABORT_REQUEST, 9, 0, 0);
        struct ps_span in = guarded(wire, 2 * PS_FCGI_HEADER_LEN + 3 + padding);
        struct ps_fcgi d;
        struct ps_fcgi_event ev;
        ps_fcgi_init(&d);
        harness_context("padding %u", padding);
        CHECK_INT(ps_fcgi_next(&d, &in, &ev), 1);
        CHECK_SPAN(ev.data, PS_LIT("\1\1\1"));
        CHECK(ps_fcgi_idle(&d)); /* the padding is taken along with the content it follows */
        CHECK_INT(ps_fcgi_next(&d, &in, &ev), 1);
        CHECK_INT(ev.type, PS_FCGI_ABORT_REQUEST);
        CHECK_INT(ps_fcgi_next(&d, &in, &ev), 0);
        CHECK(ps_fcgi_idle(&d));
    }
    harness_context("%s", "");
}

static void every_type_and_version_is_told(void) {
    for (unsigned byte = 0; byte <= 255; byte++) {
        uint8_t header[PS_FCGI_HEADER_LEN];
        struct ps_fcgi d;
        struct ps_fcgi_event ev;
        harness_context("byte %u", byte);
        ps_fcgi_encode_header(header, (uint8_t)byte, 0x1234, 0, 0);
        ps_fcgi_init(&d);
        struct ps_span in = guarded(header, sizeof header);
        CHECK_INT(ps_fcgi_next(&d, &in, &ev), 1);
        CHECK(ev.type == byte && ev.request_id == 0x1234 && ev.length == 0 && ev.data.len == 0 && ev.last);
        header[0] = (uint8_t)byte;
        ps_fcgi_init(&d);
        in = guarded(header, 1);
        CHECK_INT(ps_fcgi_next(&d, &in, &ev), byte == 1 ? 0 : PS_ERECORD);
    }
    harness_context("%s", "");
}

static void content_comes_without_waiting_for_the_rest(void) {
    struct ps_fcgi d;
    struct ps_fcgi_event ev;
    ps_fcgi_init(&d);
    struct ps_span in = PS_LIT("\1\6\0\1\0\4\1\0");
    CHECK_INT(ps_fcgi_next(&d, &in, &ev), 0);
    in = PS_LIT("ab");
    CHECK_INT(ps_fcgi_next(&d, &in, &ev), 1);
    CHECK_SPAN(ev.data, PS_LIT("ab"));
    CHECK(!ev.last && ev.length == 4 && !ps_fcgi_idle(&d));
    CHECK_INT(ps_fcgi_next(&d, &in, &ev), 0);
    in = PS_LIT("cd");
    CHECK_INT(ps_fcgi_next(&d, &in, &ev), 1);
    CHECK_SPAN(ev.data, PS_LIT("cd"));
    CHECK(ev.last && !ps_fcgi_idle(&d)); /* its padding is still to come */
    in = PS_LIT("\0");
    CHECK_INT(ps_fcgi_next(&d, &in, &ev), 0);
    CHECK(in.len == 0 && ps_fcgi_idle(&d));
}

static void a_reset_forgets_the_record_and_the_error(void) {
    const struct ps_span starts[] = {PS_LIT("\1\5\0"), PS_LIT("\1\5\0\1\0\5\0\0he"), PS_LIT("\1\5\0\1\0\0\5\0"), PS_LIT("\2")};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        struct ps_fcgi d;
        struct ps_fcgi_event ev;
        struct ps_span in = starts[i];
        ps_fcgi_init(&d);
        while (ps_fcgi_next(&d, &in, &ev) > 0) continue;
        ps_fcgi_reset(&d);
        CHECK(ps_fcgi_idle(&d));
        in = PS_LIT("\1\2\0\3\0\0\0\0");
        CHECK_INT(ps_fcgi_next(&d, &in, &ev), 1);
        CHECK(ev.type == PS_FCGI_ABORT_REQUEST && ev.request_id == 3);
    }
}

static void zeroed_memory_is_a_decoder(void) {
    struct ps_fcgi d = {.error = 0};
    struct ps_fcgi_event ev;
    struct ps_span in = ps_span(NULL, 0);
    CHECK(ps_fcgi_idle(&d));
    CHECK_INT(ps_fcgi_next(&d, &in, &ev), 0);
    CHECK(ps_fcgi_idle(&d));
}

/* --- the encoders ------------------------------------------------------------------------------------------------------ */

static void headers_are_big_endian(void) {
    uint8_t out[PS_FCGI_HEADER_LEN];
    memset(out, 0xDB, sizeof out);
    ps_fcgi_encode_header(out, PS_FCGI_STDOUT, 0x0102, 0xFFF8, 0xFF);
    CHECK_SPAN(ps_span(out, sizeof out), PS_LIT("\x01\x06\x01\x02\xFF\xF8\xFF\x00"));
    ps_fcgi_encode_header(out, 255, 65535, 0, 0);
    CHECK_SPAN(ps_span(out, sizeof out), PS_LIT("\x01\xFF\xFF\xFF\x00\x00\x00\x00"));
}

static void small_records_are_whole(void) {
    uint8_t out[PS_FCGI_SMALL_LEN];
    const struct ps_span record = ps_span(out, sizeof out);
    memset(out, 0xDB, sizeof out);
    ps_fcgi_encode_begin(out, 0x0102, PS_FCGI_FILTER, PS_FCGI_KEEP_CONN);
    CHECK_SPAN(record, PS_LIT("\1\1\1\2\0\10\0\0\0\3\1\0\0\0\0\0"));
    ps_fcgi_encode_end(out, 7, 0x01020304, PS_FCGI_OVERLOADED);
    CHECK_SPAN(record, PS_LIT("\1\3\0\7\0\10\0\0\1\2\3\4\2\0\0\0"));
    ps_fcgi_encode_unknown_type(out, 99);
    CHECK_SPAN(record, PS_LIT("\1\13\0\0\0\10\0\0\143\0\0\0\0\0\0\0"));
}

static void padding_aligns_to_eight(void) {
    for (size_t length = 0; length <= PS_FCGI_CONTENT_MAX; length++) {
        const unsigned padding = ps_fcgi_padding(length);
        if (padding > 7 || (length + padding) % 8 != 0) CHECK_INT(padding, 8 - length % 8);
    }
    CHECK_INT(ps_fcgi_padding(0), 0);
    CHECK_INT(ps_fcgi_padding(1), 7);
    CHECK_INT(ps_fcgi_padding(PS_FCGI_CONTENT_ALIGNED), 0);
    CHECK_INT(ps_fcgi_padding(PS_FCGI_CONTENT_MAX), 1);
}

static void begin_and_end_decode_what_was_encoded(void) {
    struct random_source random = random_seed(1);
    for (int i = 0; i < 1000; i++) {
        const uint64_t bits = random_next(&random);
        uint8_t out[PS_FCGI_SMALL_LEN], flags, protocol_status;
        const struct ps_span content = ps_span(out + PS_FCGI_HEADER_LEN, 8);
        uint16_t role;
        uint32_t app_status;
        ps_fcgi_encode_begin(out, 1, (uint16_t)bits, (uint8_t)(bits >> 16));
        CHECK_INT(ps_fcgi_decode_begin(content, &role, &flags), 0);
        CHECK(role == (uint16_t)bits && flags == (uint8_t)(bits >> 16));
        ps_fcgi_encode_end(out, 1, (uint32_t)bits, (uint8_t)(bits >> 32));
        CHECK_INT(ps_fcgi_decode_end(content, &app_status, &protocol_status), 0);
        CHECK(app_status == (uint32_t)bits && protocol_status == (uint8_t)(bits >> 32));
    }
}

static void begin_and_end_want_eight_bytes(void) {
    uint8_t flags, protocol_status;
    uint16_t role;
    uint32_t app_status;
    for (size_t n = 0; n <= 16; n++) {
        const struct ps_span content = guarded("0123456789abcdef", n);
        CHECK_INT(ps_fcgi_decode_begin(content, &role, &flags), n == 8 ? 0 : PS_ERECORD);
        CHECK_INT(ps_fcgi_decode_end(content, &app_status, &protocol_status), n == 8 ? 0 : PS_ERECORD);
    }
}

int main(void) {
    RUN(the_corpus_in_every_delivery);
    RUN(every_padding_is_dropped);
    RUN(every_type_and_version_is_told);
    RUN(content_comes_without_waiting_for_the_rest);
    RUN(a_reset_forgets_the_record_and_the_error);
    RUN(zeroed_memory_is_a_decoder);
    RUN(headers_are_big_endian);
    RUN(small_records_are_whole);
    RUN(padding_aligns_to_eight);
    RUN(begin_and_end_decode_what_was_encoded);
    RUN(begin_and_end_want_eight_bytes);
    return harness_report();
}

/* base/response: what an application may say in a head. */
#include "harness.h"

#include "base/response.h"

#include <stdlib.h>

static struct ps_span span_of(const char *text) { return ps_span(text, strlen(text)); }

static void statuses(void) {
    static const struct {
        const char *line, *reason;
        int result; /* the status, or the error */
    } cases[] = {{"200 OK", "OK", 200},
                 {"404", "", 404},
                 {"299 ", "", 299},
                 {"599 a b\tc", "a b\tc", 599},
                 {"200 \xe9", "\xe9", 200},
                 {"", NULL, PS_ESTATUS},
                 {"20", NULL, PS_ESTATUS},
                 {"2000", NULL, PS_ESTATUS},
                 {"200OK", NULL, PS_ESTATUS},
                 {"abc", NULL, PS_ESTATUS},
                 {"-20 x", NULL, PS_ESTATUS},
                 {"100 Continue", NULL, PS_ESTATUS},
                 {"199", NULL, PS_ESTATUS},
                 {"600", NULL, PS_ESTATUS},
                 {" 200", NULL, PS_ESTATUS},
                 {"200\tOK", NULL, PS_ESTATUS},
                 {"200 a\r\nB: c", NULL, PS_EREASON},
                 {"200 a\n", NULL, PS_EREASON},
                 {"200 \x7f", NULL, PS_EREASON}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ps_response r;
        harness_context("%s", cases[i].line);
        ps_response_init(&r);
        const int rc = ps_response_begin(&r, span_of(cases[i].line));
        CHECK_INT(rc < 0 ? rc : r.status, cases[i].result);
        if (rc == 0) CHECK_SPAN(ps_response_reason(&r), span_of(cases[i].reason));
        if (rc < 0) CHECK(r.text.data == NULL && r.status == 0);
        ps_response_free(&r);
    }
    struct ps_response r;
    ps_response_init(&r);
    CHECK_INT(ps_response_begin(&r, ps_span("200 a\0b", 7)), PS_EREASON);
    ps_response_free(&r);
}

static void fields_are_encoded(void) {
    struct ps_response r;
    ps_response_init(&r);
    CHECK_INT(ps_response_begin(&r, PS_LIT("200 OK")), 0);
    CHECK_INT(ps_response_add(&r, PS_LIT("Content-Type"), PS_LIT(" text/plain\t")), 0);
    CHECK_INT(ps_response_add(&r, PS_LIT("X"), PS_LIT("")), 0);
    CHECK_INT(ps_response_add(&r, PS_LIT("Set-Cookie"), PS_LIT("a=\xe9")), 0);
    CHECK_INT(ps_response_add(&r, PS_LIT("Set-Cookie"), PS_LIT("b")), 0);
    CHECK_SPAN(ps_response_fields(&r), PS_LIT("Content-Type: text/plain\r\nX: \r\nSet-Cookie: a=\xe9\r\nSet-Cookie: b\r\n"));
    CHECK_SPAN(ps_response_reason(&r), PS_LIT("OK"));
    CHECK(!r.has_date);
    CHECK_INT(r.content_length, -1);
    ps_response_free(&r);
}

static void fields_that_are_refused(void) {
    static const struct {
        const char *name, *value;
        int rc;
    } cases[] = {{"", "a", PS_ENAME},
                 {"A B", "a", PS_ENAME},
                 {"A:", "a", PS_ENAME},
                 {"A\r\nB", "a", PS_ENAME},
                 {"\xe9", "a", PS_ENAME},
                 {"A", "a\r\nB: c", PS_EVALUE},
                 {"A", "a\n", PS_EVALUE},
                 {"A", "\x01", PS_EVALUE},
                 {"A", "\x7f", PS_EVALUE},
                 {"Connection", "close", PS_EHOPBYHOP},
                 {"keep-alive", "5", PS_EHOPBYHOP},
                 {"PROXY-AUTHENTICATE", "x", PS_EHOPBYHOP},
                 {"Proxy-Authorization", "x", PS_EHOPBYHOP},
                 {"Proxy-Connection", "x", PS_EHOPBYHOP},
                 {"Te", "x", PS_EHOPBYHOP},
                 {"Trailer", "x", PS_EHOPBYHOP},
                 {"tRANSFER-eNCODING", "chunked", PS_EHOPBYHOP},
                 {"Upgrade", "h2c", PS_EHOPBYHOP},
                 {"Content-Length", "", PS_ERESLENGTH},
                 {"Content-Length", "-1", PS_ERESLENGTH},
                 {"Content-Length", "1, 1", PS_ERESLENGTH},
                 {"content-length", "1x", PS_ERESLENGTH},
                 {"Content-Length", "9223372036854775808", PS_ERESLENGTH},
                 {"Transfer-Encodings", "x", 0},
                 {"Tf", "x", 0},
                 {"Proxy-Authenticatf", "x", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ps_response r;
        harness_context("%s: %s", cases[i].name, cases[i].value);
        ps_response_init(&r);
        CHECK_INT(ps_response_begin(&r, PS_LIT("200 OK")), 0);
        CHECK_INT(ps_response_add(&r, span_of(cases[i].name), span_of(cases[i].value)), cases[i].rc);
        if (cases[i].rc < 0) CHECK_INT(ps_response_fields(&r).len, 0);
        ps_response_free(&r);
    }
}

static void length_and_date_are_told_apart(void) {
    struct ps_response r;
    ps_response_init(&r);
    CHECK_INT(ps_response_begin(&r, PS_LIT("200 OK")), 0);
    CHECK_INT(ps_response_add(&r, PS_LIT("CONTENT-LENGTH"), PS_LIT(" 0042 ")), 0);
    CHECK_INT(r.content_length, 42);
    CHECK_INT(ps_response_add(&r, PS_LIT("Content-Length"), PS_LIT("42")), PS_ERESLENGTH);
    CHECK_INT(r.content_length, 42);
    CHECK_INT(ps_response_add(&r, PS_LIT("date"), PS_LIT("today")), 0);
    CHECK(r.has_date);
    CHECK_SPAN(ps_response_fields(&r), PS_LIT("date: today\r\n"));
    CHECK_INT(ps_response_begin(&r, PS_LIT("500")), 0); /* anew */
    CHECK(!r.has_date && r.content_length == -1 && r.status == 500);
    CHECK_INT(ps_response_fields(&r).len, 0);
    ps_response_free(&r);
    CHECK(r.text.data == NULL && r.status == 0);
}

static void a_head_has_a_limit(void) {
    struct ps_response r;
    char *value = malloc(PS_RESPONSE_HEAD_MAX);
    if (value == NULL) abort();
    memset(value, 'v', PS_RESPONSE_HEAD_MAX);
    ps_response_init(&r);
    CHECK_INT(ps_response_begin(&r, PS_LIT("200 OK")), 0);
    CHECK_INT(ps_response_add(&r, PS_LIT("A"), ps_span(value, PS_RESPONSE_HEAD_MAX - 7)), 0);
    CHECK_INT(ps_response_add(&r, PS_LIT("B"), PS_LIT("")), PS_ELIMIT);
    CHECK_INT(ps_response_add(&r, PS_LIT("Content-Length"), PS_LIT("7")), 0);
    CHECK_INT(r.text.len, PS_RESPONSE_HEAD_MAX);
    memset(value, '2', 3);
    value[3] = ' ';
    CHECK_INT(ps_response_begin(&r, ps_span(value, PS_RESPONSE_HEAD_MAX)), 0);
    ps_response_free(&r);
    free(value);
}

int main(void) {
    RUN(statuses);
    RUN(fields_are_encoded);
    RUN(fields_that_are_refused);
    RUN(length_and_date_are_told_apart);
    RUN(a_head_has_a_limit);
    return harness_report();
}

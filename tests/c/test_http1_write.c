/* codec/http1_write: heads, chunk lines, dates, reasons. */
#define _DEFAULT_SOURCE /* gmtime_r */
#include "harness.h"

#include "base/bytes.h"
#include "base/date.h"
#include "codec/http1_write.h"

#include <time.h>

/* The head of an answer, as a string. */
static const char *encoded(const struct ps_http1_answer *a, struct text *out) {
    struct ps_buf b;
    ps_buf_init(&b, 4096);
    CHECK_INT(ps_http1_encode_head(a, &b), 0);
    text_clear(out);
    text_add(out, "%.*s", (int)b.len, (const char *)b.data);
    ps_buf_free(&b);
    return text_str(out);
}

static void heads(void) {
    struct text t = {0};
    struct ps_http1_answer a = {.status = 200, .reason = PS_LIT("OK")};
    CHECK_STR(encoded(&a, &t), "HTTP/1.1 200 OK\r\n\r\n");
    a.date = PS_LIT("Sun, 06 Nov 1994 08:49:37 GMT");
    a.fields = PS_LIT("Content-Type: text/plain\r\nX: \xE9\r\n");
    CHECK_STR(encoded(&a, &t),
              "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\nX: \xE9\r\n\r\n");
    a = (struct ps_http1_answer){.status = 599}; /* the space behind the status stays */
    CHECK_STR(encoded(&a, &t), "HTTP/1.1 599 \r\n\r\n");
    a = (struct ps_http1_answer){.status = 100, .reason = PS_LIT("Continue")};
    CHECK_STR(encoded(&a, &t), "HTTP/1.1 100 Continue\r\n\r\n");
    text_free(&t);
}

static void framing(void) {
    struct text t = {0};
    struct ps_http1_answer a = {.status = 200, .framing = PS_FRAMING_LENGTH};
    CHECK_STR(encoded(&a, &t), "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n");
    a.length = UINT64_MAX;
    CHECK_STR(encoded(&a, &t), "HTTP/1.1 200 \r\nContent-Length: 18446744073709551615\r\n\r\n");
    a.framing = PS_FRAMING_CHUNKED;
    CHECK_STR(encoded(&a, &t), "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n");
    a.framing = PS_FRAMING_NONE;
    CHECK_STR(encoded(&a, &t), "HTTP/1.1 200 \r\n\r\n");
    text_free(&t);
}

static void connection(void) {
    struct text t = {0};
    struct ps_http1_answer a = {.status = 204, .connection = PS_CONNECTION_CLOSE};
    CHECK_STR(encoded(&a, &t), "HTTP/1.1 204 \r\nConnection: close\r\n\r\n");
    a.connection = PS_CONNECTION_KEEP_ALIVE;
    CHECK_STR(encoded(&a, &t), "HTTP/1.1 204 \r\nConnection: keep-alive\r\n\r\n");
    a.framing = PS_FRAMING_CLOSE; /* a body ended by the connection leaves no choice */
    CHECK_STR(encoded(&a, &t), "HTTP/1.1 204 \r\nConnection: close\r\n\r\n");
    a.connection = PS_CONNECTION_DEFAULT;
    CHECK_STR(encoded(&a, &t), "HTTP/1.1 204 \r\nConnection: close\r\n\r\n");
    text_free(&t);
}

static void a_head_that_does_not_fit_changes_nothing(void) {
    const struct ps_http1_answer a = {.status = 200, .reason = PS_LIT("OK"), .framing = PS_FRAMING_LENGTH, .length = 12};
    struct ps_buf b;
    for (size_t room = 0; room <= 40; room++) {
        ps_buf_init(&b, 2 + room);
        CHECK_INT(ps_buf_append(&b, "ab", 2), 0);
        const int rc = ps_http1_encode_head(&a, &b);
        CHECK_INT(rc, room < 39 ? PS_ELIMIT : 0);
        CHECK_SPAN(ps_buf_span(&b), rc < 0 ? PS_LIT("ab") : PS_LIT("abHTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"));
        ps_buf_free(&b);
    }
}

static void chunk_lines(void) {
    uint8_t line[PS_HTTP1_CHUNK_HEAD_MAX];
    CHECK_SPAN(ps_http1_encode_chunk(1, line), PS_LIT("1\r\n"));
    CHECK_SPAN(ps_http1_encode_chunk(15, line), PS_LIT("f\r\n"));
    CHECK_SPAN(ps_http1_encode_chunk(16, line), PS_LIT("10\r\n"));
    CHECK_SPAN(ps_http1_encode_chunk(0xABCDEF, line), PS_LIT("abcdef\r\n"));
    CHECK(ps_http1_encode_chunk(SIZE_MAX, line).len <= PS_HTTP1_CHUNK_HEAD_MAX);
    CHECK(ps_http1_encode_chunk(SIZE_MAX, line).ptr >= line);
}

static void check_date(int64_t seconds, const char *wanted) {
    uint8_t out[PS_DATE_LEN];
    ps_date_format(seconds, out);
    CHECK_SPAN(ps_span(out, sizeof out), ps_span(wanted, strlen(wanted)));
}

static void dates_by_hand(void) {
    check_date(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    check_date(-1, "Wed, 31 Dec 1969 23:59:59 GMT");
    check_date(784111777, "Sun, 06 Nov 1994 08:49:37 GMT");
    check_date(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
    check_date(4107542400, "Mon, 01 Mar 2100 00:00:00 GMT");
    check_date(253402300799, "Fri, 31 Dec 9999 23:59:59 GMT");
    check_date(INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"); /* a year has four digits */
    check_date(INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT");
}

/* Against the C library, over all of the years from 0 to 9999. */
static void dates_agree_with_gmtime(void) {
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const int64_t first = -62167219200, last = 253402300799;
    for (int64_t t = first; t <= last; t += 3600 * 24 * 17 + 4321) {
        struct tm tm;
        const time_t seconds = (time_t)t;
        char wanted[80];
        if (!CHECK(gmtime_r(&seconds, &tm) != NULL)) return;
        snprintf(wanted, sizeof wanted, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday, tm.tm_mday,
                 months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
        check_date(t, wanted);
    }
}

static void reasons(void) {
    CHECK_STR(ps_http1_reason(200), "OK");
    CHECK_STR(ps_http1_reason(100), "Continue");
    CHECK_STR(ps_http1_reason(404), "Not Found");
    CHECK_STR(ps_http1_reason(413), "Content Too Large");
    CHECK_STR(ps_http1_reason(418), "");
    CHECK_STR(ps_http1_reason(599), "");
    CHECK_STR(ps_http1_reason(600), "");
    CHECK_STR(ps_http1_reason(-1), "");
    CHECK_STR(ps_http1_reason(1 << 30), "");
#define HAS_REASON(name, code, status, text) CHECK((status) == 0 || ps_http1_reason(status)[0] != '\0');
    PS_ERRORS(HAS_REASON)
#undef HAS_REASON
}

int main(void) {
    RUN(heads);
    RUN(framing);
    RUN(connection);
    RUN(a_head_that_does_not_fit_changes_nothing);
    RUN(chunk_lines);
    RUN(dates_by_hand);
    RUN(dates_agree_with_gmtime);
    RUN(reasons);
    return harness_report();
}

#include "codec/http1_write.h"

#include "base/bytes.h"

#include <assert.h>

static void put_number(uint8_t *to, unsigned value, unsigned digits) {
    for (; digits > 0; value /= 10) to[--digits] = (uint8_t)('0' + value % 10);
}

/* --- head ------------------------------------------------------------------------------------------------------------- */

/* Where the end of the connection ends the body, the answer says so whatever was asked for. */
static struct ps_span connection_line(const struct ps_http1_answer *a) {
    if (a->framing == PS_FRAMING_CLOSE || a->connection == PS_CONNECTION_CLOSE) return PS_LIT("Connection: close\r\n");
    return a->connection == PS_CONNECTION_KEEP_ALIVE ? PS_LIT("Connection: keep-alive\r\n") : PS_LIT("");
}

static uint8_t *put(uint8_t *to, struct ps_span s) {
    if (s.len != 0) memcpy(to, s.ptr, s.len);
    return to + s.len;
}

int ps_http1_encode_head(const struct ps_http1_answer *a, struct ps_buf *out) {
    assert(a->status >= 100 && a->status <= 599);
    uint8_t digits[20];
    const struct ps_span version = PS_LIT("HTTP/1.1 "), end = PS_LIT("\r\n");
    uint8_t status[4] = "000 "; /* the space stays where there is no reason: RFC 9112, section 4 */
    put_number(status, (unsigned)a->status, 3);
    const bool date = a->date.len != 0, length = a->framing == PS_FRAMING_LENGTH;
    const struct ps_span parts[] = {
        version,
        ps_span(status, sizeof status),
        a->reason,
        end,
        date ? PS_LIT("Date: ") : PS_LIT(""),
        a->date,
        date ? end : PS_LIT(""),
        a->fields,
        length                             ? PS_LIT("Content-Length: ")
        : a->framing == PS_FRAMING_CHUNKED ? PS_LIT("Transfer-Encoding: chunked\r\n")
                                           : PS_LIT(""),
        length ? ps_format_decimal(a->length, digits) : PS_LIT(""),
        length ? end : PS_LIT(""),
        connection_line(a),
        end,
    };
    enum { N_PARTS = sizeof parts / sizeof parts[0] };
    size_t total = 0;
    for (size_t i = 0; i < N_PARTS; i++) total += parts[i].len;
    const int rc = ps_buf_reserve(out, total);
    if (rc < 0) return rc;
    uint8_t *to = out->data + out->len;
    for (size_t i = 0; i < N_PARTS; i++) to = put(to, parts[i]);
    out->len += total;
    return 0;
}

struct ps_span ps_http1_encode_chunk(size_t n, uint8_t line[PS_HTTP1_CHUNK_HEAD_MAX]) {
    assert(n > 0); /* a chunk of 0 would end the body */
    size_t at = PS_HTTP1_CHUNK_HEAD_MAX;
    line[--at] = '\n';
    line[--at] = '\r';
    for (; n != 0; n >>= 4) line[--at] = (uint8_t)"0123456789abcdef"[n & 15];
    return ps_span(line + at, PS_HTTP1_CHUNK_HEAD_MAX - at);
}

/* --- date ------------------------------------------------------------------------------------------------------------- */

enum { SECONDS_A_DAY = 86400, DAYS_IN_400_YEARS = 146097 };

/* The years an IMF-fixdate can write: 0000-01-01 to the last second of 9999. */
#define FIRST_SECOND INT64_C(-62167219200)
#define LAST_SECOND INT64_C(253402300799)

struct date {
    unsigned year, month, day; /* the month from 0 */
};

/* The date of a day counted from 0000-03-01. In years that begin in March the leap day is the last, and the months before a
 * month, in fives of 153 days, have (153 * month + 2) / 5 days. */
static struct date date_of(unsigned day) {
    const unsigned century = day / DAYS_IN_400_YEARS, in_era = day % DAYS_IN_400_YEARS;
    const unsigned year = (in_era - in_era / 1460 + in_era / 36524 - in_era / (DAYS_IN_400_YEARS - 1)) / 365;
    const unsigned in_year = in_era - (365 * year + year / 4 - year / 100);
    const unsigned march = (5 * in_year + 2) / 153;
    const bool next_year = march >= 10;
    return (struct date){century * 400 + year + next_year, next_year ? march - 10 : march + 2,
                         in_year - (153 * march + 2) / 5 + 1};
}

void ps_http1_encode_date(int64_t unix_seconds, uint8_t out[PS_HTTP1_DATE_LEN]) {
    static const char shape[PS_HTTP1_DATE_LEN + 1] = "Sun, 00 Jan 0000 00:00:00 GMT";
    static const char days[] = "WedThuFriSatSunMonTue", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const int64_t late = unix_seconds < LAST_SECOND ? unix_seconds : LAST_SECOND;
    const int64_t seconds = late > FIRST_SECOND ? late : FIRST_SECOND;
    /* One leap cycle earlier than 0000-03-01, so that January and February of the year 0 are no special case. */
    const int64_t since = seconds - FIRST_SECOND + (int64_t)(DAYS_IN_400_YEARS - 60) * SECONDS_A_DAY;
    const unsigned day = (unsigned)(since / SECONDS_A_DAY), second = (unsigned)(since % SECONDS_A_DAY);
    const struct date date = date_of(day);
    memcpy(out, shape, PS_HTTP1_DATE_LEN);
    memcpy(out, days + 3 * (day % 7), 3);
    put_number(out + 5, date.day, 2);
    memcpy(out + 8, months + 3 * date.month, 3);
    put_number(out + 12, date.year - 400, 4);
    put_number(out + 17, second / 3600, 2);
    put_number(out + 20, second / 60 % 60, 2);
    put_number(out + 23, second % 60, 2);
}

/* --- reason ----------------------------------------------------------------------------------------------------------- */

const char *ps_http1_reason(int status) {
    static const char *const reasons[600] = {
        [100] = "Continue",
        [101] = "Switching Protocols",
        [102] = "Processing",
        [103] = "Early Hints",
        [200] = "OK",
        [201] = "Created",
        [202] = "Accepted",
        [203] = "Non-Authoritative Information",
        [204] = "No Content",
        [205] = "Reset Content",
        [206] = "Partial Content",
        [207] = "Multi-Status",
        [208] = "Already Reported",
        [226] = "IM Used",
        [300] = "Multiple Choices",
        [301] = "Moved Permanently",
        [302] = "Found",
        [303] = "See Other",
        [304] = "Not Modified",
        [305] = "Use Proxy",
        [307] = "Temporary Redirect",
        [308] = "Permanent Redirect",
        [400] = "Bad Request",
        [401] = "Unauthorized",
        [402] = "Payment Required",
        [403] = "Forbidden",
        [404] = "Not Found",
        [405] = "Method Not Allowed",
        [406] = "Not Acceptable",
        [407] = "Proxy Authentication Required",
        [408] = "Request Timeout",
        [409] = "Conflict",
        [410] = "Gone",
        [411] = "Length Required",
        [412] = "Precondition Failed",
        [413] = "Content Too Large",
        [414] = "URI Too Long",
        [415] = "Unsupported Media Type",
        [416] = "Range Not Satisfiable",
        [417] = "Expectation Failed",
        [421] = "Misdirected Request",
        [422] = "Unprocessable Content",
        [423] = "Locked",
        [424] = "Failed Dependency",
        [425] = "Too Early",
        [426] = "Upgrade Required",
        [428] = "Precondition Required",
        [429] = "Too Many Requests",
        [431] = "Request Header Fields Too Large",
        [451] = "Unavailable For Legal Reasons",
        [500] = "Internal Server Error",
        [501] = "Not Implemented",
        [502] = "Bad Gateway",
        [503] = "Service Unavailable",
        [504] = "Gateway Timeout",
        [505] = "HTTP Version Not Supported",
        [506] = "Variant Also Negotiates",
        [507] = "Insufficient Storage",
        [508] = "Loop Detected",
        [511] = "Network Authentication Required",
    };
    const bool known = status >= 0 && status < (int)(sizeof reasons / sizeof reasons[0]) && reasons[status] != NULL;
    return known ? reasons[status] : "";
}

#include "codec/http1_write.h"

#include "base/bytes.h"

#include <assert.h>

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
    ps_put_decimal(status, (unsigned)a->status, 3);
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

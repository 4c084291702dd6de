#define _GNU_SOURCE /* memmem */
#include "answer.h"

#include "base/bytes.h"

enum { HEAD_MAX = 16384, CHUNK_LINE_MAX = 4096 };

void answer_init(struct answer *a) {
    *a = (struct answer){.state = ANSWER_HEAD};
    ps_buf_init(&a->head, HEAD_MAX);
    ps_fcgi_init(&a->records);
}

void answer_free(struct answer *a) { ps_buf_free(&a->head); }

void answer_reset(struct answer *a) {
    a->head.len = 0;
    a->end_len = 0;
    a->state = ANSWER_HEAD;
    a->closes = a->begun = false;
    a->status = 0;
    a->length = a->remaining = 0;
    a->line = 0;
}

static enum answer_result wrong(struct answer *a, const char *why) {
    a->error = why;
    return ANSWER_WRONG;
}

/* Body --------------------------------------------------------------------------------------------------------------------- */

static enum answer_result take_body(struct answer *a, const struct expectation *want, struct ps_span data) {
    if (data.len > want->length - a->length) return wrong(a, "body longer than expected");
    if (want->body.len != 0 && memcmp(want->body.ptr + a->length, data.ptr, data.len) != 0)
        return wrong(a, "body differs from what is expected");
    a->length += data.len;
    return ANSWER_MORE;
}

static enum answer_result finish(struct answer *a, const struct expectation *want) {
    if (a->status != want->status) return wrong(a, "unexpected status");
    if (a->length != want->length) return wrong(a, "body shorter than expected");
    return ANSWER_DONE;
}

/* Head --------------------------------------------------------------------------------------------------------------------- */

/* Takes a whole head off `in`, empty line included; false while it is incomplete. The usual head comes whole and is read where
 * it lies. A head of HEAD_MAX bytes without end leaves a->head full, which the caller takes for wrong. */
static bool take_head(struct answer *a, struct ps_span *in, struct ps_span *head) {
    static const char blank[4] = {'\r', '\n', '\r', '\n'};
    size_t before = a->head.len;
    if (before != 0) {
        size_t n = ps_min(in->len, HEAD_MAX - before);
        if (ps_buf_append(&a->head, in->ptr, n) < 0) return false;
        const uint8_t *end = memmem(a->head.data, a->head.len, blank, sizeof blank);
        if (end == NULL) {
            ps_drop(in, n);
            return false;
        }
        *head = ps_span(a->head.data, (size_t)(end - a->head.data) + sizeof blank);
        ps_drop(in, head->len - before);
        return true;
    }
    const uint8_t *end = memmem(in->ptr, in->len, blank, sizeof blank);
    if (end != NULL) {
        *head = ps_take(in, (size_t)(end - in->ptr) + sizeof blank);
        return true;
    }
    struct ps_span rest = ps_take(in, ps_min(in->len, HEAD_MAX));
    (void)ps_buf_add(&a->head, rest); /* out of memory shows as a connection that never ends its answer */
    return false;
}

static struct ps_span take_line(struct ps_span *in) {
    const uint8_t *lf = memchr(in->ptr, '\n', in->len);
    size_t n = lf == NULL ? in->len : (size_t)(lf - in->ptr) + 1;
    struct ps_span line = ps_take(in, n);
    while (line.len != 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r')) line.len--;
    return line;
}

static bool split_field(struct ps_span line, struct ps_span *name, struct ps_span *value) {
    const uint8_t *colon = memchr(line.ptr, ':', line.len);
    if (colon == NULL) return false;
    *name = ps_take(&line, (size_t)(colon - line.ptr));
    ps_drop(&line, 1);
    while (line.len != 0 && line.ptr[0] == ' ') ps_drop(&line, 1);
    *value = line;
    return true;
}

static int status_of(struct ps_span digits) {
    int64_t status;
    return digits.len >= 3 && ps_parse_decimal(ps_span(digits.ptr, 3), &status) ? (int)status : 0;
}

struct framing {
    int64_t length; /* -1: no Content-Length */
    bool chunked;
};

static void read_field(struct answer *a, struct ps_span line, struct framing *f) {
    struct ps_span name, value;
    if (!split_field(line, &name, &value)) return;
    if (ps_span_eq_lower(name, PS_LIT("content-length"))) {
        if (!ps_parse_decimal(value, &f->length)) f->length = -1;
    } else if (ps_span_eq_lower(name, PS_LIT("transfer-encoding"))) {
        f->chunked = ps_span_eq_lower(value, PS_LIT("chunked"));
    } else if (ps_span_eq_lower(name, PS_LIT("connection"))) {
        a->closes = ps_span_eq_lower(value, PS_LIT("close"));
    } else if (ps_span_eq_lower(name, PS_LIT("status"))) {
        a->status = status_of(value);
    }
}

static enum answer_result read_http_head(struct answer *a, struct ps_span head) {
    struct framing f = {.length = -1};
    struct ps_span line = take_line(&head);
    if (!ps_span_starts(line, PS_LIT("HTTP/1."))) return wrong(a, "not an HTTP/1 answer");
    ps_drop(&line, ps_min(line.len, sizeof "HTTP/1.1 " - 1));
    a->status = status_of(line);
    while (head.len != 0) read_field(a, take_line(&head), &f);
    if (!f.chunked && f.length < 0) return wrong(a, "neither Content-Length nor chunked");
    a->state = f.chunked ? ANSWER_CHUNK_SIZE : ANSWER_LENGTH;
    a->remaining = f.chunked ? 0 : (uint64_t)f.length;
    return ANSWER_MORE;
}

static enum answer_result read_cgi_head(struct answer *a, struct ps_span head) {
    struct framing f = {.length = -1};
    a->status = 200; /* RFC 3875, section 6.3.3: Status may be omitted */
    while (head.len != 0) read_field(a, take_line(&head), &f);
    a->closes = false; /* says nothing about the FastCGI connection */
    a->state = ANSWER_CGI_BODY;
    return ANSWER_MORE;
}

/* HTTP --------------------------------------------------------------------------------------------------------------------- */

static enum answer_result take_remaining(struct answer *a, const struct expectation *want, struct ps_span *in) {
    struct ps_span data = ps_take(in, (size_t)(in->len < a->remaining ? in->len : a->remaining));
    a->remaining -= data.len;
    return take_body(a, want, data);
}

/* chunk-size [ chunk-ext ] CRLF, byte by byte: the line may be cut anywhere. */
static enum answer_result read_chunk_size(struct answer *a, struct ps_span *in) {
    while (in->len != 0) {
        uint8_t c = in->ptr[0];
        ps_drop(in, 1);
        if (c == '\n') {
            if (a->line == 0) return wrong(a, "chunk without a size");
            a->line = 0;
            a->state = a->remaining == 0 ? ANSWER_TRAILER : ANSWER_CHUNK;
            return ANSWER_MORE;
        }
        if (c == '\r') continue;
        int digit = ps_hex(c);
        if (digit < 0 || ++a->line > 15) return wrong(a, "bad chunk size"); /* no peer here sends extensions */
        a->remaining = a->remaining << 4 | (unsigned)digit;
    }
    return ANSWER_MORE;
}

static enum answer_result read_chunk_end(struct answer *a, struct ps_span *in) {
    for (; in->len != 0; ps_drop(in, 1)) {
        if (in->ptr[0] == '\n') {
            ps_drop(in, 1);
            a->state = ANSWER_CHUNK_SIZE;
            return ANSWER_MORE;
        }
        if (in->ptr[0] != '\r') return wrong(a, "chunk longer than its size");
    }
    return ANSWER_MORE;
}

/* Lines up to an empty one. */
static enum answer_result read_trailer(struct answer *a, const struct expectation *want, struct ps_span *in) {
    while (in->len != 0) {
        uint8_t c = in->ptr[0];
        ps_drop(in, 1);
        if (c == '\n') {
            if (a->line == 0) return finish(a, want);
            a->line = 0;
        } else if (c != '\r' && ++a->line > CHUNK_LINE_MAX) {
            return wrong(a, "endless trailer");
        }
    }
    return ANSWER_MORE;
}

static enum answer_result http_step(struct answer *a, const struct expectation *want, struct ps_span *in) {
    struct ps_span head;
    enum answer_result rc;
    switch ((enum answer_state)a->state) {
    case ANSWER_HEAD:
        if (take_head(a, in, &head)) {
            rc = read_http_head(a, head);
            return rc == ANSWER_MORE && a->state == ANSWER_LENGTH && a->remaining == 0 ? finish(a, want) : rc;
        }
        return a->head.len >= HEAD_MAX ? wrong(a, "endless head") : ANSWER_MORE;
    case ANSWER_LENGTH: rc = take_remaining(a, want, in); return rc == ANSWER_MORE && a->remaining == 0 ? finish(a, want) : rc;
    case ANSWER_CHUNK_SIZE: return read_chunk_size(a, in);
    case ANSWER_CHUNK:
        rc = take_remaining(a, want, in);
        if (a->remaining == 0) a->state = ANSWER_CHUNK_END;
        return rc;
    case ANSWER_CHUNK_END: return read_chunk_end(a, in);
    case ANSWER_TRAILER: return read_trailer(a, want, in);
    case ANSWER_CGI_BODY: break;
    }
    return wrong(a, "reader out of its states");
}

static enum answer_result http_read(struct answer *a, const struct expectation *want, struct ps_span *in) {
    enum answer_result rc = ANSWER_MORE;
    while (rc == ANSWER_MORE && in->len != 0) rc = http_step(a, want, in);
    return rc;
}

/* FastCGI ------------------------------------------------------------------------------------------------------------------ */

static enum answer_result read_stdout(struct answer *a, const struct expectation *want, struct ps_span data) {
    struct ps_span head;
    if (a->state == ANSWER_HEAD && data.len != 0) {
        if (!take_head(a, &data, &head)) return a->head.len >= HEAD_MAX ? wrong(a, "endless head") : ANSWER_MORE;
        read_cgi_head(a, head);
    }
    return data.len == 0 ? ANSWER_MORE : take_body(a, want, data);
}

static enum answer_result read_end(struct answer *a, const struct expectation *want, const struct ps_fcgi_event *ev) {
    uint32_t app_status;
    uint8_t protocol_status;
    if (ev->data.len > sizeof a->end - a->end_len) return wrong(a, "END_REQUEST of the wrong length");
    if (ev->data.len != 0) memcpy(a->end + a->end_len, ev->data.ptr, ev->data.len);
    a->end_len = (uint8_t)(a->end_len + ev->data.len);
    if (!ev->last) return ANSWER_MORE;
    if (ps_fcgi_decode_end(ps_span(a->end, a->end_len), &app_status, &protocol_status) < 0)
        return wrong(a, "END_REQUEST of the wrong length");
    if (protocol_status != PS_FCGI_REQUEST_COMPLETE) return wrong(a, "END_REQUEST: request not complete");
    return a->state == ANSWER_HEAD ? wrong(a, "no CGI head before END_REQUEST") : finish(a, want);
}

static enum answer_result fcgi_read(struct answer *a, const struct expectation *want, struct ps_span *in) {
    struct ps_fcgi_event ev;
    enum answer_result rc = ANSWER_MORE;
    int got = 0;
    while (rc == ANSWER_MORE && (got = ps_fcgi_next(&a->records, in, &ev)) > 0) {
        if (ev.type == PS_FCGI_STDOUT) {
            rc = read_stdout(a, want, ev.data);
        } else if (ev.type == PS_FCGI_END_REQUEST) {
            rc = read_end(a, want, &ev);
        } else if (ev.type != PS_FCGI_STDERR || ev.data.len != 0) {
            rc = wrong(a, "unexpected record");
        }
    }
    return got < 0 ? wrong(a, "malformed record") : rc;
}

/* Both --------------------------------------------------------------------------------------------------------------------- */

enum answer_result answer_read(struct answer *a, const struct expectation *want, struct ps_span in) {
    a->begun = true;
    enum answer_result rc = want->protocol == PROTOCOL_FCGI ? fcgi_read(a, want, &in) : http_read(a, want, &in);
    if (rc == ANSWER_DONE && in.len != 0) return wrong(a, "bytes behind the answer");
    return rc;
}

#include "records.h"

#include "base/bytes.h"
#include "codec/fcgi_params.h"

enum { PAIRS_MAX = 1 << 20, SHOWN = 300 };

void put_record(struct ps_buf *b, uint8_t type, uint16_t id, struct ps_span content, uint8_t padding) {
    static const uint8_t zeros[256];
    uint8_t header[PS_FCGI_HEADER_LEN];
    ps_fcgi_encode_header(header, type, id, (uint16_t)content.len, padding);
    CHECK_INT(ps_buf_append(b, header, sizeof header), 0);
    CHECK_INT(ps_buf_add(b, content), 0);
    CHECK_INT(ps_buf_append(b, zeros, padding), 0);
}

void put_begin(struct ps_buf *b, uint16_t id, uint16_t role, uint8_t flags) {
    uint8_t record[PS_FCGI_SMALL_LEN];
    ps_fcgi_encode_begin(record, id, role, flags);
    CHECK_INT(ps_buf_append(b, record, sizeof record), 0);
}

void put_pairs(struct ps_buf *b, const char *lines) {
    for (const char *end; *lines != '\0'; lines = end + 1) {
        end = strchr(lines, '\n');
        const char *equals = strchr(lines, '=');
        struct ps_span name = ps_span(lines, (size_t)(equals - lines));
        CHECK_INT(ps_fcgi_params_encode(b, name, ps_span(equals + 1, (size_t)(end - equals) - 1)), 0);
    }
}

void put_request(struct ps_buf *b, uint16_t id, uint8_t flags, const char *params) {
    struct ps_buf pairs;
    ps_buf_init(&pairs, PAIRS_MAX);
    put_pairs(&pairs, params);
    put_begin(b, id, PS_FCGI_RESPONDER, flags);
    if (pairs.len != 0) put_record(b, PS_FCGI_PARAMS, id, ps_buf_span(&pairs), ps_fcgi_padding(pairs.len));
    put_record(b, PS_FCGI_PARAMS, id, PS_LIT(""), 0);
    ps_buf_free(&pairs);
}

void put_stdin(struct ps_buf *b, uint16_t id, const char *content) {
    const size_t len = strlen(content);
    put_record(b, PS_FCGI_STDIN, id, ps_span(content, len), ps_fcgi_padding(len));
}

static void feed(struct wire *w, struct ps_buf *b) {
    wire_feed(w, ps_buf_span(b));
    ps_buf_free(b);
}

void feed_record(struct wire *w, uint8_t type, uint16_t id, struct ps_span content) {
    struct ps_buf b;
    ps_buf_init(&b, PAIRS_MAX);
    put_record(&b, type, id, content, ps_fcgi_padding(content.len));
    feed(w, &b);
}

void feed_request(struct wire *w, uint16_t id, uint8_t flags, const char *params) {
    struct ps_buf b;
    ps_buf_init(&b, PAIRS_MAX);
    put_request(&b, id, flags, params);
    feed(w, &b);
}

void feed_stdin(struct wire *w, uint16_t id, const char *content) {
    feed_record(w, PS_FCGI_STDIN, id, ps_span(content, strlen(content)));
}

/* ---- reading ---- */

/* As escaped text, but for spaces. */
static void add_content(struct text *t, struct ps_span s) {
    if (s.len > SHOWN) {
        text_add(t, " {%zu}", s.len);
        return;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (i == 0) text_add(t, " ");
        if (s.ptr[i] == ' ')
            text_add(t, " ");
        else
            text_add_escaped(t, ps_span(s.ptr + i, 1));
    }
}

static void add_values(struct text *t, struct ps_span content) {
    struct ps_header pair;
    while (ps_fcgi_params_next(&content, &pair) > 0)
        text_add(t, " %.*s=%.*s", (int)pair.name.len, (const char *)pair.name.ptr, (int)pair.value.len,
                 (const char *)pair.value.ptr);
    CHECK_INT(content.len, 0);
}

static void add_end(struct text *t, uint16_t id, struct ps_span content) {
    static const char *const names[] = {"complete", "cant-mpx", "overloaded", "unknown-role"};
    uint32_t app_status = 1;
    uint8_t status = 0;
    CHECK_INT(ps_fcgi_decode_end(content, &app_status, &status), 0);
    CHECK_INT(app_status, 0);
    CHECK(status < 4);
    text_add(t, "END %u %s", id, names[status & 3]);
}

static void add_record(struct text *t, uint8_t type, uint16_t id, struct ps_span content) {
    switch (type) {
    case PS_FCGI_STDOUT:
    case PS_FCGI_STDERR:
        text_add(t, "%s %u", type == PS_FCGI_STDOUT ? "STDOUT" : "STDERR", id);
        add_content(t, content);
        break;
    case PS_FCGI_END_REQUEST: add_end(t, id, content); break;
    case PS_FCGI_GET_VALUES_RESULT:
        CHECK_INT(id, 0);
        text_add(t, "GET_VALUES_RESULT");
        add_values(t, content);
        break;
    case PS_FCGI_UNKNOWN_TYPE:
        CHECK_INT(id, 0);
        CHECK_INT(content.len, 8);
        text_add(t, "UNKNOWN_TYPE %u", content.ptr[0]);
        break;
    default: text_add(t, "type %u", type);
    }
    text_add(t, "\n");
}

struct text records_of(struct ps_span bytes) {
    struct text t = {0};
    while (bytes.len != 0) {
        if (!CHECK(bytes.len >= PS_FCGI_HEADER_LEN)) break;
        struct ps_span header = ps_take(&bytes, PS_FCGI_HEADER_LEN);
        const size_t length = ps_be16(header.ptr + 4), padding = header.ptr[6];
        CHECK_INT(header.ptr[0], 1);
        CHECK_INT((length + padding) % 8, 0);
        CHECK(padding < 8);
        if (!CHECK(bytes.len >= length + padding)) break;
        add_record(&t, header.ptr[1], ps_be16(header.ptr + 2), ps_take(&bytes, length));
        CHECK_SPAN(ps_take(&bytes, padding), ps_span("\0\0\0\0\0\0\0", padding));
    }
    return t;
}

bool records_check(struct wire *w, const char *lines, const char *file, int line) {
    struct text t = records_of(wire_sent(w));
    bool same = harness_check_str(text_str(&t), lines, file, line, "records");
    text_free(&t);
    return same;
}

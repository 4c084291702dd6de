#include "base/response.h"

#include "base/bytes.h"
#include "base/field.h"

void ps_response_init(struct ps_response *r) {
    *r = (struct ps_response){.content_length = -1};
    ps_buf_init(&r->text, PS_RESPONSE_HEAD_MAX);
}

void ps_response_free(struct ps_response *r) {
    ps_buf_free(&r->text);
    ps_response_init(r);
}

/* "NNN" or "NNN reason"; the status alone, or PS_ESTATUS. */
static int parse_status(struct ps_span line) {
    if (line.len < 3 || (line.len > 3 && line.ptr[3] != ' ')) return PS_ESTATUS;
    for (size_t i = 0; i < 3; i++)
        if (!ps_is_digit(line.ptr[i])) return PS_ESTATUS;
    int status = (line.ptr[0] - '0') * 100 + (line.ptr[1] - '0') * 10 + (line.ptr[2] - '0');
    return status >= 200 && status <= 599 ? status : PS_ESTATUS;
}

int ps_response_begin(struct ps_response *r, struct ps_span line) {
    int status = parse_status(line);
    if (status < 0) return status;
    ps_drop(&line, ps_min(line.len, 4));
    if (!ps_is_field_value(line)) return PS_EREASON;
    r->text.len = r->reason_len = 0;
    r->status = 0;
    int rc = ps_buf_add(&r->text, line);
    if (rc < 0) return rc;
    r->reason_len = line.len;
    r->status = status;
    r->content_length = -1;
    r->has_date = false;
    return 0;
}

static bool is(struct ps_span name, const char *lower, size_t len) { return ps_span_eq_lower(name, ps_span(lower, len)); }
#define IS(name, literal) is((name), ("" literal), sizeof(literal) - 1)

/* Asked of every field of every answer, so the length decides first. */
static bool is_hop_by_hop(struct ps_span name) {
    switch (name.len) {
    case 2: return IS(name, "te");
    case 7: return IS(name, "trailer") || IS(name, "upgrade");
    case 8: return IS(name, "trailers"); /* RFC 2616, whose list PEP 3333 means, has it so */
    case 10: return IS(name, "connection") || IS(name, "keep-alive");
    case 16: return IS(name, "proxy-connection");
    case 17: return IS(name, "transfer-encoding");
    case 18: return IS(name, "proxy-authenticate");
    case 19: return IS(name, "proxy-authorization");
    default: return false;
    }
}

static int append_field(struct ps_buf *b, struct ps_span name, struct ps_span value) {
    int rc = ps_buf_reserve(b, name.len + value.len + 4);
    if (rc < 0) return rc;
    uint8_t *p = b->data + b->len;
    memcpy(p, name.ptr, name.len);
    p += name.len;
    *p++ = ':';
    *p++ = ' ';
    if (value.len != 0) memcpy(p, value.ptr, value.len);
    p += value.len;
    *p++ = '\r';
    *p++ = '\n';
    b->len = (size_t)(p - b->data);
    return 0;
}

int ps_response_add(struct ps_response *r, struct ps_span name, struct ps_span value) {
    if (!ps_is_token(name)) return PS_ENAME;
    if (!ps_is_field_value(value)) return PS_EVALUE;
    if (is_hop_by_hop(name)) return PS_EHOPBYHOP;
    if (name.len == 6 && IS(name, "status")) return 0;
    value = ps_trim(value);
    if (name.len == 14 && IS(name, "content-length")) {
        int64_t length;
        if (r->content_length >= 0 || !ps_parse_decimal(value, &length)) return PS_ERESLENGTH;
        r->content_length = length;
        return 0;
    }
    int rc = append_field(&r->text, name, value);
    if (rc == 0 && name.len == 4 && IS(name, "date")) r->has_date = true;
    return rc;
}

#include "request.h"

#include "base/bytes.h"
#include "codec/fcgi.h"
#include "codec/fcgi_params.h"

#include <stdio.h>

enum { REQUEST_ID = 1, STDIN_RECORD = 32768 };

bool request_read_file(const char *path, struct ps_buf *out) {
    uint8_t piece[65536];
    size_t n;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return false;
    }
    bool ok = true;
    while (ok && (n = fread(piece, 1, sizeof piece, file)) > 0) ok = ps_buf_append(out, piece, n) == 0;
    ok = ok && !ferror(file);
    fclose(file);
    if (!ok) fprintf(stderr, "%s: cannot be read\n", path);
    return ok;
}

bool request_http(struct ps_span head, struct ps_span body, struct ps_buf *out) {
    return ps_buf_add(out, head) == 0 && ps_buf_add(out, body) == 0;
}

static bool add_record(struct ps_buf *out, uint8_t type, struct ps_span content) {
    static const uint8_t zeros[8];
    uint8_t header[PS_FCGI_HEADER_LEN], padding = ps_fcgi_padding(content.len);
    ps_fcgi_encode_header(header, type, REQUEST_ID, (uint16_t)content.len, padding);
    return ps_buf_append(out, header, sizeof header) == 0 && ps_buf_add(out, content) == 0 &&
           ps_buf_append(out, zeros, padding) == 0;
}

/* A stream: records of at most `size` bytes, then the empty one that closes it. */
static bool add_stream(struct ps_buf *out, uint8_t type, struct ps_span content, size_t size) {
    while (content.len != 0)
        if (!add_record(out, type, ps_take(&content, ps_min(content.len, size)))) return false;
    return add_record(out, type, content);
}

static bool encode_params(struct ps_span lines, struct ps_buf *params) {
    while (lines.len != 0) {
        const uint8_t *lf = memchr(lines.ptr, '\n', lines.len);
        struct ps_span value = ps_take(&lines, lf == NULL ? lines.len : (size_t)(lf - lines.ptr));
        ps_drop(&lines, ps_min(lines.len, 1));
        const uint8_t *equals = memchr(value.ptr, '=', value.len);
        if (equals == NULL) return false;
        struct ps_span name = ps_take(&value, (size_t)(equals - value.ptr));
        ps_drop(&value, 1);
        if (ps_fcgi_params_encode(params, name, value) < 0) return false;
    }
    return true;
}

bool request_fcgi(struct ps_span lines, struct ps_span body, bool keep, struct ps_buf *out) {
    uint8_t begin[PS_FCGI_SMALL_LEN];
    struct ps_buf params;
    ps_buf_init(&params, PS_FCGI_CONTENT_MAX);
    ps_fcgi_encode_begin(begin, REQUEST_ID, PS_FCGI_RESPONDER, keep ? PS_FCGI_KEEP_CONN : 0);
    bool ok = encode_params(lines, &params) && ps_buf_append(out, begin, sizeof begin) == 0 &&
              add_stream(out, PS_FCGI_PARAMS, ps_buf_span(&params), PS_FCGI_CONTENT_MAX) &&
              add_stream(out, PS_FCGI_STDIN, body, STDIN_RECORD);
    ps_buf_free(&params);
    return ok;
}

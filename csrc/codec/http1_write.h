/* http1_write.h - HTTP/1.1 response head and chunk encoder. Writes into an ps_buf; no I/O, no clock, no globals.
 *
 * The fields arrive encoded and checked (base/response.h); this adds the status line and the fields only the server may send:
 *   HTTP/1.1 200 OK CRLF  Date: ... CRLF  <fields>  [Content-Length | Transfer-Encoding] CRLF  [Connection] CRLF  CRLF */
#ifndef PS_CODEC_HTTP1_WRITE_H
#define PS_CODEC_HTTP1_WRITE_H

#include "base/buf.h"

enum ps_http1_framing {
    PS_FRAMING_NONE,    /* 1xx, 204, 304, or the application's fields carry the length: nothing is added */
    PS_FRAMING_LENGTH,  /* Content-Length is added */
    PS_FRAMING_CHUNKED, /* Transfer-Encoding: chunked is added */
    PS_FRAMING_CLOSE    /* the end of the connection ends the body: nothing is added, Connection: close must be */
};

enum ps_http1_connection { PS_CONNECTION_DEFAULT, PS_CONNECTION_CLOSE, PS_CONNECTION_KEEP_ALIVE };

struct ps_http1_answer {
    int status;              /* 100 to 599 */
    struct ps_span reason;   /* may be empty */
    struct ps_span fields;   /* "Name: value CRLF" lines, checked */
    struct ps_span date;     /* an IMF-fixdate (base/date.h), or empty for no Date field */
    uint64_t length;         /* with PS_FRAMING_LENGTH */
    uint8_t framing;         /* enum ps_http1_framing */
    uint8_t connection;      /* enum ps_http1_connection */
};

/* Appends the head, in one growth of the buffer. 0, PS_ELIMIT or PS_ENOMEM; on failure nothing changes. */
int ps_http1_encode_head(const struct ps_http1_answer *a, struct ps_buf *out);

enum { PS_HTTP1_CHUNK_HEAD_MAX = 18 }; /* 16 hexadecimal digits, CR LF */

/* The line before a chunk of n bytes (n > 0), written to `line`. CR LF follows the data; "0 CRLF CRLF" the last chunk. */
struct ps_span ps_http1_encode_chunk(size_t n, uint8_t line[PS_HTTP1_CHUNK_HEAD_MAX]);

/* The standard reason phrase (RFC 9110, section 15), "" for a status without one. */
const char *ps_http1_reason(int status);

#endif

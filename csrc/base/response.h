/* response.h - the head of an answer, as a gateway builds it and every protocol writes it.
 *
 * Fields are checked and encoded as they are added ("Name: value CRLF"), so that nothing of the application's unchecked bytes
 * can reach the wire and nothing of its memory needs to stay. What only the server may say stays out of them: Content-Length is
 * kept as a number, Date is remembered, hop-by-hop fields are refused. */
#ifndef PS_BASE_RESPONSE_H
#define PS_BASE_RESPONSE_H

#include "base/buf.h"

enum { PS_RESPONSE_HEAD_MAX = 1024 * 1024 }; /* bytes of reason and fields; more: PS_ELIMIT */

struct ps_response {
    struct ps_buf text;      /* the reason phrase, then the fields */
    size_t reason_len;
    int64_t content_length;  /* as the application declared it; -1: it did not */
    int status;              /* 200 to 599; 0 before ps_response_begin */
    bool has_date;           /* the application sent one of its own */
};

/* Allocates nothing. */
void ps_response_init(struct ps_response *r);
void ps_response_free(struct ps_response *r);

/* Starts a head anew (memory is kept). `line` is a status and an optional reason phrase: "200 OK", "404", "299 ".
 * 0, or PS_ESTATUS, PS_EREASON, PS_ELIMIT, PS_ENOMEM. */
int ps_response_begin(struct ps_response *r, struct ps_span line);

/* Adds a field. 0, or PS_ENAME, PS_EVALUE, PS_EHOPBYHOP, PS_ERESLENGTH, PS_ELIMIT, PS_ENOMEM; on failure nothing changes.
 * Hop-by-hop (RFC 9110, section 7.6.1; PEP 3333): Connection, Keep-Alive, Proxy-Authenticate, Proxy-Authorization,
 * Proxy-Connection, TE, Trailer, Trailers, Transfer-Encoding, Upgrade. Status is dropped: where a protocol says the status in a
 * field (CGI), a second one could say another. */
int ps_response_add(struct ps_response *r, struct ps_span name, struct ps_span value);

static inline struct ps_span ps_response_reason(const struct ps_response *r) { return ps_span(r->text.data, r->reason_len); }

static inline struct ps_span ps_response_fields(const struct ps_response *r) {
    struct ps_span s = ps_buf_span(&r->text);
    ps_drop(&s, r->reason_len);
    return s;
}

#endif

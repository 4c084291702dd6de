/* http1.h - HTTP/1.x request head decoder. No I/O, no allocation, no globals.
 *
 * Grammar (RFC 9112, sections 2 to 5; nothing lenient, every line ends in CR LF):
 *   head         = [ CRLF ] request-line *( field-line CRLF ) CRLF        one empty line before the head is skipped (2.2)
 *   request-line = method SP request-target SP HTTP-version CRLF          exactly one SP each
 *   field-line   = field-name ":" OWS field-value OWS                     no space before ":", no folding
 *
 * What the decoder checks: the shape of lines and every byte of them, the limits, HTTP/1.0 or 1.1, the target's form, Host,
 * Content-Length, Transfer-Encoding, Connection and Expect. What it says about the body's length is final: where two readers
 * could differ (two lengths, a length beside a coding, a coding in HTTP/1.0) the head is refused.
 *
 * Cost: linear in the input, however it is split. The decoder goes on inside the method, target, name or value where the input
 * ended, so the search for an element's end never starts again (only a CR at the end of the input is looked at once more, with
 * the byte behind it); what the element says is read when it is complete, each byte a bounded number of times.
 * Errors come early: for a byte that may not stand where it does, or a limit passed, as soon as that byte is there; for what an
 * element says, as soon as the element is complete. No split of the input changes which error comes. */
#ifndef PS_CODEC_HTTP1_H
#define PS_CODEC_HTTP1_H

#include "base/err.h"
#include "base/field.h"

struct ps_http1_limits {
    uint32_t line_bytes;   /* request line without CRLF; longer: PS_ETARGETLONG */
    uint32_t field_bytes;  /* one field line without CRLF; longer: PS_EFIELDLONG */
    uint32_t head_bytes;   /* everything up to the empty line, at most 1 GiB; larger: PS_EHEADLONG */
    uint32_t fields;       /* number of field lines, at most the capacity of the table given; more: PS_EFIELDS */
};

enum { PS_HTTP1_METHOD_MAX = 64 }; /* a longer method is PS_EMETHOD */

/* One field line, as offsets from the first byte of the head (which may move between calls; offsets do not). */
struct ps_http1_field {
    uint32_t name, name_len, value, value_len;
};

enum ps_http1_form { PS_FORM_ORIGIN, PS_FORM_ABSOLUTE, PS_FORM_ASTERISK };
enum ps_http1_body_kind { PS_BODY_NONE, PS_BODY_LENGTH, PS_BODY_CHUNKED };

/* A complete head. The spans borrow from the input of the call that returned 1. */
struct ps_http1_head {
    struct ps_span bytes;            /* the whole head, from the method to the last LF; `fields` are offsets into it */
    struct ps_span method, target;   /* as sent */
    struct ps_span path, query;      /* of the target, still encoded; "*": both empty. query excludes "?" */
    struct ps_span authority;        /* host[:port] of an absolute-form target, else of Host; empty only in HTTP/1.0 */
    struct ps_span protocol;         /* "HTTP/1.1" or "HTTP/1.0" */
    const struct ps_http1_field *fields;
    uint32_t n_fields;
    uint8_t minor;                   /* 0 or 1 */
    uint8_t form;                    /* enum ps_http1_form */
    uint8_t body;                    /* enum ps_http1_body_kind; "Content-Length: 0" is PS_BODY_LENGTH */
    bool keep_alive;                 /* what Connection and the version say together (RFC 9112, section 9.3) */
    bool expect_continue;            /* "Expect: 100-continue" in HTTP/1.1; in 1.0 it is ignored (RFC 9110, 10.1.1) */
    bool upgrade;                    /* Connection lists "upgrade" and an Upgrade field is there */
    int64_t content_length;          /* 0 without a body, -1 for chunked */
};

struct ps_http1 {
    struct ps_http1_limits limits;
    struct ps_http1_field *table;
    uint32_t n_fields; /* complete ones; the entry behind them holds what is known of the field being read */
    uint32_t line;     /* offset of the line being read */
    uint32_t scanned;  /* offset to go on at */
    uint8_t start;     /* bytes before the head: 2 after a skipped CRLF */
    uint8_t state;
    int error;         /* sticky */
    /* what the lines read so far said; offsets, for the input may move */
    struct ps_http1_parsed {
        uint32_t method_len, target, target_len;
        uint32_t authority, authority_len, path, path_len, query, query_len;
        int64_t content_length;
        uint8_t minor, form;
        bool host, length, chunked, close, keep_alive, upgrade_listed, upgrade_named, expect_continue;
    } seen;
};

/* `table` has room for limits->fields entries and must live until the head is used up. */
void ps_http1_init(struct ps_http1 *p, const struct ps_http1_limits *limits, struct ps_http1_field *table);

/* Reads the next head from `in`, which holds every byte not yet consumed.
 * 1: `head` is filled, `in` advanced past the head. Call ps_http1_reset before the next one.
 * 0: incomplete; nothing was consumed. Call again with the same bytes and more behind them (at any address).
 * <0: a ps_err, as early as the bytes show it; every later call returns it again. */
int ps_http1_next(struct ps_http1 *p, struct ps_span *in, struct ps_http1_head *head);

/* Ready for the next head; limits and table stay, an error is forgotten. */
void ps_http1_reset(struct ps_http1 *p);

/* True where s is host[:port] (RFC 3986, section 3.2.2; RFC 9112, section 3.2): a reg-name, IPv4 address or [IPv6]/[vFuture]
 * literal, not empty, without user information, and an optional port of digits up to 65535. */
bool ps_http1_is_authority(struct ps_span s);

#endif

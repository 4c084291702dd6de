/* http1_body.h - HTTP/1.1 message body decoder: by length, or chunked with trailers. No I/O, no allocation, no globals.
 *
 * Grammar (RFC 9112, section 7.1; every line ends in CR LF):
 *   chunked    = *( chunk-size [ chunk-ext ] CRLF  chunk-data CRLF )  1*"0" [ chunk-ext ] CRLF  *( field-line CRLF ) CRLF
 *   chunk-size = 1*HEXDIG                    at most 15 digits
 *   chunk-ext  = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )    checked, dropped, their sum limited
 * Trailers are checked as fields are and dropped: merging them into the headers smuggles requests (RFC 9110, 6.5.1). */
#ifndef PS_CODEC_HTTP1_BODY_H
#define PS_CODEC_HTTP1_BODY_H

#include "base/err.h"
#include "base/span.h"

enum { PS_HTTP1_CHUNK_EXT_MAX = 4096 }; /* bytes of all chunk extensions of one body together; more: PS_ECHUNKEXT */

enum ps_http1_body_event { PS_BODY_DATA = 1, PS_BODY_END = 2 };

struct ps_http1_body {
    uint64_t remaining;      /* of the body by length, or of the chunk */
    uint32_t extension;      /* bytes of extensions so far */
    uint32_t trailer;        /* bytes of trailers so far */
    uint32_t trailer_limit;  /* more: PS_EHEADLONG */
    int error;               /* sticky */
    uint8_t state, digits;
};

/* length >= 0: exactly so many bytes. length < 0: chunked. */
void ps_http1_body_init(struct ps_http1_body *b, int64_t length, uint32_t trailer_limit);

/* Decodes the next event from `in`, advancing it past the bytes used.
 * PS_BODY_DATA: `data` borrows a non-empty piece of `in`. PS_BODY_END: the body is complete; what is left in `in` belongs to
 * the next message. 0: `in` is used up, feed more. <0: PS_ECHUNK, PS_ECHUNKEXT, PS_ETRAILER, PS_EHEADLONG; sticky.
 * After PS_BODY_END every call returns PS_BODY_END and consumes nothing. */
int ps_http1_body_next(struct ps_http1_body *b, struct ps_span *in, struct ps_span *data);

/* True while the peer still owes bytes; after an error for good, for the message's end was never found. */
bool ps_http1_body_pending(const struct ps_http1_body *b);

#endif

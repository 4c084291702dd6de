/* fcgi.h - FastCGI 1.0 record decoder and encoder, for both ends. No I/O, no allocation, no globals.
 *
 * Wire format (FastCGI 1.0, section 3.3), integers big-endian:
 *   0 version = 1   1 type   2-3 request id   4-5 content length   6 padding length   7 reserved   8.. content, padding
 * Types and the record's place:
 *   1 BEGIN_REQUEST  discrete   role (2) flags (1) reserved (5)          7 STDERR             stream
 *   2 ABORT_REQUEST  discrete   empty                                    8 DATA               stream
 *   3 END_REQUEST    discrete   appStatus (4) protocolStatus (1) res.(3) 9 GET_VALUES         management, name-value pairs
 *   4 PARAMS         stream     name-value pairs                        10 GET_VALUES_RESULT  management, name-value pairs
 *   5 STDIN          stream                                             11 UNKNOWN_TYPE       management, type (1) reserved (7)
 *   6 STDOUT         stream
 * A stream is closed by a record without content. Management records have request id 0.
 *
 * The decoder hands out content as it comes: the content of one record may arrive in several events, the last of which is
 * marked. Padding is dropped (it carries no meaning), the reserved bytes are ignored. Rules about the *sequence* of records
 * (a PARAMS before its BEGIN, say) belong to the protocol, not here. */
#ifndef PS_CODEC_FCGI_H
#define PS_CODEC_FCGI_H

#include "base/err.h"
#include "base/span.h"

enum ps_fcgi_type {
    PS_FCGI_BEGIN_REQUEST = 1,
    PS_FCGI_ABORT_REQUEST = 2,
    PS_FCGI_END_REQUEST = 3,
    PS_FCGI_PARAMS = 4,
    PS_FCGI_STDIN = 5,
    PS_FCGI_STDOUT = 6,
    PS_FCGI_STDERR = 7,
    PS_FCGI_DATA = 8,
    PS_FCGI_GET_VALUES = 9,
    PS_FCGI_GET_VALUES_RESULT = 10,
    PS_FCGI_UNKNOWN_TYPE = 11
};

enum ps_fcgi_role { PS_FCGI_RESPONDER = 1, PS_FCGI_AUTHORIZER = 2, PS_FCGI_FILTER = 3 };
enum { PS_FCGI_KEEP_CONN = 1 };
enum ps_fcgi_status {
    PS_FCGI_REQUEST_COMPLETE = 0,
    PS_FCGI_CANT_MPX_CONN = 1,
    PS_FCGI_OVERLOADED = 2,
    PS_FCGI_UNKNOWN_ROLE = 3
};

enum {
    PS_FCGI_HEADER_LEN = 8,
    PS_FCGI_CONTENT_MAX = 65535,
    PS_FCGI_CONTENT_ALIGNED = 65528 /* the largest content that needs no padding to end on 8 bytes */
};

struct ps_fcgi_event {
    uint8_t type;         /* as on the wire, also one that is unknown */
    uint16_t request_id;
    uint16_t length;      /* content length of the whole record */
    struct ps_span data;  /* content: all of it, or a piece; borrows from `in` */
    bool last;            /* the record's content is complete with this event; a record without content gives one event */
};

struct ps_fcgi {
    uint8_t head[PS_FCGI_HEADER_LEN]; /* of the current record */
    uint8_t have;                     /* bytes of it read */
    uint8_t state;
    uint16_t content;                 /* bytes of content still to come */
    uint16_t padding;                 /* bytes of padding still to come */
    int error;                        /* sticky */
};

void ps_fcgi_init(struct ps_fcgi *d);

/* Decodes the next event from `in`, advancing it past the bytes used.
 * 1: `ev` is filled. 0: `in` is used up, feed more. <0: PS_ERECORD (a version other than 1); every later call returns it.
 * An event's record is announced as soon as its header and at least one byte of its content (none, where it has none) are
 * there; events before a fault are never lost. Padding behind the content is consumed by the same call where it has arrived. */
int ps_fcgi_next(struct ps_fcgi *d, struct ps_span *in, struct ps_fcgi_event *ev);

/* Forgets a record begun, and the error. */
void ps_fcgi_reset(struct ps_fcgi *d);

/* True between two records: nothing of a record has been read. */
bool ps_fcgi_idle(const struct ps_fcgi *d);

/* The 8-byte header of a record. The padding is the sender's to append (zeros). */
void ps_fcgi_encode_header(uint8_t out[PS_FCGI_HEADER_LEN], uint8_t type, uint16_t request_id, uint16_t length,
                           uint8_t padding);

/* The padding that aligns content of this length to 8 bytes (section 3.3 recommends it). */
static inline uint8_t ps_fcgi_padding(size_t length) { return (uint8_t)(-length & 7); }

/* Whole records of 16 bytes. */
enum { PS_FCGI_SMALL_LEN = 16 };
void ps_fcgi_encode_begin(uint8_t out[PS_FCGI_SMALL_LEN], uint16_t request_id, uint16_t role, uint8_t flags);
void ps_fcgi_encode_end(uint8_t out[PS_FCGI_SMALL_LEN], uint16_t request_id, uint32_t app_status, uint8_t protocol_status);
void ps_fcgi_encode_unknown_type(uint8_t out[PS_FCGI_SMALL_LEN], uint8_t type);

/* Bodies of discrete records, 8 bytes of content each. PS_ERECORD where the length is not 8. */
int ps_fcgi_decode_begin(struct ps_span content, uint16_t *role, uint8_t *flags);
int ps_fcgi_decode_end(struct ps_span content, uint32_t *app_status, uint8_t *protocol_status);

#endif

"""Mirrors csrc/codec: http1.h, http1_body.h, http1_write.h."""

from c_base cimport ps_buf, ps_span
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "codec/http1.h" nogil:
    struct ps_http1_limits:
        uint32_t line_bytes
        uint32_t field_bytes
        uint32_t head_bytes
        uint32_t fields
    struct ps_http1_field:
        uint32_t name
        uint32_t name_len
        uint32_t value
        uint32_t value_len
    struct ps_http1_head:
        ps_span bytes
        ps_span method
        ps_span target
        ps_span path
        ps_span query
        ps_span authority
        ps_span protocol
        const ps_http1_field *fields
        uint32_t n_fields
        uint8_t minor
        uint8_t form
        uint8_t body
        bint keep_alive
        bint expect_continue
        bint upgrade
        int64_t content_length
    struct ps_http1:
        pass
    void ps_http1_init(ps_http1 *p, const ps_http1_limits *limits, ps_http1_field *table)
    int ps_http1_next(ps_http1 *p, ps_span *span, ps_http1_head *head)
    void ps_http1_reset(ps_http1 *p)

cdef extern from "codec/http1_body.h" nogil:
    enum ps_http1_body_event:
        PS_BODY_DATA
        PS_BODY_END
    struct ps_http1_body:
        pass
    void ps_http1_body_init(ps_http1_body *b, int64_t length, uint32_t trailer_limit)
    int ps_http1_body_next(ps_http1_body *b, ps_span *span, ps_span *data)

cdef extern from "codec/http1_write.h" nogil:
    enum ps_http1_framing:
        PS_FRAMING_NONE
        PS_FRAMING_LENGTH
        PS_FRAMING_CHUNKED
        PS_FRAMING_CLOSE
    enum ps_http1_connection:
        PS_CONNECTION_DEFAULT
        PS_CONNECTION_CLOSE
        PS_CONNECTION_KEEP_ALIVE
    struct ps_http1_answer:
        int status
        ps_span reason
        ps_span fields
        ps_span date
        uint64_t length
        uint8_t framing
        uint8_t connection
    int ps_http1_encode_head(const ps_http1_answer *a, ps_buf *out)
    enum:
        PS_HTTP1_CHUNK_HEAD_MAX
    ps_span ps_http1_encode_chunk(size_t n, uint8_t *line)
    const char *ps_http1_reason(int status)

"""Mirrors csrc/base: err.h, span.h, buf.h, field.h, response.h, date.h."""

from libc.stdint cimport int64_t, uint8_t

cdef extern from "base/err.h" nogil:
    enum:
        PS_EREASON
        PS_EVALUE
        PS_ERESLENGTH
        PS_ELIMIT
        PS_ENOMEM
        PS_EGONE
        PS_EIO
    const char *ps_err_name(int code)
    const char *ps_err_text(int code)
    int ps_err_status(int code)

cdef extern from "base/span.h" nogil:
    struct ps_span:
        const uint8_t *ptr
        size_t len
    void ps_drop(ps_span *s, size_t n)
    ps_span ps_take(ps_span *s, size_t n)

cdef extern from "base/buf.h" nogil:
    struct ps_buf:
        uint8_t *data
        size_t len
        size_t cap
        size_t limit
    void ps_buf_init(ps_buf *b, size_t limit)
    void ps_buf_free(ps_buf *b)
    int ps_buf_reserve(ps_buf *b, size_t extra)
    int ps_buf_append(ps_buf *b, const void *ptr, size_t n)
    void ps_buf_consume(ps_buf *b, size_t n)
    ps_span ps_buf_span(const ps_buf *b)
    int ps_buf_add(ps_buf *b, ps_span s)

cdef extern from "base/field.h" nogil:
    struct ps_header:
        ps_span name
        ps_span value
    bint ps_is_field_value(ps_span s)

cdef extern from "base/response.h" nogil:
    struct ps_response:
        int64_t content_length
        int status
        bint has_date
    void ps_response_init(ps_response *r)
    void ps_response_free(ps_response *r)
    int ps_response_begin(ps_response *r, ps_span line)
    int ps_response_add(ps_response *r, ps_span name, ps_span value)
    ps_span ps_response_reason(const ps_response *r)
    ps_span ps_response_fields(const ps_response *r)

cdef extern from "base/date.h" nogil:
    enum:
        PS_DATE_LEN
    void ps_date_format(int64_t unix_seconds, uint8_t *out)

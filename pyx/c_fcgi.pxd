"""Mirrors csrc/codec: fcgi.h, fcgi_params.h."""

from c_base cimport ps_buf, ps_header, ps_span
from libc.stdint cimport uint8_t, uint16_t, uint32_t

cdef extern from "codec/fcgi.h" nogil:
    enum ps_fcgi_type:
        PS_FCGI_BEGIN_REQUEST
        PS_FCGI_ABORT_REQUEST
        PS_FCGI_END_REQUEST
        PS_FCGI_PARAMS
        PS_FCGI_STDIN
        PS_FCGI_STDOUT
        PS_FCGI_STDERR
        PS_FCGI_DATA
        PS_FCGI_GET_VALUES
        PS_FCGI_GET_VALUES_RESULT
        PS_FCGI_UNKNOWN_TYPE
    enum ps_fcgi_role:
        PS_FCGI_RESPONDER
        PS_FCGI_AUTHORIZER
        PS_FCGI_FILTER
    enum:
        PS_FCGI_KEEP_CONN
    enum ps_fcgi_status:
        PS_FCGI_REQUEST_COMPLETE
        PS_FCGI_CANT_MPX_CONN
        PS_FCGI_OVERLOADED
        PS_FCGI_UNKNOWN_ROLE
    enum:
        PS_FCGI_HEADER_LEN
        PS_FCGI_CONTENT_MAX
        PS_FCGI_CONTENT_ALIGNED
        PS_FCGI_SMALL_LEN
    struct ps_fcgi_event:
        uint8_t type
        uint16_t request_id
        uint16_t length
        ps_span data
        bint last
    struct ps_fcgi:
        pass
    void ps_fcgi_init(ps_fcgi *d)
    int ps_fcgi_next(ps_fcgi *d, ps_span *span, ps_fcgi_event *ev)
    void ps_fcgi_reset(ps_fcgi *d)
    bint ps_fcgi_idle(const ps_fcgi *d)
    void ps_fcgi_encode_header(uint8_t *out, uint8_t type, uint16_t request_id, uint16_t length, uint8_t padding)
    uint8_t ps_fcgi_padding(size_t length)
    void ps_fcgi_encode_begin(uint8_t *out, uint16_t request_id, uint16_t role, uint8_t flags)
    void ps_fcgi_encode_end(uint8_t *out, uint16_t request_id, uint32_t app_status, uint8_t protocol_status)
    void ps_fcgi_encode_unknown_type(uint8_t *out, uint8_t type)
    int ps_fcgi_decode_begin(ps_span content, uint16_t *role, uint8_t *flags)
    int ps_fcgi_decode_end(ps_span content, uint32_t *app_status, uint8_t *protocol_status)

cdef extern from "codec/fcgi_params.h" nogil:
    int ps_fcgi_params_next(ps_span *span, ps_header *pair)
    int ps_fcgi_params_encode(ps_buf *out, ps_span name, ps_span value)

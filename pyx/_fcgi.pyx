"""FastCGI records and name-value pairs, both ends. The public face is penstock.fcgi."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cython.dataclasses cimport dataclass
from libc.stdint cimport SIZE_MAX, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

from enum import IntEnum

from c_base cimport *
from c_fcgi cimport *
from convert cimport bytes_of, check, error_of, span_of


class RecordType(IntEnum):
    """What a record is (FastCGI 1.0, section 8)."""

    BEGIN_REQUEST = PS_FCGI_BEGIN_REQUEST
    ABORT_REQUEST = PS_FCGI_ABORT_REQUEST
    END_REQUEST = PS_FCGI_END_REQUEST
    PARAMS = PS_FCGI_PARAMS
    STDIN = PS_FCGI_STDIN
    STDOUT = PS_FCGI_STDOUT
    STDERR = PS_FCGI_STDERR
    DATA = PS_FCGI_DATA
    GET_VALUES = PS_FCGI_GET_VALUES
    GET_VALUES_RESULT = PS_FCGI_GET_VALUES_RESULT
    UNKNOWN_TYPE = PS_FCGI_UNKNOWN_TYPE


class Role(IntEnum):
    """What an application is asked to be (section 6)."""

    RESPONDER = PS_FCGI_RESPONDER
    AUTHORIZER = PS_FCGI_AUTHORIZER
    FILTER = PS_FCGI_FILTER


class ProtocolStatus(IntEnum):
    """How a request ended (section 5.5)."""

    REQUEST_COMPLETE = PS_FCGI_REQUEST_COMPLETE
    CANT_MPX_CONN = PS_FCGI_CANT_MPX_CONN
    OVERLOADED = PS_FCGI_OVERLOADED
    UNKNOWN_ROLE = PS_FCGI_UNKNOWN_ROLE


KEEP_CONN = PS_FCGI_KEEP_CONN
CONTENT_MAX_BYTES = PS_FCGI_CONTENT_MAX

# For each byte its RecordType, or the number itself: calling the enum for each record would cost more than decoding it.
cdef tuple TYPES = tuple([RecordType(n) if n in set(RecordType) else n for n in range(256)])


# --- decoding ----------------------------------------------------------------------------------------------------------


@cython.final
@dataclass(frozen=True)
cdef class Record:
    """A record, or a piece of one."""

    cdef readonly object type
    cdef readonly uint16_t request_id
    cdef readonly bytes data
    cdef readonly bint last


cdef Record record_of(const ps_fcgi_event *ev):
    cdef Record record = Record.__new__(Record)
    record.type = TYPES[ev.type]
    record.request_id = ev.request_id
    record.data = bytes_of(ev.data)
    record.last = ev.last
    return record


@cython.final
cdef class Decoder:
    """Bytes in, records out."""

    cdef ps_fcgi _d
    cdef readonly object error

    def __cinit__(self):
        ps_fcgi_init(&self._d)

    def feed(self, bytes data not None):
        cdef ps_span rest = span_of(data)
        cdef ps_fcgi_event ev
        cdef int rc
        cdef list records = []
        while (rc := ps_fcgi_next(&self._d, &rest, &ev)) > 0:
            records.append(record_of(&ev))
        if rc < 0 and self.error is None:
            self.error = error_of(rc)
        return records

    @property
    def idle(self):
        return self.error is None and ps_fcgi_idle(&self._d)

    def reset(self):
        ps_fcgi_reset(&self._d)
        self.error = None


def decode_begin(bytes content not None):
    cdef uint16_t role = 0
    cdef uint8_t flags = 0
    check(ps_fcgi_decode_begin(span_of(content), &role, &flags))
    return role, flags


def decode_end(bytes content not None):
    cdef uint32_t app_status = 0
    cdef uint8_t protocol_status = 0
    check(ps_fcgi_decode_end(span_of(content), &app_status, &protocol_status))
    return app_status, protocol_status


def decode_pairs(bytes data not None):
    cdef ps_span rest = span_of(data)
    cdef ps_header pair
    cdef int rc
    cdef list pairs = []
    while (rc := ps_fcgi_params_next(&rest, &pair)) > 0:
        pairs.append((bytes_of(pair.name), bytes_of(pair.value)))
    check(rc)
    return pairs


# --- encoding ----------------------------------------------------------------------------------------------------------


# Writes a record to `out`, which has room for it; returns where it ends.
cdef uint8_t *put_record(uint8_t *out, uint8_t type, uint16_t request_id, ps_span content, uint8_t padding) noexcept:
    ps_fcgi_encode_header(out, type, request_id, <uint16_t>content.len, padding)
    out += PS_FCGI_HEADER_LEN
    memcpy(out, content.ptr, content.len)
    memset(out + content.len, 0, padding)
    return out + content.len + padding


cdef bytes new_bytes(size_t n):
    return PyBytes_FromStringAndSize(NULL, <Py_ssize_t>n)


def record(uint8_t type, uint16_t request_id, bytes content not None=b"", *, uint8_t padding_bytes=0):
    cdef ps_span span = span_of(content)
    if span.len > PS_FCGI_CONTENT_MAX:
        raise ValueError(f"a record holds at most {PS_FCGI_CONTENT_MAX} bytes of content, not {span.len}")
    cdef bytes encoded = new_bytes(PS_FCGI_HEADER_LEN + span.len + padding_bytes)
    put_record(<uint8_t *>PyBytes_AS_STRING(encoded), type, request_id, span, padding_bytes)
    return encoded


def stream(uint8_t type, uint16_t request_id, bytes data not None, *, bint end=False, bint padding=True):
    cdef ps_span rest = span_of(data)
    cdef bint closing = end or rest.len == 0
    # Full records have the length that needs no padding: each byte more would cost seven.
    cdef size_t full = PS_FCGI_CONTENT_ALIGNED if padding else PS_FCGI_CONTENT_MAX
    cdef size_t last = rest.len % full
    cdef uint8_t last_padding = ps_fcgi_padding(last) if padding else 0
    cdef size_t records = rest.len // full + (last != 0) + closing
    cdef bytes encoded = new_bytes(records * PS_FCGI_HEADER_LEN + rest.len + last_padding)
    cdef uint8_t *out = <uint8_t *>PyBytes_AS_STRING(encoded)
    while rest.len >= full:
        out = put_record(out, type, request_id, ps_take(&rest, full), 0)
    if last != 0:
        out = put_record(out, type, request_id, ps_take(&rest, last), last_padding)
    if closing:
        put_record(out, type, request_id, rest, 0)
    return encoded


def begin_request(uint16_t request_id, uint16_t role=PS_FCGI_RESPONDER, *, bint keep_conn=False):
    cdef uint8_t encoded[PS_FCGI_SMALL_LEN]
    ps_fcgi_encode_begin(encoded, request_id, role, PS_FCGI_KEEP_CONN if keep_conn else 0)
    return encoded[:PS_FCGI_SMALL_LEN]


def end_request(uint16_t request_id, uint32_t app_status=0, uint8_t protocol_status=PS_FCGI_REQUEST_COMPLETE):
    cdef uint8_t encoded[PS_FCGI_SMALL_LEN]
    ps_fcgi_encode_end(encoded, request_id, app_status, protocol_status)
    return encoded[:PS_FCGI_SMALL_LEN]


def unknown_type(uint8_t type):
    cdef uint8_t encoded[PS_FCGI_SMALL_LEN]
    ps_fcgi_encode_unknown_type(encoded, type)
    return encoded[:PS_FCGI_SMALL_LEN]


def encode_pairs(pairs):
    cdef ps_buf out
    ps_buf_init(&out, SIZE_MAX)  # of the caller's own bytes: memory is the limit
    try:
        for name, value in pairs:
            check(ps_fcgi_params_encode(&out, span_of(<bytes?>name), span_of(<bytes?>value)))
        return bytes_of(ps_buf_span(&out))
    finally:
        ps_buf_free(&out)

"""What every binding converts: bytes to a borrowed span and back, a code of the core to an exception."""

from c_base cimport PS_ENOMEM, ps_err_name, ps_err_status, ps_err_text, ps_span
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t

# Borrows: `b` must be held, and be bytes, as long as the span is used.
cdef inline ps_span span_of(bytes b) noexcept:
    return ps_span(<const uint8_t *>PyBytes_AS_STRING(b), <size_t>PyBytes_GET_SIZE(b))

cdef inline bytes bytes_of(ps_span s):
    return PyBytes_FromStringAndSize(<const char *>s.ptr, <Py_ssize_t>s.len)

# The exception for a negative result. Imported when needed: an inline function has no module to keep it in.
cdef inline object error_of(int code):
    from penstock.errors import ProtocolError

    if code == PS_ENOMEM:
        return MemoryError()
    return ProtocolError(ps_err_name(code).decode(), ps_err_status(code), ps_err_text(code).decode())

cdef inline int check(int rc) except -1:
    if rc < 0:
        raise error_of(rc)
    return rc

"""HTTP/1.x requests in, responses out. The public face is penstock.http1."""

cimport cython
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cython.dataclasses cimport dataclass
from libc.stdint cimport SIZE_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport strlen

from enum import IntEnum

from c_base cimport *
from c_http1 cimport *
from convert cimport bytes_of, check, error_of, span_of


# --- events --------------------------------------------------------------------------------------------------------------


@cython.final
@dataclass(frozen=True)
cdef class Request:
    """The head of a message."""

    cdef readonly bytes method
    cdef readonly bytes target
    cdef readonly bytes path
    cdef readonly bytes query
    cdef readonly bytes authority
    cdef readonly bytes version
    cdef readonly list headers
    cdef readonly object content_length
    cdef readonly bint keep_alive
    cdef readonly bint expect_continue
    cdef readonly bint upgrade


@cython.final
@dataclass(frozen=True)
cdef class Data:
    """A piece of the body."""

    cdef readonly bytes data


@cython.final
cdef class EndOfMessage:
    """The body, or the lack of one, is complete."""

    def __eq__(self, other):
        return isinstance(other, EndOfMessage)

    def __hash__(self):
        return hash(EndOfMessage)

    def __repr__(self):
        return "EndOfMessage()"


cdef EndOfMessage END_OF_MESSAGE = EndOfMessage()
cdef tuple VERSIONS = (b"1.0", b"1.1")


cdef list headers_of(const ps_http1_head *head):
    cdef const char *base = <const char *>head.bytes.ptr
    cdef const ps_http1_field *f
    cdef list headers = []
    cdef uint32_t i
    for i in range(head.n_fields):
        f = &head.fields[i]
        headers.append((base[f.name:f.name + f.name_len], base[f.value:f.value + f.value_len]))
    return headers


cdef Request request_of(const ps_http1_head *head):
    cdef Request request = Request.__new__(Request)
    request.method = bytes_of(head.method)
    request.target = bytes_of(head.target)
    request.path = bytes_of(head.path)
    request.query = bytes_of(head.query)
    request.authority = bytes_of(head.authority)
    request.version = VERSIONS[head.minor]
    request.headers = headers_of(head)
    request.content_length = None if head.content_length < 0 else head.content_length
    request.keep_alive = head.keep_alive
    request.expect_continue = head.expect_continue
    request.upgrade = head.upgrade
    return request


cdef Data data_of(ps_span span):
    cdef Data event = Data.__new__(Data)
    event.data = bytes_of(span)
    return event


# --- decoding ------------------------------------------------------------------------------------------------------------

cdef enum state:
    HEAD  # between two messages, or in a head
    BODY
    FINISHED  # behind the last message of a connection


@cython.final
cdef class Decoder:
    """Bytes in, requests and their bodies out."""

    cdef ps_http1 _head
    cdef ps_http1_body _body
    cdef ps_http1_field *_table
    cdef ps_buf _begun  # bytes of a head that came in pieces: the codec wants to see it whole
    cdef uint32_t _trailer_bytes
    cdef state _state
    cdef bint _keep_alive
    cdef readonly object error

    def __cinit__(
        self,
        *,
        uint32_t line_bytes=8190,
        uint32_t field_bytes=8190,
        uint32_t head_bytes=65536,
        uint32_t fields=100,
        uint32_t trailer_bytes=65536,
    ):
        cdef ps_http1_limits limits = ps_http1_limits(line_bytes, field_bytes, head_bytes, fields)
        self._table = <ps_http1_field *>PyMem_Calloc(fields, sizeof(ps_http1_field))
        if self._table is NULL:
            raise MemoryError
        ps_buf_init(&self._begun, SIZE_MAX)  # the codec refuses a head beyond its limit, so no more than that gathers
        ps_http1_init(&self._head, &limits, self._table)
        self._trailer_bytes = trailer_bytes

    def __dealloc__(self):
        ps_buf_free(&self._begun)
        PyMem_Free(self._table)

    def feed(self, bytes data not None):
        cdef ps_span rest = span_of(data)
        cdef int rc = 1
        cdef list events = []
        while rc > 0 and self.error is None:
            if self._state == HEAD:
                rc = self._next_head(&rest, events)
            elif self._state == BODY:
                rc = self._next_piece(&rest, events)
            else:
                rc = 0
            if rc < 0:
                self.error = error_of(rc)
                ps_buf_free(&self._begun)
        return events

    @property
    def idle(self):
        return self.error is None and self._state == HEAD and self._begun.len == 0

    @property
    def finished(self):
        return self._state == FINISHED

    # What follows answers as the core does: positive for an event, 0 for more bytes, negative for an error.

    cdef int _next_head(self, ps_span *rest, list events) except? -1000:
        cdef ps_http1_head head
        cdef size_t begun = self._begun.len
        cdef ps_span joined = rest[0]
        cdef int rc
        if rest.len == 0:
            return 0
        if begun != 0:
            check(ps_buf_add(&self._begun, rest[0]))
            joined = ps_buf_span(&self._begun)
        rc = ps_http1_next(&self._head, &joined, &head)
        if rc == 0 and begun == 0:
            check(ps_buf_add(&self._begun, rest[0]))
        if rc <= 0:
            return rc
        self._take_head(&head, events)
        ps_drop(rest, rest.len - joined.len)  # of the bytes seen, the unread ones are the last
        ps_buf_consume(&self._begun, self._begun.len)
        return rc

    cdef int _take_head(self, const ps_http1_head *head, list events) except -1:
        events.append(request_of(head))
        self._keep_alive = head.keep_alive
        self._state = BODY
        ps_http1_body_init(&self._body, head.content_length, self._trailer_bytes)
        ps_http1_reset(&self._head)
        return 0

    cdef int _next_piece(self, ps_span *rest, list events) except? -1000:
        cdef ps_span piece
        cdef int rc = ps_http1_body_next(&self._body, rest, &piece)
        if rc == PS_BODY_DATA:
            events.append(data_of(piece))
        elif rc == PS_BODY_END:
            events.append(END_OF_MESSAGE)
            self._state = HEAD if self._keep_alive else FINISHED
        return rc


# --- encoding ------------------------------------------------------------------------------------------------------------


class Framing(IntEnum):
    """How the length of a response's body is told."""

    NONE = PS_FRAMING_NONE
    LENGTH = PS_FRAMING_LENGTH
    CHUNKED = PS_FRAMING_CHUNKED
    CLOSE = PS_FRAMING_CLOSE


class Connection(IntEnum):
    """What a response says of the connection."""

    DEFAULT = PS_CONNECTION_DEFAULT
    CLOSE = PS_CONNECTION_CLOSE
    KEEP_ALIVE = PS_CONNECTION_KEEP_ALIVE


def reason(int status):
    return ps_http1_reason(status).decode()


cdef ps_span standard_reason(int status) noexcept:
    cdef const char *phrase = ps_http1_reason(status)
    return ps_span(<const uint8_t *>phrase, strlen(phrase))


# A Content-Length among the headers is kept as a number by the core, which writes it as it writes one given by itself.
cdef int take_length(ps_http1_answer *answer, const ps_response *fields) except -1:
    if fields.content_length < 0:
        return 0
    cdef uint64_t declared = <uint64_t>fields.content_length
    if answer.framing != PS_FRAMING_NONE and (answer.framing != PS_FRAMING_LENGTH or answer.length != declared):
        raise error_of(PS_ERESLENGTH)
    answer.framing = PS_FRAMING_LENGTH
    answer.length = declared
    return 0


cdef bytes encode_answer(ps_http1_answer *answer, headers):
    cdef ps_response fields
    cdef ps_buf out
    ps_response_init(&fields)
    ps_buf_init(&out, SIZE_MAX)  # of the caller's own bytes, which the fields' limit bounds
    try:
        for name, value in headers:
            check(ps_response_add(&fields, span_of(<bytes?>name), span_of(<bytes?>value)))
        take_length(answer, &fields)
        answer.fields = ps_response_fields(&fields)
        if fields.has_date:
            answer.date.len = 0
        check(ps_http1_encode_head(answer, &out))
        return bytes_of(ps_buf_span(&out))
    finally:
        ps_response_free(&fields)
        ps_buf_free(&out)


def encode_head(
    int status,
    headers=(),
    *,
    bytes reason=None,
    bytes date not None=b"",
    framing=Framing.NONE,
    uint64_t length=0,
    connection=Connection.DEFAULT,
):
    cdef ps_http1_answer answer
    if not 100 <= status <= 599:
        raise ValueError(f"a status is a number from 100 to 599, not {status}")
    answer.status = status
    answer.reason = standard_reason(status) if reason is None else span_of(reason)
    answer.date = span_of(date)
    answer.framing = Framing(framing)
    answer.length = length
    answer.connection = Connection(connection)
    if not ps_is_field_value(answer.reason):
        raise error_of(PS_EREASON)
    if not ps_is_field_value(answer.date):
        raise error_of(PS_EVALUE)
    return encode_answer(&answer, headers)


def encode_chunk(bytes data not None):
    cdef uint8_t line[PS_HTTP1_CHUNK_HEAD_MAX]
    if len(data) == 0:
        return b"0\r\n\r\n"
    return bytes_of(ps_http1_encode_chunk(<size_t>len(data), line)) + data + b"\r\n"


def encode_date(int64_t unix_seconds):
    cdef uint8_t date[PS_DATE_LEN]
    ps_date_format(unix_seconds, date)
    return date[:PS_DATE_LEN]

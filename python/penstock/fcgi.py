"""FastCGI 1.0, both ends, without I/O: records in, records out.

A client sends a request and reads its answer:

    connection.sendall(
        begin_request(1)
        + params(1, [(b"REQUEST_METHOD", b"POST"), (b"CONTENT_LENGTH", b"5")], end=True)
        + stream(RecordType.STDIN, 1, b"hello", end=True)
    )
    decoder = Decoder()
    while data := connection.recv(65536):
        for record in decoder.feed(data):
            match record.type:
                case RecordType.STDOUT: ...       # record.data is a piece of the answer
                case RecordType.END_REQUEST: ...  # decode_end() its content, once it is complete
"""

from collections.abc import Iterable

from penstock._fcgi import (
    CONTENT_MAX_BYTES,
    KEEP_CONN,
    Decoder,
    ProtocolStatus,
    Record,
    RecordType,
    Role,
    begin_request,
    decode_begin,
    decode_end,
    decode_pairs,
    encode_pairs,
    end_request,
    record,
    stream,
    unknown_type,
)
from penstock.errors import ProtocolError

__all__ = [
    "CONTENT_MAX_BYTES",
    "KEEP_CONN",
    "Decoder",
    "ProtocolError",
    "ProtocolStatus",
    "Record",
    "RecordType",
    "Role",
    "abort_request",
    "begin_request",
    "decode_begin",
    "decode_end",
    "decode_pairs",
    "encode_pairs",
    "end_request",
    "get_values",
    "get_values_result",
    "params",
    "record",
    "stream",
    "unknown_type",
]


def params(request_id: int, pairs: Iterable[tuple[bytes, bytes]], *, end: bool = False, padding: bool = True) -> bytes:
    """Pairs of the PARAMS stream; without `end` more may follow, and no pairs are no bytes."""
    content = encode_pairs(pairs)
    if not content and not end:
        return b""
    return stream(RecordType.PARAMS, request_id, content, end=end, padding=padding)


def abort_request(request_id: int) -> bytes:
    """ABORT_REQUEST: the web server no longer wants the answer."""
    return record(RecordType.ABORT_REQUEST, request_id)


def get_values(names: Iterable[bytes]) -> bytes:
    """GET_VALUES: asks for variables such as FCGI_MPXS_CONNS. Raises ValueError for more than a record holds."""
    return _management(RecordType.GET_VALUES, [(name, b"") for name in names])


def get_values_result(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """GET_VALUES_RESULT: the answer, of the variables known. Raises ValueError for more than a record holds."""
    return _management(RecordType.GET_VALUES_RESULT, pairs)


def _management(type: RecordType, pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    content = encode_pairs(pairs)
    return record(type, 0, content, padding_bytes=-len(content) % 8)

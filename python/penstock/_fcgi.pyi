"""FastCGI records and name-value pairs, both ends. The public face is penstock.fcgi."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, final

from penstock.errors import ProtocolError

class RecordType(IntEnum):
    """What a record is (FastCGI 1.0, section 8)."""

    BEGIN_REQUEST = 1
    ABORT_REQUEST = 2
    END_REQUEST = 3
    PARAMS = 4
    STDIN = 5
    STDOUT = 6
    STDERR = 7
    DATA = 8
    GET_VALUES = 9
    GET_VALUES_RESULT = 10
    UNKNOWN_TYPE = 11

class Role(IntEnum):
    """What an application is asked to be (section 6)."""

    RESPONDER = 1
    AUTHORIZER = 2
    FILTER = 3

class ProtocolStatus(IntEnum):
    """How a request ended (section 5.5)."""

    REQUEST_COMPLETE = 0
    CANT_MPX_CONN = 1
    OVERLOADED = 2
    UNKNOWN_ROLE = 3

KEEP_CONN: Final = 1  # the flag of BEGIN_REQUEST: the web server keeps the connection
CONTENT_MAX_BYTES: Final = 65535  # of one record

@final
@dataclass(frozen=True)
class Record:
    """A record, or a piece of one: content is handed out as it comes.

    `last` marks the record's last piece. A record of a stream with `data == b""` closes the stream.
    """

    type: RecordType | int  # a plain int where FastCGI knows no such type
    request_id: int  # 0: a management record
    data: bytes
    last: bool

@final
class Decoder:
    """Bytes in, records out; padding and reserved bytes are dropped.

    What may follow what (no PARAMS before its BEGIN_REQUEST, say) is for the caller to judge.
    """

    def __init__(self) -> None: ...
    @property
    def error(self) -> ProtocolError | None:
        """What ended the stream: PS_ERECORD for a version other than 1. Nothing is decoded from then on."""

    @property
    def idle(self) -> bool:
        """Nothing of a record has been read that is not yet complete: here a stream of records may end."""

    def feed(self, data: bytes) -> list[Record]:
        """The records, or pieces of them, in the next bytes. A fault is kept in `error` beside those before it."""

    def reset(self) -> None:
        """Forgets a record begun, and the error."""

def decode_begin(content: bytes) -> tuple[int, int]:
    """(role, flags) of a BEGIN_REQUEST. Raises ProtocolError unless the content has 8 bytes."""

def decode_end(content: bytes) -> tuple[int, int]:
    """(application status, protocol status) of an END_REQUEST. Raises ProtocolError unless the content has 8 bytes."""

def decode_pairs(data: bytes) -> list[tuple[bytes, bytes]]:
    """Name-value pairs in order (section 3.4). Raises ProtocolError where one runs past the end.

    PARAMS is a stream: join the content of its records first, for a pair may cross them.
    """

def encode_pairs(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Name-value pairs, lengths in their shortest form. Raises ProtocolError for 2 GiB or more in one of them."""

def record(type: int, request_id: int, content: bytes = b"", *, padding_bytes: int = 0) -> bytes:
    """One record, of any type. Raises ValueError for more than CONTENT_MAX_BYTES, OverflowError for what fits no header."""

def stream(type: int, request_id: int, data: bytes, *, end: bool = False, padding: bool = True) -> bytes:
    """The data of a stream in as many records as it needs; with `padding` each ends on a multiple of 8 bytes.

    b"" closes the stream; `end` closes it behind the data.
    """

def begin_request(request_id: int, role: int = ..., *, keep_conn: bool = False) -> bytes:
    """BEGIN_REQUEST, as a responder unless said otherwise."""

def end_request(request_id: int, app_status: int = 0, protocol_status: int = ...) -> bytes:
    """END_REQUEST, complete unless said otherwise. The application status has 32 bits, unsigned."""

def unknown_type(type: int) -> bytes:
    """UNKNOWN_TYPE: the answer to a management record of a type not understood."""

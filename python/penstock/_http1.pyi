"""HTTP/1.x requests in, responses out. The public face is penstock.http1."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Self, final

from penstock.errors import ProtocolError

@final
@dataclass(frozen=True)
class Request:
    """The head of a message, checked (RFC 9112). Bytes are as the peer sent them."""

    method: bytes
    target: bytes
    path: bytes  # of the target, still encoded; b"" for "*"
    query: bytes  # of the target, without "?"
    authority: bytes  # host[:port] of the target, else of Host; b"" only in HTTP/1.0
    version: bytes  # b"1.1" or b"1.0"
    headers: list[tuple[bytes, bytes]]  # in order, repeated ones too; values without the white space around them
    content_length: int | None  # None: chunked; 0: no body
    keep_alive: bool  # what Connection and the version say together (section 9.3)
    expect_continue: bool  # the peer waits for "100 Continue" before it sends the body
    upgrade: bool  # Connection lists "upgrade" and there is an Upgrade field

@final
@dataclass(frozen=True)
class Data:
    """A piece of the body, never empty, without the framing."""

    data: bytes

@final
class EndOfMessage:
    """The body, or the lack of one, is complete. Trailers are checked and dropped. All are equal."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Decoder:
    """Bytes in, requests and their bodies out: Request, Data..., EndOfMessage, and the next message.

    Strict, with no lenient mode: where two readers could disagree on where a message ends, it is an error.
    """

    def __new__(
        cls,
        *,
        line_bytes: int = 8190,
        field_bytes: int = 8190,
        head_bytes: int = 65536,
        fields: int = 100,
        trailer_bytes: int = 65536,
    ) -> Self:
        """Limits of the request line and each field line (without their CRLF), of the whole head, of its number of fields,
        and of the trailers of a body. Raises OverflowError for what 32 bits do not hold.
        """

    @property
    def error(self) -> ProtocolError | None:
        """What ended the stream. Its `status` answers it; nothing is decoded from then on."""

    @property
    def idle(self) -> bool:
        """Between two messages: nothing of the next one has come."""

    @property
    def finished(self) -> bool:
        """The last message of the connection was decoded (its `keep_alive` is false): what follows is ignored (9.6)."""

    def feed(self, data: bytes) -> list[Request | Data | EndOfMessage]:
        """The events in the next bytes, of as many messages as they hold. A fault is kept in `error` beside those before it."""

class Framing(IntEnum):
    """How the length of a response's body is told (RFC 9112, section 6)."""

    NONE = 0  # it is not: 1xx, 204, 304
    LENGTH = 1  # Content-Length
    CHUNKED = 2  # Transfer-Encoding: chunked, not for an HTTP/1.0 client
    CLOSE = 3  # by the end of the connection, which the head announces

class Connection(IntEnum):
    """What a response says of the connection."""

    DEFAULT = 0  # nothing
    CLOSE = 1
    KEEP_ALIVE = 2  # for an HTTP/1.0 client that asked for it

def reason(status: int) -> str:
    """The standard reason phrase (RFC 9110, section 15); "" for a status without one."""

def encode_head(
    status: int,
    headers: Iterable[tuple[bytes, bytes]] = (),
    *,
    reason: bytes | None = None,
    date: bytes = b"",
    framing: Framing = ...,
    length: int = 0,
    connection: Connection = ...,
) -> bytes:
    """A response head. A Content-Length among the headers counts as `length`; a Date among them as `date`.

    Raises ProtocolError for a name that is no token, control characters, hop-by-hop headers (they are said by `framing` and
    `connection`) and lengths that contradict; ValueError for a status outside 100 to 599. reason None: the standard one.
    """

def encode_chunk(data: bytes) -> bytes:
    """One chunk; b"" gives the last one, which ends the body."""

def encode_date(unix_seconds: int) -> bytes:
    """The date as an IMF-fixdate (RFC 9110, section 5.6.7)."""

"""An HTTP/1.1 client that sends exactly the bytes it is given and reads answers as strictly as RFC 9112 is written.

    with Client(socket) as client:
        client.send(b"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
        response = client.response()
        assert response.status == 200
        assert client.ended()

It is the judge of whatever a server answers: an answer that is framed twice, has a body where none may be, no Date, a line
that ends otherwise than in CR LF, is an AssertionError here and needs no check in a test.
"""

import contextlib
import re
import select
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

# Beyond this a test has failed. Nothing depends on how much sooner a thing happens.
PATIENCE_SECONDS = 30.0

_READ_BYTES = 1 << 16

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)")
_FIELD_LINE = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ?((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)"
)
_CHUNK_LINE = re.compile(rb"[0-9a-f]{1,16}")
_DATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT"
)


class Ended(Exception):
    """The connection ended, or was reset, inside an answer."""

    def __init__(self, body: bytes, *, reset: bool) -> None:
        super().__init__("reset" if reset else "closed")
        self.body = body  # so much of it had come
        self.reset = reset


@dataclass(frozen=True, slots=True)
class Head:
    """A status line and its fields, in order, names as they were sent."""

    status: int
    reason: str
    fields: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.fields if each.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        """The value of a field that may be there once at most."""
        values = self.all(name)
        assert len(values) <= 1, self
        return values[0] if values else None

    @property
    def closes(self) -> bool:
        return "close" in _options(self)

    @property
    def keeps(self) -> bool:
        return "keep-alive" in _options(self)


@dataclass(frozen=True, slots=True)
class Response(Head):
    body: bytes = b""
    framing: str = "none"  # "none", "length", "chunked" or "close"
    chunks: tuple[int, ...] = ()  # the sizes, where it is chunked
    interim: tuple[Head, ...] = field(default=())  # 1xx answers before it


def _options(head: Head) -> set[str]:
    return {option.strip().lower() for value in head.all("Connection") for option in value.split(",")}


def request(
    method: str = "GET",
    target: str = "/",
    *,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes | None = None,
    chunks: Sequence[bytes] | None = None,
    version: str = "HTTP/1.1",
) -> bytes:
    """The bytes of a well-formed request; with `chunks` its body is chunked, empty ones being left out."""
    lines = [f"{method} {target} {version}"]
    if not any(name.lower() == "host" for name, _ in headers):
        lines.append("Host: penstock.test")
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    if chunks is not None:
        lines.append("Transfer-Encoding: chunked")
        body = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in chunks if each) + b"0\r\n\r\n"
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


class Client:
    """One connection. Everything that waits fails after a long time."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.settimeout(PATIENCE_SECONDS)
        self._read = bytearray()  # and not yet used

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # Sending

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_what_it_takes(self, data: bytes) -> None:
        """For a server that may answer, and close, before it has read everything."""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            self.socket.sendall(data)

    def send_each(self, data: bytes) -> None:
        """Byte by byte, each in a packet of its own where the kernel does not join them."""
        for i in range(len(data)):
            self.send_what_it_takes(data[i : i + 1])

    def end_sending(self) -> None:
        """Closes this half; answers are still read."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Ends the connection as one that failed."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    # Receiving

    def ask(self, data: bytes, method: str = "GET") -> Response:
        """Sends a request and reads its answer; `method` as in `response`."""
        self.send(data)
        return self.response(method)

    def response(self, method: str = "GET") -> Response:
        """The next answer, with the interim ones before it. `method` is the request's: HEAD is answered without a body.

        Raises Ended where the connection ends inside of it.
        """
        interim = []
        while (head := self.head()).status < 200:
            interim.append(head)
        body, framing, chunks = self._body(head, method)
        return Response(head.status, head.reason, head.fields, body, framing, chunks, tuple(interim))

    def head(self) -> Head:
        """The next head alone, for a test that reads the body in its own way."""
        match = _STATUS_LINE.fullmatch(line := self._line())
        assert match is not None, line
        fields = []
        while line := self._line():
            part = _FIELD_LINE.fullmatch(line)
            assert part is not None, line
            fields.append((part[1].decode(), part[2].decode("latin-1")))
        head = Head(int(match[1]), match[2].decode("latin-1"), tuple(fields))
        _check(head)
        return head

    def pieces(self, head: Head, method: str = "GET") -> Iterator[bytes]:
        """The body of a head just read, as it comes."""
        framing = _framing(head, method)
        if framing == "length":
            left = int(head.get("Content-Length") or 0)
            while left > 0:
                piece = self._some(left)
                left -= len(piece)
                yield piece
        elif framing == "chunked":
            yield from self._chunks()
        elif framing == "close":
            assert head.closes, head  # or the client could not know where the body ends
            while piece := self._some(_READ_BYTES, may_end=True):
                yield piece

    def read(self, size: int) -> bytes:
        """Exactly so many bytes. Raises Ended."""
        parts = bytearray()
        while len(parts) < size:
            try:
                parts += self._some(size - len(parts))
            except Ended as ended:
                raise Ended(bytes(parts), reset=ended.reset) from None
        return bytes(parts)

    def ended(self) -> bool:
        """Waits for the end of the connection; false where more bytes come instead."""
        return not self._read and not self._receive(may_reset=True)

    def rest(self) -> bytes:
        """Everything up to the end of the connection, however it ends."""
        while self._receive(may_reset=True):
            continue
        rest = bytes(self._read)
        self._read.clear()
        return rest

    def silent(self, *, wait: float = 0) -> bool:
        """True where nothing comes within so many seconds: neither a byte nor the end."""
        return not self._read and not select.select([self.socket], [], [], wait)[0]

    # Inside

    def _receive(self, *, may_reset: bool = False) -> bool:
        try:
            data = self.socket.recv(_READ_BYTES)
        except ConnectionResetError:
            if may_reset:
                return False
            raise Ended(b"", reset=True) from None
        self._read += data
        return bool(data)

    def _some(self, most: int, *, may_end: bool = False) -> bytes:
        if not self._read and not self._receive():
            if may_end:
                return b""
            raise Ended(b"", reset=False)
        piece = bytes(self._read[:most])
        del self._read[: len(piece)]
        return piece

    def _line(self) -> bytes:
        searched = 0
        while (end := self._read.find(b"\r\n", max(0, searched - 1))) < 0:
            searched = len(self._read)
            if not self._receive():
                raise Ended(bytes(self._read), reset=False)
        line = bytes(self._read[:end])
        del self._read[: end + 2]
        return line

    def _chunks(self) -> Iterator[bytes]:
        while True:
            size = self._line()
            assert _CHUNK_LINE.fullmatch(size), size
            if int(size, 16) == 0:
                assert self._line() == b"", "a trailer that nobody asked for"
                return
            data = self.read(int(size, 16))
            assert self.read(2) == b"\r\n"
            yield data

    def _body(self, head: Head, method: str) -> tuple[bytes, str, tuple[int, ...]]:
        framing = _framing(head, method)
        body = bytearray()
        sizes = []
        try:
            for piece in self.pieces(head, method):
                body += piece
                sizes.append(len(piece))
        except Ended as ended:
            raise Ended(bytes(body) + ended.body, reset=ended.reset) from None
        return bytes(body), framing, tuple(sizes) if framing == "chunked" else ()


def _framing(head: Head, method: str) -> str:
    """How long the body is (RFC 9112, section 6.3)."""
    if method == "HEAD" or head.status < 200 or head.status in (204, 304):
        return "none"
    if head.get("Transfer-Encoding") is not None:
        return "chunked"
    return "close" if head.get("Content-Length") is None else "length"


def _check(head: Head) -> None:
    """What no answer may do."""
    coding, length = head.get("Transfer-Encoding"), head.get("Content-Length")
    assert coding in (None, "chunked"), head
    assert coding is None or length is None, head
    assert length is None or (length.isascii() and length.isdigit()), head
    if head.status < 200 or head.status == 204:
        assert coding is None, head  # RFC 9112, section 6.1
        assert length is None, head  # RFC 9110, section 8.6
    if head.status >= 200:
        date = head.get("Date")
        assert date is not None, head
        assert _DATE.fullmatch(date), head

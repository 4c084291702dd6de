"""A FastCGI client, blocking and small, built on penstock.fcgi.

    with Client(("127.0.0.1", 9000)) as client:
        answer = client.request({"REQUEST_METHOD": "GET", "SCRIPT_NAME": "/"})
        assert answer.stdout.startswith(b"Content-Type:")

`send` and `receive` speak in raw bytes and records, for what no well-behaved front would do.
"""

import socket
import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Self

from penstock import fcgi
from penstock.fcgi import Decoder, Record, RecordType, Role

OUTPUTS = (RecordType.STDOUT, RecordType.STDERR)
Params = Mapping[str, str] | Iterable[tuple[bytes, bytes]]

# Beyond this a test has failed. Nothing depends on how much sooner a thing happens.
PATIENCE_SECONDS = 30.0


class Answer(NamedTuple):
    stdout: bytes
    stderr: bytes
    app_status: int
    protocol_status: int


class Client:
    """One connection, to (host, port) or to the path of a unix socket."""

    def __init__(self, address: tuple[str, int] | str | Path, timeout: float = PATIENCE_SECONDS) -> None:
        if isinstance(address, tuple):
            self.socket = socket.create_connection(address, timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(str(address))
        self.records: list[Record] = []  # all that came, in order, in the pieces in which they came
        self._decoder = Decoder()
        self._content: defaultdict[tuple[int, int], bytearray] = defaultdict(bytearray)  # by request id and type
        self._complete: list[tuple[int, int]] = []  # likewise, of the types that are waited for

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(
        self,
        params: Params,
        body: bytes = b"",
        *,
        request_id: int = 1,
        keep_conn: bool = False,
        role: int = Role.RESPONDER,
    ) -> Answer:
        """One request, whole, and its answer."""
        self.send(fcgi.begin_request(request_id, role, keep_conn=keep_conn) + encode_params(params, request_id))
        self.send(fcgi.stream(RecordType.STDIN, request_id, body, end=True))
        return self.answer(request_id)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self) -> list[Record]:
        """What comes next, at least one record or a piece of one; [] at the end of the connection.

        Raises ProtocolError for what is no FastCGI.
        """
        records: list[Record] = []
        while not records and (data := self.socket.recv(65536)):
            records = self._decoder.feed(data)
            if self._decoder.error:
                break
        self.records += records
        for record in records:
            self._content[record.request_id, record.type] += record.data
            if record.last and record.type in (RecordType.END_REQUEST, RecordType.GET_VALUES_RESULT):
                self._complete.append((record.request_id, record.type))
        if self._decoder.error:
            raise self._decoder.error
        return records

    def answer(self, request_id: int = 1) -> Answer:
        """The answer to a request, which may be mixed with others. Raises ConnectionError where the connection ends first."""
        app_status, protocol_status = fcgi.decode_end(self._wait_for(request_id, RecordType.END_REQUEST))
        stdout, stderr = (bytes(self._content.pop((request_id, type), b"")) for type in OUTPUTS)
        return Answer(stdout, stderr, app_status, protocol_status)

    def values(self, *names: bytes) -> dict[bytes, bytes]:
        """Asks with GET_VALUES. Raises ConnectionError as above."""
        self.send(fcgi.get_values(names))
        return dict(fcgi.decode_pairs(self._wait_for(0, RecordType.GET_VALUES_RESULT)))

    def _wait_for(self, request_id: int, type: RecordType) -> bytes:
        while (request_id, type) not in self._complete:
            if not self.receive():
                raise ConnectionError(f"the connection ended before {type.name} of request {request_id}")
        self._complete.remove((request_id, type))
        return bytes(self._content.pop((request_id, type)))

    def at_end(self) -> bool:
        """Waits for the server: True where it closes in order and between two records, False where it sends more."""
        return not self.receive() and self._decoder.idle

    def reset(self) -> None:
        """Closes with RST, as a front that loses its client may."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self.socket.close()


def encode_params(params: Params, request_id: int = 1) -> bytes:
    """The whole PARAMS stream; of str, as latin-1."""
    pairs = params.items() if isinstance(params, Mapping) else params
    return fcgi.params(request_id, [(_bytes(name), _bytes(value)) for name, value in pairs], end=True)


def _bytes(text: str | bytes) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text

"""The FastCGI client of the tests, against a responder that is as small: both ends of penstock.fcgi over a real socket."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastcgi_client import Answer, Client, encode_params
from penstock import fcgi
from penstock.fcgi import Decoder, ProtocolError, ProtocolStatus, Record, RecordType


class Responder:
    """Answers with the params and body it got. Requests may be interleaved; bodies of b"die" and b"babble" break off."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.requests: dict[int, dict[int, bytes]] = {}
        self.keep = True
        self.was_reset = False

    def serve(self) -> None:
        """One connection's worth."""
        self.connection, _ = self.listener.accept()
        with self.connection:
            try:
                self.read()
            except ConnectionResetError:
                self.was_reset = True

    def read(self) -> None:
        decoder = Decoder()
        while self.keep and (data := self.connection.recv(65536)):
            for record in decoder.feed(data):
                self.take(record)

    def take(self, record: Record) -> None:
        streams = self.requests.setdefault(record.request_id, {})
        streams[record.type] = streams.get(record.type, b"") + record.data
        if record.type == RecordType.GET_VALUES and record.last:
            asked = fcgi.decode_pairs(self.requests.pop(0)[record.type])
            known = [(name, b"1") for name, _ in asked if name == b"FCGI_MPXS_CONNS"]
            self.connection.sendall(fcgi.get_values_result(known))
        elif record.type == RecordType.STDIN and not record.data:
            self.answer(record.request_id, self.requests.pop(record.request_id))

    def answer(self, request_id: int, streams: dict[int, bytes]) -> None:
        role, flags = fcgi.decode_begin(streams[RecordType.BEGIN_REQUEST])
        self.keep = bool(flags & fcgi.KEEP_CONN)
        if streams[RecordType.STDIN] in (b"die", b"babble"):
            self.keep = False
            if streams[RecordType.STDIN] == b"babble":
                self.connection.sendall(fcgi.stream(RecordType.STDOUT, request_id, b"a part") + b"HTTP/1.1 500")
            return
        pairs = fcgi.decode_pairs(streams[RecordType.PARAMS])
        head = b"".join(name + b": " + value + b"\r\n" for name, value in pairs)
        output = head + b"\r\n" + streams[RecordType.STDIN]
        self.connection.sendall(
            fcgi.stream(RecordType.STDERR, request_id, b"a warning")
            + fcgi.stream(RecordType.STDOUT, request_id, output, end=True)
            + fcgi.end_request(request_id, role, ProtocolStatus.REQUEST_COMPLETE)
        )


def tcp(folder: Path) -> tuple[socket.socket, tuple[str, int]]:
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, listener.getsockname()


def unix(folder: Path) -> tuple[socket.socket, Path]:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket"))
    listener.listen()
    return listener, folder / "socket"


@contextmanager
def responder(listener: socket.socket) -> Iterator[Responder]:
    """Runs beside the test until its one connection has ended."""
    running = Responder(listener)
    thread = threading.Thread(target=running.serve)
    with listener:
        thread.start()
        yield running
        thread.join()


@pytest.fixture(params=[tcp, unix], ids=["tcp", "unix"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, int] | Path]:
    listener, where = request.param(tmp_path)
    with responder(listener):
        yield where


def test_a_request(address):
    with Client(address) as client:
        answer = client.request({"REQUEST_METHOD": "POST", "X": "\xe9"}, b"body")
        assert answer == Answer(b"REQUEST_METHOD: POST\r\nX: \xe9\r\n\r\nbody", b"a warning", 1, 0)
        assert client.at_end()


def test_requests_in_a_row(address):
    with Client(address) as client:
        for number in range(3):
            body = bytes([number]) * 100_000
            assert (
                client.request([(b"A", b"1")], body, request_id=number, keep_conn=True).stdout == b"A: 1\r\n\r\n" + body
            )


def test_requests_interleaved(address):
    with Client(address) as client:
        for request_id in (1, 2):
            client.send(fcgi.begin_request(request_id, keep_conn=True))
        for request_id in (2, 1):
            client.send(encode_params({"ID": str(request_id)}, request_id))
        for request_id in (1, 2):
            client.send(fcgi.stream(RecordType.STDIN, request_id, b""))
        assert client.answer(2).stdout == b"ID: 2\r\n\r\n"
        assert client.answer(1).stdout == b"ID: 1\r\n\r\n"
        assert [record.request_id for record in client.records if record.type == RecordType.END_REQUEST] == [1, 2]


def test_values(address):
    with Client(address) as client:
        assert client.values(b"FCGI_MPXS_CONNS", b"FCGI_NOBODY_KNOWS") == {b"FCGI_MPXS_CONNS": b"1"}


def test_a_connection_that_ends_early(address):
    with Client(address) as client, pytest.raises(ConnectionError, match="before END_REQUEST of request 1"):
        client.request({}, b"die")


def test_what_is_no_fastcgi(address):
    with Client(address) as client:
        with pytest.raises(ProtocolError):
            client.request({}, b"babble")
        assert client.records == [Record(RecordType.STDOUT, 1, b"a part", True)]


def test_a_reset(tmp_path):
    listener, where = tcp(tmp_path)
    with responder(listener) as running:
        client = Client(where)
        client.request({}, keep_conn=True)
        client.reset()
    assert running.was_reset

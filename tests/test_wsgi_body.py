"""The body of an answer: what may be returned or written, how long it is, and that it is closed."""

import contextlib
import gc
import io
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from fronts import Broken, call
from gateway import Body, each_threading, failing, once, returning
from penstock.config import Limits
from serving import eventually, serving


class AList(list):
    """A list, and yet not quite."""


class Restarts:
    """Its own iterator, that starts again whenever it is asked for one."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    def __iter__(self):
        self.left = iter(self.pieces)
        return self

    def __next__(self):
        return next(self.left)


class Bare:
    """An iterator that is no iterable: `for` asks for one only once."""

    def __init__(self, *pieces: bytes) -> None:
        self.left = iter(pieces)

    def __next__(self):
        return next(self.left)


class GivesBare(Bare):
    def __iter__(self):
        return Bare(*self.left)


class Indexed:
    """The older protocol of iteration."""

    def __getitem__(self, index):
        return [b"one", b"two"][index]


RESULTS: dict[str, Callable[[], Any]] = {
    "a list of one": lambda: [b"onetwo"],
    "a list": lambda: [b"one", b"two"],
    "a list with empty pieces": lambda: [b"", b"one", b"", b"two", b""],
    "a tuple": lambda: (b"one", b"two"),
    "a list's child": lambda: AList([b"one", b"two"]),
    "a generator": lambda: (piece for piece in (b"one", b"two")),
    "an iterator": lambda: iter([b"one", b"two"]),
    "an iterable": lambda: Body(b"one", b"two"),
    "empty pieces": lambda: Body(b"", b"", b"one", *[b""] * 20, b"two", b""),
    "one that restarts": lambda: Restarts(b"one", b"two"),
    "one whose iterator is bare": lambda: GivesBare(b"one", b"two"),
    "one with an index": Indexed,
    "a dict": lambda: {b"one": 1, b"two": 2},
    "a map": lambda: map(bytes, [b"one", b"two"]),
}


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS.keys())
def test_a_body_of_any_kind(protocol, result):
    assert once(returning(result()), protocol).body == b"onetwo"


@pytest.mark.parametrize("pieces", [[], [b""], [b"", b""]], ids=repr)
@pytest.mark.parametrize("kind", [list, tuple, iter])
def test_a_body_of_nothing(protocol, pieces, kind):
    reply = once(returning(kind(pieces)), protocol)
    assert (reply.body, reply.get("Content-Length")) == (b"", "0")


WRONG_RESULTS: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "a str": lambda: "hello",
    "bytes": lambda: b"hello",
    "a number": lambda: 5,
    "a list of str": lambda: ["hello"],
    "an iterator of str": lambda: iter(["hello"]),
    "a list of bytearray": lambda: [bytearray(b"hello")],
    "a list of memoryview": lambda: [memoryview(b"hello")],
    "a list of None": lambda: [None],
    "a list that ends wrong": lambda: [b"hello", "world"],
    "an iterable without an iterator": type("Wrong", (), {"__iter__": lambda self: 5}),
}


@pytest.mark.parametrize("result", WRONG_RESULTS.values(), ids=WRONG_RESULTS.keys())
def test_a_body_that_is_none(protocol, result):
    failing(returning(result()), protocol, error=TypeError)


def test_a_body_that_goes_wrong(protocol):
    with serving(returning(iter([b"hello", "world"])), protocol=protocol) as server:
        with pytest.raises(Broken):
            call(server)
        assert isinstance(server.failure()[1], TypeError)


@pytest.mark.parametrize("result", ["a list of one", "a list", "a list with empty pieces", "a tuple"])
def test_a_length_that_can_be_known_is_said(protocol, result):
    assert once(returning(RESULTS[result]()), protocol).get("Content-Length") == "6"


def test_a_length_that_cannot_be_known_is_not_said(protocol):
    assert once(returning(iter([b"one"])), protocol).get("Content-Length") is None


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS.keys())
def test_a_length_that_is_right(protocol, result):
    reply = once(returning(result(), headers=[("Content-Length", "6")]), protocol)
    assert (reply.body, reply.get("Content-Length")) == (b"onetwo", "6")


@pytest.mark.parametrize("length", ["0", "1", "3", "5"])
@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS.keys())
def test_a_body_longer_than_its_length_is_cut(protocol, result, length):
    with serving(returning(result(), headers=[("Content-Length", length)]), protocol=protocol) as server:
        reply = call(server)
        assert (reply.body, reply.get("Content-Length")) == (b"onetwo"[: int(length)], length)
        assert "longer than its Content-Length" in str(server.failure()[1])


@pytest.mark.parametrize("length", ["7", "1000000"])
@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS.keys())
def test_a_body_shorter_than_its_length_breaks_off(protocol, result, length):
    with serving(returning(result(), headers=[("Content-Length", length)]), protocol=protocol) as server:
        with pytest.raises(Broken) as broken:
            call(server)
        assert b"onetwo".startswith(broken.value.body)
        assert "shorter than its Content-Length" in str(server.failure()[1])


@pytest.mark.parametrize(
    ("method", "status"),
    [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified"), ("HEAD", "404 No")],
)
@pytest.mark.parametrize("length", [None, "0", "3", "6", "1000"])
@pytest.mark.parametrize("result", ["a list of one", "a list", "an iterable"])
def test_an_answer_without_a_body_has_none(protocol, method, status, length, result):
    """Whatever the application wrote, and however long it said it was."""
    headers = [] if length is None else [("Content-Length", length)]
    reply = once(returning(RESULTS[result](), status, headers), protocol, method)
    assert (reply.status, reply.body) == (int(status[:3]), b"")
    if length is not None and status[:3] != "204":
        assert reply.get("Content-Length") == length


def test_nobody_iterates_over_what_nobody_will_read(protocol):
    body = Body(*[b"a"] * 1000)
    taken = []

    def counting():
        for piece in body:
            taken.append(piece)
            yield piece

    once(returning(counting()), protocol, "HEAD")
    assert len(taken) <= 1


# write()


def test_what_is_written_comes_before_what_is_returned(protocol):
    def app(environ, start_response):
        write = start_response("200 OK", [])
        assert write(b"one") is None
        write(b"")
        write(b"two")
        return [b"three", b"four"]

    assert once(app, protocol).body == b"onetwothreefour"


def test_writing_after_the_first_piece(protocol):
    def app(environ, start_response):
        write = start_response("200 OK", [])
        yield b"one"
        write(b"two")
        yield b"three"

    assert once(app, protocol).body == b"onetwothree"


@pytest.mark.parametrize(
    "data", ["text", None, 5, bytearray(b"a"), memoryview(b"a")], ids=lambda data: type(data).__name__
)
def test_writing_something_else(protocol, data):
    def app(environ, start_response):
        start_response("200 OK", [])(data)
        return []

    failing(app, protocol, error=TypeError)


def test_a_head_may_be_replaced_until_something_is_written(protocol):
    def app(environ, start_response):
        write = start_response("200 OK", [])
        write(b"")
        try:
            raise ValueError
        except ValueError:
            write = start_response("500 Sorry", [], sys.exc_info())
        write(b"sorry")
        again = ValueError("again")
        with pytest.raises(ValueError, match="again"):
            start_response("200 OK", [], (ValueError, again, None))
        return []

    reply = once(app, protocol)
    assert (reply.status, reply.body) == (500, b"sorry")


@pytest.mark.parametrize("length", ["0", "3"])
def test_writing_more_than_the_length(protocol, length):
    def app(environ, start_response):
        write = start_response("200 OK", [("Content-Length", length)])
        write(b"one")
        write(b"two")
        return []

    with serving(app, protocol=protocol) as server:
        assert call(server).body == b"one"[: int(length)]
        assert "longer than its Content-Length" in str(server.failure()[1])


def test_writing_less_than_the_length(protocol):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "7")])(b"onetwo")
        return []

    with serving(app, protocol=protocol) as server:
        with pytest.raises(Broken):
            call(server)
        assert "shorter than its Content-Length" in str(server.failure()[1])


def test_writing_what_nobody_will_read(protocol):
    def app(environ, start_response):
        write = start_response("200 OK", [])
        for _ in range(10):
            write(b"hello")
        return [b"world"]

    assert once(app, protocol, "HEAD").body == b""


# close()


@each_threading
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", ["200 OK", "204 No Content"])
def test_close_is_called(protocol, threads, method, status):
    body = Body(b"one", b"two")
    once(returning(body, status), protocol, method, threads=threads)
    assert body.was_closed_once()


def test_close_of_a_list(protocol):
    class Closing(list):
        closed = threading.Event()

        def close(self):
            self.closed.set()

    once(returning(Closing([b"hello"])), protocol)
    assert Closing.closed.wait(30)


FAULTY: dict[str, Callable[[], tuple[Body, list[tuple[str, str]]]]] = {
    "an error first": lambda: (Body(error=ValueError()), []),
    "an error behind empty pieces": lambda: (Body(b"", error=ValueError()), []),
    "an error later": lambda: (Body(b"one", error=ValueError()), []),
    "an exit": lambda: (Body(b"one", error=SystemExit()), []),
    "no bytes": lambda: (Body("one"), []),
    "no bytes later": lambda: (Body(b"one", 2), []),
    "too many": lambda: (Body(b"one", b"two"), [("Content-Length", "1")]),
    "too few": lambda: (Body(b"one", b"two"), [("Content-Length", "7")]),
}


@each_threading
@pytest.mark.parametrize("faulty", FAULTY.values(), ids=FAULTY.keys())
def test_close_is_called_after_a_fault(protocol, threads, faulty):
    body, headers = faulty()
    with serving(returning(body, headers=headers), protocol=protocol, threads=threads) as server:
        with contextlib.suppress(Broken):
            call(server)
        server.failure()
        assert body.was_closed_once()


def test_close_is_called_where_start_response_was_not(protocol):
    body = Body(b"one")
    failing(lambda environ, start_response: body, protocol, error=AssertionError)
    assert body.was_closed_once()


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_a_close_that_fails_costs_nothing_but_a_line(protocol, error):
    class Failing(Body):
        def close(self):
            raise error("in close")

    with serving(returning(Failing(b"one", b"two")), protocol=protocol) as server:
        for _ in range(2):
            assert call(server).body == b"onetwo"
            what, raised = server.failure()
            assert (what, type(raised), str(raised)) == ("GET /", error, "in close")


def test_a_close_that_fails_leaves_no_file_open(protocol):
    bodies: list[Any] = []

    class Failing(Body):
        def close(self):
            raise ValueError("in close")

    def app(environ, start_response):
        bodies.append(environ["wsgi.input"])
        start_response("200 OK", [])
        return Failing(b"one")

    with serving(app, protocol=protocol, limits=Limits(body_memory_bytes=10)) as server:
        call(server, "POST", body=b"x" * 1000)
        server.failure()
        eventually(lambda: bodies[0].closed)


def test_a_close_that_is_none(protocol):
    class Odd(Body):
        close = None  # type: ignore[assignment]

    assert once(returning(Odd(b"hello")), protocol).body == b"hello"


@each_threading
def test_close_comes_last(protocol, threads):
    """And what the iterator still has open, a file perhaps, is there to the end."""
    order: list[str] = []

    class Ordered(Body):
        def __iter__(self):
            for i in range(3):
                order.append(str(i))
                yield b"a"

        def close(self):
            order.append("close")
            super().close()

    body = Ordered()
    once(returning(body), protocol, threads=threads)
    assert body.was_closed_once()
    assert order == ["0", "1", "2", "close"]


# wsgi.file_wrapper


class Plain:
    """A file-like object of the least kind."""

    def __init__(self, data: bytes) -> None:
        self.read = io.BytesIO(data).read


@pytest.mark.parametrize("size", [0, 1, 65_536, 200_000])
@pytest.mark.parametrize("block", [None, 1000])
@pytest.mark.parametrize("headers", [False, True], ids=["no length", "a length"])
def test_a_wrapped_file(protocol, size, block, headers):
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    files = [io.BytesIO(data), Plain(data)]

    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", str(size))] if headers else [])
        file = files.pop(0)
        return environ["wsgi.file_wrapper"](file, *([] if block is None else [block]))

    first = files[0]
    with serving(app, protocol=protocol) as server:
        for _ in range(2):
            assert call(server).body == data
        assert first.closed  # type: ignore[union-attr]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_on_disk_is_sent_from_where_it_stands(protocol, tmp_path, method):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789" * 10_000)
    opened = []

    def app(environ, start_response):
        file = path.open("rb")
        file.seek(5)
        opened.append(file)
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](file)

    reply = once(app, protocol, method)
    assert reply.body == (b"" if method == "HEAD" else path.read_bytes()[5:])
    eventually(lambda: opened[0].closed)


def test_a_wrapped_file_is_an_ordinary_iterable(protocol):
    """Middleware may go through it."""

    def app(environ, start_response):
        start_response("200 OK", [])
        wrapped = environ["wsgi.file_wrapper"](io.BytesIO(b"hello"), 2)
        assert iter(wrapped) is wrapped
        return [piece.upper() for piece in wrapped]

    assert once(app, protocol).body == b"HELLO"


def test_a_wrapped_file_of_text(protocol):
    def app(environ, start_response):
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](io.StringIO("hello"))

    failing(app, protocol, error=TypeError)


def test_a_wrapped_file_that_fails(protocol):
    class Failing(io.BytesIO):
        def read(self, size=-1):
            raise OSError("the disk")

    file = Failing()

    def app(environ, start_response):
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](file)

    failing(app, protocol, error=OSError)
    assert file.closed


@pytest.mark.parametrize("size", [0, 10, 100_000])
def test_a_request_sent_back(protocol, size):
    def app(environ, start_response):
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](environ["wsgi.input"])

    body = b"x" * size
    assert once(app, protocol, "POST", body=body, limits=Limits(body_memory_bytes=1000)).body == body


# What stays behind


@each_threading
@pytest.mark.parametrize("kind", ["whole", "streamed", "written", "failed"])
def test_nothing_of_a_request_stays(protocol, threads, kind):
    """Without the help of the garbage collector."""
    left: list[weakref.ref[Any]] = []

    def app(environ, start_response):
        class Local(Body):
            pass

        body = Local(b"x" * 100_000, b"two")
        left.append(weakref.ref(body))
        environ["test.body"] = body
        if kind == "failed":
            raise ValueError
        write = start_response("200 OK", [])
        if kind == "written":
            write(b"x" * 100_000)
        return list(body) if kind == "whole" else body

    gc.disable()
    try:
        with serving(app, protocol=protocol, threads=threads) as server:
            for _ in range(3):
                call(server)
                if kind == "failed":
                    server.failure()
            call(server)
            server.failures_left()
            eventually(lambda: all(each() is None for each in left[:3]))
    finally:
        gc.enable()


@each_threading
@pytest.mark.parametrize("kind", [list, iter])
def test_what_was_sent_is_let_go(protocol, threads, kind):
    """Though no other request comes."""
    data = b"x" * 8_000_000
    alone = sys.getrefcount(data)

    def app(environ, start_response):
        start_response("200 OK", [])
        return kind([data])

    with serving(app, protocol=protocol, threads=threads) as server:
        assert len(call(server).body) == len(data)
        eventually(lambda: sys.getrefcount(data) == alone)


@each_threading
def test_a_parked_iterator_goes_on_where_it_was(threads):
    """It is asked for its iterator once, however often it waits for its reader."""
    body = Restarts(*[bytes([i]) * 65_536 for i in range(128)])
    with serving(returning(body), listen="unix", threads=threads) as server, server.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.response().body == b"".join(body.pieces)


@each_threading
def test_an_answer_of_many_small_pieces(protocol, threads):
    """More than fit one turn, and most of them empty."""
    pieces = [b"x" if i % 3 == 0 else b"" for i in range(3000)]
    assert once(returning(iter(pieces)), protocol, threads=threads).body == b"x" * 1000

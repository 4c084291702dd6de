"""FastCGI meets WSGI: what an application is given of what a front server sends, and how requests share a connection."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fastcgi_client import Client, encode_params
from fronts import cgi_answer, params
from gateway import each_threading, hello
from http_client import PATIENCE_SECONDS
from penstock import fcgi
from penstock.config import Limits, Timeouts
from penstock.fcgi import RecordType, Role
from serving import NEVER, App, Serving, eventually, serving

KIB, MIB = 1 << 10, 1 << 20

Pairs = list[tuple[bytes, bytes]]


@contextlib.contextmanager
def responder(app: App, **options: Any) -> Iterator[tuple[Serving, Client]]:
    """A server for FastCGI and a connection to it."""
    with serving(app, protocol="fcgi", **options) as server, Client(server.address) as client:
        yield server, client


def environ_of(pairs: Pairs | dict[str, str], body: bytes = b"", **options: Any) -> dict[str, Any]:
    seen: list[dict[str, Any]] = []

    def app(environ, start_response):
        seen.append({**environ, "body": environ["wsgi.input"].read()})
        return hello(environ, start_response)

    with responder(app, **options) as (_, client):
        assert cgi_answer(client.request(pairs, body).stdout)[0].status == 200
    return seen[0]


def status_of(pairs: Pairs | dict[str, str], body: bytes = b"", **options: Any) -> int:
    """Of an answer the application has no part in."""

    def app(environ, start_response):
        raise AssertionError("called")

    with responder(app, **options) as (_, client):
        return cgi_answer(client.request(pairs, body).stdout)[0].status


def stock(target: str = "/", *, method: str = "GET", body: bytes | None = None, **more: str) -> Pairs:
    """nginx's parameters, some of them replaced or added."""
    pairs = dict(params(method, target, [], body))
    return list((pairs | {name.encode(): value.encode() for name, value in more.items()}).items())


def records(request_id: int, pairs: Pairs, body: bytes = b"") -> bytes:
    """A whole request, on a connection that is kept."""
    return (
        fcgi.begin_request(request_id, keep_conn=True)
        + encode_params(pairs, request_id)
        + fcgi.stream(RecordType.STDIN, request_id, body, end=True)
    )


# The path: whatever the front made of it. None stands for a parameter that is not sent.

PATHS: dict[str, tuple[str | None, str | None, str | None, str, str]] = {
    "stock nginx: all of it in SCRIPT_NAME": ("/a/b", None, None, "", "/a/b"),
    "a regular expression that did not match": ("/a/b", "", None, "", "/a/b"),
    "a front at the root": ("", "/a/b", None, "", "/a/b"),
    "a front that says only PATH_INFO": (None, "/a/b", None, "", "/a/b"),
    "a split at a mount": ("/a", "/b", None, "/a", "/b"),
    "a split further down": ("/a/b", "/c/d", None, "/a/b", "/c/d"),
    "a split at a mount, nothing behind it": ("/a", "/", None, "/a", "/"),
    "a mount with a slash at its end": ("/a/", "b", None, "", "/a/b"),
    "a mount with a slash at its end and a path": ("/a/", "/b", None, "", "/a//b"),
    "the root": ("/", None, None, "", "/"),
    "the root twice": ("/", "/", None, "", "//"),
    "nothing at all": (None, None, None, "", ""),
    "decoded bytes": ("/caf\xc3\xa9 \n\0", None, None, "", "/cafÃ© \n\0"),
    "a question mark that was escaped": ("/a?b", None, None, "", "/a?b"),
    "ours: all of it in SCRIPT_NAME": ("/a/b", None, "/a", "/a", "/b"),
    "ours: at the front's split": ("/a", "/b", "/a", "/a", "/b"),
    "ours: before the front's split": ("/a/b", "/c", "/a", "/a", "/b/c"),
    "ours: behind the front's split": ("/a", "/b/c", "/a/b", "/a/b", "/c"),
    "ours: all of it in PATH_INFO": ("", "/a/b", "/a", "/a", "/b"),
    "ours: nothing behind it": ("/a", None, "/a", "/a", ""),
    "ours: taken off by the front": ("", "/b", "/a", "/a", "/b"),
    "ours: not at a slash": ("/ab", None, "/a", "/a", "/ab"),
    "ours: the root, whatever the front split": ("/a", "/b", "", "", "/a/b"),
}


@pytest.mark.parametrize(("script", "path", "mount", "script_name", "path_info"), PATHS.values(), ids=PATHS.keys())
def test_the_path(script, path, mount, script_name, path_info):
    given = {"SCRIPT_NAME": script, "PATH_INFO": path}
    pairs = [(b"REQUEST_METHOD", b"GET"), (b"REQUEST_URI", b"/raw%20?q")]
    pairs += [(name.encode(), value.encode("latin-1")) for name, value in given.items() if value is not None]
    environ = environ_of(pairs, root_path=mount)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (script_name, path_info)
    assert environ["REQUEST_URI"] == "/raw%20?q"


def test_a_path_that_a_configuration_says_twice():
    """`include fastcgi_params` and what is to replace some of it: nginx sends both, and the last one counts."""
    environ = environ_of([*params("GET", "/a", [], None), (b"SCRIPT_NAME", b""), (b"PATH_INFO", b"/a")])
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", "/a")


# The scheme


@pytest.mark.parametrize(
    ("given", "scheme"),
    [
        ({}, "http"),
        ({"REQUEST_SCHEME": "https"}, "https"),
        ({"REQUEST_SCHEME": "HTTPS"}, "https"),
        ({"REQUEST_SCHEME": "http"}, "http"),
        ({"REQUEST_SCHEME": "gopher"}, "http"),
        ({"HTTPS": "on"}, "https"),
        ({"HTTPS": "On"}, "https"),
        ({"HTTPS": "1"}, "https"),
        ({"HTTPS": "off"}, "http"),
        ({"HTTPS": ""}, "http"),
        ({"HTTPS": "0"}, "http"),
        ({"HTTPS": "on", "REQUEST_SCHEME": "http"}, "https"),
        ({"HTTPS": "", "REQUEST_SCHEME": "https"}, "https"),
        ({"HTTP_HTTPS": "on"}, "http"),
        ({"HTTP_X_FORWARDED_PROTO": "https"}, "http"),
    ],
    ids=str,
)
def test_the_scheme(given, scheme):
    environ = environ_of({"REQUEST_METHOD": "GET", "SCRIPT_NAME": "/", **given})
    assert environ["wsgi.url_scheme"] == scheme
    assert {name: environ[name] for name in given} == given


# What is passed on, and what is not


def test_the_client_is_the_fronts_client():
    given = {
        "REMOTE_ADDR": "2001:db8::1",
        "REMOTE_PORT": "1",
        "REMOTE_USER": "somebody",
        "AUTH_TYPE": "Basic",
        "SERVER_NAME": "a.test",
        "SERVER_PORT": "443",
        "SERVER_ADDR": "192.0.2.2",
        "SERVER_PROTOCOL": "HTTP/2.0",
        "SSL_CLIENT_S_DN": "CN=somebody",
        "Odd-name": "\xff",
    }
    environ = environ_of({"REQUEST_METHOD": "GET", "SCRIPT_NAME": "/", **given})
    assert {name: environ[name] for name in given} == given


def test_what_a_front_leaves_out():
    environ = environ_of({"REQUEST_METHOD": "GET"})
    wanted = {"QUERY_STRING": "", "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1"}
    assert {name: environ[name] for name in wanted} == wanted
    assert environ["REMOTE_ADDR"] == ""
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        assert not environ.get(name)


def test_an_empty_server_name_is_made_of_the_host():
    assert environ_of(stock(SERVER_NAME="", HTTP_HOST="a.test"))["SERVER_NAME"] == "a.test"


@pytest.mark.parametrize(
    "name", ["HTTP_PROXY", "HTTP_Proxy", "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_CONTENT-LENGTH"]
)
def test_headers_that_are_not_passed_on(name):
    environ = environ_of(stock(method="POST", body=b"hello", **{name: "7"}), b"hello")
    assert environ["CONTENT_LENGTH"] == "5"
    assert name.upper().replace("-", "_") not in environ


def test_repeated_headers_are_joined():
    pairs = [*stock(), (b"HTTP_X", b"a"), (b"HTTP_COOKIE", b"a=1"), (b"HTTP_X", b"b"), (b"HTTP_COOKIE", b"b=2")]
    environ = environ_of(pairs)
    assert (environ["HTTP_X"], environ["HTTP_COOKIE"]) == ("a, b", "a=1; b=2")


def test_repeated_variables_replace_each_other():
    environ = environ_of([*stock(), (b"REMOTE_USER", b"a"), (b"REMOTE_USER", b"b"), (b"QUERY_STRING", b"c")])
    assert (environ["REMOTE_USER"], environ["QUERY_STRING"]) == ("b", "c")


@pytest.mark.parametrize("name", ["wsgi.input", "wsgi.errors", "wsgi.url_scheme", "wsgi.x"])
def test_no_front_speaks_for_the_server(name):
    assert environ_of(stock(**{name: "evil"})).get(name) != "evil"


@pytest.mark.parametrize("name", ["HTTP_X\r\nY", "HTTP_X:", "HTTP_", "HTTP_ÄX"])
def test_a_header_that_cannot_be_one(name):
    assert status_of(stock(**{name: "a"})) == 400


@pytest.mark.parametrize("value", ["a\r\nX: b", "a\n", "a\0"])
def test_a_value_that_cannot_be_one(value):
    assert status_of(stock(HTTP_X=value)) == 400


@pytest.mark.parametrize("method", ["", "GE T", "GET\r\n"])
def test_a_method_that_cannot_be_one(method):
    assert status_of(stock(REQUEST_METHOD=method)) == 400


def test_no_method():
    assert status_of({"SCRIPT_NAME": "/"}) == 400


# The body


@pytest.mark.parametrize("length", [None, "", "-1"], ids=["no", "an empty", "a negative"])
@pytest.mark.parametrize("size", [0, 5, 300_000])
def test_a_body_of_unknown_length(length, size):
    """A chunked upload, as fronts hand it on."""
    pairs = [(b"REQUEST_METHOD", b"POST"), (b"HTTP_TRANSFER_ENCODING", b"chunked")]
    pairs += [] if length is None else [(b"CONTENT_LENGTH", length.encode())]
    environ = environ_of(pairs, b"a" * size)
    assert environ["body"] == b"a" * size
    assert int(environ.get("CONTENT_LENGTH") or 0) == size
    assert "HTTP_TRANSFER_ENCODING" not in environ


@pytest.mark.parametrize("length", ["a", "+5", "5,5", "5 5", "-5", "99999999999999999999"])
def test_a_length_that_is_none(length):
    assert status_of(stock(method="POST", CONTENT_LENGTH=length), b"hello") == 400


@pytest.mark.parametrize(
    ("length", "body"), [("6", b"hello"), ("4", b"hello"), ("0", b"a")], ids=["short", "long", "stray"]
)
def test_a_body_of_another_length(length, body):
    """Its client has gone, or its front cannot count: either way it does not look complete."""
    called = threading.Event()

    def app(environ, start_response):
        called.set()
        return hello(environ, start_response)

    with responder(app) as (_, client):
        answer = client.request(stock(method="POST", CONTENT_LENGTH=length), body)
        if length != "0":  # with 0 nothing is awaited, and the answer may be under way already
            assert cgi_answer(answer.stdout)[0].status == 400
            assert not called.is_set()


def test_a_body_beyond_the_limit():
    limits = Limits(body_bytes=4)
    assert status_of(stock(method="POST", body=b"hello"), b"hello", limits=limits) == 413
    assert status_of(stock(method="POST"), b"hello", limits=limits) == 413


def test_params_beyond_the_limit():
    limits = Limits(head_bytes=1000, field_bytes=1000, request_line_bytes=1000, fields=20)
    assert status_of(stock(HTTP_X="a" * 1000), limits=limits) == 431
    assert status_of([*stock(), *[(b"HTTP_X", b"a")] * 30], limits=Limits(fields=20)) == 431
    assert status_of([*stock(), *[(b"X", b"a")] * 1000]) == 431


def test_an_upload_that_nobody_reads_is_read_to_its_end_before_the_end():
    """A front that is still sending when the end comes loses the answer."""
    with responder(hello, limits=Limits(body_bytes=10)) as (_, client):
        body = b"a" * MIB
        client.send(fcgi.begin_request(1, keep_conn=True) + encode_params(stock(method="POST", body=body)))
        client.send(fcgi.stream(RecordType.STDIN, 1, body))
        while not any(record.type == RecordType.STDOUT and record.last for record in client.records):
            client.receive()
        assert not any(record.type == RecordType.END_REQUEST for record in client.records)
        client.send(fcgi.stream(RecordType.STDIN, 1, b"", end=True))
        assert cgi_answer(client.answer().stdout)[0].status == 413


# The answer


def test_the_head_and_the_body_come_in_one_record():
    def app(environ, start_response):
        environ["wsgi.errors"].write("a warning\n")
        start_response("302 Found", [("Location", "/b"), ("X", "a")])
        return [b"hello"]

    with responder(app) as (server, client):
        head, body = cgi_answer(client.request(stock()).stdout)
        assert (head.status, head.get("Location"), body) == (302, "/b", b"hello")
        kinds = [record.type for record in client.records]
        assert kinds == [RecordType.STDERR, RecordType.STDOUT, RecordType.STDOUT, RecordType.END_REQUEST]
        assert client.at_end()
        assert server.errors.getvalue() == "a warning\n"


@each_threading
def test_pieces_are_sent_as_they_come(threads):
    arrived = threading.Semaphore(0)

    def app(environ, start_response):
        start_response("200 OK", [])
        for piece in (b"one", b"two", b"three"):
            yield piece
            assert arrived.acquire(timeout=PATIENCE_SECONDS)

    with responder(app, threads=threads) as (_, client):
        client.send(records(1, stock()))
        for piece in (b"one", b"two", b"three"):
            while not b"".join(record.data for record in client.records).endswith(piece):
                assert client.receive()
            arrived.release()
        assert cgi_answer(client.answer().stdout)[1] == b"onetwothree"


def test_an_answer_that_breaks_off_resets_the_connection():
    """A front takes an ordinary end for the end of the answer."""

    def app(environ, start_response):
        start_response("200 OK", [])
        yield b"begun"
        raise ValueError("late")

    with responder(app) as (server, client):
        client.send(records(1, stock()))
        with pytest.raises(ConnectionResetError):
            client.answer()
        assert str(server.failure()[1]) == "late"


# One connection, many requests


def about(environ, start_response):
    """Says which request it was."""
    start_response("200 OK", [])
    return [json.dumps([environ["PATH_INFO"], environ["wsgi.input"].read().decode()]).encode()]


@each_threading
def test_requests_in_a_row(threads):
    with responder(about, threads=threads) as (_, client):
        for i in range(50):
            pairs = stock(f"/{i}", method="POST", body=b"a" * i)
            answer = client.request(pairs, b"a" * i, keep_conn=True, request_id=i % 3 + 1)
            assert json.loads(cgi_answer(answer.stdout)[1]) == [f"/{i}", "a" * i]
        client.request(stock("/last"))
        assert client.at_end()


@each_threading
def test_requests_interleaved(threads):
    """Record by record, as a front that multiplexes may send them."""
    ids = [1, 2, 3, 7, 65535]
    bodies = {each: f"body of {each}".encode() * 1000 for each in ids}
    with responder(about, threads=threads) as (_, client):
        for each in ids:
            client.send(fcgi.begin_request(each, keep_conn=True))
        streams = []
        for each in ids:
            pairs = fcgi.encode_pairs(stock(f"/{each}", method="POST", body=bodies[each]))
            parts = [pairs[i : i + 50] for i in range(0, len(pairs), 50)]
            sent = [fcgi.stream(RecordType.PARAMS, each, part) for part in parts] + [
                fcgi.record(RecordType.PARAMS, each)
            ]
            parts = [bodies[each][i : i + 999] for i in range(0, len(bodies[each]), 999)]
            sent += [fcgi.stream(RecordType.STDIN, each, part) for part in parts] + [
                fcgi.record(RecordType.STDIN, each)
            ]
            streams.append(iter(sent))
        while streams:
            for stream in streams.copy():
                if (record := next(stream, None)) is None:
                    streams.remove(stream)
                else:
                    client.send(record)
        for each in reversed(ids):
            answer = json.loads(cgi_answer(client.answer(each).stdout)[1])
            assert answer == [f"/{each}", bodies[each].decode()]


def test_requests_of_one_connection_run_at_the_same_time():
    together = threading.Barrier(4)

    def app(environ, start_response):
        together.wait(PATIENCE_SECONDS)
        return about(environ, start_response)

    with responder(app, threads=4) as (_, client):
        client.send(b"".join(records(each, stock(f"/{each}")) for each in (1, 2, 3, 4)))
        for each in (1, 2, 3, 4):
            assert json.loads(cgi_answer(client.answer(each).stdout)[1]) == [f"/{each}", ""]


@each_threading
def test_long_answers_take_turns(threads):
    def app(environ, start_response):
        number = int(environ["PATH_INFO"][1:])
        start_response("200 OK", [])
        return (bytes([number]) * 64 * KIB for _ in range(64))

    with responder(app, threads=threads) as (_, client):
        client.send(b"".join(records(each, stock(f"/{each}")) for each in (1, 2, 3, 4, 5)))
        for each in (1, 2, 3, 4, 5):
            assert cgi_answer(client.answer(each).stdout)[1] == bytes([each]) * 4 * MIB


@each_threading
def test_a_request_that_is_given_up(threads):
    """The iterator is closed, the front gets its end, and the other requests go on."""
    closed = threading.Semaphore(0)

    def app(environ, start_response):
        if environ["PATH_INFO"] != "/endless":
            return about(environ, start_response)
        start_response("200 OK", [])
        return endless()

    def endless():
        try:
            while True:
                yield b"x" * 64 * KIB
        finally:
            closed.release()

    with responder(app, threads=threads) as (_, client):
        client.send(records(1, stock("/endless")))
        client.receive()
        client.send(fcgi.record(RecordType.ABORT_REQUEST, 1) + records(2, stock("/next")))
        assert json.loads(cgi_answer(client.answer(2).stdout)[1]) == ["/next", ""]
        client.answer(1)
        assert closed.acquire(timeout=PATIENCE_SECONDS)


def test_a_request_that_is_given_up_before_it_is_complete():
    with responder(about) as (server, client):
        client.send(fcgi.begin_request(1, keep_conn=True) + encode_params(stock("/gone", method="POST", body=b"hello")))
        client.send(fcgi.record(RecordType.ABORT_REQUEST, 1))
        assert client.answer(1).stdout == b""
        answer = client.request(stock("/next"), keep_conn=True)
        assert json.loads(cgi_answer(answer.stdout)[1]) == ["/next", ""]
        assert server.reading().requests == 1


@each_threading
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_front_that_goes_away(threads, how):
    closed = threading.Semaphore(0)

    def app(environ, start_response):
        start_response("200 OK", [])
        try:
            while True:
                yield b"x" * 64 * KIB
        finally:
            closed.release()

    with responder(app, threads=threads) as (server, client):
        client.send(b"".join(records(each, stock()) for each in (1, 2, 3)))
        eventually(lambda: server.reading().running == 3)
        client.close() if how == "close" else client.reset()
        for _ in range(3):
            assert closed.acquire(timeout=PATIENCE_SECONDS)
        eventually(lambda: server.reading().connections == 0)


def test_a_front_that_goes_away_before_its_request_is_complete():
    called = threading.Event()

    def app(environ, start_response):
        called.set()
        return hello(environ, start_response)

    whole = records(1, stock(method="POST", body=b"hello"), b"hello")
    with serving(app, protocol="fcgi") as server:
        for end in range(0, len(whole) - 17, 7):  # all but what has the last byte of the body
            with Client(server.address) as client:
                client.send(whole[:end])
                client.socket.shutdown(socket.SHUT_WR)
                while client.socket.recv(KIB):
                    continue
        eventually(lambda: server.reading().connections == 0)
    assert not called.is_set()


def test_more_requests_than_may_wait():
    """A front hands a 503 on; an overload of FastCGI's own it makes a 502 of."""
    entered, leave = threading.Semaphore(0), threading.Event()

    def app(environ, start_response):
        entered.release()
        assert leave.wait(PATIENCE_SECONDS)
        return hello(environ, start_response)

    with responder(app, threads=2, limits=Limits(queue=1)) as (_, client):
        client.send(records(1, stock()) + records(2, stock()))
        for _ in range(2):
            assert entered.acquire(timeout=PATIENCE_SECONDS)
        client.send(records(3, stock()) + records(4, stock()))
        head, _ = cgi_answer(client.answer(4).stdout)
        assert (head.status, head.get("Retry-After")) == (503, "1")
        leave.set()
        for each in (1, 2, 3):
            assert cgi_answer(client.answer(each).stdout)[1] == b"hello"


def test_a_role_that_is_not_played():
    with responder(hello) as (_, client):
        answer = client.request(stock(), role=Role.AUTHORIZER, keep_conn=True)
        assert answer.protocol_status == fcgi.ProtocolStatus.UNKNOWN_ROLE
        assert cgi_answer(client.request(stock(), keep_conn=True).stdout)[1] == b"hello"


def test_values_may_be_asked_for_at_any_time():
    entered, leave = threading.Event(), threading.Event()

    def app(environ, start_response):
        entered.set()
        assert leave.wait(PATIENCE_SECONDS)
        return hello(environ, start_response)

    with responder(app, threads=2) as (_, client):
        client.send(records(1, stock()))
        assert entered.wait(PATIENCE_SECONDS)
        assert b"FCGI_MPXS_CONNS" in client.values(b"FCGI_MPXS_CONNS", b"FCGI_NOBODY_KNOWS")
        leave.set()
        assert cgi_answer(client.answer().stdout)[1] == b"hello"


@pytest.mark.parametrize("what", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x02" + b"\0" * 7, b"\x16\x03\x01\0\0\0\0\0"])
def test_what_is_no_fastcgi(what):
    with responder(hello) as (server, client):
        client.send(what)
        with pytest.raises(ConnectionResetError):
            client.at_end()
        with Client(server.address) as other:
            assert cgi_answer(other.request(stock()).stdout)[1] == b"hello"


# Deadlines and the end


SOON = Timeouts(head=0.05, body=0.05, keep_alive=0, write=0)


@pytest.mark.parametrize("cut", [5, 30, -20], ids=["in a header", "in PARAMS", "in STDIN"])
def test_a_front_that_stops_within_a_record(cut):
    whole = records(1, stock(method="POST", body=b"hello" * 10), b"hello" * 10)
    with responder(hello, timeouts=SOON) as (_, client):
        client.send(whole[:cut])
        with contextlib.suppress(ConnectionResetError):
            assert client.receive() == []


@pytest.mark.parametrize("params", [False, True], ids=["before PARAMS end", "before STDIN ends"])
def test_a_front_that_stops_between_records(params):
    with responder(hello, timeouts=SOON) as (_, client):
        pairs = encode_params(stock(method="POST", body=b"hello"))
        client.send(fcgi.begin_request(1, keep_conn=True) + (pairs if params else pairs[:-8]))
        assert cgi_answer(client.answer().stdout)[0].status == 408


def test_an_idle_connection_is_the_fronts_to_close():
    timeouts = Timeouts(head=0.05, body=0.05, keep_alive=0.05, write=0.05)
    with responder(hello, timeouts=timeouts) as (server, client):
        assert client.request(stock(), keep_conn=True).protocol_status == 0
        with Client(server.address) as other:
            assert other.at_end()  # it never asked for anything, and the deadline has passed
        assert client.request(stock(), keep_conn=True).protocol_status == 0


@each_threading
def test_the_end_of_a_server(threads):
    running: list[Serving] = []

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/end":
            running[0].server.drain()
        return about(environ, start_response)

    with responder(app, threads=threads, timeouts=NEVER) as (server, client), Client(server.address) as idle:
        running.append(server)
        idle.request(stock(), keep_conn=True)
        client.send(records(1, stock("/end")) + records(2, stock("/with it")))
        for each in (1, 2):
            assert client.answer(each).protocol_status == 0
        assert client.at_end()
        assert idle.at_end()
        server.wait_ended()

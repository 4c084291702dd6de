"""start_response: when it may be called, with what, and what becomes of an application that does otherwise."""

import sys
from typing import Any

import pytest
from fronts import Broken, call
from gateway import each_threading, failing, once
from serving import eventually, serving


def test_a_second_call_is_an_error(protocol):
    def app(environ, start_response):
        start_response("200 OK", [("X-Of-Application", "a")])
        start_response("200 OK", [])
        return []

    failing(app, protocol, error=AssertionError)


def test_a_second_call_that_is_caught(protocol):
    def app(environ, start_response):
        start_response("201 Created", [("X", "a")])
        with pytest.raises(AssertionError):
            start_response("200 OK", [])
        return [b"first"]

    reply = once(app, protocol)
    assert (reply.status, reply.get("X"), reply.body) == (201, "a", b"first")


def test_exc_info_before_the_head_replaces_it(protocol):
    def app(environ, start_response):
        start_response("200 OK", [("X", "a"), ("Content-Length", "1000"), ("Date", "Thu, 01 Jan 1970 00:00:00 GMT")])
        try:
            raise ValueError("of the application")
        except ValueError:
            start_response("503 Busy", [("Y", "b")], sys.exc_info())
        return [b"sorry"]

    reply = once(app, protocol)
    assert (reply.status, reply.reason, reply.body) == (503, "Busy", b"sorry")
    assert (reply.get("X"), reply.get("Y"), reply.get("Content-Length")) == (None, "b", "5")


def test_exc_info_in_the_first_call(protocol):
    def app(environ, start_response):
        try:
            raise ValueError
        except ValueError:
            start_response("500 No", [], sys.exc_info())
        return [b"sorry"]

    assert once(app, protocol).body == b"sorry"


def test_exc_info_after_the_head_is_raised(protocol):
    raised: list[BaseException] = []

    def app(environ, start_response):
        start_response("200 OK", [])
        yield b"begun"
        try:
            raise ValueError("of the application")
        except ValueError as error:
            raised.append(error)
            start_response("500 Internal Server Error", [], sys.exc_info())
        yield b"never"

    with serving(app, protocol=protocol) as server:
        with pytest.raises(Broken):
            call(server)
        assert server.failure() == ("GET /", raised[0])


@pytest.mark.parametrize("pieces", [[], [b"a"], [b"", b"a"]], ids=repr)
@pytest.mark.parametrize("kind", [list, tuple, iter])
def test_an_application_that_never_calls(protocol, pieces, kind):
    failing(lambda environ, start_response: kind(pieces), protocol, error=AssertionError)


def test_an_application_that_calls_late(protocol):
    def app(environ, start_response):
        yield b""
        start_response("200 OK", [])
        yield b""
        yield b"late"

    assert once(app, protocol).body == b"late"


def test_an_application_that_calls_too_late(protocol):
    def app(environ, start_response):
        yield b"first"
        start_response("200 OK", [])

    failing(app, protocol, error=AssertionError)


@each_threading
def test_a_call_after_the_request_is_an_error(protocol, threads):
    kept: list[Any] = []

    def app(environ, start_response):
        kept.append((start_response, start_response("200 OK", [])))
        return [b"hello"]

    with serving(app, protocol=protocol, threads=threads) as server:
        call(server)
        eventually(lambda: server.reading().running == 0)
        ((start_response, write),) = kept
        with pytest.raises((RuntimeError, AssertionError)):
            start_response("200 OK", [])
        with pytest.raises(RuntimeError):
            write(b"more")
        try:
            raise ValueError("of the application")
        except ValueError:
            with pytest.raises(ValueError, match="of the application"):
                start_response("200 OK", [], sys.exc_info())
        assert call(server).body == b"hello"
        kept.clear()


WRONG_STATUSES: list[Any] = [
    "",
    "2",
    "20 OK",
    "200OK",
    "2000 OK",
    "OK",
    "099 OK",
    "100 Continue",
    "101 Switching Protocols",
    "199 OK",
    "600 OK",
    "999 OK",
    "-20 OK",
    "+20 OK",
    "2e2 OK",
    " 200 OK",
    "200\tOK",
    "２００ OK",
    "\xb2\xb2\xb2 OK",
    "200 OK\r\nX: a",
    "200 OK\n",
    "200 \r",
    "200 \0",
    "200 \x0b",
    "200 \x7f",
    "200 日本",
    b"200 OK",
    200,
    None,
]


@pytest.mark.parametrize("status", WRONG_STATUSES, ids=repr)
def test_a_wrong_status(protocol, status):
    def app(environ, start_response):
        start_response(status, [("X-Of-Application", "a")])
        return [b"hello"]

    failing(app, protocol, error=Exception)


@pytest.mark.parametrize(
    "status", ["200", "200 ", "299 Ünïcöde", "404 Not  Found", "599 A\tB", "418 I'm a teapot: \x80"]
)
def test_a_right_status(protocol, status):
    def app(environ, start_response):
        start_response(status, [])
        return []

    reply = once(app, protocol)
    assert f"{reply.status} {reply.reason}".rstrip() == status.rstrip()


WRONG_HEADERS: list[Any] = [
    ("", "a"),
    (" ", "a"),
    ("X ", "a"),
    (" X", "a"),
    ("X Y", "a"),
    ("X:", "a"),
    ("X\r\nY", "a"),
    ("X\n", "a"),
    ("X\0", "a"),
    ("X\x7f", "a"),
    ("Ä", "a"),
    ("日本", "a"),
    ("X(Y)", "a"),
    ("X", "a\r\nY: b"),
    ("X", "a\r\n"),
    ("X", "a\r\n b"),
    ("X", "a\n"),
    ("X", "\na"),
    ("X", "a\r"),
    ("X", "a\0"),
    ("X", "a\x0bb"),
    ("X", "a\x7f"),
    ("X", "日本"),
    ("X", b"a"),
    (b"X", "a"),
    ("X", 1),
    ("X", None),
    ("X",),
    ("X", "a", "b"),
    ["X", "a"],
    "XY",
    None,
    ("Content-Length", ""),
    ("Content-Length", "a"),
    ("Content-Length", "-1"),
    ("Content-Length", "+5"),
    ("Content-Length", "5, 5"),
    ("Content-Length", "5 5"),
    ("Content-Length", "5.0"),
    ("Content-Length", "0x5"),
    ("Content-Length", "5_0"),
    ("Content-Length", "\xb2"),
    ("Content-Length", "9223372036854775808"),
    ("Connection", "close"),
    ("connection", "keep-alive"),
    ("CONNECTION", "X"),
    ("Keep-Alive", "timeout=5"),
    ("Proxy-Authenticate", "Basic"),
    ("Proxy-Authorization", "Basic a"),
    ("Proxy-Connection", "close"),
    ("TE", "trailers"),
    ("Trailer", "X"),
    ("Trailers", "X"),
    ("Transfer-Encoding", "chunked"),
    ("transfer-encoding", "identity"),
    ("Upgrade", "websocket"),
]


@pytest.mark.parametrize("header", WRONG_HEADERS, ids=repr)
def test_a_wrong_header(protocol, header):
    def app(environ, start_response):
        start_response("200 OK", [("X-Of-Application", "a"), header])
        return [b"hello"]

    failing(app, protocol, error=Exception)


@pytest.mark.parametrize("second", ["5", "6", "a"])
def test_two_lengths(protocol, second):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "5"), ("content-length", second)])
        return [b"hello"]

    failing(app, protocol, error=ValueError)


@pytest.mark.parametrize("headers", [None, "", b"", 1, {}, {"X": "a"}, {("X", "a")}, "Content-Type: a"], ids=repr)
def test_headers_that_are_no_list(protocol, headers):
    def app(environ, start_response):
        start_response("200 OK", headers)
        return [b"hello"]

    failing(app, protocol, error=TypeError)


@pytest.mark.parametrize("arguments", [(), ("200 OK",), ("200 OK", [], None, None)], ids=repr)
def test_a_wrong_number_of_arguments(protocol, arguments):
    def app(environ, start_response):
        start_response(*arguments)
        return [b"hello"]

    failing(app, protocol, error=TypeError)


def test_a_wrong_call_may_be_made_good(protocol):
    def app(environ, start_response):
        with pytest.raises(ValueError, match="control character"):
            start_response("200 OK", [("X", "a"), ("Y", "a\nb")])
        start_response("200 OK", [("Z", "c")])
        return [b"hello"]

    reply = once(app, protocol)
    assert (reply.get("X"), reply.get("Y"), reply.get("Z")) == (None, None, "c")


def test_headers_come_as_they_were_given(protocol):
    given_headers = [("X-B", "1"), ("x-a", "é\xff"), ("Set-Cookie", "a=b"), ("set-cookie", "c=d"), ("X-Empty", "")]
    given_headers += [("X-Tab", "a\tb"), ("X-Trimmed", " \ta \t"), ("ETag", 'W/"a"'), ("Server", "mine")]

    def app(environ, start_response):
        start_response("200 OK", given_headers)
        return [b"hello"]

    reply = once(app, protocol)
    wanted = [(name, value.strip(" \t")) for name, value in given_headers]
    assert [each for each in reply.fields if each in wanted] == wanted


def test_a_date_is_sent_once():
    def app(environ, start_response):
        start_response("200 OK", [("date", "Thu, 01 Jan 1970 00:00:00 GMT")])
        return [b"hello"]

    assert once(app, "http").get("Date") == "Thu, 01 Jan 1970 00:00:00 GMT"


def test_a_status_is_no_header(protocol):
    """CGI says the status so. A second one, in a header of the application's, could say something else to a front."""

    def app(environ, start_response):
        start_response("200 OK", [("Status", "404 Not Found"), ("X", "a"), ("status", "500")])
        return [b"hello"]

    reply = once(app, protocol)
    assert (reply.status, reply.all("Status"), reply.get("X")) == (200, [], "a")


def test_a_large_head(protocol):
    headers = [(f"X-{i}", "a" * 100) for i in range(300)]

    def app(environ, start_response):
        start_response("200 OK", headers)
        return [b"hello"]

    reply = once(app, protocol)
    assert [each for each in reply.fields if each[0].startswith("X-")] == headers
    assert reply.body == b"hello"


def test_a_head_without_end(protocol):
    def app(environ, start_response):
        start_response("200 OK", [("X-Of-Application", "a" * 1000)] * 10_000)
        return [b"hello"]

    failing(app, protocol, error=ValueError)

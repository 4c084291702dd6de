"""PEP 3333 as a whole: the opinion of wsgiref, applications that fail, and what they say on wsgi.errors."""

import itertools
import logging
import sys
from typing import Any
from wsgiref.validate import validator

import pytest
from fronts import Broken, call
from gateway import Body, each_threading, failing, hello, once, returning
from serving import eventually, serving

SHAPES: dict[str, dict[str, Any]] = {
    "GET": {},
    "GET with a query": {"target": "/a?b=c"},
    "GET of a strange path": {"target": "/%FF%00/%C3%A9"},
    "HEAD": {"method": "HEAD"},
    "POST": {"method": "POST", "body": b"hello\nworld\n" * 100},
    "POST of nothing": {"method": "POST", "body": b""},
    "POST of a form": {
        "method": "POST",
        "body": b"a=b",
        "headers": [("Content-Type", "application/x-www-form-urlencoded")],
    },
    "POST without a length": {"method": "POST", "chunks": [b"hello\n", b"world\n"]},
    "POST to a file": {"method": "POST", "body": b"hello\nworld\n" * 10_000},
    "PUT": {"method": "PUT", "body": b"a"},
    "DELETE": {"method": "DELETE"},
    "OPTIONS": {"method": "OPTIONS"},
    "TRACE": {"method": "TRACE"},
    "many headers": {"headers": [(f"X-{i}", "a") for i in range(50)]},
    "repeated headers": {"headers": [("Cookie", "a"), ("Cookie", "b"), ("X", "a"), ("X", "b")]},
}


def answers_whole(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def answers_in_pieces(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")])
    yield b""
    yield b"hel"
    yield b"lo"


def answers_by_writing(environ, start_response):
    write = start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    write(b"hel")
    write(b"lo")
    return []


def answers_what_it_reads(environ, start_response):
    body, errors = environ["wsgi.input"], environ["wsgi.errors"]
    parts = [
        body.read(1),
        body.readline(),
        b"".join(body.readlines(1)),
        *itertools.islice(iter(body), 2),
        body.read(10**9),
    ]
    errors.write("one\n")
    errors.writelines(["two\n", "three\n"])
    errors.flush()
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return [b"".join(parts)]


def answers_nothing(environ, start_response):
    start_response("204 No Content", [])
    return []


def answers_a_failure(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        raise ValueError
    except ValueError:
        start_response("500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"hello"]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_the_validator_finds_nothing(protocol, shape):
    answers = [
        answers_whole,
        answers_in_pieces,
        answers_by_writing,
        answers_what_it_reads,
        answers_nothing,
        answers_a_failure,
    ]
    turns = iter(answers)
    with serving(lambda *request: validator(next(turns))(*request), protocol=protocol) as server:
        for app in answers:
            reply = call(server, **{"method": "GET", **shape})
            wanted = {answers_by_writing: 404, answers_nothing: 204, answers_a_failure: 500}.get(app, 200)
            assert reply.status == wanted, app
            if app is answers_what_it_reads and shape.get("method") != "HEAD":
                assert reply.body == b"".join(shape.get("chunks") or [shape.get("body") or b""])
        assert server.errors.getvalue() == "one\ntwo\nthree\n"


# Applications that fail


class Unheard(BaseException):
    """Not even an Exception."""


ERRORS: list[type[BaseException]] = [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration, Unheard]


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_before_anything(protocol, error):
    def app(environ, start_response):
        raise error("secret")

    failing(app, protocol, error=error)


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_before_the_head(protocol, error):
    def app(environ, start_response):
        start_response("200 OK", [("X-Of-Application", "a"), ("Content-Length", "5")])
        raise error("secret")

    failing(app, protocol, error=error)


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, Unheard])
def test_an_error_in_the_first_step(protocol, error):
    failing(returning(Body(b"", error=error("secret")), headers=[("X-Of-Application", "a")]), protocol, error=error)


@each_threading
@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, Unheard])
@pytest.mark.parametrize("headers", [[], [("Content-Length", "1000")]], ids=["no length", "a length"])
def test_an_error_after_the_head_breaks_the_answer_off(protocol, threads, error, headers):
    with serving(
        returning(Body(b"begun", error=error("late")), headers=headers), protocol=protocol, threads=threads
    ) as server:
        for _ in range(2):
            with pytest.raises(Broken):
                call(server)
            what, raised = server.failure()
            assert (what, type(raised)) == ("GET /", error)


def test_an_error_is_told_once(protocol):
    def app(environ, start_response):
        raise ValueError("one")

    with serving(app, protocol=protocol) as server:
        call(server, "GET", "/a%20b?c")
        assert server.failure()[0].startswith("GET /a")
        assert server.failures_left() == []


def test_a_failed_head_request_has_no_body(protocol):
    def app(environ, start_response):
        raise ValueError

    with serving(app, protocol=protocol) as server:
        reply = call(server, "HEAD")
        assert (reply.status, reply.body) == (500, b"")
        assert server.failure()[0] == "HEAD /"


def test_endless_recursion(protocol):
    def app(environ, start_response):
        return app(environ, start_response)

    failing(app, protocol, error=RecursionError)


def test_an_application_that_is_no_function(protocol):
    class Application:
        def __call__(self, environ, start_response):
            return hello(environ, start_response)

    assert once(Application(), protocol).body == b"hello"


# wsgi.errors


@each_threading
def test_errors_go_to_the_log(protocol, threads):
    def app(environ, start_response):
        errors = environ["wsgi.errors"]
        errors.write("one é 日本 \ud800\n")
        errors.writelines(["two\n", "three\n"])
        print("four", file=errors, flush=True)
        logging.StreamHandler(errors).emit(logging.makeLogRecord({"msg": "five"}))
        errors.flush()
        return hello(environ, start_response)

    with serving(app, protocol=protocol, threads=threads) as server:
        reply = call(server)
        assert reply.body == b"hello"
        assert server.errors.getvalue() == "one é 日本 \ud800\ntwo\nthree\nfour\nfive\n"
        if protocol == "fcgi":  # a front has a log of its own
            assert reply.errors == "one é 日本 \\ud800\ntwo\nthree\nfour\nfive\n"


def test_errors_of_one_request_are_not_anothers():
    def app(environ, start_response):
        environ["wsgi.errors"].write(environ["PATH_INFO"])
        return hello(environ, start_response)

    with serving(app, protocol="fcgi", threads=2) as server:
        for i in range(20):
            assert call(server, "GET", f"/{i}").errors == f"/{i}"


@pytest.mark.parametrize("text", [b"bytes", None, 5], ids=repr)
def test_errors_are_text(protocol, text):
    def app(environ, start_response):
        with pytest.raises((TypeError, AttributeError)):
            environ["wsgi.errors"].write(text)
        return hello(environ, start_response)

    assert once(app, protocol).status == 200


def test_errors_without_end(protocol):
    """The log gets them all; a front as much as is reasonable."""

    def app(environ, start_response):
        for _ in range(1000):
            environ["wsgi.errors"].write("a" * 999 + "\n")
        return hello(environ, start_response)

    with serving(app, protocol=protocol) as server:
        reply = call(server)
        assert reply.body == b"hello"
        assert len(server.errors.getvalue()) == 1_000_000
        assert len(reply.errors) < 100_000


def test_errors_of_a_request_that_fails(protocol):
    def app(environ, start_response):
        environ["wsgi.errors"].write("about to fail\n")
        raise ValueError

    with serving(app, protocol=protocol) as server:
        reply = call(server)
        assert reply.status == 500
        assert reply.errors == ("about to fail\n" if protocol == "fcgi" else "")
        server.failure()


def test_errors_after_the_request(protocol):
    """They have nowhere to go but the log."""
    kept: list[Any] = []

    def app(environ, start_response):
        kept.append(environ["wsgi.errors"])
        return hello(environ, start_response)

    with serving(app, protocol=protocol) as server:
        call(server)
        eventually(lambda: server.reading().running == 0)
        kept[0].write("late\n")
        assert server.errors.getvalue() == "late\n"
        assert call(server).errors == ""

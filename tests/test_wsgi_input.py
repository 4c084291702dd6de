"""wsgi.input: a request's body, in memory and in a file."""

import io
import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fronts import call
from gateway import hello, once
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from penstock.config import Limits
from serving import serving

KIB = 1 << 10

# The server of a property is made once: what one example leaves behind is part of the next one's test.
many = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


SIZES = st.one_of(st.none(), st.integers(-3, 30))
READS = st.one_of(
    st.tuples(st.sampled_from(["read", "readline", "readlines"]), SIZES),
    st.tuples(st.sampled_from(["read", "readline", "readlines"])),
    st.tuples(st.just("next"), st.integers(0, 4)),
    st.tuples(st.sampled_from(["read1", "peek", "readinto"]), st.integers(0, 30)),
)


def perform(stream: Any, read: tuple[Any, ...]) -> Any:
    """What a stream answers, or how it refuses."""
    name, arguments = read[0], read[1:]
    if name == "next":
        return list(itertools.islice(stream, *arguments))
    try:
        if name == "readinto":
            buffer = bytearray(*arguments)
            return stream.readinto(buffer), bytes(buffer)
        if name == "peek":
            return stream.peek(*arguments)[: arguments[0]]
        return getattr(stream, name)(*arguments)
    except (ValueError, TypeError) as error:
        return type(error)


@pytest.fixture(scope="module", params=["memory", "file"])
def reading(request: pytest.FixtureRequest) -> Iterator[Callable[[bytes, list[tuple[Any, ...]]], list[Any]]]:
    """Reads a body as it is told, in the application, and hands back what came."""
    turns: list[list[tuple[Any, ...]]] = []
    results: list[list[Any]] = []

    def app(environ, start_response):
        results.append([perform(environ["wsgi.input"], read) for read in turns.pop()])
        return hello(environ, start_response)

    with serving(app, limits=Limits(body_memory_bytes=1 if request.param == "file" else KIB)) as server:

        def read(body: bytes, reads: list[tuple[Any, ...]]) -> list[Any]:
            turns.append(reads)
            assert call(server, "POST", body=body).status == 200
            return results.pop()

        yield read


@given(
    body=st.one_of(st.binary(max_size=60), st.text("a\n", max_size=60).map(str.encode)),
    reads=st.lists(READS, max_size=8),
)
@many
def test_a_body_reads_as_a_file_does(reading, body, reads):
    with io.BufferedReader(io.BytesIO(body)) as model:  # type: ignore[arg-type]
        assert reading(body, reads) == [perform(model, read) for read in reads]


def test_a_body_cannot_be_written_to(protocol):
    def app(environ, start_response):
        body = environ["wsgi.input"]
        assert not body.writable()
        with pytest.raises(io.UnsupportedOperation):
            body.write(b"more")
        assert body.read() == b"hello"
        return hello(environ, start_response)

    assert once(app, protocol, "POST", body=b"hello").status == 200


@pytest.mark.parametrize("size", [0, 5, 100_000])
def test_a_body_has_a_length_though_none_was_sent(protocol, size):
    seen: list[tuple[str, int]] = []

    def app(environ, start_response):
        seen.append((environ.get("CONTENT_LENGTH") or "0", len(environ["wsgi.input"].read())))
        return hello(environ, start_response)

    once(app, protocol, "POST", chunks=[b"a" * size], limits=Limits(body_memory_bytes=1000))
    assert seen == [(str(size), size)]


def test_an_application_may_close_its_body(protocol):
    def app(environ, start_response):
        environ["wsgi.input"].close()
        return hello(environ, start_response)

    for size in (5, 100_000):
        assert once(app, protocol, "POST", body=b"a" * size, limits=Limits(body_memory_bytes=1000)).status == 200


@pytest.mark.parametrize("size", [0, 20, 20_000])
def test_a_body_serves_those_who_want_a_file(size):
    """Parsers of forms, of JSON, of mail."""
    text = '"' + "é" * size + '"'

    def app(environ, start_response):
        body = environ["wsgi.input"]
        assert isinstance(body, io.BufferedIOBase)
        assert (body.readable(), body.writable(), body.closed) == (True, False, False)
        match environ["PATH_INFO"]:
            case "/json":
                assert json.load(body) == text[1:-1]
            case "/text":
                with io.TextIOWrapper(body, "utf-8") as wrapped:
                    assert wrapped.read() == text
            case "/copy":
                shutil.copyfileobj(body, copy := io.BytesIO())
                assert copy.getvalue() == text.encode()
            case "/again":
                assert [body.read(), body.seek(0), body.tell(), body.read()] == [text.encode(), 0, 0, text.encode()]
            case "/with":
                with body as same:
                    assert same.readlines() == [text.encode()]
                with pytest.raises(ValueError, match="closed"):
                    body.read()
        return hello(environ, start_response)

    with serving(app, limits=Limits(body_memory_bytes=KIB)) as server:
        for use in ("json", "text", "copy", "again", "with"):
            assert call(server, "POST", f"/{use}", body=text.encode()).body == b"hello"

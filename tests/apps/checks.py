"""A WSGI application with a route for everything that the tests behind a front server want to see."""

import hashlib
import json
import os
import select
import tempfile
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIEnvironment

BLOCK = bytes(range(256)) * 256
WAIT_SECONDS = 30

TEXT = [("Content-Type", "text/plain")]


def query_of(environ: WSGIEnvironment) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(environ["QUERY_STRING"], keep_blank_values=True).items()}


def digest(blocks: Iterable[bytes]) -> str:
    sha = hashlib.sha256()
    for block in blocks:
        sha.update(block)
    return sha.hexdigest()


def pattern(count: int) -> Iterator[bytes]:
    """`count` bytes that repeat, in blocks."""
    for start in range(0, count, len(BLOCK)):
        yield BLOCK[: count - start]


def echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """What came: the environ's strings, and of the body its length and digest."""
    stream, length = environ["wsgi.input"], 0
    sha = hashlib.sha256()
    while block := stream.read(len(BLOCK)):
        sha.update(block)
        length += len(block)
    told = {name: value for name, value in environ.items() if isinstance(value, str)}
    body = json.dumps({"environ": told, "length": length, "sha256": sha.hexdigest(), "pid": os.getpid()}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def hello(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    body = b"hello " + environ["QUERY_STRING"].encode("latin-1") + b"\n" + environ["wsgi.input"].read()
    start_response("200 OK", [*TEXT, ("Content-Length", str(len(body)))])
    return [body]


def status(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The status asked for, a body where there may be one; what was uploaded is not read."""
    code = query_of(environ)["code"]
    start_response(f"{code} As Asked", TEXT)
    return [] if code in {"204", "304"} else [code.encode()]


def redirect(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    asked = query_of(environ)
    start_response(asked["code"] + " Elsewhere", [("Location", asked["to"])])
    return []


def not_modified(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("304 Not Modified", [("ETag", '"1"')])
    return [b"never sent"]


def cookies(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    headers = [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2"), ("X-Name", "na\xefve"), ("Content-Length", "2")]
    start_response("200 OK", headers)
    return [b"ok"]


def headers(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """A header block of about so many bytes."""
    lines = int(query_of(environ)["bytes"]) // 100
    start_response("200 OK", [(f"X-Filler-{number:03}", "f" * 85) for number in range(lines)])
    return [b"ok"]


class Produced:
    """Blocks, counting how much of them was asked for."""

    total = 0

    def __init__(self, count: int) -> None:
        self._blocks = pattern(count)
        Produced.total = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block = next(self._blocks)
        Produced.total += len(block)
        return block


def stream(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """So many bytes, block by block, no length told."""
    start_response("200 OK", TEXT)
    return Produced(int(query_of(environ)["bytes"]))


def produced(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """How many bytes the last stream has produced so far."""
    start_response("200 OK", TEXT)
    return [str(Produced.total).encode()]


def wait_for(fifo: str) -> None:
    """Until somebody writes to a named pipe."""
    descriptor = os.open(fifo, os.O_RDWR)
    try:
        if not select.select([descriptor], [], [], WAIT_SECONDS)[0]:
            raise TimeoutError(fifo)
    finally:
        os.close(descriptor)


def tell(fifo: str, text: str) -> None:
    """To whoever reads a named pipe."""
    with open(fifo, "w") as pipe:
        pipe.write(text)


def steps(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """One piece, then another when somebody has said so."""
    asked = query_of(environ)
    extra = [("X-Accel-Buffering", asked["buffering"])] if "buffering" in asked else []
    start_response("200 OK", TEXT + extra)
    yield b"first\n"
    wait_for(asked["gate"])
    yield b"second\n"


class Endless:
    """Blocks without an end; says when it was closed."""

    def __init__(self, told: str) -> None:
        self._told = told

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return BLOCK

    def close(self) -> None:
        tell(self._told, "closed")


def endless(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", TEXT)
    return Endless(query_of(environ)["told"])


def log(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """Writes to wsgi.errors before the head, between two pieces and behind the last."""
    text = query_of(environ)["text"]
    errors = environ["wsgi.errors"]
    errors.write(f"{text} one\n")
    start_response("200 OK", TEXT)
    yield b"a"
    errors.write(f"{text} two\n")
    yield b"b"
    errors.write(f"{text} three\n")


def fail(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    raise RuntimeError("fails on purpose")


def break_off(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """Some bytes, then an exception."""
    start_response("200 OK", TEXT)
    yield from pattern(int(query_of(environ)["bytes"]))
    raise RuntimeError("breaks off on purpose")


def short(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "100")])
    return [b"not a hundred"]


def write(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    writer = start_response("200 OK", TEXT)
    writer(b"written, ")
    return [b"returned"]


def file(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    content = tempfile.TemporaryFile()  # noqa: SIM115 - the server closes it
    for block in pattern(int(query_of(environ)["bytes"])):
        content.write(block)
    content.seek(0)
    start_response("200 OK", TEXT)
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](content)
    return wrapped


ROUTES: dict[str, Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]] = {
    f"/{route.__name__}": route
    for route in (
        hello,
        status,
        redirect,
        not_modified,
        cookies,
        headers,
        stream,
        produced,
        steps,
        endless,
        log,
        fail,
        break_off,
        short,
        write,
        file,
    )
}


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Any path that is no route is echoed."""
    return ROUTES.get(environ["PATH_INFO"], echo)(environ, start_response)

"""WSGI applications, each as small as its workload allows: what is measured is the server around them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., object]

HELLO = b"Hello, world!\n"
BIG = bytes(1024 * 1024)
PIECE = bytes(10 * 1024)
PIECES = 100
WAIT_SECONDS = 0.010


def hello(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(HELLO)))])
    return [HELLO]


def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))])
    return [body]


def big(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(BIG)))])
    return [BIG]


def stream(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Without Content-Length: the server has to choose the framing."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    for _ in range(PIECES):
        yield PIECE


def wait(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """As an application that waits for its database: the thread sleeps, the interpreter is free."""
    time.sleep(WAIT_SECONDS)
    return hello(environ, start_response)

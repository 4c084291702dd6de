"""Applications for tests of the gateway, and ways to put one request to them."""

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fronts import Reply, call
from penstock.config import Limits
from serving import App, serving

each_threading = pytest.mark.parametrize("threads", [1, 2], ids=["1 thread", "2 threads"])


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def once(app: App, protocol: str, *request: Any, threads: int = 1, limits: Limits | None = None, **more: Any) -> Reply:
    """One request to a server of its own; the application must not fail."""
    with serving(app, protocol=protocol, threads=threads, limits=limits) as server:
        return call(server, *request, **more)


def failing(app: App, protocol: str, *request: Any, error: type[BaseException], **more: Any) -> None:
    """The application fails before anything is sent: a 500 that says nothing of why, one line in the log, and all is well."""
    turns: Iterator[App] = itertools.chain([app], itertools.repeat(hello))
    with serving(lambda *each: next(turns)(*each), protocol=protocol) as server:
        reply = call(server, *request, **more)
        assert (reply.status, reply.reason) == (500, "Internal Server Error")
        assert reply.get("Content-Type") == "text/plain; charset=utf-8"
        assert reply.get("X-Of-Application") is None
        assert reply.body in (b"500 Internal Server Error\n", b"")
        what, raised = server.failure()
        assert what == "GET /"
        assert isinstance(raised, error)
        assert call(server).body == b"hello"


class Body:
    """An iterable that is told apart from others, and remembers what was done with it."""

    def __init__(self, *pieces: Any, error: BaseException | None = None) -> None:
        self.pieces, self.error = pieces, error
        self.closed = threading.Semaphore(0)

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.closed.release()

    def was_closed_once(self) -> bool:
        return self.closed.acquire(timeout=30) and not self.closed.acquire(blocking=False)


def returning(result: Any, status: str = "200 OK", headers: list[tuple[str, str]] | None = None) -> App:
    def app(environ, start_response):
        start_response(status, headers or [])
        return result

    return app

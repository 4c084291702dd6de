"""A server in a thread of the test's own process, so that the application can be a function of the test.

    with serving(app, limits=Limits(body_bytes=10)) as server:
        assert server.get("/").status == 200

What a test wants to know of the whole process (memory, signals, descriptors) needs a process: see process.py.

Every failure of the application that the server logs is kept, and has to be taken by the test that expects it: one that is
left over fails the test.
"""

import contextlib
import io
import queue
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from http_client import PATIENCE_SECONDS, Client, Response, request
from penstock._server import Scoreboard, Server, SlotReading
from penstock._wsgi import WsgiGateway
from penstock.config import Limits, Timeouts

Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

# Nothing is to end by itself while a test looks at it; tests about deadlines choose their own.
NEVER = Timeouts(head=0, body=0, keep_alive=0, write=0, graceful=PATIENCE_SECONDS)


def eventually(condition: Callable[[], bool]) -> None:
    """Waits for what no event tells of."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.001)


class Serving:
    """One server and what it said."""

    def __init__(self, server: Server, board: Scoreboard, protocol: str, address: tuple[str, int] | str) -> None:
        self.server = server
        self.protocol = protocol
        self._board = board
        self.address = address
        self.errors = io.StringIO()  # wsgi.errors
        self._outcome: Future[None] = Future()
        self._failures: queue.Queue[tuple[str, BaseException]] = queue.Queue()

    def start(self, gateway: WsgiGateway) -> None:
        threading.Thread(target=self._serve, args=(gateway,), name="server", daemon=True).start()

    def _serve(self, gateway: WsgiGateway) -> None:
        try:
            self.server.serve(gateway)
        except BaseException as error:
            self._outcome.set_exception(error)
        else:
            self._outcome.set_result(None)

    def wait_ended(self) -> None:
        """Waits until it has ended by itself, or because it was told to. Raises what ended it otherwise."""
        self._outcome.result(PATIENCE_SECONDS)

    def reading(self) -> SlotReading:
        """What it reports of itself."""
        return self._board.read(0)

    def connect(self) -> Client:
        return Client(self.socket())

    def socket(self) -> socket.socket:
        if not isinstance(self.address, str):
            return socket.create_connection(self.address, PATIENCE_SECONDS)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE_SECONDS)
        connection.connect(self.address)
        return connection

    def ask(self, data: bytes, method: str = "GET") -> Response:
        """One answer on a connection of its own."""
        with self.connect() as client:
            return client.ask(data, method)

    def get(self, target: str = "/", **more: Any) -> Response:
        return self.ask(request("GET", target, **more))

    def log_exception(self, what: str, error: BaseException) -> None:
        self._failures.put((what, error))

    def failure(self) -> tuple[str, BaseException]:
        """Waits for the next failure of the application: "METHOD path" and the exception."""
        return self._failures.get(timeout=PATIENCE_SECONDS)

    def failures_left(self) -> list[tuple[str, BaseException]]:
        left = []
        with contextlib.suppress(queue.Empty):
            while True:
                left.append(self._failures.get_nowait())
        return left


@contextlib.contextmanager
def serving(
    app: App,
    *,
    protocol: str = "http",
    listen: str = "tcp",
    threads: int = 1,
    root_path: str | None = None,
    limits: Limits | None = None,
    timeouts: Timeouts = NEVER,
) -> Iterator[Serving]:
    """Serves until the block is left. `listen` is "tcp", "tcp6" or "unix"."""
    with _listener(listen) as listener:
        board = Scoreboard(1)
        server = Server(
            limits=limits or Limits(),
            timeouts=timeouts,
            root_path=None if root_path is None else root_path.encode(),
            threads=threads,
            scoreboard=board,
        )
        server.add_listener(listener.fileno(), protocol)
        name = listener.getsockname()
        handle = Serving(server, board, protocol, name if isinstance(name, str) else name[:2])
        gateway = WsgiGateway(
            app,
            multithread=threads > 1,
            multiprocess=False,
            log_exception=handle.log_exception,
            errors=handle.errors,
        )
        with _running(handle, gateway):
            yield handle
        assert handle.failures_left() == []


@contextlib.contextmanager
def _running(handle: Serving, gateway: WsgiGateway) -> Iterator[None]:
    handle.start(gateway)
    try:
        yield
    finally:
        handle.server.stop()
        handle.wait_ended()


@contextlib.contextmanager
def _listener(listen: str) -> Iterator[socket.socket]:
    with contextlib.ExitStack() as stack:
        if listen == "unix":
            folder = stack.enter_context(tempfile.TemporaryDirectory())  # not tmp_path: a socket's name is short
            bound = socket.socket(socket.AF_UNIX)
            stack.enter_context(bound)
            bound.bind(str(Path(folder) / "sock"))
        else:
            family, host = (socket.AF_INET, "127.0.0.1") if listen == "tcp" else (socket.AF_INET6, "::1")
            bound = stack.enter_context(socket.socket(family))
            bound.bind((host, 0))
        bound.setblocking(False)
        bound.listen(1024)
        yield bound

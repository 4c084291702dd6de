"""Runs a WSGI application for the requests that a server has ready (PEP 3333)."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from penstock._server import Runner, Server

__all__ = ["FileWrapper", "WsgiGateway"]

class _ErrorLog(Protocol):
    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...

class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...

class FileWrapper:
    """wsgi.file_wrapper: yields blocks of a file-like object; close() is the file's."""

    def __init__(self, file: _Readable, block_size: int = 65536) -> None: ...
    def __iter__(self) -> Iterator[bytes]: ...
    def __next__(self) -> bytes: ...
    @property
    def close(self) -> Callable[[], object]: ...

class WsgiGateway:
    """A WSGI application, ready to be run.

    `log_exception(request, error)` is told of every error of the application, with "METHOD path"; `errors` is where
    wsgi.errors goes.
    """

    def __init__(
        self,
        application: Callable[[dict[str, Any], Callable[..., Callable[[bytes], None]]], Iterable[bytes]],
        *,
        multithread: bool,
        multiprocess: bool,
        log_exception: Callable[[str, BaseException], object],
        errors: _ErrorLog,
    ) -> None: ...
    def runner(self, server: Server) -> Runner:
        """The runner of one thread. Not shared between threads."""

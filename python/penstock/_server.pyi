"""The event loop, listeners and connections of one worker, and the page that workers report through."""

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

EMPTY: Final = 0
STARTING: Final = 1
READY: Final = 2
DRAINING: Final = 3

class SlotReading(NamedTuple):
    """One worker's values at the moment of reading."""

    pid: int
    state: int  # EMPTY, STARTING, READY or DRAINING
    heartbeat: float  # time.monotonic() at the last turn of its loop; 0.0 before the first
    connections: int  # open now
    requests: int  # answered since the worker started
    running: int  # in the application now
    waiting: int  # complete, waiting for a thread

class Scoreboard:
    """Shared anonymous memory, one slot a worker. Make it before fork. Raises OSError without memory, ValueError below 1."""

    def __init__(self, slots: int) -> None: ...
    @property
    def slots(self) -> int: ...
    def claim(self, slot: int, pid: int) -> None:
        """Empty the slot's counters and put it into state STARTING. Raises IndexError, as every call with a slot does."""
    def release(self, slot: int) -> None:
        """Empty the slot."""
    def set_state(self, slot: int, state: int) -> None: ...
    def read(self, slot: int) -> SlotReading: ...

class Runner:
    """Runs the application for one thread. A gateway makes them; the server calls them from C."""

class _Limits(Protocol):
    @property
    def request_line_bytes(self) -> int: ...
    @property
    def field_bytes(self) -> int: ...
    @property
    def fields(self) -> int: ...
    @property
    def head_bytes(self) -> int: ...
    @property
    def body_bytes(self) -> int: ...
    @property
    def body_memory_bytes(self) -> int: ...
    @property
    def high_watermark_bytes(self) -> int: ...
    @property
    def low_watermark_bytes(self) -> int: ...
    @property
    def connections(self) -> int: ...
    @property
    def queue(self) -> int: ...

class _Timeouts(Protocol):
    @property
    def head(self) -> float: ...
    @property
    def body(self) -> float: ...
    @property
    def keep_alive(self) -> float: ...
    @property
    def write(self) -> float: ...
    @property
    def graceful(self) -> float: ...

class _Gateway(Protocol):
    def runner(self, server: Server) -> Runner: ...

class Server:
    """One worker's server. Make it after fork. Raises OSError when the loop cannot be made, ValueError below one thread.

    `limits` and `timeouts` are read once (penstock.config says what each means). `root_path` is the mount without a slash at
    its end; None keeps a split that a FastCGI front made. With `threads` above 1 the application runs in that many threads of
    the server's and the calling thread only turns the loop. `log_failure` is told in one line what failed on our side.
    """

    def __init__(
        self,
        *,
        limits: _Limits,
        timeouts: _Timeouts,
        root_path: bytes | None,
        threads: int,
        scoreboard: Scoreboard | None = None,
        slot: int = 0,
        log_failure: Callable[[str], object] | None = None,
    ) -> None: ...
    @property
    def threads(self) -> int: ...
    @property
    def requests(self) -> int:
        """Answered so far."""
    @property
    def wakeup_fd(self) -> int:
        """For signal.set_wakeup_fd: a signal then ends the loop's wait, and its handler runs."""
    def add_listener(self, fd: int, protocol: str) -> None:
        """Serve a listening, non-blocking socket, which stays the caller's. Raises ValueError (no such protocol), OSError."""
    def serve(self, gateway: _Gateway) -> None:
        """Serve until drained or stopped. Marks the slot READY first, and runs Python's signal handlers in between."""
    def drain(self) -> None:
        """Stop accepting, answer what was accepted, then let serve() return; after timeouts.graceful at the latest."""
    def stop(self) -> None:
        """Let serve() return now; what is open is closed with the server."""

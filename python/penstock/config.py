"""What a server was told to do: frozen, checked once, passed down. A unit stands by every number."""

import math
from dataclasses import dataclass, field, fields
from pathlib import Path

from penstock.application import Reference
from penstock.bind import Bind, TcpAddress
from penstock.units import format_size

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")

# The decoders keep a head's offsets in 32 bits and a table entry for each field.
_HEAD_MAX_BYTES = 256 * MIB
_FIELDS_MAX = 32768


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a peer may send and a worker may hold. Raises ValueError for what cannot work together."""

    request_line_bytes: int = 8190  # longer: 414
    field_bytes: int = 8190  # one header field; longer: 431
    fields: int = 100  # header fields of one request; more: 431
    head_bytes: int = 64 * KIB  # the whole head, or the whole FastCGI params; larger: 431
    body_bytes: int = GIB  # larger: 413
    body_memory_bytes: int = 256 * KIB  # of one request body; what is larger goes to a temporary file
    high_watermark_bytes: int = 256 * KIB  # unsent bytes of one connection at which the application is paused
    low_watermark_bytes: int = 64 * KIB  # unsent bytes at which it goes on
    connections: int = 1000  # of one worker at a time
    queue: int = 1024  # requests of one worker that wait for a thread; more: 503

    def __post_init__(self) -> None:
        for each in fields(self):
            if getattr(self, each.name) < 1:
                raise ValueError(f"the limit {each.name!r} must be at least 1")
        _check_order("the request line", self.request_line_bytes, "the head", self.head_bytes)
        _check_order("a header field", self.field_bytes, "the head", self.head_bytes)
        if self.head_bytes > _HEAD_MAX_BYTES:
            raise ValueError(f"the limit of the head must be at most {format_size(_HEAD_MAX_BYTES)}")
        if self.fields > _FIELDS_MAX:
            raise ValueError(f"the limit of header fields must be at most {_FIELDS_MAX}")
        if self.low_watermark_bytes >= self.high_watermark_bytes:
            low, high = format_size(self.low_watermark_bytes), format_size(self.high_watermark_bytes)
            raise ValueError(f"the low watermark ({low}) must be below the high watermark ({high})")


def _check_order(part: str, part_bytes: int, whole: str, whole_bytes: int) -> None:
    if part_bytes > whole_bytes:
        raise ValueError(
            f"the limit of {part} ({format_size(part_bytes)}) is above that of {whole} ({format_size(whole_bytes)})"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds a peer or a worker may take; 0 turns a limit off. Raises ValueError below 0."""

    head: float = 10.0  # first byte of a request (or accept) to the end of its head
    body: float = 30.0  # between two pieces of a request body
    keep_alive: float = 5.0  # an idle connection between two requests
    write: float = 30.0  # between two pieces of an answer that the peer takes
    graceful: float = 30.0  # a draining worker, from TERM or HUP until it is killed

    def __post_init__(self) -> None:
        for each in fields(self):
            seconds = getattr(self, each.name)
            if not math.isfinite(seconds) or seconds < 0:
                raise ValueError(f"the timeout {each.name!r} must be 0 or more seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the command line decides. Raises ValueError in one line for what cannot be."""

    application: Reference
    factory: bool = False  # what `application` names makes the application, even without () behind it
    binds: tuple[Bind, ...] = (Bind(TcpAddress("127.0.0.1", 8000)),)
    backlog: int = 2048  # connections the kernel queues for each listener
    reuse_port: bool = False  # a socket for each worker instead of one for all
    workers: int = 1
    threads: int = 1  # that run the application, in each worker
    chdir: Path | None = None  # folder each worker changes to; None: where Penstock was started
    app_dir: Path | None = None  # folder put first on the import path; None: the current one, after chdir
    env: tuple[tuple[str, str], ...] = ()  # set in each worker before the application is imported
    root_path: str | None = None  # SCRIPT_NAME of every request; None: what a front server split, or ""
    log_level: str = "info"
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)

    def __post_init__(self) -> None:
        for name in ("workers", "threads", "backlog"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name!r} must be at least 1")
        if self.log_level not in LOG_LEVELS:
            raise ValueError(f"no log level {self.log_level!r}: there are {', '.join(LOG_LEVELS)}")
        if self.root_path and (not self.root_path.startswith("/") or self.root_path.endswith("/")):
            raise ValueError(f"the root path {self.root_path!r} must start with a slash and end without one")
        if self.chdir is not None and not self.chdir.is_dir():
            raise ValueError(f"no folder {str(self.chdir)!r} to change to")
        if self.app_dir is not None and not (self.chdir or Path()).joinpath(self.app_dir).is_dir():
            raise ValueError(f"no folder {str(self.app_dir)!r} to import from")
        self._check_binds()

    def _check_binds(self) -> None:
        if not self.binds:
            raise ValueError("there is nowhere to listen")
        seen = set()
        for bind in self.binds:
            chosen_by_kernel = isinstance(bind.address, TcpAddress) and bind.address.port == 0
            if bind.address in seen and not chosen_by_kernel:
                raise ValueError(f"{bind.address} is given twice to listen at")
            seen.add(bind.address)

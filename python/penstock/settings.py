"""The one table of settings. The command line, its help and docs/settings.md are all made from it.

A row says what a person may write and where `Config` keeps it; the default is the dataclass's own.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.bind import Bind, UnixAddress, parse_bind
from penstock.config import LOG_LEVELS, Config, Limits, Timeouts
from penstock.units import format_duration, format_size, parse_duration, parse_size


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value looks like, how its text is read (ValueError for a bad one) and how it is shown."""

    metavar: str
    parse: Callable[[str], Any]
    show: Callable[[Any], str] = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One option. Its first long flag is its name, the others are the same by another name."""

    flags: tuple[str, ...]
    kind: Kind
    section: str
    help: str
    into: str | None  # "limits.head_bytes": the field of Config; None: another way to write a --bind
    many: bool = False  # may be given several times

    @property
    def name(self) -> str:
        return next(flag for flag in self.flags if flag.startswith("--"))

    @property
    def is_switch(self) -> bool:
        return self.kind is SWITCH

    @property
    def default(self) -> str | None:
        """The default as it would be written, None where nothing stands for "not given"."""
        value = None if self.into is None else _default_of(self.into)
        if value is None or value is False or value == ():
            return None
        values = value if isinstance(value, tuple) else (value,)
        return ", ".join(self.kind.show(each) for each in values)


def _default_of(path: str) -> object:
    owner, _, name = path.rpartition(".")
    home = {"": Config, "limits": Limits, "timeouts": Timeouts}[owner]
    for each in dataclasses.fields(home):
        if each.name == name:
            return each.default
    raise LookupError(path)


def _parse_count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) < 1 << 31):
        raise ValueError(f"{text!r} is not a number from 1 on")
    return int(text)


def _parse_port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise ValueError(f"{text!r} is not a port")
    return int(text)


def _parse_fd(text: str) -> Bind:
    return parse_bind(f"fd:{text}")


def _parse_unix(text: str) -> Bind:
    return Bind(UnixAddress(text))


def _parse_variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or "\0" in text:
        raise ValueError(f"{text!r} is not a variable: write NAME=VALUE")
    return name, value


def _parse_level(text: str) -> str:
    if text.lower() not in LOG_LEVELS:
        raise ValueError(f"{text!r} is not one of {', '.join(LOG_LEVELS)}")
    return text.lower()


def _parse_root_path(text: str) -> str:
    return text.rstrip("/")


COUNT = Kind("COUNT", _parse_count)
PORT = Kind("PORT", _parse_port)
SIZE = Kind("SIZE", parse_size, format_size)
DURATION = Kind("DURATION", parse_duration, format_duration)
BIND = Kind("BIND", parse_bind)
FD = Kind("FD", _parse_fd)
UNIX = Kind("PATH", _parse_unix)
FOLDER = Kind("FOLDER", Path)
VARIABLE = Kind("NAME=VALUE", _parse_variable)
LEVEL = Kind("LEVEL", _parse_level)
HOST = Kind("HOST", str)
ROOT_PATH = Kind("PATH", _parse_root_path)
SWITCH = Kind("", bool)

APPLICATION = "Application"
LISTENERS = "Listeners"
WORKERS = "Workers and threads"
LIMITS = "Limits"
TIMEOUTS = "Timeouts"
LOGGING = "Logging"

# Names: gunicorn's first, then what uvicorn calls the same.
SETTINGS: tuple[Setting, ...] = (
    Setting(
        flags=("--factory",),
        kind=SWITCH,
        section=APPLICATION,
        into="factory",
        help="The callable makes the application: call it, without arguments, in each worker. "
        "The same as writing module:callable().",
    ),
    Setting(
        flags=("--chdir",),
        kind=FOLDER,
        section=APPLICATION,
        into="chdir",
        help="Change to this folder, in each worker before the application is imported. "
        "A reload changes again, so that a symbolic link may move between two versions.",
    ),
    Setting(
        flags=("--app-dir",),
        kind=FOLDER,
        section=APPLICATION,
        into="app_dir",
        help="Import the application from this folder. Unset: from the current one.",
    ),
    Setting(
        flags=("-e", "--env"),
        kind=VARIABLE,
        section=APPLICATION,
        into="env",
        many=True,
        help="Set an environment variable for the application. May be given several times.",
    ),
    Setting(
        flags=("--root-path",),
        kind=ROOT_PATH,
        section=APPLICATION,
        into="root_path",
        help="Where the application is mounted: its SCRIPT_NAME, which is taken off the front of the path. "
        "Unset: what a FastCGI front server split stays as it is, over HTTP the application is at the root.",
    ),
    Setting(
        flags=("-b", "--bind"),
        kind=BIND,
        section=LISTENERS,
        into="binds",
        many=True,
        help="Listen at [PROTO://]HOST:PORT, [PROTO://]unix:PATH or [PROTO://]fd:N; PROTO is http (where it is left out) "
        "or fcgi. May be given several times, protocols mixed. An IPv6 address stands in brackets; port 0 is any free "
        "one.",
    ),
    Setting(
        flags=("--host",),
        kind=HOST,
        section=LISTENERS,
        into=None,
        help="With --port, one more place to listen at over HTTP; 127.0.0.1 if only the port is given.",
    ),
    Setting(
        flags=("--port",),
        kind=PORT,
        section=LISTENERS,
        into=None,
        help="With --host, one more place to listen at over HTTP; 8000 if only the host is given.",
    ),
    Setting(
        flags=("--uds",),
        kind=UNIX,
        section=LISTENERS,
        into=None,
        many=True,
        help="Listen at a unix socket over HTTP: the same as --bind unix:PATH.",
    ),
    Setting(
        flags=("--fd",),
        kind=FD,
        section=LISTENERS,
        into=None,
        many=True,
        help="Listen at an inherited socket over HTTP: the same as --bind fd:N.",
    ),
    Setting(
        flags=("--backlog",),
        kind=COUNT,
        section=LISTENERS,
        into="backlog",
        help="Connections that the kernel holds for each listener until a worker takes them.",
    ),
    Setting(
        flags=("--reuse-port",),
        kind=SWITCH,
        section=LISTENERS,
        into="reuse_port",
        help="Give each worker a TCP socket of its own (SO_REUSEPORT): the kernel then spreads connections by hash, "
        "not to whoever is free.",
    ),
    Setting(
        flags=("-w", "--workers"),
        kind=COUNT,
        section=WORKERS,
        into="workers",
        help="Worker processes.",
    ),
    Setting(
        flags=("--threads",),
        kind=COUNT,
        section=WORKERS,
        into="threads",
        help="Threads of each worker that run the application. With 1 the application runs between two turns of the "
        "loop; with more, in threads beside it.",
    ),
    Setting(
        flags=("--worker-connections",),
        kind=COUNT,
        section=WORKERS,
        into="limits.connections",
        help="Connections that one worker serves at a time; others wait in the backlog.",
    ),
    Setting(
        flags=("--queue-limit",),
        kind=COUNT,
        section=WORKERS,
        into="limits.queue",
        help="Requests of one worker that may wait for a thread; beyond it the answer is 503 with Retry-After.",
    ),
    Setting(
        flags=("--limit-request-line",),
        kind=SIZE,
        section=LIMITS,
        into="limits.request_line_bytes",
        help="The request line; a longer one is answered with 414.",
    ),
    Setting(
        flags=("--limit-request-fields",),
        kind=COUNT,
        section=LIMITS,
        into="limits.fields",
        help="Header fields of one request; more are answered with 431.",
    ),
    Setting(
        flags=("--limit-request-field_size", "--limit-request-field-size"),
        kind=SIZE,
        section=LIMITS,
        into="limits.field_bytes",
        help="One header field; a longer one is answered with 431.",
    ),
    Setting(
        flags=("--limit-request-head",),
        kind=SIZE,
        section=LIMITS,
        into="limits.head_bytes",
        help="The whole head of a request, or all FastCGI params together; a larger one is answered with 431.",
    ),
    Setting(
        flags=("--limit-request-body",),
        kind=SIZE,
        section=LIMITS,
        into="limits.body_bytes",
        help="The body of a request; a larger one is answered with 413.",
    ),
    Setting(
        flags=("--body-memory",),
        kind=SIZE,
        section=LIMITS,
        into="limits.body_memory_bytes",
        help="A body up to this size is kept in memory; a larger one goes to a temporary file.",
    ),
    Setting(
        flags=("--high-watermark",),
        kind=SIZE,
        section=LIMITS,
        into="limits.high_watermark_bytes",
        help="Unsent bytes of one connection at which its application is paused.",
    ),
    Setting(
        flags=("--low-watermark",),
        kind=SIZE,
        section=LIMITS,
        into="limits.low_watermark_bytes",
        help="Unsent bytes of one connection at which its application goes on.",
    ),
    Setting(
        flags=("--head-timeout",),
        kind=DURATION,
        section=TIMEOUTS,
        into="timeouts.head",
        help="A request's head must be complete in this time.",
    ),
    Setting(
        flags=("--body-timeout",),
        kind=DURATION,
        section=TIMEOUTS,
        into="timeouts.body",
        help="Longest pause between two pieces of a request body.",
    ),
    Setting(
        flags=("--keep-alive", "--timeout-keep-alive"),
        kind=DURATION,
        section=TIMEOUTS,
        into="timeouts.keep_alive",
        help="How long an idle connection is kept for its next request.",
    ),
    Setting(
        flags=("--write-timeout",),
        kind=DURATION,
        section=TIMEOUTS,
        into="timeouts.write",
        help="Longest time in which a peer takes nothing of its answer.",
    ),
    Setting(
        flags=("--graceful-timeout", "--timeout-graceful-shutdown"),
        kind=DURATION,
        section=TIMEOUTS,
        into="timeouts.graceful",
        help="How long a worker that stops may finish what it accepted; then it is killed.",
    ),
    Setting(
        flags=("--log-level",),
        kind=LEVEL,
        section=LOGGING,
        into="log_level",
        help=f"The least that is logged: {', '.join(LOG_LEVELS)}.",
    ),
)

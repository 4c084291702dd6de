"""The log: the "penstock" logger on stderr, one line a record; a traceback follows its record, indented.

Whatever a peer or an application puts into a message, it cannot start a line of its own nor send a terminal commands.
"""

import logging
import sys
import time
from collections.abc import Iterable
from traceback import format_exception

from penstock import __version__
from penstock.config import Config
from penstock.exits import StartupError
from penstock.trace import application_traceback

LOGGER = logging.getLogger("penstock")

# Marks a record whose exception is the application's: its author has no use for the way through Penstock to it.
_OF_APPLICATION = {"of_application": True}

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_CONTROLS |= {code: f"\\u{code:04x}" for code in (0x2028, 0x2029)}
_CONTROLS_IN_TRACEBACK = {code: text for code, text in _CONTROLS.items() if chr(code) not in "\t\n"}


class Formatter(logging.Formatter):
    """`2025-01-31 12:00:00.123 +0100 [pid] level: message`."""

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage().translate(_CONTROLS)
        line = f"{self.formatTime(record)} [{record.process}] {record.levelname.lower()}: {text}"
        error = record.exc_info[1] if record.exc_info else None
        return line if error is None else f"{line}\n{_traceback_of(record, error)}"

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        moment = time.localtime(record.created)
        return f"{time.strftime('%Y-%m-%d %H:%M:%S', moment)}.{record.msecs:03.0f} {time.strftime('%z', moment)}"


def _traceback_of(record: logging.LogRecord, error: BaseException) -> str:
    of_application = getattr(record, "of_application", False)
    text = application_traceback(error) if of_application else "".join(format_exception(error))
    # Indented, so that no line of it, an exception's own text least of all, can pass for a record.
    return "\n".join(f"  {line}" for line in text.translate(_CONTROLS_IN_TRACEBACK).rstrip("\n").split("\n"))


def configure(level: str) -> None:
    """Makes LOGGER write to stderr. Called once, before there is any worker."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter())
    LOGGER.handlers = [handler]
    LOGGER.propagate = False
    LOGGER.setLevel(level.upper())


def restore() -> None:
    """Undoes what an application's logging.config did: by default it disables every logger it does not name."""
    LOGGER.disabled = False


def log_exception(message: str, error: BaseException) -> None:
    """Logs that the application failed while it answered what `message` names."""
    LOGGER.error(message, exc_info=error, extra=_OF_APPLICATION)


def startup_failed(error: StartupError) -> None:
    """Logs the one line, and the traceback of the application where that is why."""
    LOGGER.critical(str(error), exc_info=error.__cause__, extra=_OF_APPLICATION)


def announce(config: Config, places: Iterable[object]) -> None:
    """The first lines of a server: what it is and where it listens, each place as a person can open it."""
    LOGGER.info("penstock %s: %s", __version__, _staff(config))
    for place in places:
        LOGGER.info("listening on %s", place)


def _staff(config: Config) -> str:
    workers = "1 worker" if config.workers == 1 else f"{config.workers} workers"
    threads = "1 thread" if config.threads == 1 else f"{config.threads} threads"
    each = "" if config.workers == 1 else " each"
    return f"{config.application} with {workers}, {threads}{each}"

"""penstock.log: one line a record, whatever is in it."""

import io
import logging
import logging.config
import re
import sys
from collections.abc import Iterator

import pytest
from penstock import __version__, log
from penstock.application import Reference
from penstock.config import Config
from penstock.exits import StartupError
from penstock.units import parse_size

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d{4} \[(\d+)\] (\w+): (.*)\n")


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the logger writes; it is as it was, afterwards."""
    logger = log.LOGGER
    handlers, propagate, level, disabled = logger.handlers, logger.propagate, logger.level, logger.disabled
    text = io.StringIO()
    monkeypatch.setattr(sys, "stderr", text)
    log.configure("info")
    yield text
    logger.handlers, logger.propagate, logger.disabled = handlers, propagate, disabled
    logger.setLevel(level)


def said(stderr: io.StringIO) -> str:
    """What was written since it was asked last."""
    text = stderr.getvalue()
    stderr.seek(0)
    stderr.truncate()
    return text


def test_a_record_is_a_line_with_time_pid_and_level(stderr: io.StringIO) -> None:
    log.LOGGER.warning("%d workers", 2)
    match = LINE.fullmatch(said(stderr))
    assert match is not None
    assert match.groups()[1:] == ("warning", "2 workers")


def test_the_level(stderr: io.StringIO) -> None:
    log.LOGGER.debug("not this")
    assert said(stderr) == ""
    log.configure("error")
    assert log.LOGGER.level == logging.ERROR


@pytest.mark.parametrize("code", [0, 10, 13, 27, 127, 0x85, 0x9B, 0x2028, 0x2029])
def test_no_message_starts_a_line_or_commands_a_terminal(code: int, stderr: io.StringIO) -> None:
    log.LOGGER.info("GET /%c HTTP/1.1", code)
    line = said(stderr)
    assert chr(code) not in line[:-1]
    assert LINE.fullmatch(line)


def test_an_applications_exception(stderr: io.StringIO) -> None:
    try:
        raise ValueError("two\n2025-01-01 00:00:00.000 +0000 [1] info: forged\x1b[2J")
    except ValueError as error:
        log.log_exception("GET / HTTP/1.1", error)
    first, *rest = said(stderr).splitlines()
    assert first.endswith("error: GET / HTTP/1.1")
    assert rest[0] == "  Traceback (most recent call last):"
    assert all(line.startswith("  ") for line in rest)
    assert rest[-1].endswith("info: forged\\x1b[2J")


def test_a_fault_of_ours_keeps_its_whole_traceback(stderr: io.StringIO) -> None:
    try:
        parse_size("wide")
    except ValueError:
        log.LOGGER.exception("broken")
    assert "in parse_size" in said(stderr)


def test_a_failed_start(stderr: io.StringIO) -> None:
    log.startup_failed(StartupError("no module named 'helo'"))
    assert said(stderr).endswith("critical: no module named 'helo'\n")
    error = StartupError("cannot import 'hello'")
    error.__cause__ = ZeroDivisionError("division by zero")
    log.startup_failed(error)
    assert said(stderr).endswith("ZeroDivisionError: division by zero\n")


def test_the_first_lines(stderr: io.StringIO) -> None:
    config = Config(application=Reference("hello", ("app",)), workers=2, threads=8)
    log.announce(config, ["http://127.0.0.1:8000", "fcgi://unix:/run/app.sock"])
    lines = [match[3] for match in LINE.finditer(said(stderr))]
    assert lines == [
        f"penstock {__version__}: hello:app with 2 workers, 8 threads each",
        "listening on http://127.0.0.1:8000",
        "listening on fcgi://unix:/run/app.sock",
    ]
    log.announce(Config(application=Reference("hello")), [])
    assert said(stderr).endswith("hello with 1 worker, 1 thread\n")


def test_an_application_that_configures_logging_does_not_silence_us(stderr: io.StringIO) -> None:
    logging.config.dictConfig({"version": 1})
    assert log.LOGGER.disabled
    log.restore()
    log.LOGGER.info("still here")
    assert said(stderr).endswith("info: still here\n")

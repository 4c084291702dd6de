"""penstock.cli: the command line, read into a Config; and how the command ends where it cannot start."""

import socket
from pathlib import Path
from typing import Any

import click
import pytest
from penstock import __version__
from penstock.application import Reference
from penstock.bind import Bind, InheritedAddress, TcpAddress, UnixAddress
from penstock.cli import main, read_command_line
from penstock.config import Config, Limits, Timeouts
from penstock.settings import SETTINGS
from process import Finished, finish

HOME = Path(__file__).parent

# A value for every option and what it makes of the configuration.
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("--factory", {"factory": True}),
    (f"--chdir {HOME}", {"chdir": HOME}),
    (f"--app-dir {HOME}", {"app_dir": HOME}),
    ("-e A=1 --env B=x=y", {"env": (("A", "1"), ("B", "x=y"))}),
    ("--root-path /shop/", {"root_path": "/shop"}),
    ("--root-path /", {"root_path": ""}),
    ("-b :80 --bind fcgi://unix:a", {"binds": (Bind(TcpAddress("0.0.0.0", 80)), Bind(UnixAddress("a"), "fcgi"))}),
    ("--host ::1 --port 80", {"binds": (Bind(TcpAddress("::1", 80)),)}),
    ("--host example.org", {"binds": (Bind(TcpAddress("example.org", 8000)),)}),
    ("--port 0", {"binds": (Bind(TcpAddress("127.0.0.1", 0)),)}),
    ("--uds /run/a -b fd:4", {"binds": (Bind(InheritedAddress(4)), Bind(UnixAddress("/run/a")))}),
    ("--fd 3", {"binds": (Bind(InheritedAddress(3)),)}),
    ("--backlog 10", {"backlog": 10}),
    ("--reuse-port", {"reuse_port": True}),
    ("-w 4", {"workers": 4}),
    ("--threads 8", {"threads": 8}),
    ("--log-level WARNING", {"log_level": "warning"}),
    ("--worker-connections 50", {"limits": Limits(connections=50)}),
    ("--queue-limit 7", {"limits": Limits(queue=7)}),
    ("--limit-request-line 4094", {"limits": Limits(request_line_bytes=4094)}),
    ("--limit-request-fields 20", {"limits": Limits(fields=20)}),
    ("--limit-request-field_size 1K", {"limits": Limits(field_bytes=1024)}),
    ("--limit-request-field-size 1K", {"limits": Limits(field_bytes=1024)}),
    ("--limit-request-head 1M", {"limits": Limits(head_bytes=1 << 20)}),
    ("--limit-request-body 10M", {"limits": Limits(body_bytes=10 << 20)}),
    ("--body-memory 64K", {"limits": Limits(body_memory_bytes=65536)}),
    ("--high-watermark 1M", {"limits": Limits(high_watermark_bytes=1 << 20)}),
    ("--low-watermark 4K", {"limits": Limits(low_watermark_bytes=4096)}),
    ("--head-timeout 0", {"timeouts": Timeouts(head=0.0)}),
    ("--body-timeout 2m", {"timeouts": Timeouts(body=120.0)}),
    ("--keep-alive 75", {"timeouts": Timeouts(keep_alive=75.0)}),
    ("--timeout-keep-alive 500ms", {"timeouts": Timeouts(keep_alive=0.5)}),
    ("--write-timeout 1m30s", {"timeouts": Timeouts(write=90.0)}),
    ("--graceful-timeout 1h", {"timeouts": Timeouts(graceful=3600.0)}),
    ("--timeout-graceful-shutdown 3", {"timeouts": Timeouts(graceful=3.0)}),
]

# What a person may get wrong on the command line, and a part of the line that says so.
MISTAKES = {
    "": "Missing argument 'MODULE:CALLABLE'",
    "hello.py": "'hello.py' is a path: name a module instead",
    "src/hello:app": "is a path",
    "hello:": "names no application: write MODULE:CALLABLE",
    "hello:app(1)": "names no application",
    "hello:app extra": "unexpected extra argument",
    "hello:app --wokers 2": "Did you mean",
    "hello:app --workers": "requires an argument",
    "hello:app --workers 0": "'0' is not a number from 1 on",
    "hello:app --workers two": "'two' is not a number from 1 on",
    "hello:app --bind nowhere": "'nowhere' is not a place to listen at: write [PROTO://]HOST:PORT",
    "hello:app --bind scgi://:1": "unknown protocol 'scgi' in 'scgi://:1': this version speaks http, fcgi",
    "hello:app --bind fd:3 --fd 3": "fd:3 is given twice",
    "hello:app --port 70000": "'70000' is not a port",
    "hello:app --uds ": "needs a path",
    "hello:app --fd x": "names no descriptor",
    "hello:app --limit-request-body 1X": "'1X' is not a size",
    "hello:app --keep-alive soon": "'soon' is not a duration",
    "hello:app --env A": "'A' is not a variable: write NAME=VALUE",
    "hello:app --log-level loud": "'loud' is not one of debug, info, warning",
    "hello:app --chdir /no/such/folder": "no folder '/no/such/folder'",
    "hello:app --root-path shop": "must start with a slash",
    "hello:app --low-watermark 1M": "the low watermark (1M) must be below the high watermark (256K)",
}


def read(line: str) -> Config:
    return read_command_line(line.split(" "))


@pytest.mark.parametrize(("options", "values"), OPTIONS, ids=[options for options, _ in OPTIONS])
def test_options(options: str, values: dict[str, Any]) -> None:
    assert read(f"{options} hello:app") == Config(application=Reference("hello", ("app",)), **values)


def test_every_option_is_tried_above() -> None:
    tried = {word for options, _ in OPTIONS for word in options.split(" ") if word.startswith("-")}
    assert [setting.name for setting in SETTINGS if tried.isdisjoint(setting.flags)] == []


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("hello", Reference("hello")),
        ("hello:app", Reference("hello", ("app",))),
        ("shop.wsgi:site.app", Reference("shop.wsgi", ("site", "app"))),
        ("shop.wsgi:make()", Reference("shop.wsgi", ("make",), call=True)),
        ("café:größe", Reference("café", ("größe",))),
    ],
)
def test_applications(text: str, reference: Reference) -> None:
    assert read(text).application == reference


@pytest.mark.parametrize(("line", "reason"), MISTAKES.items())
def test_a_mistake_is_one_line_and_status_2(line: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split(" ") if line else []) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("penstock: ")
    assert said.err.count("\n") == 1
    assert reason in said.err


def test_the_help_names_every_option_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for setting in SETTINGS:
        assert all(flag in said for flag in setting.flags)
        assert f"{setting.section}: " in said
        assert setting.default is None or f"[{setting.default}]" in said
    assert "Exit status:" in said


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"penstock {__version__}\n"


def test_the_command_line_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["penstock", "hello:app", "-w", "3"])
    assert read_command_line().workers == 3


def test_mistakes_are_clicks_own() -> None:
    with pytest.raises(click.UsageError):
        read("hello:app --low-watermark 1M")


def test_python_m_penstock(tmp_path: Path) -> None:
    assert finish("--version", folder=tmp_path) == Finished(0, f"penstock {__version__}\n", "")
    assert finish("hello:app", "--wokers", "2", folder=tmp_path).status == 2


def test_a_port_in_use_is_one_line_and_status_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = finish("hello:app", "--port", str(port), folder=tmp_path)
    assert done.status == 1
    reason = "the address is in use by another process"
    assert done.stderr.endswith(f" critical: cannot listen on http://127.0.0.1:{port}: {reason}\n")
    assert done.stderr.count("\n") == 1

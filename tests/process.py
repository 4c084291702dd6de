"""A Penstock under test: the real command with its whole process tree, started, watched, ended.

    with Penstock("app:app", "--workers", "2", folder=tmp_path) as server:
        assert server.get("/").status == 200
        mark = server.mark()
        server.send(signal.SIGHUP)
        server.wait_line("reloaded", since=mark)

It listens at a free port of 127.0.0.1 unless the arguments say where. Leaving the block stops it, and fails where it does
not end well or leaves a process behind. `finish(...)` is for a command that ends by itself.
"""

import contextlib
import http.client
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Self

# Beyond this a test has failed. Nothing here depends on how much sooner a thing happens.
PATIENCE_SECONDS = 30.0

READY = r"\binfo: ready$"

_BIND_FLAGS = {"-b", "--bind", "--host", "--port", "--uds", "--fd"}
_PLACE = re.compile(
    r"info: listening on (\w+)://(?:unix:(?P<path>.+)|(?:\[(?P<ip6>.+)\]|(?P<ip4>[\d.]+)):(?P<port>\d+))"
)


class Reply(NamedTuple):
    status: int
    body: bytes
    headers: http.client.HTTPMessage


class Finished(NamedTuple):
    status: int
    stdout: str
    stderr: str


def command(*arguments: str) -> list[str]:
    """The command under test, run by the interpreter that runs the tests."""
    return [sys.executable, "-m", "penstock", *arguments]


def finish(*arguments: str, folder: Path, env: Mapping[str, str] | None = None) -> Finished:
    """Runs a command that is expected to end by itself."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=_environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


class Penstock:
    """One server, from `with` to the end of the block. What waits, fails with the server's output after a long time."""

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        env: Mapping[str, str] | None = None,
        pass_fds: Iterable[int] = (),
        ready: bool = True,
    ) -> None:
        """`folder` is where it starts, so where its application is; with `ready`, `with` waits until it serves."""
        where = () if _BIND_FLAGS.intersection(arguments) else ("--bind", "127.0.0.1:0")
        self._command = command(*arguments, *where)
        self._folder = folder
        self._environment = _environment(env)
        self._pass_fds = tuple(pass_fds)
        self._wants_ready = ready
        self._news = threading.Condition()
        self._lines: list[str] = []
        self._silent = False  # its stderr is closed: every process of it has ended
        self.status: int | None = None  # what it ended with, once `wait` or `stop` has returned

    def __enter__(self) -> Self:
        # A session of its own: a test can reach the whole tree as a terminal does, and find what is left of it.
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=self._environment,
            pass_fds=self._pass_fds,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if self._wants_ready:
            with self._cleaned_up_on_error():
                self.wait_line(READY)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        with self._cleaned_up_on_error():
            if kind is not None:
                self._clean_up()
                return
            if self.status is None:
                assert self.stop() == 0, self._told(f"it ended with status {self.status}")
            self.wait_gone()
        self._clean_up()

    # What it says

    @property
    def lines(self) -> list[str]:
        """Its stderr so far."""
        with self._news:
            return self._lines.copy()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def mark(self) -> int:
        """This moment of its stderr, for `since`."""
        with self._news:
            return len(self._lines)

    def wait_line(self, pattern: str, *, since: int = 0, count: int = 1) -> re.Match[str]:
        """Waits until `count` lines match the pattern and returns the last one's match."""
        found: list[re.Match[str]] = []

        def enough() -> bool:
            found[:] = filter(None, (re.search(pattern, line) for line in self._lines[since:]))
            return len(found) >= count or self._silent

        with self._news:
            self._news.wait_for(enough, PATIENCE_SECONDS)
        assert len(found) >= count, self._told(f"no line {pattern!r} came")
        return found[count - 1]

    # Where it is

    @property
    def pid(self) -> int:
        """The supervisor."""
        return self._process.pid

    @property
    def port(self) -> int:
        """Of its first TCP listener for HTTP."""
        address = self.address("http")
        assert not isinstance(address, str), address
        return address[1]

    def address(self, protocol: str) -> tuple[str, int] | str:
        """Where its first listener of a protocol is: host and port, or the path of a unix socket."""
        for line in self.lines:
            match = _PLACE.search(line)
            if match is not None and match[1] == protocol:
                return match["path"] or (match["ip6"] or match["ip4"], int(match["port"]))
        raise AssertionError(self._told(f"it does not listen for {protocol}"))

    def connect(self, protocol: str = "http") -> socket.socket:
        """A new connection to its first listener of a protocol."""
        address = self.address(protocol)
        if not isinstance(address, str):
            return socket.create_connection(address, PATIENCE_SECONDS)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE_SECONDS)
        connection.connect(str(self._folder / address))
        return connection

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        return self.request("GET", path, headers=headers)

    def request(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request on a connection of its own, which is closed after it."""
        client = http.client.HTTPConnection("penstock", timeout=PATIENCE_SECONDS)
        client.sock = self.connect()
        with contextlib.closing(client):
            client.request(method, path, body, {"Connection": "close", **(headers or {})})
            response = client.getresponse()
            return Reply(response.status, response.read(), response.headers)

    def workers(self) -> set[int]:
        """The processes the supervisor has forked and that still run."""
        return {pid for pid, parent, _ in _processes() if parent == self.pid}

    # How it ends

    def send(self, number: signal.Signals) -> None:
        """To the supervisor alone."""
        self._process.send_signal(number)

    def send_to_all(self, number: signal.Signals) -> None:
        """To the supervisor and its workers, as a terminal does it."""
        os.killpg(self.pid, number)

    def wait(self) -> int:
        """The status it ends with, negative for a signal."""
        try:
            self.status = self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(self._told("it did not end")) from None
        return self.status

    def stop(self) -> int:
        """TERM, and the status it ends with."""
        self.send(signal.SIGTERM)
        return self.wait()

    def wait_gone(self) -> None:
        """Waits until no process of it is left, workers that outlived the supervisor included."""
        with self._news:
            self._news.wait_for(lambda: self._silent, PATIENCE_SECONDS)
        for pid in self._left():
            wait_for_end(pid)
        assert not self._left(), self._told(f"processes {self._left()} are left")

    # Inside

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._news:
                self._lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._silent = True
            self._news.notify_all()

    def _told(self, what: str) -> str:
        return f"{what}; {' '.join(self._command)} said:\n{self.output}"

    def _left(self) -> list[int]:
        return [pid for pid, _, session in _processes() if session == self.pid]

    @contextlib.contextmanager
    def _cleaned_up_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._clean_up()
            raise

    def _clean_up(self) -> None:
        """Ends whatever is left, by force."""
        for pid in self._left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        if self._process.stderr is not None:
            self._process.stderr.close()


def wait_for_end(pid: int) -> None:
    """Waits until any process, a child of ours or not, has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ready, _, _ = select.select([descriptor], [], [], PATIENCE_SECONDS)
    finally:
        os.close(descriptor)
    assert ready, f"process {pid} did not end"


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    # No .pyc files: a test that rewrites its application within a second would be served the old one.
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(extra or {})}


def _processes() -> Iterator[tuple[int, int, int]]:
    """(pid, parent, session) of every process that runs; a zombie does not."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                # The name of the program comes before, in brackets, and may hold anything.
                state, parent, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
                if state not in "ZX":
                    yield int(folder.name), int(parent), int(session)

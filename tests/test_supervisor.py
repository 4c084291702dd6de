"""penstock.supervisor: workers come and go, by signals to a real process tree.

Applications that must be caught in the middle of something wait for a FIFO to be opened: `Gate`. They say so by one write:
print() takes two, and another process may come between.
"""

import contextlib
import errno
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest
from penstock import supervisor as supervisor_module
from penstock._server import Scoreboard
from penstock.exits import ExitStatus
from penstock.signals import SignalQueue
from penstock.supervisor import Place, Supervisor
from process import Penstock, Reply, finish, wait_for_end

T = TypeVar("T")

RELOADED = "reloaded: every worker runs the new code"

ANY_PORT = ("--bind", "127.0.0.1:0")

# Answers with the text of version.txt at the time it was imported; /wait says so and waits at the gate.
APP = """
import os, sys
VERSION = open("version.txt").read()

def app(environ, start_response):
    if environ["PATH_INFO"] == "/wait":
        sys.stderr.write("inside\\n")
        open("gate").close()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{VERSION} {os.getpid()}".encode()]
"""

# What a version may do while it is imported.
WAITS = "import sys\nsys.stderr.write('importing\\n')\nopen('gate').close()\n"
FAILS = "raise RuntimeError('version does not start')\n"
DIES = "import os\nos.abort()\n"


class Gate:
    """Where an application waits until it is let through."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._path = path

    def open(self) -> None:
        """Lets through who waits, and waits for somebody where nobody does."""
        self._path.open("w").close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "one")
    return tmp_path


@pytest.fixture
def gate(folder: Path) -> Gate:
    return Gate(folder / "gate")


def write(folder: Path, version: str, *, first: str = "") -> None:
    """The application, which runs `first` when it is imported."""
    (folder / "version.txt").write_text(version)
    (folder / "app.py").write_text(first + APP)


def version_and_pid(reply: Reply) -> tuple[str, int]:
    assert reply.status == 200
    version, pid = reply.body.decode().split()
    return version, int(pid)


@contextlib.contextmanager
def meanwhile(call: Callable[[], T]) -> Iterator["Future[T]"]:
    """Runs the call in a thread during the block."""
    with ThreadPoolExecutor(1) as threads:
        yield threads.submit(call)


# Serving


def test_workers_serve_and_the_supervisor_does_not_run_the_application(folder: Path) -> None:
    with Penstock("app:app", "--workers", "2", folder=folder) as server:
        assert len(server.workers()) == 2
        version, pid = version_and_pid(server.get("/"))
        assert version == "one"
        assert pid in server.workers()


def test_one_supervisor_and_as_many_workers_as_asked_for(folder: Path) -> None:
    with Penstock("app:app", "--workers", "3", folder=folder) as server:
        assert len(server.workers()) == 3
        server.wait_line("worker [0-9]+ is ready", count=3)


def test_several_listeners(folder: Path) -> None:
    unix = folder / "http.sock"
    with Penstock("app:app", "--bind", "fcgi://127.0.0.1:0", "--uds", str(unix), folder=folder) as server:
        assert server.address("http") == str(unix)
        assert server.get("/").status == 200
        server.connect("fcgi").close()
    assert not unix.exists()


def test_a_socket_for_each_worker(folder: Path) -> None:
    with Penstock("app:app", "--workers", "2", "--reuse-port", folder=folder) as server:
        pids = {version_and_pid(server.get("/"))[1] for _ in range(64)}
        assert pids == server.workers()


# Ending


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
@pytest.mark.parametrize("to_all", [False, True], ids=["supervisor", "terminal"])
def test_signals_that_end_a_server(number: signal.Signals, to_all: bool, folder: Path) -> None:
    unix = folder / "sock"
    with Penstock("app:app", "--workers", "2", "--bind", f"unix:{unix}", folder=folder) as server:
        (server.send_to_all if to_all else server.send)(number)
        assert server.wait() == 0
        server.wait_gone()
    assert not unix.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_is_answered_before_a_worker_ends(number: signal.Signals, folder: Path, gate: Gate) -> None:
    with Penstock("app:app", folder=folder) as server, meanwhile(lambda: server.get("/wait")) as answer:
        server.wait_line("inside")
        server.send_to_all(number) if number == signal.SIGINT else server.send(number)
        server.wait_line("stopping when all that was accepted is answered")
        gate.open()
        assert answer.result().status == 200
        assert server.wait() == 0


def test_a_worker_that_takes_too_long_is_killed(folder: Path, gate: Gate) -> None:
    with Penstock("app:app", "--graceful-timeout", "10ms", folder=folder) as server:
        with server.connect() as client:
            client.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
            server.wait_line("inside")
            assert server.stop() == 0
        server.wait_line("did not end in time: killing it")
        server.wait_line("was killed by SIGKILL")


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGQUIT])
def test_a_second_signal_stops_now(second: signal.Signals, folder: Path, gate: Gate) -> None:
    with Penstock("app:app", "--graceful-timeout", "0", folder=folder) as server, server.connect() as client:
        client.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        server.wait_line("inside")
        server.send(signal.SIGINT)
        server.wait_line("stopping when")
        server.send(second)
        server.wait_line("stopping now")
        assert server.wait() == 0


def test_a_server_that_ends_refuses_at_once_and_leaves_its_place(folder: Path, gate: Gate) -> None:
    """Nobody waits for an answer that never comes; the next server need not wait for the last request of this one."""
    first = Penstock("app:app", "--threads", "2", "--log-level", "debug", folder=folder)
    with first, meanwhile(lambda: first.get("/wait")) as answer:
        first.wait_line("inside")
        first.send(signal.SIGTERM)
        first.wait_line("no worker accepts connections any more")
        with Penstock("app:app", "--bind", f"127.0.0.1:{first.port}", folder=folder) as second:
            assert second.get("/").status == 200
        with pytest.raises(ConnectionRefusedError):
            first.connect()
        gate.open()
        assert answer.result().status == 200
        assert first.wait() == 0


# Workers that die


def test_a_worker_that_dies_is_replaced(folder: Path) -> None:
    with Penstock("app:app", "--workers", "2", folder=folder) as server:
        before = server.workers()
        victim = min(before)
        mark = server.mark()
        os.kill(victim, signal.SIGKILL)
        server.wait_line(f"worker {victim} was killed by SIGKILL: another takes its place", since=mark)
        server.wait_line("is ready", since=mark)
        after = server.workers()
        assert len(after) == 2
        assert len(after & before) == 1


def test_a_connection_waits_for_the_next_worker(folder: Path) -> None:
    with Penstock("app:app", "--reuse-port", folder=folder) as server:
        (victim,) = server.workers()
        os.kill(victim, signal.SIGKILL)
        wait_for_end(victim)
        assert version_and_pid(server.get("/"))[1] != victim


@pytest.mark.parametrize("workers", ["1", "4"])
def test_an_application_that_does_not_start_is_told_once(workers: str, folder: Path) -> None:
    write(folder, "one", first=FAILS)
    done = finish("app:app", "--workers", workers, *ANY_PORT, folder=folder)
    assert done.status == ExitStatus.BOOT
    assert done.stderr.count("Traceback") == 1
    assert done.stderr.count("critical: cannot import 'app': RuntimeError: version does not start") == 1
    assert 'app.py", line 1, in <module>' in done.stderr
    assert "penstock/" not in done.stderr


def test_a_worker_that_dies_at_boot_every_time_is_no_loop(folder: Path) -> None:
    write(folder, "one", first=DIES)
    done = finish("app:app", "--workers", "2", *ANY_PORT, folder=folder)
    assert done.status == ExitStatus.BOOT
    assert done.stderr.count("was killed by SIGABRT before it was ready") == 3
    assert "no worker can start: giving up" in done.stderr


def test_a_replacement_that_does_not_start_leaves_the_others_serving(folder: Path) -> None:
    with Penstock("app:app", "--workers", "2", folder=folder) as server:
        write(folder, "two", first=FAILS)
        mark = server.mark()
        victim = min(server.workers())
        os.kill(victim, signal.SIGKILL)
        server.wait_line("before it was ready", since=mark, count=2)
        assert version_and_pid(server.get("/"))[0] == "one"
        write(folder, "three")
        server.wait_line("is ready", since=mark)
        assert len(server.workers()) == 2


def test_when_the_last_worker_is_gone_and_none_starts_the_server_ends(folder: Path) -> None:
    with Penstock("app:app", folder=folder) as server:
        write(folder, "two", first=FAILS)
        (victim,) = server.workers()
        os.kill(victim, signal.SIGKILL)
        assert server.wait() == ExitStatus.BOOT
        assert server.output.count("before it was ready") == 3


def test_a_worker_that_is_told_to_end_is_replaced(folder: Path) -> None:
    with Penstock("app:app", folder=folder) as server:
        (worker,) = server.workers()
        mark = server.mark()
        os.kill(worker, signal.SIGTERM)
        server.wait_line(f"worker {worker} ended: another takes its place", since=mark)
        server.wait_line("is ready", since=mark)


class UnableToFork(SignalQueue):
    def fork(self) -> NoReturn:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def no_lifeline() -> NoReturn:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


@pytest.mark.parametrize("lack", [errno.EAGAIN, errno.EMFILE], ids=["processes", "descriptors"])
def test_a_machine_at_its_limits(lack: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(place: Place) -> int:
        raise AssertionError(place)

    if lack == errno.EMFILE:
        monkeypatch.setattr(supervisor_module, "Lifeline", no_lifeline)
    with UnableToFork([]) as signals:
        supervisor = Supervisor(
            signals, seats=2, graceful_timeout=1.0, scoreboard=Scoreboard(4), work=never, all_draining=lambda: None
        )
        assert supervisor.run() == ExitStatus.BOOT
    reasons = [record.getMessage() for record in caplog.records if "fork" in record.getMessage()]
    assert reasons == [f"cannot fork a worker: {os.strerror(lack)}"] * 3


# Reload


def test_a_reload_takes_the_new_code(folder: Path) -> None:
    with Penstock("app:app", "--workers", "3", folder=folder) as server:
        before = server.workers()
        write(folder, "two")
        server.send(signal.SIGHUP)
        server.wait_line(RELOADED)
        assert version_and_pid(server.get("/"))[0] == "two"
        for pid in before:
            wait_for_end(pid)
        assert len(server.workers()) == 3


def test_the_old_code_serves_until_the_new_is_ready(folder: Path, gate: Gate) -> None:
    with Penstock("app:app", "--workers", "2", folder=folder) as server:
        write(folder, "two", first=WAITS)
        server.send(signal.SIGHUP)
        server.wait_line("importing")
        assert version_and_pid(server.get("/"))[0] == "one"
        gate.open()
        server.wait_line("importing", count=2)
        gate.open()
        server.wait_line(RELOADED)
        assert version_and_pid(server.get("/"))[0] == "two"


def test_a_request_of_the_old_code_is_answered_after_a_reload(folder: Path, gate: Gate) -> None:
    with Penstock("app:app", folder=folder) as server, meanwhile(lambda: server.get("/wait")) as answer:
        server.wait_line("inside")
        write(folder, "two")
        server.send(signal.SIGHUP)
        server.wait_line(RELOADED)
        assert version_and_pid(server.get("/"))[0] == "two"
        gate.open()
        assert version_and_pid(answer.result())[0] == "one"


def test_requests_during_reloads_are_all_answered(folder: Path) -> None:
    with Penstock("app:app", "--workers", "2", folder=folder) as server:
        over = threading.Event()

        def ask() -> int:
            number = 0
            while not over.is_set():
                version_and_pid(server.get("/"))
                number += 1
            return number

        with ThreadPoolExecutor(4) as threads:
            answered = [threads.submit(ask) for _ in range(4)]
            for count in range(1, 4):
                server.send(signal.SIGHUP)
                server.wait_line(RELOADED, count=count)
            over.set()
            assert all(each.result() > 0 for each in answered)


@pytest.mark.parametrize("first", [FAILS, DIES], ids=["fails", "dies"])
def test_code_that_does_not_start_does_not_replace_what_does(first: str, folder: Path) -> None:
    with Penstock("app:app", "--workers", "2", folder=folder) as server:
        before = server.workers()
        write(folder, "two", first=first)
        server.send(signal.SIGHUP)
        server.wait_line("not reloaded: the new code does not start, the old workers go on serving")
        assert server.output.count("before it was ready") == 1
        assert server.workers() == before
        assert version_and_pid(server.get("/"))[0] == "one"
        write(folder, "three")
        server.send(signal.SIGHUP)
        server.wait_line(RELOADED)
        assert version_and_pid(server.get("/"))[0] == "three"


def test_a_second_reload_starts_over(folder: Path, gate: Gate) -> None:
    """So new code that never gets ready can be replaced by better code."""
    with Penstock("app:app", "--workers", "2", folder=folder) as server:
        write(folder, "two", first=WAITS)
        server.send(signal.SIGHUP)
        server.wait_line("importing")
        write(folder, "three")
        server.send(signal.SIGHUP)
        server.wait_line(RELOADED)
        assert version_and_pid(server.get("/"))[0] == "three"


def test_a_reload_before_the_first_worker_is_ready(folder: Path, gate: Gate) -> None:
    write(folder, "one", first=WAITS)
    with Penstock("app:app", folder=folder, ready=False) as server:
        server.wait_line("importing")
        write(folder, "two")
        server.send(signal.SIGHUP)
        server.wait_line("info: ready")
        assert version_and_pid(server.get("/"))[0] == "two"


def test_a_reload_while_the_server_ends_does_nothing(folder: Path, gate: Gate) -> None:
    with Penstock("app:app", folder=folder) as server, meanwhile(lambda: server.get("/wait")) as answer:
        server.wait_line("inside")
        server.send(signal.SIGTERM)
        server.wait_line("stopping when")
        server.send_to_all(signal.SIGHUP)
        gate.open()
        assert answer.result().status == 200
        assert server.wait() == 0
        assert "reloading" not in server.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_worker_that_starts_does_not_delay_the_end(number: signal.Signals, folder: Path, gate: Gate) -> None:
    write(folder, "one", first=WAITS)
    with Penstock("app:app", "--workers", "2", folder=folder, ready=False) as server:
        server.wait_line("importing")
        server.send(number)
        assert server.wait() == 0


def test_new_code_follows_a_moved_link(folder: Path) -> None:
    for version in ("one", "two"):
        (folder / version).mkdir()
        write(folder / version, version)
    (folder / "current").symlink_to("one")
    with Penstock("app:app", "--chdir", "current", folder=folder) as server:
        assert version_and_pid(server.get("/"))[0] == "one"
        (folder / "current").unlink()
        (folder / "current").symlink_to("two")
        server.send(signal.SIGHUP)
        server.wait_line(RELOADED)
        assert version_and_pid(server.get("/"))[0] == "two"


# A supervisor that is gone


def test_workers_leave_when_the_supervisor_is_gone(folder: Path) -> None:
    with Penstock("app:app", "--workers", "3", folder=folder) as server:
        server.send(signal.SIGKILL)
        assert server.wait() == -signal.SIGKILL
        server.wait_line("the supervisor is gone: this worker finishes what it accepted", count=3)
        server.wait_gone()


def test_a_worker_without_supervisor_answers_first(folder: Path, gate: Gate) -> None:
    with Penstock("app:app", folder=folder) as server, meanwhile(lambda: server.get("/wait")) as answer:
        server.wait_line("inside")
        server.send(signal.SIGKILL)
        server.wait()
        server.wait_line("the supervisor is gone")
        gate.open()
        assert answer.result().status == 200
        server.wait_gone()


def test_a_worker_without_supervisor_does_not_stay_for_ever(folder: Path, gate: Gate) -> None:
    with Penstock("app:app", "--graceful-timeout", "10ms", folder=folder) as server, server.connect() as client:
        client.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        server.wait_line("inside")
        server.send(signal.SIGKILL)
        server.wait()
        server.wait_gone()


def test_a_starting_worker_without_supervisor_ends(folder: Path, gate: Gate) -> None:
    write(folder, "one", first=WAITS)
    with Penstock("app:app", folder=folder, ready=False) as server:
        server.wait_line("importing")
        server.send(signal.SIGKILL)
        server.wait()
        server.wait_gone()


def test_what_a_killed_server_left_is_no_obstacle(folder: Path) -> None:
    unix = folder / "sock"
    with Penstock("app:app", "--uds", str(unix), folder=folder) as server:
        server.send_to_all(signal.SIGKILL)
        server.wait()
    assert unix.exists()
    with Penstock("app:app", "--uds", str(unix), folder=folder) as server:
        assert server.get("/").status == 200
    assert not unix.exists()


def test_an_inherited_socket_outlives_the_server(folder: Path) -> None:
    """As under systemd: the next server answers what came while there was none."""
    with socket.create_server(("127.0.0.1", 0)) as given:
        options = ("--bind", f"fd:{given.fileno()}")
        with Penstock("app:app", *options, folder=folder, pass_fds=[given.fileno()]) as first:
            assert first.get("/").status == 200
        with socket.create_connection(given.getsockname()) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            with Penstock("app:app", *options, folder=folder, pass_fds=[given.fileno()]):
                assert client.recv(12) == b"HTTP/1.1 200"

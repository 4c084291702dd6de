"""penstock.worker: the surroundings an application runs in, from its import to its exit handlers."""

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from process import Penstock, finish, wait_for_end

APP = """
import atexit, json, logging.config, os, signal, subprocess, sys

logging.config.dictConfig({"version": 1})
atexit.register(sys.stderr.write, "exit handlers ran\\n")

SEEN = {"folder": os.getcwd(), "path": sys.path[0], "env": os.environ.get("COLOUR"), "pid": os.getpid()}

def fails(environ, start_response):
    raise ValueError("no such thing")

def default_interrupt():
    program = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/fails":
        fails(environ, start_response)
    answer = dict(SEEN)
    if path == "/program":
        answer["default_interrupt"] = default_interrupt()
    for name in ("SCRIPT_NAME", "PATH_INFO", "wsgi.multithread", "wsgi.multiprocess"):
        answer[name] = environ[name]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def seen(server: Penstock, path: str = "/") -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(server.get(path).body)
    return answer


# Before the import


def test_the_current_folder_is_importable(folder: Path) -> None:
    with Penstock("app:app", folder=folder) as server:
        assert seen(server)["folder"] == seen(server)["path"] == str(folder)


def test_another_folder_to_run_in(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with Penstock("app:app", "--chdir", str(folder), folder=elsewhere) as server:
        assert seen(server)["folder"] == seen(server)["path"] == str(folder)


def test_another_folder_to_import_from(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with Penstock("app:app", "--app-dir", str(folder), folder=elsewhere) as server:
        assert seen(server)["folder"] == str(elsewhere)
        assert seen(server)["path"] == str(folder)


def test_the_environment(folder: Path) -> None:
    with Penstock("app:app", "--env", "COLOUR=blue", folder=folder, env={"COLOUR": "red"}) as server:
        assert seen(server)["env"] == "blue"


def test_a_folder_that_is_gone_at_a_reload(folder: Path) -> None:
    run = folder / "run"
    run.mkdir()
    with Penstock("app:app", "--chdir", "run", "--app-dir", str(folder), folder=folder) as server:
        run.rmdir()
        server.send(signal.SIGHUP)
        server.wait_line("critical: cannot change to 'run': No such file or directory")
        server.wait_line("not reloaded")
        assert server.get("/").status == 200


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("apq:app", "no module named 'apq'; did you mean 'app'?"),
        ("app:apq", "module 'app' has no attribute 'apq'; did you mean 'app'?"),
        ("app:SEEN", "'app:SEEN' is a dict, not a callable"),
        ("app:fails()", "the factory 'app:fails' failed: TypeError: fails() missing 2 required positional arguments"),
    ],
)
def test_an_application_that_is_not_there(reference: str, reason: str, folder: Path) -> None:
    done = finish(reference, "--port", "0", folder=folder)
    assert done.status == 3
    assert f"critical: {reason}" in done.stderr


# While it serves


def test_the_mount(folder: Path) -> None:
    with Penstock("app:app", "--root-path", "/shop/", folder=folder) as server:
        assert seen(server, "/shop/cart")["SCRIPT_NAME"] == "/shop"
        assert seen(server, "/shop/cart")["PATH_INFO"] == "/cart"


@pytest.mark.parametrize(("threads", "workers"), [(1, 1), (2, 1), (1, 2)])
def test_what_the_application_is_told_of_the_model(threads: int, workers: int, folder: Path) -> None:
    options = ("--threads", str(threads), "--workers", str(workers))
    with Penstock("app:app", *options, folder=folder) as server:
        assert seen(server)["wsgi.multithread"] == (threads > 1)
        assert seen(server)["wsgi.multiprocess"] == (workers > 1)


def test_a_fault_of_the_application_is_logged_as_its_author_needs_it(folder: Path) -> None:
    with Penstock("app:app", folder=folder) as server:
        mark = server.mark()
        assert server.get("/fails").status == 500
        server.wait_line("ValueError: no such thing", since=mark)
        record, head, *frames, error = server.lines[mark:]
        assert re.search(r"error: .*GET /fails", record)
        assert head == "  Traceback (most recent call last):"
        assert [line.strip() for line in frames if ".py" in line] == [
            f'File "{folder}/app.py", line {number}, in {name}' for number, name in ((19, "app"), (10, "fails"))
        ]
        assert error == "  ValueError: no such thing"


def test_what_is_meant_for_the_supervisor_does_not_move_a_worker(folder: Path) -> None:
    with Penstock("app:app", folder=folder) as server:
        pid = seen(server)["pid"]
        for number in (signal.SIGINT, signal.SIGHUP):
            os.kill(pid, number)
            assert seen(server)["pid"] == pid


def test_an_application_does_not_take_our_signals(folder: Path) -> None:
    theft = "import signal\nfor number in (1, 2, 3, 15, 29): signal.signal(number, lambda *_: 1 / 0)\n"
    (folder / "app.py").write_text(theft + APP)
    with Penstock("app:app", folder=folder) as server:
        pid = seen(server)["pid"]
        for number in (signal.SIGINT, signal.SIGHUP):
            os.kill(pid, number)
            assert seen(server)["pid"] == pid
        assert server.stop() == 0
        assert "ZeroDivisionError" not in server.output


def test_programs_of_the_application_can_be_interrupted(folder: Path) -> None:
    with Penstock("app:app", folder=folder) as server:
        assert seen(server, "/program")["default_interrupt"] == "True"


def test_a_worker_holds_nothing_that_is_anothers(folder: Path) -> None:
    with Penstock("app:app", "--workers", "2", "--reuse-port", folder=folder) as server:
        supervisor = opened(server.pid)
        for worker in server.workers():
            shared = [name.partition(":")[0] for name in opened(worker) & supervisor]
            # The log, its own lifeline, its own listener.
            assert sorted(shared) == ["pipe", "pipe", "socket"]


def opened(pid: int) -> set[str]:
    """The pipes and sockets a process has open; its first two descriptors are whatever the tests were given."""
    folder = Path(f"/proc/{pid}/fd")
    names = {entry.readlink().as_posix() for entry in folder.iterdir() if entry.name not in "01"}
    return {name for name in names if name.startswith(("pipe:", "socket:"))}


# At the end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_exit_handlers_run(number: signal.Signals, folder: Path) -> None:
    with Penstock("app:app", "--workers", "2", folder=folder) as server:
        server.send_to_all(number)
        assert server.wait() == 0
        server.wait_gone()
        server.wait_line("exit handlers ran", count=2)


def test_exit_handlers_run_without_a_supervisor(folder: Path) -> None:
    with Penstock("app:app", folder=folder) as server:
        (worker,) = server.workers()
        server.send(signal.SIGKILL)
        server.wait()
        wait_for_end(worker)
        server.wait_line("exit handlers ran")

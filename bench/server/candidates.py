"""The registry of servers: how each is started with one worker on a given port, as its own documentation tells to for speed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.server import build, peers

Command = list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a workload asks of a server."""

    port: int
    app: str  # a function of bench/apps
    threads: int = 1
    connections: int = 1
    penstock: Path  # the interpreter Penstock is installed for

    @property
    def bind(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def wsgi(self) -> str:
        return f"bench.apps.wsgi:{self.app}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A server under one protocol."""

    name: str
    protocol: str  # http, fcgi or uwsgi
    command: Callable[[Launch], Command]
    missing: Callable[[Path], str | None]  # given Penstock's interpreter: why it cannot run here
    version: Callable[[], str] = lambda: ""
    closes: bool = False  # ends the connection after each answer, whatever it is asked for
    kept_by_nginx: bool = True  # nginx may keep its FastCGI connections to it
    note: str = ""


def _embedded(server: str, launch: Launch) -> Command:
    return [peers.python(), "-m", "bench.server.embed", server, launch.wsgi, str(launch.port)]


def _bjoern(launch: Launch) -> Command:
    return _embedded("bjoern", launch)


def _fastpysgi(launch: Launch) -> Command:
    return _embedded("fastpysgi", launch)


def _fastwsgi(launch: Launch) -> Command:
    return _embedded("fastwsgi", launch)


def _flup(launch: Launch) -> Command:
    return _embedded("flup", launch)


def _granian(interface: str, app: str, launch: Launch) -> Command:
    options = ["--host", "127.0.0.1", "--port", str(launch.port), "--interface", interface, "--http", "1", "--no-ws"]
    options += ["--workers", "1", "--runtime-threads", "1", "--runtime-mode", "st", "--no-log", "--backlog", "4096"]
    options += ["--backpressure", "20000"]  # by default no more connections than the backlog
    if interface == "wsgi":
        options += ["--blocking-threads", str(launch.threads)]
    return [peers.executable("granian"), *options, app]


def _granian_wsgi(launch: Launch) -> Command:
    return _granian("wsgi", launch.wsgi, launch)


def _granian_rsgi(launch: Launch) -> Command:
    return _granian("rsgi", f"bench.apps.rsgi:{launch.app}", launch)


def _gunicorn(worker: str, launch: Launch) -> Command:
    options = ["--workers", "1", "--worker-class", worker, "--threads", str(launch.threads), "--keep-alive", "75"]
    options += [
        "--timeout",
        "300",
        "--bind",
        launch.bind,
        "--backlog",
        "4096",
        "--log-level",
        "warning",
        "--no-control-socket",
    ]
    return [peers.executable("gunicorn"), *options, launch.wsgi]


def _gunicorn_sync(launch: Launch) -> Command:
    return _gunicorn("sync", launch)


def _gunicorn_gthread(launch: Launch) -> Command:
    return _gunicorn("gthread", launch)


def _uwsgi(socket: str, launch: Launch, *extra: str) -> Command:
    options = ["--module", launch.wsgi, "--need-app", "--disable-logging", "--die-on-term", "--listen", "1024"]
    if launch.threads > 1:
        options += ["--threads", str(launch.threads)]
    return [peers.executable("uwsgi"), socket, launch.bind, *options, *extra]


def _uwsgi_http(launch: Launch) -> Command:
    return _uwsgi("--http-socket", launch)


def _uwsgi_router(launch: Launch) -> Command:
    return _uwsgi("--http", launch, "--http-keepalive", "--http-auto-chunked", "--add-header", "Connection: keep-alive")


def _uwsgi_fcgi(launch: Launch) -> Command:
    return _uwsgi("--fastcgi-socket", launch)


def _uwsgi_native(launch: Launch) -> Command:
    return _uwsgi("--uwsgi-socket", launch)


def _waitress(launch: Launch) -> Command:
    options = [f"--listen={launch.bind}", f"--threads={launch.threads}", "--connection-limit=4096", "--backlog=4096"]
    return [peers.executable("waitress-serve"), *options, launch.wsgi]


def _penstock(protocol: str, launch: Launch) -> Command:
    options = ["--bind", f"{protocol}://{launch.bind}", "--workers", "1", "--worker-connections", "20000"]
    options += ["--keep-alive", "60s"]  # the idle connections have to stay while they are counted
    if launch.threads > 1:
        options += ["--threads", str(launch.threads)]
    return [str(launch.penstock.with_name("penstock")), launch.wsgi, *options]


def _penstock_http(launch: Launch) -> Command:
    return _penstock("http", launch)


def _penstock_fcgi(launch: Launch) -> Command:
    return _penstock("fcgi", launch)


def _anchor_http(launch: Launch) -> Command:
    return [str(build.program("anchor-http")), str(launch.port), launch.app]


def _anchor_fcgi(launch: Launch) -> Command:
    return [str(build.program("anchor-fcgi")), str(launch.port)]


def _anchor_libfcgi(launch: Launch) -> Command:
    """A thread for each connection: one of libfcgi's threads serves no second before the first ends."""
    return [str(build.program("anchor-libfcgi")), str(launch.port), str(launch.connections)]


def _peer(
    name: str,
    protocol: str,
    command: Callable[[Launch], Command],
    package: str,
    *,
    closes: bool = False,
    kept_by_nginx: bool = True,
    note: str = "",
) -> Candidate:
    return Candidate(
        name=name,
        protocol=protocol,
        command=command,
        missing=lambda _penstock: peers.missing(package),
        version=lambda: peers.versions().get(package, ""),
        closes=closes,
        kept_by_nginx=kept_by_nginx,
        note=note,
    )


def _anchor(name: str, protocol: str, command: Callable[[Launch], Command], program: str, note: str) -> Candidate:
    def missing(_penstock: Path) -> str | None:
        try:
            build.program(program)
        except build.BuildError as error:
            return str(error)
        return None

    return Candidate(name=name, protocol=protocol, command=command, missing=missing, note=note)


def _ours(name: str, protocol: str, command: Callable[[Launch], Command]) -> Candidate:
    def missing(penstock: Path) -> str | None:
        script = penstock.with_name("penstock")
        return None if script.exists() else f"no {script.name} beside {penstock.name}: install it, or give --python"

    return Candidate(name=name, protocol=protocol, command=command, missing=missing)


def nginx_missing() -> str | None:
    return None if shutil.which("nginx") else "nginx is not installed"


CANDIDATES = {
    each.name: each
    for each in (
        _ours("penstock", "http", _penstock_http),
        _ours("penstock-fcgi", "fcgi", _penstock_fcgi),
        _anchor("c-loop", "http", _anchor_http, "anchor-http", "no server: the system calls, no limits, no checks"),
        _anchor(
            "c-responder", "fcgi", _anchor_fcgi, "anchor-fcgi", "no server: the system calls, no limits, no checks"
        ),
        _anchor("libfcgi", "fcgi", _anchor_libfcgi, "anchor-libfcgi", "C application, a thread per connection"),
        _peer("bjoern", "http", _bjoern, "bjoern"),
        _peer("fastpysgi", "http", _fastpysgi, "fastpysgi"),
        _peer("fastwsgi", "http", _fastwsgi, "fastwsgi"),
        _peer("granian", "http", _granian_wsgi, "granian"),
        _peer("granian-rsgi", "http", _granian_rsgi, "granian", note="Granian's own interface"),
        _peer("gunicorn", "http", _gunicorn_sync, "gunicorn", closes=True, note="closes after each answer"),
        _peer("gunicorn-gthread", "http", _gunicorn_gthread, "gunicorn"),
        _peer("uwsgi", "http", _uwsgi_http, "uwsgi", closes=True, note="--http-socket, closes after each answer"),
        _peer("uwsgi-router", "http", _uwsgi_router, "uwsgi", note="--http --http-keepalive: a process of its own"),
        _peer("uwsgi-native", "uwsgi", _uwsgi_native, "uwsgi", note="uwsgi protocol"),
        _peer("uwsgi-fcgi", "fcgi", _uwsgi_fcgi, "uwsgi", closes=True, note="closes in spite of KEEP_CONN"),
        _peer("waitress", "http", _waitress, "waitress"),
        # Its thread pool now and then leaves a kept connection without a thread, and nginx waiting for ever.
        _peer("flup", "fcgi", _flup, "flup", kept_by_nginx=False, note="a thread per connection"),
    )
}

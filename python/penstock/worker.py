"""A worker: loads the application into the process that the supervisor forked, and serves until it is told to end."""

import os
import signal
import sys
from collections.abc import Iterable

from penstock import log
from penstock._server import Server
from penstock._wsgi import WsgiGateway
from penstock.application import Application, load
from penstock.config import Config
from penstock.exits import ExitStatus, StartupError
from penstock.listener import Listener
from penstock.log import LOGGER
from penstock.signals import ignore
from penstock.supervisor import Place

# What a worker without a supervisor may take beyond its graceful timeout: nobody is left to kill it.
_ORPHAN_GRACE_SECONDS = 1.0


def run(config: Config, place: Place, listeners: Iterable[Listener]) -> ExitStatus:
    """Everything a worker does, in the child; returns the status to end with."""
    place.scoreboard.claim(place.slot, os.getpid())
    _leave_to_the_supervisor()
    try:
        application = _load(config)
        _leave_to_the_supervisor()  # whatever the application has made of them
        _serve(config, application, _server(config, place, listeners))
    except StartupError as error:
        log.startup_failed(error)
        return error.status
    except Exception:
        LOGGER.critical("this worker cannot go on", exc_info=True)
        return ExitStatus.FAILURE
    return ExitStatus.OK


def _leave_to_the_supervisor() -> None:
    """INT and HUP reach every process of a terminal but are meant for one. It speaks to workers by TERM and QUIT."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, ignore)


def _load(config: Config) -> Application:
    """Imports the application in the surroundings the configuration asks for. Raises StartupError."""
    try:
        if config.chdir is not None:
            os.chdir(config.chdir)
        folder = os.path.abspath(config.app_dir or os.curdir)
    except OSError as error:
        raise StartupError(f"cannot change to {str(config.chdir)!r}: {error.strerror}", ExitStatus.BOOT) from None
    if folder not in sys.path[:1]:
        sys.path.insert(0, folder)
    os.environ.update(config.env)
    try:
        return load(config.application, factory=config.factory)
    finally:
        log.restore()


def _server(config: Config, place: Place, listeners: Iterable[Listener]) -> Server:
    server = Server(
        limits=config.limits,
        timeouts=config.timeouts,
        root_path=None if config.root_path is None else os.fsencode(config.root_path),
        threads=config.threads,
        scoreboard=place.scoreboard,
        slot=place.slot,
        log_failure=LOGGER.error,
    )
    for listener in listeners:
        server.add_listener(listener.fileno(), listener.protocol)
    return server


def _serve(config: Config, application: Application, server: Server) -> None:
    gateway = WsgiGateway(
        application,
        multithread=config.threads > 1,
        multiprocess=config.workers > 1,
        log_exception=log.log_exception,
        errors=sys.stderr,
    )
    _obey_signals(server, config.timeouts.graceful)
    try:
        server.serve(gateway)
    finally:
        signal.set_wakeup_fd(-1)  # the descriptor goes with the server
        # Told twice: by default the second would end the process before the application's exit handlers have run.
        for number in (signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)


def _obey_signals(server: Server, graceful_timeout: float) -> None:
    def drain(number: int, frame: object) -> None:
        server.drain()

    def stop(number: int, frame: object) -> None:
        server.stop()

    def leave(number: int, frame: object) -> None:
        LOGGER.error("the supervisor is gone: this worker finishes what it accepted")
        if graceful_timeout:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, graceful_timeout + _ORPHAN_GRACE_SECONDS)
        server.drain()

    signal.set_wakeup_fd(server.wakeup_fd, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, drain)
    signal.signal(signal.SIGQUIT, stop)
    signal.signal(signal.SIGIO, leave)

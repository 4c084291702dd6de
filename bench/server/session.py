"""One server, started for one workload and stopped again; with nginx in front where the workload says so."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.server import nginx
from bench.server.candidates import Candidate, Launch
from bench.server.generator import Generator
from bench.server.machine import Machine
from bench.server.net import free_port, wait_until_listening
from bench.server.processes import Process
from bench.server.workloads import Workload


class DidNotStart(Exception):
    """Carries the last line of the server's log."""


@dataclass(frozen=True, slots=True)
class Session:
    generator: Generator
    server: Process
    front: Process | None

    def pids(self) -> list[int]:
        """Of everything whose cost counts."""
        return self.server.pids() + self.front_pids()

    def front_pids(self) -> list[int]:
        return self.front.pids() if self.front else []


def _start(command: Sequence[str], port: int, log: Path, machine: Machine, stack: ExitStack) -> Process:
    process = Process(command, core=machine.server_core, log=log, priority=machine.priority)
    stack.callback(process.stop, machine.stop_seconds)
    if not wait_until_listening(port, process.alive, machine.start_seconds):
        raise DidNotStart(process.log_tail())
    return process


@contextmanager
def session(candidate: Candidate, workload: Workload, machine: Machine, wrap: Sequence[str] = ()) -> Iterator[Session]:
    """`wrap` goes before the server's command. Raises DidNotStart."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-bench-")))
        port = free_port()
        launch = Launch(
            port=port,
            app=workload.app,
            threads=workload.threads,
            connections=workload.connections,
            penstock=machine.penstock,
        )
        server = _start([*wrap, *candidate.command(launch)], port, folder / "server.log", machine, stack)
        front = None
        if workload.nginx:
            upstream, port = port, free_port()
            command = nginx.command(
                folder, protocol=candidate.protocol, kept=candidate.kept_by_nginx, port=port, upstream=upstream
            )
            front = _start(command, port, folder / "nginx.log", machine, stack)
        closes = candidate.closes and not workload.nginx
        generator = Generator(workload, machine, folder=folder, port=port, closes=closes)
        yield Session(generator, server, front)

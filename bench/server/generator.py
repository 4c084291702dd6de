"""Runs the load generator (bench/load) against a server, and reads what it reports."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.server import build
from bench.server.machine import Machine
from bench.server.processes import pin
from bench.server.workloads import Workload

PROBE_CONNECTIONS = 8
END_SECONDS = 60.0


class WrongAnswer(Exception):
    """The server does not answer this workload as it should; measuring it would mean nothing."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much load: for so many seconds, or so many requests."""

    seconds: float | None = None
    requests: int | None = None

    def times(self, factor: float) -> Amount:
        if self.requests:
            return Amount(requests=max(1, int(self.requests * factor)))
        return Amount(seconds=(self.seconds or 0.0) * factor)

    def options(self) -> list[str]:
        return ["--requests", str(self.requests)] if self.requests else ["--duration", str(self.seconds)]


class Generator:
    """Load of one workload on one port. `closes`: the server ends each connection after its answer."""

    def __init__(self, workload: Workload, machine: Machine, *, folder: Path, port: int, closes: bool) -> None:
        self._workload, self._machine = workload, machine
        self._expected = folder / "answer"
        self._expected.write_bytes(workload.answer)
        head, body = folder / "head", folder / "body-sent"
        head.write_bytes(_closing(workload.head) if closes and workload.protocol == "http" else workload.head)
        body.write_bytes(workload.body)
        self._base = [str(build.program("load")), "--address", f"127.0.0.1:{port}", "--protocol", workload.protocol]
        self._base += ["--head", str(head), "--body", str(body), *(["--close"] if closes else [])]

    def _command(self, *options: str) -> list[str]:
        return [*self._base, "--length", str(len(self._workload.answer)), *options]

    def _start(self, command: Sequence[str], stdin: int) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        core, priority = self._machine.load_core, self._machine.priority
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=pipe,
            stderr=pipe,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: pin(core, priority),
        )

    def run(self, amount: Amount, *extra: str) -> dict[str, Any]:
        """The load generator's report. Raises WrongAnswer when it has none."""
        options = ["--connections", str(self._workload.connections), *amount.options(), *extra]
        if self._machine.load_has_its_core:
            options.append("--spin")
        with self._start(self._command(*options), subprocess.DEVNULL) as load:
            output, errors = load.communicate()
        if load.returncode != 0:
            raise WrongAnswer(errors.strip() or f"load generator failed ({load.returncode})")
        result: dict[str, Any] = json.loads(output)
        return result

    def probe(self) -> None:
        """A few requests, every byte of their answers compared. Raises WrongAnswer."""
        connections = min(self._workload.connections, PROBE_CONNECTIONS)
        result = self.run(
            Amount(requests=2 * connections), "--connections", str(connections), "--expect", str(self._expected)
        )
        if result["wrong"] or result["lost"]:
            raise WrongAnswer(result["error"])

    @contextmanager
    def idle(self, connections: int) -> Iterator[None]:
        """So many connections, each of which had one answer, open for the time of the block.

        Raises WrongAnswer when the server does not take them all, or closes some meanwhile.
        """
        command = self._command("--connections", str(connections), "--idle")
        held = self._start(command, subprocess.PIPE)
        assert held.stdout is not None
        assert held.stdin is not None
        assert held.stderr is not None
        try:
            if not held.stdout.readline():
                raise WrongAnswer(f"{connections} connections: {held.stderr.read().strip()}")
            yield
            held.stdin.close()
            if closed := json.loads(held.stdout.readline())["closed"]:
                raise WrongAnswer(f"{closed} of {connections} idle connections closed")
        finally:
            held.stdin.close()
            held.wait(END_SECONDS)
            held.stdout.close()
            held.stderr.close()


def _closing(head: bytes) -> bytes:
    """The same head, asking for the end of the connection."""
    return head.removesuffix(b"\r\n") + b"Connection: close\r\n\r\n"

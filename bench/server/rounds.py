"""Interleaved rounds: every server once, then every server again, so that what drifts on the machine drifts for all."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.server.candidates import CANDIDATES, Candidate, nginx_missing
from bench.server.generator import Amount, WrongAnswer
from bench.server.machine import Machine
from bench.server.processes import cpu_seconds, memory
from bench.server.session import DidNotStart, Session, session
from bench.server.workloads import Workload

WARM_SHARE = 0.25
SPARE_DESCRIPTORS = 512
KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One server, one round. Times of a request in microseconds, memory in bytes."""

    requests: int
    seconds: float
    cpu_seconds: float
    front_cpu_seconds: float  # of it, nginx
    p50_us: float
    p99_us: float
    pss: int
    rss: int
    wrong: int
    lost: int
    retried: int
    reconnects: int
    load_busy: float  # share of its core that the load generator needed
    others_busy: float  # share of the server's core that went to processes that are no part of this
    error: str
    extra: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_per_100k(self) -> float:
        return self.cpu_seconds / self.requests * 100_000

    @property
    def front_cpu_per_100k(self) -> float:
        return self.front_cpu_seconds / self.requests * 100_000


@dataclass(slots=True)
class Row:
    """A server's samples, by round; None where that round failed. `reason`: why there are none."""

    server: str
    samples: list[Sample | None] = field(default_factory=list)
    reason: str = ""

    def good(self) -> list[Sample]:
        return [sample for sample in self.samples if sample is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    rounds: int
    amount: Amount
    machine: Machine


def _core_busy_seconds(core: int) -> float:
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system, _idle, _iowait, irq, softirq = (int(word) for word in line.split()[1:8])
            return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
    return 0.0


def measure(running: Session, amount: Amount, core: int) -> Sample:
    """Load for the given amount, and what it cost the server. Raises WrongAnswer when nothing was answered."""
    before, busy, begin = cpu_seconds(running.pids()), _core_busy_seconds(core), time.monotonic()
    result = running.generator.run(amount)
    busy, elapsed = _core_busy_seconds(core) - busy, time.monotonic() - begin
    if not result["requests"]:
        raise WrongAnswer(result["error"])
    pids = running.pids()
    spent = {pid: seconds - before.get(pid, 0.0) for pid, seconds in cpu_seconds(pids).items()}
    cpu, front = sum(spent.values()), running.front_pids()
    used = memory(pids)
    seconds = result["seconds"]
    return Sample(
        requests=result["requests"],
        seconds=seconds,
        cpu_seconds=cpu,
        front_cpu_seconds=sum(spent.get(pid, 0.0) for pid in front),
        p50_us=result["p50_us"],
        p99_us=result["p99_us"],
        pss=used.pss,
        rss=used.rss,
        wrong=result["wrong"],
        lost=result["lost"],
        retried=result["retried"],
        reconnects=result["reconnects"],
        load_busy=max(0.0, result["work_s"] / seconds),
        others_busy=max(0.0, busy - cpu) / elapsed,
        error=result["error"],
    )


def idle_connections(wanted: int) -> int:
    """As many as the limit of open files of one process lets be."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(wanted, soft - SPARE_DESCRIPTORS)


def _measure_with_idle(running: Session, workload: Workload, amount: Amount, core: int) -> Sample:
    connections = idle_connections(workload.idle)
    alone = measure(running, amount, core)
    with running.generator.idle(connections):
        opened = memory(running.pids())
        sample = measure(running, amount, core)
    sample.extra.update(
        connections=connections,
        kib_each=(opened.pss - alone.pss) / KIB / connections,
        cpu_ratio=sample.cpu_per_100k / alone.cpu_per_100k,
        p50_ratio=sample.p50_us / alone.p50_us,
    )
    return sample


def _one_round(candidate: Candidate, workload: Workload, plan: Plan, *, first: bool) -> Sample:
    amount = plan.amount.times(workload.pace)
    with session(candidate, workload, plan.machine) as running:
        if first:
            running.generator.probe()
        running.generator.run(amount.times(WARM_SHARE))
        core = plan.machine.server_core
        if workload.idle:
            return _measure_with_idle(running, workload, amount, core)
        return measure(running, amount, core)


def missing(candidate: Candidate, workload: Workload, penstock: Path) -> str | None:
    return (nginx_missing() if workload.nginx else None) or candidate.missing(penstock)


def run(workload: Workload, servers: Sequence[str], plan: Plan, tell: Callable[[str], None]) -> list[Row]:
    """The rows in the order of `servers`. A server that fails its first round is left out of the others."""
    rows = {name: Row(name) for name in servers}
    for row in rows.values():
        row.reason = missing(CANDIDATES[row.server], workload, plan.machine.penstock) or ""
    for turn in range(min(plan.rounds, workload.most_rounds)):
        for row in rows.values():
            if not row.reason:
                tell(f"{workload.name}, round {turn + 1}: {row.server}")
                _take(row, workload, plan)
    return list(rows.values())


def _take(row: Row, workload: Workload, plan: Plan) -> None:
    first = not row.samples
    try:
        row.samples.append(_one_round(CANDIDATES[row.server], workload, plan, first=first))
    except (DidNotStart, WrongAnswer) as failure:
        row.samples.append(None)
        if first:
            row.reason = f"{type(failure).__name__}: {failure}"


def progress(line: str) -> None:
    """On a terminal one line that changes; elsewhere nothing."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)

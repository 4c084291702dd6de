"""What was measured, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from bench.server.candidates import CANDIDATES
from bench.server.rounds import Row, Sample
from bench.server.workloads import Workload

MIB = 1024 * 1024
LOAD_BOUND = 0.95
DISTURBED = 0.10


def _values(row: Row, value: Callable[[Sample], float]) -> list[float]:
    return [value(sample) for sample in row.good()]


def _mid(row: Row, value: Callable[[Sample], float]) -> float:
    return median(_values(row, value))


def _spread(values: Sequence[float], digits: int = 2) -> str:
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def _cpu(sample: Sample) -> float:
    return sample.cpu_per_100k


def ratios(row: Row, base: Row) -> list[float]:
    """CPU per request over the baseline's, round by round: what disturbs a round disturbs both."""
    pairs = zip(row.samples, base.samples, strict=False)
    return [_cpu(ours) / _cpu(theirs) for ours, theirs in pairs if ours and theirs]


def _faults(row: Row) -> list[str]:
    samples = row.good()
    counts = {what: sum(getattr(sample, what) for sample in samples) for what in ("wrong", "lost", "retried")}
    faults = [f"**{count} {what}**" for what, count in counts.items() if count]
    failed = sum(sample is None for sample in row.samples)
    first_error = next((sample.error for sample in samples if sample.error), "")
    return faults + ([f"**{failed} rounds failed**"] if failed else []) + ([first_error] if first_error else [])


def _notes(row: Row) -> str:
    notes = [CANDIDATES[row.server].note] if CANDIDATES[row.server].note else []
    notes += _faults(row)
    if _mid(row, lambda s: s.load_busy) > LOAD_BOUND:
        notes.append("load generator at its limit")
    return "; ".join(notes)


def _idle_cells(row: Row) -> list[str]:
    extras = [sample.extra for sample in row.good()]
    each, cpu, p50 = ([extra[key] for extra in extras] for key in ("kib_each", "cpu_ratio", "p50_ratio"))
    return [_spread(each), f"{median(cpu):.2f}", f"{median(p50):.2f}"]


def _cells(row: Row, workload: Workload, bases: Sequence[Row]) -> list[str]:
    cells = [f"{row.server} {CANDIDATES[row.server].version()}".strip()]
    cells += [f"{_mid(row, lambda s: s.rate):,.0f}", _spread(_values(row, _cpu))]
    if workload.nginx:
        cells.append(f"{_mid(row, lambda s: s.front_cpu_per_100k):.2f}")
    for base in bases:
        each = ratios(row, base)
        cells.append(_spread(each) if each else "-")
    cells += [f"{_mid(row, lambda s: s.p50_us):,.0f}", f"{_mid(row, lambda s: s.p99_us):,.0f}"]
    cells += [f"{_mid(row, lambda s: s.pss) / MIB:.1f}", f"{_mid(row, lambda s: s.rss) / MIB:.1f}"]
    return cells + (_idle_cells(row) if workload.idle else []) + [_notes(row)]


def _header(workload: Workload, bases: Sequence[Row]) -> list[str]:
    header = ["server", "requests/s", "CPU s per 100k"]
    header += ["of it nginx"] if workload.nginx else []
    header += [f"CPU ÷ {base.server}" for base in bases]
    header += ["p50 µs", "p99 µs", "PSS MiB", "RSS MiB"]
    return header + (["KiB per idle connection", "CPU ÷ without", "p50 ÷ without"] if workload.idle else []) + ["notes"]


def _markdown(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def _goals(workload: Workload, rows: Sequence[Row]) -> list[str]:
    """How Penstock stands to what it is built to."""
    ours = next((row for row in rows if row.server.startswith("penstock") and row.good()), None)
    lines = []
    for base in rows:
        goal = workload.goals.get(base.server)
        if ours is None or goal is None or not (each := ratios(ours, base)):
            continue
        verdict = "met" if median(each) <= goal else "missed"
        lines.append(f"{ours.server}: {_spread(each)} × {base.server}, goal ≤ {goal:.2f}: {verdict}.")
    return lines


def _disturbance(rows: Sequence[Row]) -> list[str]:
    """A warning, where the server's core was not the servers' alone."""
    if not rows:
        return []
    others = median(_mid(row, lambda s: s.others_busy) for row in rows)
    return [f"Other processes took {others:.0%} of the server's core."] if others > DISTURBED else []


def table(workload: Workload, rows: Sequence[Row]) -> str:
    measured = sorted((row for row in rows if row.good()), key=lambda row: _mid(row, _cpu))
    bases = [row for name in workload.baselines for row in measured if row.server == name]
    parts = [f"### {workload.name}: {workload.about}", ""]
    if measured:
        parts.append(_markdown(_header(workload, bases), [_cells(row, workload, bases) for row in measured]))
    parts += [f"\nNot measured: {row.server}: {row.reason or 'every round failed'}." for row in rows if not row.good()]
    remarks = _goals(workload, rows) + _disturbance(measured)
    return "\n".join([*parts, "", *remarks, ""] if remarks else [*parts, ""])


def _penstock_version(python: Path) -> str:
    """With its Python's, which should be that of the peers."""
    script = "import penstock, platform; print(penstock.__version__, 'on Python', platform.python_version())"
    try:
        done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "not installed"
    return done.stdout.strip()


def machine_facts(penstock: Path) -> dict[str, Any]:
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    return {
        "processor": model.partition(":")[2].strip(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "peers": f"on Python {platform.python_version()}",
        "penstock": _penstock_version(penstock),
        "load average": round(os.getloadavg()[0], 1),
    }


def json_text(results: Sequence[tuple[Workload, list[Row]]], facts: dict[str, Any]) -> str:
    """Every sample, so that other questions can be asked of the same run."""
    workloads = {
        workload.name: [
            {
                "server": row.server,
                "version": CANDIDATES[row.server].version(),
                "reason": row.reason,
                "samples": [sample and asdict(sample) for sample in row.samples],
            }
            for row in rows
        ]
        for workload, rows in results
    }
    return json.dumps({"machine": facts, "workloads": workloads}, indent=1)

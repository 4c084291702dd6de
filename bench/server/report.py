"""What was measured, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import os
import platform
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
    return [
        _cpu(ours) / _cpu(theirs) for ours, theirs in pairs if ours and theirs and ours.requests and theirs.requests
    ]


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
    others = _mid(row, lambda s: s.others_busy)
    if others > DISTURBED:
        notes.append(f"others took {others:.0%} of the core")
    return "; ".join(notes)


def _idle_cells(row: Row) -> list[str]:
    each = _spread(_values(row, lambda s: s.extra["kib_each"]))
    return [each, *(f"{_mid(row, lambda s, key=key: s.extra[key]):.2f}" for key in ("cpu_ratio", "p50_ratio"))]  # type: ignore[misc]


def _cells(row: Row, workload: Workload, bases: Sequence[Row]) -> list[str]:
    cells = [f"{row.server} {CANDIDATES[row.server].version()}".strip()]
    cells += [f"{_mid(row, lambda s: s.rate):,.0f}", _spread(_values(row, _cpu))]
    for base in bases:
        each = ratios(row, base)
        cells.append(_spread(each) if each else "-")
    cells += [f"{_mid(row, lambda s: s.p50_us):,.0f}", f"{_mid(row, lambda s: s.p99_us):,.0f}"]
    cells += [f"{_mid(row, lambda s: s.pss) / MIB:.1f}", f"{_mid(row, lambda s: s.rss) / MIB:.1f}"]
    return cells + (_idle_cells(row) if workload.idle else []) + [_notes(row)]


def _header(workload: Workload, bases: Sequence[Row]) -> list[str]:
    header = ["server", "requests/s", "CPU s per 100k"]
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


def table(workload: Workload, rows: Sequence[Row]) -> str:
    measured = sorted((row for row in rows if row.good()), key=lambda row: _mid(row, _cpu))
    bases = [row for name in workload.baselines for row in measured if row.server == name]
    parts = [f"### {workload.name}: {workload.about}", ""]
    if measured:
        parts.append(_markdown(_header(workload, bases), [_cells(row, workload, bases) for row in measured]))
    parts += [f"\nNot measured: {row.server}: {row.reason or 'every round failed'}." for row in rows if not row.good()]
    goals = _goals(workload, rows)
    return "\n".join(parts + (["", *goals] if goals else []) + [""])


def machine_facts() -> dict[str, Any]:
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    return {
        "processor": model.partition(":")[2].strip(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average": os.getloadavg()[0],
    }


def json_text(results: Sequence[tuple[Workload, list[Row]]], facts: dict[str, Any]) -> str:
    """Every sample, so that other questions can be asked of the same run."""
    workloads = {
        workload.name: [
            {
                "server": row.server,
                "version": CANDIDATES[row.server].version(),
                "reason": row.reason,
                "samples": [
                    sample and {**asdict(sample), "cpu_per_100k": sample.cpu_per_100k} for sample in row.samples
                ],
            }
            for row in rows
        ]
        for workload, rows in results
    }
    return json.dumps({"machine": facts, "workloads": workloads}, indent=1)

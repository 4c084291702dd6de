"""Where the CPU of a server goes: samples with perf, or instructions counted with callgrind.

callgrind counts only what runs in user space, but repeats to a fraction of a percent: it is the measure to compare two
versions of the same code by. A server is run twice, with different numbers of requests; the difference is what requests cost,
without what starting and stopping costs.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.server.candidates import CANDIDATES, Candidate
from bench.server.generator import Amount, WrongAnswer
from bench.server.machine import Machine
from bench.server.rounds import missing
from bench.server.session import DidNotStart, session
from bench.server.workloads import Workload

METHODS = ("perf", "callgrind")
PERF_SECONDS = 4.0
PERF_HERTZ = 1999
COUNTS = (1_000, 5_000)
SLOW_SECONDS = 180.0
TOP = 45
COST = re.compile(r"^\s*([\d,]+)\s+\([^)]*\)\s+(\S.*)$")

Functions = Counter[str]


class Unavailable(ValueError):
    """The tool, or the server, cannot be used here."""


def _require(tool: str) -> str:
    found = shutil.which(tool)
    if found is None:
        raise Unavailable(f"{tool} is not installed")
    return found


def _candidate(name: str, workload: Workload, machine: Machine) -> Candidate:
    if name not in CANDIDATES:
        raise Unavailable(f"no server {name!r}; see --list")
    if reason := missing(CANDIDATES[name], workload, machine.penstock):
        raise Unavailable(f"{name}: {reason}")
    return CANDIDATES[name]


# --- perf --------------------------------------------------------------------------------------------------------------------


def _perf_event(perf: str) -> str:
    """Cycles where the machine counts them (a virtual one may not), else the clock."""
    done = subprocess.run([perf, "stat", "-e", "cycles", "true"], capture_output=True, text=True, check=False)
    return "cpu-clock" if done.returncode or "not supported" in done.stderr else "cycles"


def _perf(candidate: Candidate, workload: Workload, machine: Machine) -> str:
    perf = _require("perf")
    event = _perf_event(perf)
    with tempfile.TemporaryDirectory() as folder, session(candidate, workload, machine) as running:
        data = Path(folder, "perf.data")
        running.generator.run(Amount(seconds=0.5))
        load = threading.Thread(target=running.generator.run, args=(Amount(seconds=PERF_SECONDS + 1),))
        load.start()
        pids = ",".join(map(str, running.pids()))
        record = [perf, "record", "-q", "-e", event, "-F", str(PERF_HERTZ), "-p", pids, "-o", str(data)]
        done = subprocess.run([*record, "--", "sleep", str(PERF_SECONDS)], capture_output=True, text=True, check=False)
        load.join()
        if done.returncode:
            raise Unavailable(f"perf record: {done.stderr.strip()}")
        by_object = _perf_report(perf, data, "dso", 8)
        by_symbol = _perf_report(perf, data, "symbol,dso", TOP)
    title = f"{candidate.name}, {workload.name}: samples of {event}"
    return "\n".join([title, "", "by object", by_object, "", "by function", by_symbol])


def _perf_report(perf: str, data: Path, sort: str, lines: int) -> str:
    command = [perf, "report", "-i", str(data), "--stdio", "--no-children", "-s", sort, "-g", "none"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    kept = [line.rstrip(" -") for line in done.stdout.splitlines() if line.strip() and not line.startswith("#")]
    return "\n".join(kept[:lines])


# --- callgrind ---------------------------------------------------------------------------------------------------------------


def _annotated(file: Path) -> Functions:
    """What callgrind_annotate prints as "cost (share) file:function [object]", by "function [object]".

    A line without object is code from another file that was inlined into the function: it is added to the function.
    """
    annotate = _require("callgrind_annotate")
    options = ["--threshold=100", "--show=Ir", "--auto=no"]
    done = subprocess.run([annotate, *options, str(file)], capture_output=True, text=True, check=False)
    costs: dict[tuple[str, str], int] = {}
    for line in done.stdout.splitlines():
        if (match := COST.match(line)) and "PROGRAM TOTALS" not in line:
            location, _, image = match[2].partition(" [")
            key = location.rsplit(":", 1)[-1], Path(image.rstrip("]")).name
            costs[key] = costs.get(key, 0) + int(match[1].replace(",", ""))
    return _joined(costs)


def _joined(costs: dict[tuple[str, str], int]) -> Functions:
    images: dict[str, set[str]] = {}
    for name, image in costs:
        images.setdefault(name, set()).update({image} - {""})
    functions: Functions = Counter()
    for (name, image), cost in costs.items():
        where = image or (next(iter(images[name])) if len(images[name]) == 1 else "")
        functions[f"{name} [{where}]"] += cost
    return functions


def _count(candidate: Candidate, workload: Workload, machine: Machine, requests: int) -> Functions:
    """Instructions by function, of every process of the server, for so many requests and its start and end."""
    slow = replace(machine, start_seconds=SLOW_SECONDS, stop_seconds=SLOW_SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        # The seed of the hashes decides which of them collide: another one, another count.
        wrap = ["env", "PYTHONHASHSEED=0", _require("valgrind"), "-q", "--tool=callgrind", "--trace-children=yes"]
        wrap.append(f"--callgrind-out-file={folder}/out.%p")
        with session(candidate, workload, slow, wrap) as running:
            result = running.generator.run(Amount(requests=requests), "--grace", str(SLOW_SECONDS))
            if result["requests"] != requests:
                raise WrongAnswer(result["error"] or f"{result['requests']} of {requests} answered")
        return sum((_annotated(file) for file in Path(folder).glob("out.*")), Counter())


def instructions(candidate: Candidate, workload: Workload, machine: Machine) -> Functions:
    """Per 1,000 requests, by function."""
    few, many = (_count(candidate, workload, machine, requests) for requests in COUNTS)
    many.subtract(few)
    thousands = (COUNTS[1] - COUNTS[0]) // 1000
    return Counter({name: cost // thousands for name, cost in many.items() if cost > 0})


def _callgrind(candidate: Candidate, workload: Workload, machine: Machine) -> str:
    functions = instructions(candidate, workload, machine)
    total = sum(functions.values())
    lines = [f"{candidate.name}, {workload.name}: {total / 1000:,.0f} instructions per request in user space", ""]
    lines += [f"{cost / 1000:10,.0f}  {cost / total:6.1%}  {name}" for name, cost in functions.most_common(TOP)]
    return "\n".join(lines)


def profile(server: str, workload: Workload, machine: Machine, method: str) -> str:
    """The functions that cost most. Raises Unavailable."""
    candidate = _candidate(server, workload, machine)
    try:
        return (_perf if method == "perf" else _callgrind)(candidate, workload, machine)
    except (DidNotStart, WrongAnswer) as failure:
        raise Unavailable(f"{server}: {type(failure).__name__}: {failure}") from None


def instruction_table(workload: Workload, servers: Sequence[str], machine: Machine) -> str:
    """Instructions per request of each server, for the regression gate."""
    lines = [
        f"### {workload.name}: instructions per request in user space (callgrind)",
        "",
        "| server | instructions |",
        "| --- | --- |",
    ]
    for name in servers:
        try:
            total = sum(instructions(_candidate(name, workload, machine), workload, machine).values())
            lines.append(f"| {name} | {total / 1000:,.0f} |")
        except (Unavailable, DidNotStart, WrongAnswer) as failure:
            lines.append(f"| {name} | not measured: {failure} |")
    return "\n".join([*lines, ""])

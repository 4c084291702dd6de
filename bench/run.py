"""The command line of the benchmarks: python -m bench [--only http,fcgi] [--servers a,b] ... See docs/benchmarks.md."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a file: python bench/run.py
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.codec import suite
from bench.server import build, peers, profiling, report, rounds
from bench.server.candidates import CANDIDATES
from bench.server.generator import Amount
from bench.server.machine import Machine, this_machine
from bench.server.paths import PROJECT_PYTHON, RESULTS
from bench.server.workloads import WORKLOADS, Workload, selected

CODEC = "codec"
QUICK_ROUNDS, QUICK_SECONDS = 2, 0.4


def default_python() -> Path:
    """The interpreter that runs this, where Penstock is installed beside it."""
    this = Path(sys.executable)
    return this if this.with_name("penstock").exists() else PROJECT_PYTHON


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure the codecs and, against its peers, the server."
    )
    add = parser.add_argument
    add(
        "--only",
        metavar="NAMES",
        help="workloads or groups, comma-separated: http, fcgi, nginx, threads, idle, codec, ...",
    )
    add("--servers", metavar="NAMES", help="only these servers, comma-separated")
    add("--rounds", type=int, default=5, metavar="N", help="rounds; each measures every server once [5]")
    add("--duration", type=float, default=1.0, metavar="SECONDS", help="load of one server in one round [1.0]")
    add("--requests", type=int, metavar="N", help="so many requests instead of a duration")
    add("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds of {QUICK_SECONDS} s: does it run, not how fast")
    add("--list", action="store_true", help="list workloads and servers")
    add(
        "--python",
        type=Path,
        default=default_python(),
        metavar="PATH",
        help="interpreter that has Penstock [this one, or .venv/bin/python]",
    )
    add("--priority", type=int, default=0, metavar="N", help="priority (nice) of server and load, e.g. -10 as root [0]")
    add("--update-peers", action="store_true", help="install the newest release of each peer")
    add("--profile", metavar="SERVER", help="where the CPU of one server goes, under --workload")
    add("--workload", choices=WORKLOADS, default="http-hello", metavar="NAME", help="with --profile [http-hello]")
    add(
        "--method",
        choices=profiling.METHODS,
        default="perf",
        help="with --profile: samples, or instructions counted [perf]",
    )
    add("--instructions", action="store_true", help="instructions per request (callgrind) instead of time")
    return parser.parse_args(arguments)


def listing() -> str:
    lines = ["workloads (groups): servers"]
    lines += [f"  {each.name} ({', '.join(each.groups)}): {' '.join(each.servers)}" for each in WORKLOADS.values()]
    lines += [f"  {CODEC}: the codecs alone", "", "servers"]
    lines += [f"  {each.name} ({each.protocol}) {each.note}".rstrip() for each in CANDIDATES.values()]
    return "\n".join(lines)


def machine(options: argparse.Namespace) -> Machine:
    python = options.python if options.python.is_absolute() else Path.cwd() / options.python
    return this_machine(python, options.priority)


def plan(options: argparse.Namespace) -> rounds.Plan:
    quick = options.quick
    amount = Amount(seconds=QUICK_SECONDS if quick else options.duration, requests=options.requests)
    return rounds.Plan(rounds=QUICK_ROUNDS if quick else options.rounds, amount=amount, machine=machine(options))


def servers_of(workload: Workload, wanted: str | None) -> list[str]:
    """Those of the workload, or of them those wanted."""
    if wanted is None:
        return list(workload.servers)
    names = wanted.split(",")
    for name in names:
        if name not in CANDIDATES:
            raise ValueError(f"no server {name!r}; see --list")
    return [name for name in workload.servers if name in names]


def save(stem: str, text: str, data: str) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{stem}.md").write_text(text)
    (RESULTS / f"{stem}.json").write_text(data)
    print(
        f"written to {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}/{stem}.md, .json"
    )


def measure_servers(workloads: Sequence[Workload], options: argparse.Namespace) -> None:
    stem, facts = time.strftime("%Y%m%d-%H%M%S"), report.machine_facts(machine(options).penstock)
    heading = ", ".join(f"{name} {value}" for name, value in facts.items())
    print(heading, "", sep="\n", flush=True)
    results, tables = [], [heading]
    for workload in workloads:
        servers = servers_of(workload, options.servers)
        if not servers:
            continue
        rows = rounds.run(workload, servers, plan(options), rounds.progress)
        rounds.progress("")
        results.append((workload, rows))
        tables.append(report.table(workload, rows))
        print(tables[-1], flush=True)
    save(stem, "\n\n".join(tables), report.json_text(results, facts))


def server_work(options: argparse.Namespace, only: str | None) -> None:
    workloads = selected(only)
    peers.prepare(again=options.update_peers)
    build.program("load")
    if options.profile:
        print(profiling.profile(options.profile, WORKLOADS[options.workload], machine(options), options.method))
    elif options.instructions:
        for workload in workloads:
            print(
                profiling.instruction_table(workload, servers_of(workload, options.servers), machine(options)),
                flush=True,
            )
    else:
        measure_servers(workloads, options)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    if options.list:
        print(listing())
        return 0
    names = options.only.split(",") if options.only else None
    special = options.profile or options.instructions
    try:
        if not special and (names is None or CODEC in names):
            suite.run(machine(options).penstock, quick=options.quick)
        rest = [name for name in names or [] if name != CODEC]
        if names is None or rest or special:
            server_work(options, ",".join(rest) or None)
    except (ValueError, build.BuildError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

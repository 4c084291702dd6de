"""Runs the codec benchmarks: the C decoder alone, the Python bindings with pytest-benchmark."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from bench.codec.heads import HEADS
from bench.server import build
from bench.server.paths import BENCH, RESULTS, ROOT

NEEDED = "import penstock.http1, penstock.fcgi, httptools, pytest_benchmark"
COUNT, QUICK_COUNT = 20_000, 2_000


def run(python: Path, *, quick: bool) -> None:
    """Prints both tables; says so when the interpreter lacks what they need."""
    try:
        print(heads_table(QUICK_COUNT if quick else COUNT))
    except build.BuildError as error:
        print(f"C decoder not measured: {error}.\n")
    if lacking := _lacking(python):
        print(f"Codec bindings not measured: {lacking}.\n")
        return
    RESULTS.mkdir(parents=True, exist_ok=True)
    command = [str(python), "-m", "pytest", str(BENCH / "codec"), "-q", "-o", "addopts=", "-p", "no:cacheprovider"]
    command += [f"--benchmark-json={RESULTS / 'codec.json'}", "--benchmark-columns=min,median,stddev,rounds"]
    command += ["--benchmark-sort=name", "--benchmark-group-by=group", f"--benchmark-max-time={0.1 if quick else 0.5}"]
    subprocess.run(command, cwd=ROOT, check=False)


def heads_table(count: int) -> str:
    """Nanoseconds per head of the C decoder. Raises BuildError."""
    program = build.program("heads")
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in HEADS]
        for file in files:
            file.write_bytes(HEADS[file.name])
        done = subprocess.run([program, str(count), *files], capture_output=True, text=True, check=True)
    lines = [
        "### ps_http1, C only",
        "",
        "| head | bytes | ns whole | bytes/ns | ns in pieces of 64 bytes |",
        "| --- " * 5 + "|",
    ]
    for name, line in zip(HEADS, done.stdout.splitlines(), strict=True):
        size, whole, pieces = map(float, line.split())
        lines.append(f"| {name} | {size:.0f} | {whole:.0f} | {size / whole:.1f} | {pieces:.0f} |")
    return "\n".join([*lines, ""])


def _lacking(python: Path) -> str:
    if not python.exists():
        return f"no {python}"
    done = subprocess.run([str(python), "-c", NEEDED], capture_output=True, text=True, check=False)
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""

"""Compiles the C programs of the harness: the load generator, the anchors, the codec timer."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.server.paths import BENCH, BUILD, ROOT

FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-I", str(ROOT / "csrc"), "-I", str(BENCH / "load"))
CORE = ("csrc/base/*.c", "csrc/codec/*.c")


@dataclass(frozen=True, slots=True)
class Program:
    """Sources are globs below the root; `headers` is the system header without which it cannot be built."""

    sources: tuple[str, ...]
    libraries: tuple[str, ...] = ()
    header: str = ""


PROGRAMS = {
    "load": Program(("bench/load/*.c", "csrc/base/buf.c", "csrc/codec/fcgi.c", "csrc/codec/fcgi_params.c")),
    "anchor-http": Program(("bench/anchors/serve.c", "bench/anchors/http.c")),
    "anchor-fcgi": Program(("bench/anchors/serve.c", "bench/anchors/fcgi.c")),
    "anchor-libfcgi": Program(("bench/anchors/libfcgi.c",), ("-lfcgi", "-lpthread"), "fcgiapp.h"),
    "heads": Program(("bench/codec/heads.c", *CORE)),
}


class BuildError(Exception):
    """Says in one line why a program could not be built."""


def compiler() -> str:
    found = shutil.which("gcc") or shutil.which("cc")
    if found is None:
        raise BuildError("no C compiler")
    return found


def _sources(program: Program) -> list[Path]:
    return sorted(path for pattern in program.sources for path in ROOT.glob(pattern))


def _newest(paths: Sequence[Path]) -> float:
    """When anything that may be part of a program was last changed: its sources, and every header."""
    headers = [*(ROOT / "csrc").rglob("*.h"), *BENCH.rglob("*.h")]
    return max(path.stat().st_mtime for path in [*paths, *headers])


def program(name: str) -> Path:
    """The executable, compiled if its sources are newer. Raises BuildError."""
    wanted, target = PROGRAMS[name], BUILD / name
    sources = _sources(wanted)
    if target.exists() and target.stat().st_mtime >= _newest(sources):
        return target
    if wanted.header and not Path("/usr/include", wanted.header).exists():
        raise BuildError(f"{wanted.header} is not installed")
    BUILD.mkdir(parents=True, exist_ok=True)
    command = [compiler(), *FLAGS, *map(str, sources), "-o", str(target), *wanted.libraries]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if "error" in line]
        raise BuildError(errors[0] if errors else "compiler failed")
    return target

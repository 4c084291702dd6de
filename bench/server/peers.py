"""The servers that Penstock is compared with, in a virtual environment of their own.

One that cannot be installed does not stop the others: its reason stands in the table.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from bench.server.paths import PEERS_VENV

REQUIREMENTS = {
    "bjoern": ["bjoern"],
    "fastpysgi": ["fastpysgi"],
    "fastwsgi": ["fastwsgi", "setuptools<81"],  # imports pkg_resources
    "granian": ["granian"],
    "gunicorn": ["gunicorn", "gunicorn_h1c"],  # its faster parser
    "uwsgi": ["uWSGI"],
    "flup": ["flup"],
    "waitress": ["waitress"],
}
SYSTEM_PACKAGES = {
    "libev-dev": Path("/usr/include/ev.h"),
    "libfcgi-dev": Path("/usr/include/fcgiapp.h"),
    "nginx": Path("/usr/sbin/nginx"),
}
FAILURES = PEERS_VENV / "missing.json"


def executable(name: str) -> str:
    return str(PEERS_VENV / "bin" / name)


def python() -> str:
    return executable("python")


def _install_system_packages() -> None:
    """Where they are absent and we may; without them single rows are missing, and say so."""
    absent = [name for name, file in SYSTEM_PACKAGES.items() if not file.exists()]
    if absent and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing {', '.join(absent)} ...", file=sys.stderr)
        subprocess.run(["apt-get", "install", "-y", "-q", *absent], stdout=subprocess.DEVNULL, check=False)


def _pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [python(), "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if "rror" in line]
    return lines[-1] if lines else "pip install failed"


def _install(names: list[str]) -> dict[str, str]:
    failures = {}
    for name in names:
        print(f"installing {name} ...", file=sys.stderr)
        done = _pip("install", "-q", "--upgrade", *REQUIREMENTS[name])
        if done.returncode != 0:
            failures[name] = _reason(done.stderr)
    return failures


def prepare(*, again: bool = False) -> None:
    """Creates the environment, once; `again` tries anew what failed, and updates the rest."""
    if FAILURES.exists() and not again:
        return
    _install_system_packages()
    subprocess.run([sys.executable, "-m", "venv", str(PEERS_VENV)], check=True)
    _pip("install", "-q", "--upgrade", "pip", "wheel")
    failures = _install(list(REQUIREMENTS))
    FAILURES.write_text(json.dumps(failures, indent=1))


def missing(name: str) -> str | None:
    """Why a peer cannot be measured; None when it can."""
    failures: dict[str, str] = json.loads(FAILURES.read_text())
    return failures.get(name)


@cache
def versions() -> dict[str, str]:
    """Of all that is installed, by lower-case name."""
    listed = json.loads(_pip("list", "--format", "json").stdout or "[]")
    return {package["name"].lower(): package["version"] for package in listed}

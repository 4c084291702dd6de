"""Where the harness finds and puts its files."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "bench"
BUILD = ROOT / "build" / "bench"
RESULTS = BENCH / "results"
PROJECT_PYTHON = ROOT / ".venv" / "bin" / "python"
# One for each version of Python: a server is compared with servers on the same interpreter.
PEERS_VENV = ROOT / ".venvs" / f"bench-{sys.version_info.major}.{sys.version_info.minor}"

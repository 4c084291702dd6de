"""Where the harness finds and puts its files."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "bench"
BUILD = ROOT / "build" / "bench"
RESULTS = BENCH / "results"
PEERS_VENV = ROOT / ".venvs" / "bench"
PROJECT_PYTHON = ROOT / ".venv" / "bin" / "python"

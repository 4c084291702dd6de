"""What reviews need not look for: layout, lint and types, checked by the tools whose versions pyproject.toml pins."""

import re
import subprocess
import sys
import sysconfig
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = Path(sysconfig.get_path("scripts"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

GENERATED = {".git", ".venv", ".venvs", "build", "dist", "wheelhouse", "__pycache__", ".hypothesis", ".benchmarks"}
CACHES = re.compile(r"\.\w+_cache|.*\.egg-info")
BYTES_AND_RESULTS = (ROOT / "tests" / "fuzz" / "corpus", ROOT / "bench" / "results")

# Names of Cython's making, which no stub needs to repeat; and constructors, whose parameters it tells nobody.
STUBTEST_ALLOWED = r"""
.*\.__init__
.*\.__reduce_cython__
.*\.__setstate_cython__
.*\.__pyx_\w+
.*\.__test__
"""


def is_written(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    made = not GENERATED.isdisjoint(parts) or any(CACHES.fullmatch(part) for part in parts)
    made = made or path.suffix in {".so", ".pyc"} or any(folder in path.parents for folder in BYTES_AND_RESULTS)
    return path.is_file() and not made


def texts() -> list[Path]:
    """Every file people write."""
    return [path for path in sorted(ROOT.rglob("*")) if is_written(path)]


def c_sources() -> list[Path]:
    return [path for path in texts() if path.suffix in {".c", ".h"}]


def run(*command: str | Path) -> None:
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout


def test_the_tools_are_those_pinned():
    """Another version, another opinion."""
    pinned = dict(requirement.split("==") for requirement in PYPROJECT["dependency-groups"]["lint"])
    assert {name: metadata.version(name) for name in pinned} == pinned


def test_python_is_clean():
    run(SCRIPTS / "ruff", "check", "--no-cache", ".")


def test_python_is_laid_out():
    run(SCRIPTS / "ruff", "format", "--no-cache", "--diff", ".")


def test_c_is_laid_out():
    run(SCRIPTS / "clang-format", "--dry-run", "--Werror", *c_sources())


def test_types_hold(tmp_path):
    run(sys.executable, "-m", "mypy", "--cache-dir", tmp_path)


@pytest.mark.parametrize("pyx", sorted((ROOT / "pyx").glob("_*.pyx")), ids=lambda path: path.stem)
def test_a_stub_says_what_its_extension_does(pyx, tmp_path):
    allowed = tmp_path / "allowed"
    allowed.write_text(STUBTEST_ALLOWED)
    options = ["--ignore-disjoint-bases", "--ignore-unused-allowlist", "--allowlist", allowed]
    run(sys.executable, "-m", "mypy.stubtest", *options, f"penstock.{pyx.stem}")


def test_every_extension_has_a_stub():
    stubs = {path.stem for path in (ROOT / "python" / "penstock").glob("_*.pyi")}
    assert stubs == {path.stem for path in (ROOT / "pyx").glob("_*.pyx")}


# Spelled apart, so that this file does not accuse itself.
UNFINISHED = re.compile("|".join(["TO" + "DO", "FIX" + "ME", r"\bX{3}\b"]))
REGISTRY = re.compile(
    "|".join([r"pypi\." + "org", r"pythonhosted\." + "org", r"deb\." + r"debian\.org", "index" + "-url"])
)


@pytest.mark.parametrize("pattern", [UNFINISHED, REGISTRY], ids=["nothing is unfinished", "no registry is named"])
def test_what_no_file_says(pattern):
    """Where packages come from is the machine's to know; what is left to do stands in an issue."""
    said = []
    for path in texts():
        lines = path.read_text(errors="replace").splitlines()
        said += [f"{path.relative_to(ROOT)}:{number}" for number, line in enumerate(lines, 1) if pattern.search(line)]
    assert said == []


def test_text_is_plain():
    """Lines end in LF, none in white space, files in one line end."""
    wrong = []
    for path in texts():
        text = path.read_bytes()
        if (
            re.search(rb"[ \t]$|\r\n", text, re.MULTILINE)
            or (text and not text.endswith(b"\n"))
            or text.endswith(b"\n\n")
        ):
            wrong.append(str(path.relative_to(ROOT)))
    assert wrong == []

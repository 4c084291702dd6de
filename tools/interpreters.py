"""The CPythons of this machine that Penstock supports, newest last: on PATH as python3.X, and those pyenv keeps.

python tools/interpreters.py          lines of VERSION PATH
python tools/interpreters.py 3.13     the path of that one; exit status 1 where there is none
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

OLDEST, NEWEST = 11, 14

# A free-threaded build is another ABI, which Penstock has no wheels for.
_DESCRIBE = """
import sys, sysconfig
if sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED"):
    print("%d.%d" % sys.version_info[:2])
"""


def interpreters() -> dict[str, Path]:
    """Paths by version, as "3.13". Of several of one version the first on PATH is taken."""
    found: dict[str, Path] = {}
    for minor in range(OLDEST, NEWEST + 1):
        version = f"3.{minor}"
        working = (path for path in _candidates(version) if _version(path) == version)
        if path := next(working, None):
            found[version] = path
    return found


def _candidates(version: str) -> Iterator[Path]:
    name = f"python{version}"
    folders = [Path(folder) for folder in os.get_exec_path()]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders += sorted(pyenv.glob(f"versions/{version}.*/bin"))
    return (folder / name for folder in folders if (folder / name).exists())


def _version(python: Path) -> str:
    """What the interpreter says it is; nothing for one that does not run, as a shim of pyenv for a version not selected."""
    result = subprocess.run([python, "-c", _DESCRIBE], capture_output=True, text=True, check=False)
    return result.stdout.strip()


def main() -> int:
    found = interpreters()
    if len(sys.argv) == 1:
        for version, path in found.items():
            print(version, path)
        return 0
    if sys.argv[1] not in found:
        return 1
    print(found[sys.argv[1]])
    return 0


if __name__ == "__main__":
    sys.exit(main())

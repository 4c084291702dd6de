"""The layers of ARCHITECTURE.md, checked on the text of the sources: who may include, import or name whom."""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CSRC = ROOT / "csrc"
PYX = ROOT / "pyx"
PACKAGE = ROOT / "python" / "penstock"

# A layer may include from these layers.
MAY_INCLUDE = {
    "base": {"base"},
    "codec": {"base", "codec"},
    "protocol": {"base", "codec", "protocol"},
    "server": {"base", "protocol", "server"},
}

# What the layers below the server may have of the C library: memory and text, nothing that waits, opens or tells the time.
PURE_HEADERS = {
    "assert.h",
    "limits.h",
    "stdbool.h",
    "stddef.h",
    "stdint.h",
    "stdio.h",  # snprintf; see test_no_stream_is_written_below_the_server
    "stdlib.h",
    "string.h",
    "arm_neon.h",
    "emmintrin.h",
    "immintrin.h",
}
PURE_LAYERS = ("base", "codec", "protocol")

PROTOCOLS = ("http1", "fcgi", "uwsgi", "scgi")

# What a binding may import of the package: the version and the exceptions, which import nothing themselves.
LEAVES = ("penstock", "penstock.errors")


def sources(*layers: str) -> list[Path]:
    found = [path for layer in layers for path in sorted((CSRC / layer).glob("*.[ch]"))]
    assert found
    return found


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def included(path: Path) -> set[str]:
    return set(re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text(), re.MULTILINE))


def code(path: Path) -> str:
    """The text without comments."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", path.read_text(), flags=re.DOTALL)


def own_header(path: Path, stems: set[str]) -> str:
    """The header a source belongs to: of the same name, or of the longest name it continues."""
    return max((stem for stem in stems if path.stem == stem or path.stem.startswith(f"{stem}_")), key=len)


each_source = pytest.mark.parametrize("path", sources(*MAY_INCLUDE), ids=name_of)
each_pure_source = pytest.mark.parametrize("path", sources(*PURE_LAYERS), ids=name_of)
each_binding = pytest.mark.parametrize("path", sorted(PYX.rglob("*.p[yx][xd]")), ids=name_of)


def test_every_source_is_in_a_known_layer():
    assert {path.name for path in CSRC.iterdir()} == set(MAY_INCLUDE)


@each_source
def test_c_knows_no_python(path):
    assert not re.search(r"\bPy[A-Z_]|Python\.h", path.read_text())


@each_source
def test_includes_point_down(path):
    ours = {Path(header).parts[0] for header in included(path) if "/" in header and (CSRC / header).exists()}
    assert ours <= MAY_INCLUDE[path.parent.name]


@each_source
def test_includes_are_relative_to_csrc(path):
    quoted = re.findall(r'#\s*include\s*"([^"]+)"', path.read_text())
    assert [header for header in quoted if not (CSRC / header).exists()] == []


@each_pure_source
def test_below_the_server_nothing_reaches_the_system(path):
    system = {header for header in included(path) if not (CSRC / header).exists()}
    assert system <= PURE_HEADERS


@each_pure_source
def test_no_stream_is_written_below_the_server(path):
    assert not re.search(r"\b(v?f?printf|puts|fputs|fopen|perror|getenv|rand|srand)\s*\(", code(path))


@each_pure_source
def test_there_are_no_globals_below_the_server(path):
    """File-scope variables are constant: state lives in the structures of the caller."""
    declared = re.findall(r"^(?:static |extern )?[a-z_][\w \*]*\w(?:\[\w*\])*(?: =|;)", code(path), re.MULTILINE)
    types = re.compile(r"^(?:struct|enum|union|typedef)\b(?!.* \*?\w+ =)|\bconst\b")
    assert [line for line in declared if not types.search(line)] == []


@pytest.mark.parametrize("path", sources("codec"), ids=name_of)
def test_a_codec_knows_no_other_codec(path):
    stems = {header.stem for header in (CSRC / "codec").glob("*.h")}
    codecs = {Path(header).stem for header in included(path) if header.startswith("codec/")}
    assert codecs <= {own_header(path, stems)}


@pytest.mark.parametrize("path", sorted((CSRC / "protocol").glob("proto_*.c")), ids=name_of)
def test_a_protocol_names_no_other_protocol(path):
    others = [name for name in PROTOCOLS if path.stem != f"proto_{name}"]
    assert not re.search(rf"\bps_proto(?:col)?_(?:{'|'.join(others)})\b|proto_(?:{'|'.join(others)})\.h", code(path))


@pytest.mark.parametrize("path", sources("server"), ids=name_of)
def test_the_server_names_no_protocol(path):
    assert not re.findall(rf"\b\w*(?:{'|'.join(PROTOCOLS)})\w*\b", code(path), re.IGNORECASE)


@each_binding
def test_a_binding_imports_nothing_of_the_front(path):
    imported = re.findall(r"^\s*(?:from|import)\s+(penstock[\w.]*)", path.read_text(), re.MULTILINE)
    assert [name for name in imported if name not in LEAVES and not name.startswith("penstock._")] == []


@each_binding
def test_a_binding_sets_no_policy(path):
    assert not re.search(
        r"^\s*(?:from|import)\s+(logging|argparse|click)\b|os\.environ|getenv", path.read_text(), re.MULTILINE
    )


def modules() -> dict[str, Path]:
    names = {path.relative_to(PACKAGE.parent).with_suffix(""): path for path in PACKAGE.rglob("*.py")}
    return {".".join(name.parts).removesuffix(".__init__"): path for name, path in names.items()}


def imports(path: Path) -> Iterator[str]:
    """Modules of ours that are imported, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield str(node.module)


def test_the_front_imports_in_one_direction():
    known = modules()
    graph = {name: {other for other in imports(path) if other in known} - {"penstock"} for name, path in known.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError


@pytest.mark.parametrize("name", [*LEAVES, "penstock.exits", "penstock.units", "penstock.bind"])
def test_a_leaf_imports_nothing_of_ours(name):
    assert [other for other in imports(modules()[name]) if other.startswith("penstock")] == []


def test_only_those_who_serve_touch_the_extensions():
    """Configuration can be read, checked and tested without the compiled half."""
    touching = {
        name for name, path in modules().items() if any(other.startswith("penstock._") for other in imports(path))
    }
    assert touching.isdisjoint(
        {f"penstock.{name}" for name in ("application", "bind", "config", "exits", "settings", "units")}
    )

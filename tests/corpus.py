"""The reader of tests/corpus/*.txt, and the ways in which the bytes of a case arrive. The C tests read the same files.

The format stands in tests/c/harness.h: "key: value" lines, a blank line behind each case, C escapes in wire lines.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"

_NAMED = {"r": 0x0D, "n": 0x0A, "t": 0x09, "0": 0x00, "\\": 0x5C}
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|([rnt0\\])|.?)", re.DOTALL)
_SHOWN = {0x0D: "\\r", 0x0A: "\\n", 0x09: "\\t", 0x5C: "\\\\"}

# Longer wires are cut everywhere only near their ends, and in larger steps between.
EVERY_BYTE = 1024
EDGE = 32
STEP = 509  # a prime, so that the cuts fall everywhere in the lines


@dataclass(frozen=True)
class Case:
    name: str
    line: int
    wire: bytes
    lines: tuple[tuple[str, str], ...]  # (key, value) of all but name and wire, in order

    def __str__(self) -> str:
        return self.name

    def values(self, key: str) -> list[str]:
        return [value for each, value in self.lines if each == key]

    def value(self, key: str) -> str | None:
        return next(iter(self.values(key)), None)


def corpus(name: str) -> list[Case]:
    """The cases of a file. Raises ValueError for one that is not in the format."""
    cases: list[Case] = []
    block: list[tuple[int, str]] = []
    for number, line in enumerate([*(FOLDER / f"{name}.txt").read_text("utf-8").splitlines(), ""], 1):
        if line.strip():
            if not line.startswith("#"):
                block.append((number, line))
        elif block:
            cases.append(_case(block))
            block = []
    if len({case.name for case in cases}) != len(cases):
        raise ValueError(f"{name}: a name used twice")
    return cases


def _case(block: list[tuple[int, str]]) -> Case:
    name, wire, lines = "", b"", []
    for number, line in block:
        key, colon, value = line.partition(":")
        value = value.strip(" \t")
        key, star, times = key.partition("*")
        if not colon or (star and key != "wire"):
            raise ValueError(f"line {number}: {line!r}")
        if key == "wire":
            wire += unescape(value) * (int(times) if star else 1)
        elif key == "name":
            name = value
        else:
            lines.append((key, value))
    if not name:
        raise ValueError(f"line {block[0][0]}: a case without a name")
    return Case(name, block[0][0], wire, tuple(lines))


def unescape(text: str) -> bytes:
    return b"".join(_pieces(text))


def _pieces(text: str) -> Iterator[bytes]:
    at = 0
    for match in _ESCAPE.finditer(text):
        yield text[at : match.start()].encode()
        at = match.end()
        if match[1] is None and match[2] is None:
            raise ValueError(f"a malformed escape in {text!r}")
        yield bytes([int(match[1], 16) if match[1] else _NAMED[match[2]]])
    yield text[at:].encode()


def escape(data: bytes) -> str:
    """Bytes as "expect" lines write them: spaces and NULs as \\x20 and \\x00."""
    return "".join(_SHOWN.get(byte) or (chr(byte) if 0x20 < byte < 0x7F else f"\\x{byte:02x}") for byte in data)


def escape_runs(data: bytes) -> str:
    """The same with sixteen or more equal bytes as {BYTE*COUNT}."""
    runs = [(bytes([byte]), len(list(run))) for byte, run in groupby(data)]
    return "".join(f"{{{escape(byte)}*{n}}}" if n >= 16 else escape(byte * n) for byte, n in runs)


def deliveries(wire: bytes) -> Iterator[list[bytes]]:
    """Whole, cut in two at every byte, byte by byte."""
    long = len(wire) > EVERY_BYTE
    yield [wire]
    for cut in range(1, len(wire)):
        if not long or cut < EDGE or len(wire) - cut < EDGE or cut % STEP == 0:
            yield [wire[:cut], wire[cut:]]
    step = STEP if long else 1
    yield [wire[at : at + step] for at in range(0, len(wire), step)]

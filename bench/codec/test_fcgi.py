"""Nanoseconds per FastCGI record of several sizes, and per set of params as nginx sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from penstock.fcgi import Decoder, RecordType, decode_pairs, encode_pairs, record

from bench.server.workloads import BROWSER_FIELDS, NGINX_PARAMS

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

SIZES = pytest.mark.parametrize("size", [16, 1024, 65535], ids="{}B".format)


def params(*, browser: bool) -> list[tuple[bytes, bytes]]:
    pairs = [tuple(line.split("=", 1)) for line in NGINX_PARAMS.splitlines()]
    if browser:
        pairs += [("HTTP_" + name.upper().replace("-", "_"), value) for name, value in BROWSER_FIELDS]
    return [(name.encode(), value.encode()) for name, value in pairs]


SETS = pytest.mark.parametrize("pairs", [params(browser=False), params(browser=True)], ids=["nginx", "nginx+browser"])


@SIZES
@pytest.mark.benchmark(group="FastCGI record")
def test_decode(benchmark: BenchmarkFixture, size: int) -> None:
    wire = record(RecordType.STDIN, 1, bytes(size), padding_bytes=-size % 8)
    pieces = benchmark(Decoder().feed, wire)
    assert sum(len(piece.data) for piece in pieces) == size


@SIZES
@pytest.mark.benchmark(group="FastCGI record")
def test_encode(benchmark: BenchmarkFixture, size: int) -> None:
    wire = benchmark(record, RecordType.STDOUT, 1, bytes(size), padding_bytes=-size % 8)
    assert len(wire) == 8 + size + -size % 8


@SETS
@pytest.mark.benchmark(group="FastCGI params")
def test_decode_params(benchmark: BenchmarkFixture, pairs: list[tuple[bytes, bytes]]) -> None:
    assert benchmark(decode_pairs, encode_pairs(pairs)) == pairs


@SETS
@pytest.mark.benchmark(group="FastCGI params")
def test_encode_params(benchmark: BenchmarkFixture, pairs: list[tuple[bytes, bytes]]) -> None:
    assert decode_pairs(benchmark(encode_pairs, pairs)) == pairs

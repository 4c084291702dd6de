"""Nanoseconds per request head, on a kept connection: one call with a whole head, ours and httptools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httptools
import pytest
from penstock.http1 import Decoder, EndOfMessage, Request

from bench.codec.heads import HEADS

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

HEAD = pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)


class Collected:
    """What a server keeps of a head: as little as httptools' own users do."""

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_message_complete(self) -> None:
        self.complete = True


def fields_of(head: bytes) -> int:
    return head.count(b"\r\n") - 2


@HEAD
@pytest.mark.benchmark(group="request head")
def test_penstock(benchmark: BenchmarkFixture, head: bytes) -> None:
    decoder = Decoder()
    request, end = benchmark(decoder.feed, head)
    assert isinstance(request, Request)
    assert len(request.headers) == fields_of(head)
    assert isinstance(end, EndOfMessage)


@HEAD
@pytest.mark.benchmark(group="request head")
def test_httptools(benchmark: BenchmarkFixture, head: bytes) -> None:
    collected: Any = Collected()
    parser = httptools.HttpRequestParser(collected)
    benchmark(parser.feed_data, head)
    assert collected.complete
    assert len(collected.headers) == fields_of(head)

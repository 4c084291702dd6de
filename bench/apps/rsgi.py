"""RSGI applications (Granian's own interface), the same as in wsgi.py: the fastest Granian can stream."""

from __future__ import annotations

from typing import Any

from bench.apps.wsgi import BIG, HELLO, PIECE, PIECES

OCTETS = [("content-type", "application/octet-stream")]


async def hello(scope: Any, protocol: Any) -> None:
    protocol.response_bytes(200, [("content-type", "text/plain"), ("content-length", str(len(HELLO)))], HELLO)


async def big(scope: Any, protocol: Any) -> None:
    protocol.response_bytes(200, [*OCTETS, ("content-length", str(len(BIG)))], BIG)


async def stream(scope: Any, protocol: Any) -> None:
    transport = protocol.response_stream(200, OCTETS)
    for _ in range(PIECES):
        await transport.send_bytes(PIECE)

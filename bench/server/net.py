"""Ports: a free one, and the wait until somebody listens there."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

POLL_SECONDS = 0.01


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_listening(port: int, still_alive: Callable[[], bool], seconds: float) -> bool:
    """False when the server ended, or does not accept connections in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and still_alive():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            time.sleep(POLL_SECONDS)
        else:
            return True
    return False

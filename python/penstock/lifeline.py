"""How a worker learns that its supervisor is gone: a pipe that only the supervisor can write to.

Its end of file comes however the supervisor died, kill -9 included. The kernel reports it as a signal, so that the
worker needs neither a thread that waits nor a look now and then.
"""

import fcntl
import os
import select
import signal


class Lifeline:
    """Made before the fork; then each side says which one it is."""

    def __init__(self) -> None:
        self._read_fd, self._write_fd = os.pipe2(os.O_CLOEXEC)

    def hold(self) -> None:
        """In the supervisor: as long as this is not cut, the supervisor lives."""
        self._read_fd = _close(self._read_fd)

    def watch(self) -> None:
        """In the worker: SIGIO says from now on that the supervisor is gone."""
        self._write_fd = _close(self._write_fd)
        fcntl.fcntl(self._read_fd, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(self._read_fd, fcntl.F_GETFL)
        fcntl.fcntl(self._read_fd, fcntl.F_SETFL, flags | os.O_ASYNC)
        if self._is_cut():  # before the kernel knew whom to tell
            signal.raise_signal(signal.SIGIO)

    def cut(self) -> None:
        """In the supervisor once the worker is gone, and in the workers of other seats: they must not pass for it."""
        self._read_fd, self._write_fd = _close(self._read_fd), _close(self._write_fd)

    def _is_cut(self) -> bool:
        poll = select.poll()
        poll.register(self._read_fd, 0)
        return bool(poll.poll(0))


def _close(fd: int) -> int:
    if fd >= 0:
        os.close(fd)
    return -1

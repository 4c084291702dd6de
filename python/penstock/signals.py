"""Signals as a queue: the handlers only enqueue, the supervisor's loop takes them out when it is ready for them."""

import os
import select
import signal
from collections.abc import Iterable
from types import FrameType, TracebackType
from typing import Self


class SignalQueue:
    """While entered, the given signals do nothing but wait here. Only for the main thread."""

    def __init__(self, numbers: Iterable[signal.Signals]) -> None:
        self._numbers = tuple(numbers)
        self._read_fd, self._write_fd = -1, -1

    def __enter__(self) -> Self:
        self._read_fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # The interpreter's own handler writes each number to this pipe; it does so only where Python has a handler too.
        signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        for number in self._numbers:
            signal.signal(number, ignore)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._abandon()

    def wait(self, seconds: float | None) -> list[int]:
        """The signals that came, in their order, as soon as there is one; none when the time is up (None: no end)."""
        poll = select.poll()
        poll.register(self._read_fd, select.POLLIN)
        # Rounded up: a deadline that is not quite there would make the caller ask again at once.
        if poll.poll(None if seconds is None else max(0, int(seconds * 1000) + 1)):
            return list(os.read(self._read_fd, 4096))
        return []

    def fork(self) -> int:
        """os.fork; the child has left this queue, and each signal does what it does by default.

        Signals are held back meanwhile. Else one that the child gets before it lets go of the pipe would be told here.
        """
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            pid = os.fork()
            if pid == 0:
                self._abandon()
            return pid
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _abandon(self) -> None:
        if self._read_fd < 0:
            return
        signal.set_wakeup_fd(-1)
        for number in self._numbers:
            signal.signal(number, signal.SIG_DFL)
        os.close(self._read_fd)
        os.close(self._write_fd)
        self._read_fd, self._write_fd = -1, -1


def ignore(number: int, frame: FrameType | None) -> None:
    """Does nothing. Unlike SIG_IGN it is not inherited by the programs that a worker's application starts."""

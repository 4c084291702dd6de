"""penstock.signals: the queue. What happens to it in a fork is seen in tests/test_supervisor.py."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest
from penstock.lifeline import Lifeline
from penstock.signals import SignalQueue, ignore

QUEUED = (signal.SIGUSR1, signal.SIGUSR2)


@pytest.fixture
def signals() -> Iterator[SignalQueue]:
    before = {number: signal.getsignal(number) for number in QUEUED}
    with SignalQueue(QUEUED) as queue:
        yield queue
    for number, handler in before.items():
        signal.signal(number, handler)


def test_signals_come_out_as_they_came_in(signals: SignalQueue) -> None:
    for number in (signal.SIGUSR2, signal.SIGUSR1, signal.SIGUSR2):
        signal.raise_signal(number)
    assert signals.wait(None) == [signal.SIGUSR2, signal.SIGUSR1, signal.SIGUSR2]


@pytest.mark.parametrize("seconds", [0.0, 0.001, -1.0])
def test_none_when_the_time_is_up(seconds: float, signals: SignalQueue) -> None:
    assert signals.wait(seconds) == []


def test_a_signal_ends_the_wait(signals: SignalQueue) -> None:
    thread = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR1))
    thread.start()
    assert signals.wait(None) == [signal.SIGUSR1]
    thread.join()


def test_afterwards_signals_do_what_they_do_by_default() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with SignalQueue([signal.SIGUSR1]):
        assert signal.getsignal(signal.SIGUSR1) is ignore
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
    assert signal.set_wakeup_fd(-1) == -1
    signal.signal(signal.SIGUSR1, before)


def test_a_supervisor_that_was_gone_before_its_worker_looked() -> None:
    before = signal.getsignal(signal.SIGIO)
    with SignalQueue([signal.SIGIO]) as queue:
        lifeline = Lifeline()
        lifeline.watch()
        assert queue.wait(None) == [signal.SIGIO]
        lifeline.cut()
    signal.signal(signal.SIGIO, before)

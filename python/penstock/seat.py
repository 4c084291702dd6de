"""Seats and the workers that hold them: what the supervisor knows of each process it forked."""

import math
from dataclasses import dataclass

from penstock.lifeline import Lifeline

# A worker that dies sooner than this after it began to serve died young: the next one does not follow at once.
_YOUNG_SECONDS = 1.0
_BACKOFF_SECONDS = 0.1
_BACKOFF_DOUBLINGS = 7  # to 12.8 seconds


@dataclass(slots=True, eq=False)
class Worker:
    """A process that was forked and is not reaped yet. Moments are of time.monotonic."""

    pid: int
    seat: "Seat"
    slot: int  # of the scoreboard
    generation: int  # of the code it loaded
    lifeline: Lifeline
    ready_at: float = math.inf
    kill_at: float = math.inf


@dataclass(slots=True, eq=False)
class Seat:
    """One of the workers that the operator asked for: whoever fills that place, and who is about to."""

    number: int
    serving: Worker | None = None
    starting: Worker | None = None
    fork_at: float = 0.0  # no new worker before
    boot_failures: int = 0  # in a row: died before they were ready
    young_deaths: int = 0  # in a row: these, and those that died soon after

    def vacate(self, worker: Worker) -> None:
        """The worker does not belong to the seat any more, whichever part it had."""
        if self.starting is worker:
            self.starting = None
        if self.serving is worker:
            self.serving = None

    def note_boot_failure(self, now: float) -> None:
        self.boot_failures += 1
        self._note_young_death(now)

    def note_death(self, worker: Worker, now: float) -> None:
        """The worker that served died without having been told to."""
        if now - worker.ready_at < _YOUNG_SECONDS:
            self._note_young_death(now)
        else:
            self.young_deaths, self.fork_at = 0, now

    def forgive(self) -> None:
        """What failed before says nothing any more: the code has changed."""
        self.fork_at, self.boot_failures, self.young_deaths = 0.0, 0, 0

    def _note_young_death(self, now: float) -> None:
        self.fork_at = now + _BACKOFF_SECONDS * 2 ** min(self.young_deaths, _BACKOFF_DOUBLINGS)
        self.young_deaths += 1

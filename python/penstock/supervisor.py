"""The supervisor: forks the workers, reaps them, replaces them. It never runs a line of the application.

A server has a fixed number of seats. A worker starts for a seat, serves in it, and retires from it. On a reload a
seat's next worker starts beside the one that serves, which retires when the new one is ready: it finishes what it
accepted.

Code that no worker has proven yet, at first and after each HUP, is tried by one worker alone. So where the application
is at fault its traceback is printed once; then nothing served before and the server ends, or older workers serve and
stay.
"""

import math
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from penstock._server import DRAINING, READY, Scoreboard
from penstock.exits import ExitStatus
from penstock.lifeline import Lifeline
from penstock.log import LOGGER
from penstock.seat import Seat, Worker
from penstock.signals import SignalQueue

# A worker whose time is up has this long to find out by itself before it is killed.
_GRACE_SECONDS = 1.0

# With nobody left to serve, so many workers of a seat may die in a row before one is ready: then it is not bad luck.
_BOOT_ATTEMPTS = 3

# How often the scoreboard is read while a worker is to become ready or to drain. At other times it is not read at all.
_POLL_SECONDS = 0.02

# What the queue it reads must hold.
SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Place:
    """What a new worker is given."""

    seat: int
    slot: int
    scoreboard: Scoreboard
    lifeline: Lifeline


class Supervisor:
    """Keeps `seats` workers serving until a signal ends it. `signals` has been entered and takes SIGNALS.

    `work` is called in each worker, which ends with the status it returns; `all_draining` in the supervisor, once it
    stops and no worker accepts any more. The scoreboard's slots limit how many workers there are at a time, retiring
    ones included. `graceful_timeout` is in seconds, 0 for no end.
    """

    def __init__(
        self,
        signals: SignalQueue,
        *,
        seats: int,
        graceful_timeout: float,
        scoreboard: Scoreboard,
        work: Callable[[Place], int],
        all_draining: Callable[[], None],
    ) -> None:
        self._seats = [Seat(number) for number in range(seats)]
        self._graceful_timeout = graceful_timeout or math.inf
        self._scoreboard = scoreboard
        self._work = work
        self._all_draining: Callable[[], None] | None = all_draining
        self._signals = signals
        self._workers: dict[int, Worker] = {}
        self._free_slots = set(range(scoreboard.slots))
        self._generation = 0  # of the code: HUP begins the next
        self._proven = -1  # the latest one that a worker became ready with
        self._complete = -1  # the latest one that every seat served with
        self._stopping = False
        self._status = ExitStatus.OK

    def run(self) -> int:
        """The exit status of this process: the server's when it ends, or in a forked child its worker's."""
        while self._workers or not self._stopping:
            while (seat := self._seat_to_fill()) is not None:
                place = self._fork(seat)
                if place is not None:
                    return self._work(place)
            for number in self._signals.wait(self._patience()):
                self._heed(number)
            self._reap()
            self._seat_the_ready()
            self._kill_the_overdue()
            self._notice_completion()
            self._notice_all_draining()
        return self._status

    # Who starts, and when

    def _seat_to_fill(self) -> Seat | None:
        if self._stopping or not self._free_slots:
            return None
        return next((seat for seat in self._wanting() if seat.fork_at <= time.monotonic()), None)

    def _wanting(self) -> list[Seat]:
        """The seats a worker could start for, now or after their back-off."""
        vacant = [seat for seat in self._seats if not seat.serving and not seat.starting]
        outdated = [seat for seat in self._seats if seat.serving and seat.serving.generation != self._generation]
        if self._someone_starts():
            return vacant if self._generation == self._proven else []
        if self._generation == self._proven:
            return vacant + outdated
        return (vacant + outdated)[:1]

    def _fork(self, seat: Seat) -> Place | None:
        """Starts a worker for the seat. None in the supervisor; in the worker, its place."""
        try:
            pid, lifeline = self._fork_with_lifeline()
        except OSError as error:  # too many processes, or descriptors
            LOGGER.error("cannot fork a worker: %s", error.strerror)
            self._boot_failed(seat, ExitStatus.FAILURE)
            return None
        slot = self._free_slots.pop()  # the same one in both
        if pid == 0:
            for other in self._workers.values():
                other.lifeline.cut()
            lifeline.watch()
            return Place(seat.number, slot, self._scoreboard, lifeline)
        lifeline.hold()
        seat.starting = self._workers[pid] = Worker(pid, seat, slot, self._generation, lifeline)
        return None

    def _fork_with_lifeline(self) -> tuple[int, Lifeline]:
        lifeline = Lifeline()
        try:
            return self._signals.fork(), lifeline
        except OSError:
            lifeline.cut()
            raise

    def _seat_the_ready(self) -> None:
        for seat in self._seats:
            if seat.starting and self._state(seat.starting) in (READY, DRAINING):
                self._let_serve(seat.starting)

    def _let_serve(self, worker: Worker) -> None:
        LOGGER.info("worker %d is ready", worker.pid)
        seat, predecessor = worker.seat, worker.seat.serving
        seat.starting, seat.serving = None, worker
        seat.boot_failures = 0
        worker.ready_at = time.monotonic()
        self._proven = worker.generation
        if predecessor is not None:
            self._retire(predecessor)

    def _notice_completion(self) -> None:
        """Every seat has its worker, and no worker with older code accepts anything any more."""
        if self._complete == self._generation or not self._all_current():
            return
        old = (worker for worker in self._workers.values() if worker.generation != self._generation)
        if not any(self._state(worker) == READY for worker in old):
            LOGGER.info("ready" if self._complete < 0 else "reloaded: every worker runs the new code")
            self._complete = self._generation

    # Who ends, and how

    def _heed(self, number: int) -> None:
        match number:
            case signal.SIGHUP:
                self._reload()
            case signal.SIGTERM:
                self._stop()
            case signal.SIGINT if not self._stopping:
                self._stop()
            case signal.SIGINT | signal.SIGQUIT:
                self._stop_now()

    def _reload(self) -> None:
        if self._stopping:
            return
        LOGGER.info("reloading: new workers start, the old ones serve until these are ready")
        self._generation += 1
        for seat in self._seats:
            seat.forgive()
            if seat.starting is not None:
                self._retire(seat.starting)

    def _stop(self) -> None:
        if self._stopping:
            return
        LOGGER.info("stopping when all that was accepted is answered")
        self._stopping = True
        for seat in self._seats:
            for worker in filter(None, (seat.starting, seat.serving)):
                self._retire(worker)

    def _stop_now(self) -> None:
        LOGGER.info("stopping now")
        self._stopping = True
        for worker in self._workers.values():
            starting = worker.seat.starting is worker
            worker.seat.vacate(worker)
            worker.kill_at = time.monotonic() + _GRACE_SECONDS
            os.kill(worker.pid, signal.SIGKILL if starting else signal.SIGQUIT)

    def _notice_all_draining(self) -> None:
        if not self._stopping or self._all_draining is None:
            return
        if all(self._state(worker) == DRAINING for worker in self._workers.values()):
            LOGGER.debug("no worker accepts connections any more")
            self._all_draining()
            self._all_draining = None

    def _retire(self, worker: Worker) -> None:
        """Lets a worker finish what it accepted and end; one that still starts ends at once."""
        worker.seat.vacate(worker)
        worker.kill_at = time.monotonic() + self._graceful_timeout + _GRACE_SECONDS
        os.kill(worker.pid, signal.SIGTERM)

    def _kill_the_overdue(self) -> None:
        now = time.monotonic()
        for worker in self._workers.values():
            if worker.kill_at <= now:
                LOGGER.warning("worker %d did not end in time: killing it", worker.pid)
                worker.kill_at = math.inf
                os.kill(worker.pid, signal.SIGKILL)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            worker = self._workers.pop(pid, None)
            if worker is not None:  # else an orphan that became ours because we are process 1 of a container
                self._bury(worker, os.waitstatus_to_exitcode(status))

    def _bury(self, worker: Worker, status: int) -> None:
        worker.lifeline.cut()
        self._scoreboard.release(worker.slot)
        self._free_slots.add(worker.slot)
        seat, end = worker.seat, _end_of(status)
        if worker is seat.serving:
            LOGGER.error("worker %d %s: another takes its place", worker.pid, end)
            seat.vacate(worker)
            seat.note_death(worker, time.monotonic())
        elif worker is seat.starting:
            LOGGER.error("worker %d %s before it was ready", worker.pid, end)
            seat.vacate(worker)
            self._boot_failed(seat, status)
        else:
            LOGGER.info("worker %d %s", worker.pid, end)

    def _boot_failed(self, seat: Seat, status: int) -> None:
        seat.note_boot_failure(time.monotonic())
        if any(each.serving for each in self._seats):
            if self._generation != self._proven:
                LOGGER.error("not reloaded: the new code does not start, the old workers go on serving")
                self._generation = self._proven
        elif not self._someone_starts() and self._is_hopeless(seat, status):
            LOGGER.critical("no worker can start: giving up")
            self._status = ExitStatus.BOOT
            self._stopping = True

    def _is_hopeless(self, seat: Seat, status: int) -> bool:
        """The application said that it cannot start, and it never could; or it had chances enough."""
        never_started = self._proven < 0
        return (never_started and status == ExitStatus.BOOT) or seat.boot_failures >= _BOOT_ATTEMPTS

    # What both need to know

    def _someone_starts(self) -> bool:
        return any(seat.starting for seat in self._seats)

    def _all_current(self) -> bool:
        return all(seat.serving and seat.serving.generation == self._generation for seat in self._seats)

    def _state(self, worker: Worker) -> int:
        return self._scoreboard.read(worker.slot).state

    def _watches_scoreboard(self) -> bool:
        """True while we wait for a worker to change its state there."""
        if self._stopping:
            return self._all_draining is not None
        return self._someone_starts() or (self._complete != self._generation and self._all_current())

    def _patience(self) -> float | None:
        """Seconds until the clock alone gives us something to do; None for never."""
        now = time.monotonic()
        moments = [worker.kill_at for worker in self._workers.values()]
        if not self._stopping:
            moments += (seat.fork_at for seat in self._wanting() if seat.fork_at > now)
        if self._watches_scoreboard():
            moments.append(now + _POLL_SECONDS)
        soonest = min(moments, default=math.inf)
        return None if soonest == math.inf else max(0.0, soonest - now)


def _end_of(status: int) -> str:
    """A wait status, as os.waitstatus_to_exitcode gives it, in words."""
    if status >= 0:
        return f"ended with status {status}" if status else "ended"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:  # a real-time signal has no name
        return f"was killed by signal {-status}"

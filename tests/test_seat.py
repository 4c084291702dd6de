"""penstock.seat: how long a seat waits for its next worker."""

import math

import pytest
from penstock.lifeline import Lifeline
from penstock.seat import Seat, Worker


def waits(seat: Seat, now: float) -> float:
    return max(0.0, seat.fork_at - now)


def served(seat: Seat, *, since: float) -> Worker:
    lifeline = Lifeline()
    lifeline.cut()
    worker = Worker(pid=1, seat=seat, slot=0, generation=0, lifeline=lifeline, ready_at=since)
    seat.serving = worker
    return worker


def test_workers_that_do_not_start_are_tried_less_and_less_often() -> None:
    seat = Seat(0)
    delays = []
    for _ in range(9):
        seat.note_boot_failure(now=100.0)
        delays.append(round(waits(seat, 100.0), 3))
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 12.8]
    assert seat.boot_failures == 9


def test_a_delay_stays_finite_however_many_failed() -> None:
    seat = Seat(0, young_deaths=5000)
    seat.note_boot_failure(now=100.0)
    assert waits(seat, 100.0) == pytest.approx(12.8)


def test_a_worker_that_served_a_while_is_replaced_at_once() -> None:
    seat = Seat(0, young_deaths=3)
    seat.note_death(served(seat, since=10.0), now=100.0)
    assert waits(seat, 100.0) == 0
    assert seat.young_deaths == 0


def test_a_worker_that_dies_as_soon_as_it_serves_is_not() -> None:
    seat = Seat(0)
    for _ in range(2):
        seat.note_death(served(seat, since=99.5), now=100.0)
    assert waits(seat, 100.0) == pytest.approx(0.2)
    assert seat.boot_failures == 0


def test_new_code_is_not_held_to_account_for_the_old() -> None:
    seat = Seat(0)
    seat.note_boot_failure(now=100.0)
    seat.forgive()
    assert (seat.fork_at, seat.boot_failures, seat.young_deaths) == (0.0, 0, 0)


def test_a_worker_leaves_only_its_own_part() -> None:
    seat = Seat(0)
    old, new = served(seat, since=0.0), served(seat, since=math.inf)
    seat.serving, seat.starting = old, new
    seat.vacate(new)
    assert [seat.serving, seat.starting] == [old, None]
    seat.vacate(old)
    assert seat.serving is None

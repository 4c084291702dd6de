"""Where things run: which cores, with which priority, with which Penstock."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The two cores are one where the machine has no more."""

    server_core: int
    load_core: int
    priority: int  # as nice
    penstock: Path  # the interpreter Penstock is installed for
    start_seconds: float = 15.0  # a server may take to listen
    stop_seconds: float = 5.0  # and to end, before it is killed

    @property
    def load_has_its_core(self) -> bool:
        return self.load_core != self.server_core


def this_machine(penstock: Path, priority: int) -> Machine:
    """The first two cores that we may use."""
    cores = sorted(os.sched_getaffinity(0))
    return Machine(server_core=cores[0], load_core=cores[1 % len(cores)], priority=priority, penstock=penstock)

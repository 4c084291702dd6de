"""Processes under measurement: started on one core, with the CPU time and memory of their whole tree."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.server.paths import ROOT


def descendants(pid: int) -> list[int]:
    """The process and all below it, parents first. Those that end meanwhile are left out."""
    found = [pid]
    for each in found:
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found.extend(int(child) for child in children.read_text().split())
    return found


def cpu_seconds(pids: Iterable[int]) -> dict[int, float]:
    """User and system time of each process, all its threads, those that ended included.

    Read from the processes' CPU clocks: /proc/PID/stat counts the same in ticks of 10 ms, too coarse for a second's run.
    """
    times = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            times[pid] = time.clock_gettime(~pid << 3 | 2)  # CPUCLOCK_SCHED of a process: linux/posix-timers.h
    return times


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes in memory: `pss` shares what several processes map, `rss` counts it in each."""

    pss: int
    rss: int


def memory(pids: Iterable[int]) -> Memory:
    pss = rss = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                name, _, value = line.partition(":")
                if name == "Pss":
                    pss += int(value.split()[0]) * 1024
                elif name == "Rss":
                    rss += int(value.split()[0]) * 1024
    return Memory(pss, rss)


def pin(core: int, priority: int) -> None:
    """This process, which leads a session, and all it will start on one core; with a negative priority before others.

    Where the kernel groups processes by session, the group's priority is what counts against the rest of the machine.
    """
    os.sched_setaffinity(0, {core})
    if priority:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, priority)
            Path("/proc/self/autogroup").write_text(str(priority))


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **(extra or {})}


class Process:
    """A server, from its start to the end of the last process of its tree."""

    def __init__(self, command: Sequence[str], *, core: int, log: Path, priority: int = 0) -> None:
        self.log = log
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C ends the harness, which then stops its servers one by one
                preexec_fn=lambda: pin(core, priority),
            )

    def pids(self) -> list[int]:
        return descendants(self._popen.pid)

    def alive(self) -> bool:
        return self._popen.poll() is None

    def log_tail(self) -> str:
        """The last line the server wrote."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else "nothing logged"

    def stop(self, patience_seconds: float) -> None:
        tree = self.pids()
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if self.alive():
                self._popen.send_signal(sign)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._popen.wait(patience_seconds)
        self._end_orphans(tree)

    def _end_orphans(self, tree: list[int]) -> None:
        """Workers that outlived their parent. The session tells them from strangers that were given the same number."""
        for pid in tree[1:]:
            with contextlib.suppress(OSError):
                if os.getsid(pid) == self._popen.pid:
                    os.kill(pid, signal.SIGKILL)

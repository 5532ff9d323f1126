"""Timing on a machine that others use too: a measurement disturbed by them is taken again.

Linux counts the busy time of all processes (/proc/stat) and of each (/proc/<pid>/stat); what is not ours is
theirs.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

DISTURBED = 0.05
"""Share of the cores' time taken by others from which a measurement does not count."""
PATIENCE = 20.0
"""Seconds to wait for quiet before a measurement, at most."""
TRIES = 4


@dataclass(frozen=True, slots=True)
class Timing:
    """Wall seconds of a piece of work, and the share of all cores that others took meanwhile."""

    seconds: float
    disturbed: float


def time_quietly(work: Callable[[], object], pids: Sequence[int] = ()) -> Timing:
    """The wall time of `work`, measured anew while others disturb it; the least disturbed try counts.

    pids: the processes that do the work, where this one does not do it alone.
    """
    tries = []
    for _ in range(TRIES):
        _await_quiet(pids)
        before, start = _others(pids), time.perf_counter()
        work()
        wall = time.perf_counter() - start
        others = max(0.0, _others(pids) - before) / (wall * (os.cpu_count() or 1))
        tries.append(Timing(wall, others))
        if others <= DISTURBED:
            break
    return min(tries, key=lambda one: one.disturbed)


def _await_quiet(pids: Sequence[int]) -> None:
    end = time.perf_counter() + PATIENCE
    while time.perf_counter() < end:
        before = _others(pids)
        time.sleep(0.3)
        if _others(pids) - before <= 0.3 * DISTURBED * (os.cpu_count() or 1):
            return


def _others(pids: Sequence[int]) -> float:
    """Seconds of processor time used so far by everything but this process and `pids`.

    0 where the system does not tell: then no measurement counts as disturbed.
    """
    try:
        fields = Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:9]
        ours = sum(_used(pid) for pid in (os.getpid(), *pids))
    except OSError:
        return 0.0
    user, nice, system, _idle, _wait, irq, soft, steal = (int(field) for field in fields)
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK") - ours


def _used(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    # Its own, and that of the children it has waited for.
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")

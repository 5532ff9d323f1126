"""What this process may use of the machine: its cores and its memory, as affinity and control groups say.

A control group's limit also holds for the groups below it, so the least of them all counts. Version 2 has one
tree, version 1 one for each controller; a machine may have both.
"""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")

_UNLIMITED = 1 << 60
"""Bytes from which a limit is none: version 1 writes a huge number where version 2 writes `max`."""


def usable_cores(proc: Path = PROC) -> int:
    """How many cores this process may use: by its affinity, and by its control groups' quota, rounded up."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, math.ceil(min(_quotas(proc), default=cores))))


def usable_memory(proc: Path = PROC) -> int | None:
    """How many bytes this process may use: the machine's, or its control groups' limit; None if unknown."""
    amounts = [*_memory_limits(proc), *_installed(proc)]
    return min(amounts, default=None)


def _quotas(proc: Path) -> Iterator[float]:
    """Every limit on this process's share of the processors, in cores."""
    for folder in _groups(proc, "cpu"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        if not quota:
            quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        with suppress(ValueError):  # `max`, or no such file
            if float(quota) > 0 and float(period) > 0:
                yield float(quota) / float(period)


def _memory_limits(proc: Path) -> Iterator[int]:
    for folder in _groups(proc, "memory"):
        for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
            with suppress(ValueError):
                limit = int(_read(folder / name))
                if 0 < limit < _UNLIMITED:
                    yield limit


def _installed(proc: Path) -> Iterator[int]:
    for line in _read(proc / "meminfo").splitlines():
        name, _, value = line.partition(":")
        if name == "MemTotal":
            with suppress(ValueError, IndexError):
                yield int(value.split()[0]) * 1024
                return
    with suppress(AttributeError, OSError, ValueError):  # no /proc: macOS
        yield os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _groups(proc: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's control groups with this controller, from its own up to the root."""
    paths = {}
    for line in _read(proc / "self" / "cgroup").splitlines():
        _, names, path = (*line.split(":", 2), "", "")[:3]
        for name in names.split(","):
            paths[name] = path
    for line in _read(proc / "self" / "mountinfo").splitlines():
        mount, _, kind = line.partition(" - ")
        fields, (file_system, _, options) = mount.split(" "), (*kind.split(" ", 2), "", "", "")[:3]
        is_v2 = file_system == "cgroup2"
        if len(fields) < 5 or not (is_v2 or (file_system == "cgroup" and controller in options.split(","))):
            continue
        top = Path(_unescaped(fields[4]))
        # In a container without a namespace of its own, the mount shows only the container's own group.
        inner = paths.get("" if is_v2 else controller, "/").removeprefix(_unescaped(fields[3]).rstrip("/"))
        folder = top if ".." in inner else top / inner.strip("/")
        yield folder
        yield from (parent for parent in folder.parents if parent.is_relative_to(top))


def _unescaped(path: str) -> str:
    return path.replace("\\040", " ")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""

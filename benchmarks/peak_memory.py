"""The peak memory of a command and of all processes that it starts, together.

    python benchmarks/peak_memory.py make test

Memory is PSS, in which what processes share counts once, added up every half second. Linux alone.
"""

import ctypes
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

PAUSE_S = 0.5
_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2): processes whose parent has ended stay below this one."""

PROC = Path("/proc")


def main() -> None:
    """Runs the command, prints the figures after it, and ends with its status."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    peak, processes, largest = 0, 0, 0
    with subprocess.Popen(sys.argv[1:]) as command:
        while not ended(command):
            sizes = [pss(process) for process in below(command.pid)]
            peak, processes = max((peak, processes), (sum(sizes), len(sizes)))
            largest = max([largest, *sizes])
    print(
        f"Peak memory: {peak / 1e9:.2f} GB in {processes} processes together; "
        f"{largest / 1e9:.2f} GB in the largest"
    )
    sys.exit(command.returncode)


def ended(command: subprocess.Popen[bytes]) -> bool:
    """Whether it ends within a pause."""
    try:
        command.wait(PAUSE_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def below(root: int) -> list[int]:
    """The process and all that descend from it, or have lost their parent under this one."""
    children = defaultdict(list)
    for folder in PROC.glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(") ")[2].split()[1])
        except OSError:  # it has just ended
            continue
        children[parent].append(int(folder.name))
    found = [
        root,
        *(child for child in children[int(PROC.joinpath("self").readlink().name)] if child != root),
    ]
    for process in found:
        found += children[process]
    return found


def pss(process: int) -> int:
    """Bytes; 0 of a process that has ended."""
    try:
        lines = (PROC / str(process) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    main()

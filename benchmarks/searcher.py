"""Opens a database and searches it; nothing else, so that its memory is the search's.

Run by search.py as a process of its own: searcher.py DATABASE PROBES.npy ANSWERS.npy BATCH
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command sets it, before NumPy is loaded

import numpy as np

from stash_sense.facedb.database import FaceDatabase


def main() -> None:
    place, probes, answers, batch = (
        Path(sys.argv[1]),
        np.load(sys.argv[2]),
        Path(sys.argv[3]),
        int(sys.argv[4]),
    )
    before = _resident()
    start = time.perf_counter()
    database = FaceDatabase.open(place)
    opened = time.perf_counter() - start
    seconds, best, used = [], [], time.process_time()
    for first in range(0, len(probes), batch):
        queries = probes[first : first + batch]
        start = time.perf_counter()
        found = database.search(queries, 5)
        seconds.append((time.perf_counter() - start) / len(queries))
        best.append(found.people[:, 0])
    used = time.process_time() - used
    np.save(answers, np.concatenate(best))
    figures = {
        "open_s": opened,
        "ms_a_probe": 1000 * float(np.median(seconds)),
        "ms_a_probe_slowest_tenth": 1000 * float(np.quantile(seconds, 0.9)),
        "cpu_ms_a_probe": 1000 * used / len(probes),
        "ms_first_batch": 1000 * seconds[0],
        "before_mb": before["VmRSS"],
        "resident_mb": _resident()["VmRSS"],
        "peak_mb": _resident()["VmHWM"],
        "mapped_mb": _resident()["RssFile"],
    }
    print(json.dumps(figures))


def _resident() -> dict[str, float]:
    """Megabytes by the kernel's own names; VmRSS counts mapped pages."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    fields = [line.split() for line in lines if line.startswith(("VmRSS", "VmHWM", "RssFile"))]
    return {name.rstrip(":"): int(value) / 1024 for name, value, *_ in fields}


if __name__ == "__main__":
    main()

"""What a running job tells of itself."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from stash_sense.store.jobs import Job
from stash_sense.store.values import LARGEST_INTEGER

LINES_KEPT = 1000
LINE_LENGTH = 500
_KNOWN_AFTER_S = 0.5


class JobReport:
    """Given to the work; may be called from any thread, often, and costs nothing."""

    def __init__(self, job_id: str, stood: int = 0, on_further: Callable[[], None] = lambda: None) -> None:
        """on_further: called once, from any thread, when more is done than `stood`, as in earlier runs."""
        self.job_id = job_id
        self._stood = stood
        self._on_further: Callable[[], None] | None = on_further
        self.make: Callable[[], Mapping[str, Any]] | None = None
        self._guard = threading.Lock()
        self._lines: list[str] = []
        self._left_out = 0
        self._counts: tuple[int, int, int, int] | None = None
        self._first = (0, 0.0)

    def progress(self, done: int, total: int, *, faces: int = 0, people: int = 0) -> None:
        """`done` of `total` (0: unknown), with `faces` and `people` so far; the first starts the clock."""
        done, total = _count(done), _count(total)
        with self._guard:
            if self._counts is None:
                self._first = (done, time.monotonic())
            self._counts = (
                min(done, total) if total else done,
                total,
                _count(faces),
                _count(people),
            )
            tell, further = self._on_further, self._counts[0] > self._stood
            if further:
                self._on_further = None
        if further and tell:
            tell()

    def problem(self, text: str) -> None:
        """One more line of what went wrong without ending the job."""
        line = printable(str(text)[:LINE_LENGTH])
        with self._guard:
            if len(self._lines) < LINES_KEPT:
                self._lines.append(line)
            else:
                self._left_out += 1

    def result_so_far(self, make: Callable[[], Mapping[str, Any]]) -> None:
        """`make` gives the result as it stands.

        Called rarely and in another thread, when somebody asks, and once more when the job was cancelled or
        failed. What it returns must not change later.
        """
        self.make = make

    def told(self, job: Job) -> Job:
        """`job` with what was reported; what was not yet reported in this run stays as it was."""
        with self._guard:
            lines, counts, first = tuple(self._lines), self._counts, self._first
            if self._left_out:
                lines += (f"... and {self._left_out:,} more.",)
        if counts is None:
            return replace(job, all_errors=lines, error_count=len(lines))
        done, total, faces, people = counts
        seconds = time.monotonic() - first[1]
        rate = max(0, done - first[0]) / seconds if seconds >= _KNOWN_AFTER_S else 0.0
        return replace(
            job,
            done=done,
            total=total,
            faces=faces,
            people=people,
            rate=rate,
            eta_s=(total - done) / rate if rate and total else None,
            all_errors=lines,
            error_count=len(lines),
        )


def printable(text: str) -> str:
    """The text with "?" for what UTF-8 cannot hold: file names may be such."""
    return text.encode(errors="replace").decode()


def _count(value: int) -> int:
    return min(max(0, int(value)), LARGEST_INTEGER)

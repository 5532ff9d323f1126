"""How far a job over the library is, what it found, and what went wrong, by kind."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from stash_sense.errors import StashSenseError, StateBusy, StateError
from stash_sense.jobs.run import JobProgress

EXAMPLES = 5
"""Targets that a group of errors names."""

_BITS = 1024


class IdSet:
    """Ids of Stash, a bit each."""

    def __init__(self) -> None:
        self._blocks: dict[int, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, stash_id: object) -> bool:
        number = int(str(stash_id))
        return bool(self._blocks.get(number // _BITS, 0) >> number % _BITS & 1)

    def add(self, stash_id: str) -> None:
        if stash_id not in self:
            number = int(stash_id)
            self._blocks[number // _BITS] = self._blocks.get(number // _BITS, 0) | 1 << number % _BITS
            self._count += 1


@dataclass(slots=True)
class ErrorGroup:
    """Errors of one kind. message: that of the first, which says what to do. examples: where."""

    code: str
    message: str
    count: int = 0
    examples: list[str] = field(default_factory=list)


class PartProgress(JobProgress):
    """Progress of one gallery or scene, or of some images, as a part of the library's.

    Ends the part as soon as something cannot be stored: nothing is to be computed in vain.
    """

    def __init__(self, report: "LibraryReport", target: str) -> None:
        super().__init__(report.job_id)
        self.report = report
        self.target = target
        self.storage_error: StashSenseError | None = None

    def update(self, done: int, *, faces: int = 0, people: int = 0) -> None:
        """See Progress. Raises the StateError or StateBusy that keeps results from being stored."""
        super().update(done, faces=faces, people=people)
        self.report.show_part(done)
        if isinstance(self.storage_error, StateError | StateBusy):
            raise self.storage_error.with_traceback(None)

    def problem(self, message: str) -> None:
        """See Progress."""
        self.report.problem(message)

    def not_stored(self, error: StashSenseError) -> None:
        """See JobProgress."""
        self.storage_error = error
        super().not_stored(error)


class LibraryReport:
    """Counts of what was done, safe from any thread.

    done: images and scenes that were listed, whether or not anything was left to do on them.
    """

    def __init__(self, progress: JobProgress) -> None:
        self.job_id = progress.job_id
        self._progress = progress
        self._guard = threading.Lock()
        self._total = 0
        self.images, self.scenes = IdSet(), IdSet()
        self._counts: Counter[str] = Counter()
        self._people: set[str] = set()
        self._errors: dict[str, ErrorGroup] = {}
        self._at = ""
        self._part_done = self._part_total = 0

    def start(self, total: int) -> None:
        """So many images and scenes are to be listed."""
        self._total = total
        self._progress.start("Library", total)
        self._progress.set_live_result(self.as_json)

    def listed(self, done: IdSet, ids: Iterable[str]) -> None:
        """Nothing is left to do on these images or scenes. done: `images` or `scenes`."""
        with self._guard:
            for each in ids:
                done.add(each)
        self._show()

    @contextmanager
    def part(self, target: str, total: int) -> Iterator[PartProgress]:
        """The work on a gallery, a scene or some images. total: images or scenes that it counts for."""
        with self._guard:
            self._at, self._part_done, self._part_total = target, 0, total
        try:
            yield PartProgress(self, target)
        finally:
            with self._guard:
                self._at, self._part_done, self._part_total = "", 0, 0

    def show_part(self, done: int) -> None:
        """So much of the part is done."""
        with self._guard:
            self._part_done = done
        self._show()

    def count(self, what: str, by: int = 1) -> None:
        """Count what was done: `images`, `galleries`, `scenes`, `faces` and so on."""
        with self._guard:
            self._counts[what] += by

    def people(self, keys: Iterable[str]) -> None:
        """These people were seen."""
        with self._guard:
            self._people.update(keys)

    def failed(self, target: str, error: StashSenseError) -> None:
        """A target could not be identified."""
        self.failed_before(target, error.code, str(error))
        self._progress.problem(str(error))

    def failed_before(self, target: str, code: str, message: str) -> None:
        """A target is known to fail, and was not tried again."""
        with self._guard:
            group = self._errors.setdefault(code, ErrorGroup(code, message))
            group.count += 1
            if len(group.examples) < EXAMPLES:
                group.examples.append(target)

    def problem(self, message: str) -> None:
        """Something else went wrong."""
        self._progress.problem(message)

    def end(self) -> dict[str, Any]:
        """All is done: the result. What was counted in advance and not listed counts no more."""
        self._progress.start("Library", len(self.images) + len(self.scenes))
        self._show()
        return self.as_json()

    def as_json(self) -> dict[str, Any]:
        """The result as it stands."""
        with self._guard:
            groups = sorted(self._errors.values(), key=lambda group: -group.count)
            return {
                "at": {"target": self._at, "done": self._part_done} if self._at else None,
                "listed": {"images": len(self.images), "scenes": len(self.scenes)},
                "identified": {name: self._counts[name] for name in ("images", "galleries", "scenes")},
                "faces": self._counts["faces"],
                "people": len(self._people),
                "gone": self._counts["gone"],
                "errors": [
                    {
                        "code": group.code,
                        "count": group.count,
                        "message": group.message,
                        "examples": list(group.examples),
                    }
                    for group in groups
                ],
            }

    def _show(self) -> None:
        with self._guard:
            done = len(self.images) + len(self.scenes) + min(self._part_done, self._part_total)
            faces, people = self._counts["faces"], len(self._people)
        self._progress.update(done, faces=faces, people=people)

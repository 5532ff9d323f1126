import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from stash_sense.errors import StashSenseError, StateBusy
from stash_sense.jobs.run import JobProgress
from stash_sense.recognition.analysis_units import Looked
from stash_sense.recognition.gallery_state import RecognizedImage
from stash_sense.recognition.image_tasks import ImageTask, known_results
from stash_sense.recognition.parameters import RunParameters
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.rematch import FaceMatches
from stash_sense.store.results import StoredResult

log = logging.getLogger(__name__)


T = TypeVar("T")


PAUSE_S = 0.5


Rematched = tuple[RecognizedImage, list[FaceMatches]]
"""An image, and whom its faces match now."""


class GalleryStore:
    """What a run keeps of one gallery. busy_s: how long a state that another process holds is waited for."""

    def __init__(
        self,
        gallery_id: str,
        terms: RunParameters,
        state: RecommendationsDB,
        progress: JobProgress,
        busy_s: float,
    ) -> None:
        self._gallery_id = gallery_id
        self._terms = terms
        self._state = state
        self._progress = progress
        self._busy_s = busy_s
        self._told: set[str] = set()

    async def read(self, read: Callable[[], T]) -> T:
        """`read` in a thread, again while the state is locked. Raises StateBusy once that takes too long."""
        deadline = time.monotonic() + self._busy_s
        while True:
            try:
                return await asyncio.to_thread(read)
            except StateBusy as error:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise
                log.warning("gallery %s: waiting up to %.0f s more: %s", self._gallery_id, left, error)
            await asyncio.sleep(min(PAUSE_S, left))

    def look_up(
        self, asked: Sequence[ImageTask], *, force: bool
    ) -> tuple[dict[str, StoredResult], dict[str, RecognizedImage]]:
        """Stored results that serve; the entries of those whose matches serve too. In a thread."""
        known = known_results(asked, self._terms, self._state, gallery_id=self._gallery_id, force=force)
        unseen = [image for image, one in known.items() if self._gallery_id not in one.gallery_ids]
        if unseen:
            self._write(partial(self._state.note_gallery, self._gallery_id, unseen))
        entries = {
            image: RecognizedImage.stored(one, self._terms)
            for image, one in known.items()
            if self._terms.matched_by(one)
        }
        return known, entries

    def add(self, looked: Sequence[Looked]) -> dict[str, tuple[int, ...]]:
        """Image id -> ids of its faces; without those that could not be stored. In a thread."""
        try:
            outcome = self._state.store_image_results([one.result for one in looked])
        except StashSenseError as error:
            self._not_written(error)
            return {}
        for image, refusal in outcome.failed:
            self._not_written(refusal, image)
        return {one.stash_image_id: one.face_ids for one in outcome.stored}

    def rematch(self, changes: Iterable[Rematched]) -> None:
        """In a thread. Images of one floor are written together; nearly always that is all of them."""
        by_floor: dict[float, list[Rematched]] = {}
        for entry, matches in changes:
            by_floor.setdefault(entry.floor, []).append((entry, matches))
        for floor, some in by_floor.items():
            self._write(
                partial(
                    self._state.update_matches,
                    self._terms.pack,
                    self._terms.db_version,
                    [entry.image_id for entry, _ in some],
                    [one for _, matches in some for one in matches],
                    {**self._terms.settings(), "floor": floor},
                )
            )

    def _write(self, write: partial[Any]) -> None:
        try:
            write()
        except StashSenseError as error:
            self._not_written(error)

    def _not_written(self, error: StashSenseError, image: str = "") -> None:
        """Told once for each reason: a full disk would be told thousands of times."""
        log.warning("gallery %s: %s was not stored: %s", self._gallery_id, image or "a part", error)
        if str(error) not in self._told:
            self._told.add(str(error))
            self._progress.problem(f"Not everything could be stored: {error}")

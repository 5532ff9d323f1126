"""The methods of RecommendationsDB for the whole library."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from stash_sense.domain.faces import FaceId, SceneFaceId
from stash_sense.domain.identity import local_key
from stash_sense.errors import DiskFull, StateBusy, StateUnwritable
from stash_sense.store.connection import ConnectionPool
from stash_sense.store.repositories import (
    library_faces,
    library_people,
    library_tags,
    people,
    suggestion_list,
    suggestions,
)
from stash_sense.store.repositories.library_faces import FaceBlock, FacePlaceInLibrary
from stash_sense.store.repositories.library_people import AppearancesPage, SeenPeoplePage
from stash_sense.store.repositories.library_tags import TargetTags
from stash_sense.store.repositories.matches import Vector
from stash_sense.store.repositories.suggestion_list import SuggestionPage, SuggestionQuery

_DERIVED_TOGETHER = 500
"""Targets whose suggestions are derived in one transaction: others wait for it."""
_LONGEST_S = 0.05
"""A page is derived for so long, and then shown with what is there; the next one goes on."""


class LibraryMethods:
    """What Stash says of its images, galleries and scenes, and suggestions. Each writes all or nothing."""

    _pool: ConnectionPool

    def record_tags(self, targets: Sequence[TargetTags]) -> None:
        with self._pool.writing() as connection:
            library_tags.record_tags(connection, targets)

    def forget_targets(self, target_type: str, ids: Sequence[str]) -> None:
        with self._pool.writing() as connection:
            library_tags.forget_targets(connection, target_type, ids)

    def refresh_suggestions(self, longest_s: float | None = None) -> int:
        """Derive again the suggestions of which something has changed; for how many targets that is left.

        longest_s: seconds after which no more is begun; None: go on to the end.
        """
        with self._pool.reading() as connection:
            left = library_tags.count_stale(connection)
        end = None if longest_s is None else time.monotonic() + longest_s
        while left and (end is None or time.monotonic() < end):
            with self._pool.writing() as connection:
                left = suggestions.refresh_suggestions(connection, _DERIVED_TOGETHER)
        return left

    def list_suggestions(
        self, query: SuggestionQuery, is_known: Callable[[Sequence[str]], bool] = lambda _: True
    ) -> SuggestionPage:
        """A page, after what has changed was derived again as far as there was time and room."""
        try:
            pending = self.refresh_suggestions(_LONGEST_S)
        except (DiskFull, StateUnwritable, StateBusy):
            with self._pool.reading() as connection:
                pending = library_tags.count_stale(connection)
        with self._pool.reading() as connection:
            return replace(suggestion_list.list_suggestions(connection, query, is_known), pending=pending)

    def dismiss_suggestions(self, ids: Sequence[int]) -> int:
        with self._pool.writing(durable=True) as connection:
            return suggestions.dismiss_suggestions(connection, ids)

    def link_performers(self, local_ids: Mapping[str, str]) -> None:
        """Learn which performer in Stash a person is: key -> local id."""
        with self._pool.writing() as connection:
            rows = people.upsert_people(connection, [(key, None, None) for key in local_ids])
            keys = [(local_key(local_id), rows[key]) for key, local_id in local_ids.items()]
            people.insert_keys(connection, keys)

    def list_people(self, sort: str, cursor: str | None, limit: int) -> SeenPeoplePage:
        with self._pool.reading() as connection:
            return library_people.list_seen_people(connection, sort, cursor, limit)

    def list_appearances(self, performer_id: str, cursor: str | None, limit: int) -> AppearancesPage:
        with self._pool.reading() as connection:
            return library_people.list_appearances(connection, performer_id, cursor, limit)

    def read_face_block(self, pack: str, after: int, most: int, *, of_scenes: bool) -> FaceBlock | None:
        with self._pool.reading() as connection:
            return library_faces.read_face_block(connection, pack, after, most, of_scenes=of_scenes)

    def face_vectors(self, face_id: FaceId, pack: str) -> tuple[Vector, Vector]:
        with self._pool.reading() as connection:
            return library_faces.face_vectors(connection, face_id, pack)

    def places_of_faces(self, face_ids: Iterable[FaceId]) -> dict[FaceId, FacePlaceInLibrary]:
        with self._pool.reading() as connection:
            return library_faces.places_of_faces(connection, face_ids)

    def best_faces_of_tracks(self, track_ids: Iterable[int]) -> dict[int, SceneFaceId]:
        with self._pool.reading() as connection:
            return library_faces.best_faces_of_tracks(connection, track_ids)

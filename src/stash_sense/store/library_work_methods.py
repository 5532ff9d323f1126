"""The methods of RecommendationsDB for the job over the whole library."""

from collections.abc import Sequence

from stash_sense.domain.identity import PictureIdentity
from stash_sense.store.connection import ConnectionPool
from stash_sense.store.repositories import library_work
from stash_sense.store.repositories.library_work import FailedPicture, StoredRun, StoredVideoRun


class LibraryWorkMethods:
    """What is stored of many targets at once, and what a library job is at. Each writes all or nothing."""

    _pool: ConnectionPool

    def stored_runs(self, images: Sequence[tuple[str, PictureIdentity]]) -> dict[str, StoredRun]:
        with self._pool.reading() as connection:
            return library_work.stored_runs(connection, images)

    def stored_video_runs(self, scenes: Sequence[tuple[str, PictureIdentity]]) -> dict[str, StoredVideoRun]:
        with self._pool.reading() as connection:
            return library_work.stored_video_runs(connection, scenes)

    def record_unreadable_images(self, images: Sequence[FailedPicture]) -> None:
        with self._pool.writing() as connection:
            library_work.record_unreadable_images(connection, images)

    def unreadable_images(self, images: Sequence[tuple[str, PictureIdentity]]) -> dict[str, tuple[str, str]]:
        with self._pool.reading() as connection:
            return library_work.unreadable_images(connection, images)

    def begin_work(self, target_type: str, ids: Sequence[str], done: int = 0) -> int:
        with self._pool.writing() as connection:
            return library_work.begin_work(connection, target_type, ids, done)

    def rest_work(self, target_type: str, ids: Sequence[str]) -> None:
        with self._pool.writing() as connection:
            library_work.rest_work(connection, target_type, ids)

    def end_work(self, target_type: str, ids: Sequence[str]) -> None:
        with self._pool.writing() as connection:
            library_work.end_work(connection, target_type, ids)

    def begun_work(self, target_type: str) -> list[str]:
        with self._pool.reading() as connection:
            return library_work.begun_work(connection, target_type)

    def recorded_targets(self, target_type: str, after: str, limit: int) -> list[str]:
        with self._pool.reading() as connection:
            return library_work.recorded_targets(connection, target_type, after, limit)

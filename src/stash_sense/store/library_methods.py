"""The methods of RecommendationsDB for the whole library."""

from collections.abc import Sequence

from stash_sense.store.connection import ConnectionPool
from stash_sense.store.repositories import library_tags
from stash_sense.store.repositories.library_tags import TargetTags


class LibraryMethods:
    """What Stash says of its images, galleries and scenes. Each writes all or nothing."""

    _pool: ConnectionPool

    def record_tags(self, targets: Sequence[TargetTags]) -> None:
        with self._pool.writing() as connection:
            library_tags.record_tags(connection, targets)

    def forget_targets(self, target_type: str, ids: Sequence[str]) -> None:
        with self._pool.writing() as connection:
            library_tags.forget_targets(connection, target_type, ids)

"""The methods of RecommendationsDB for version-6 rows of images, and for matching what is stored again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stash_sense.store.connection import ConnectionPool
from stash_sense.store.repositories import fingerprints, newly_named, stale_results
from stash_sense.store.repositories.newly_named import NewlyNamedPage, NewName
from stash_sense.store.repositories.rematching import FaceMatches, update_matches
from stash_sense.store.repositories.results import StoredResult


class FingerprintMethods:
    """Images and the performers named on them, as version 6 stores them. Each writes all or nothing."""

    _pool: ConnectionPool

    def create_image_fingerprint(
        self,
        stash_image_id: str,
        faces_detected: int = 0,
        gallery_id: str | None = None,
        db_version: str | None = None,
    ) -> int:
        with self._pool.writing() as connection:
            return fingerprints.create_image_fingerprint(
                connection, stash_image_id, faces_detected, gallery_id, db_version
            )

    def get_image_fingerprint(self, stash_image_id: str) -> dict[str, Any] | None:
        with self._pool.connection() as connection:
            return fingerprints.get_image_fingerprint(connection, stash_image_id)

    def get_gallery_image_fingerprints(self, gallery_id: str) -> list[dict[str, Any]]:
        with self._pool.connection() as connection:
            return fingerprints.get_gallery_image_fingerprints(connection, gallery_id)

    def add_image_fingerprint_face(
        self,
        stash_image_id: str,
        performer_id: str,
        confidence: float | None = None,
        distance: float | None = None,
        bbox_x: float | None = None,
        bbox_y: float | None = None,
        bbox_w: float | None = None,
        bbox_h: float | None = None,
    ) -> int:
        with self._pool.writing() as connection:
            return fingerprints.add_image_fingerprint_face(
                connection, stash_image_id, performer_id, confidence, distance, bbox_x, bbox_y, bbox_w, bbox_h
            )

    def get_image_fingerprint_faces(self, stash_image_id: str) -> list[dict[str, Any]]:
        with self._pool.connection() as connection:
            return fingerprints.get_image_fingerprint_faces(connection, stash_image_id)

    def delete_image_fingerprint_faces(self, stash_image_id: str) -> int:
        with self._pool.writing() as connection:
            return fingerprints.delete_image_fingerprint_faces(connection, stash_image_id)

    def delete_image_fingerprint(self, stash_image_id: str) -> bool:
        with self._pool.writing() as connection:
            return fingerprints.delete_image_fingerprint(connection, stash_image_id)


class RematchMethods:
    """Each write does all or nothing."""

    _pool: ConnectionPool

    def stale_images(
        self, pack: str, db_version: str, after: int, faces: int
    ) -> stale_results.StaleImages | None:
        with self._pool.reading() as connection:
            return stale_results.stale_images(connection, pack, db_version, after, faces)

    def stale_galleries(self, pack: str, db_version: str) -> list[str]:
        with self._pool.reading() as connection:
            return stale_results.stale_galleries(connection, pack, db_version)

    def results_of_gallery(self, gallery_id: str, pack: str) -> dict[str, StoredResult]:
        with self._pool.reading() as connection:
            return stale_results.results_of_gallery(connection, gallery_id, pack)

    def stale_scenes(self, pack: str, db_version: str) -> list[stale_results.StaleScene]:
        with self._pool.reading() as connection:
            return stale_results.stale_scenes(connection, pack, db_version)

    def write_rematched(
        self,
        pack: str,
        db_version: str,
        matches_by_image: Mapping[str, Sequence[FaceMatches]],
        settings: Mapping[str, Any],
        names: Sequence[NewName],
        *,
        of_gallery: bool = False,
    ) -> None:
        """Write new matches, and list the faces whose name is new. Images that changed meanwhile stay."""
        with self._pool.writing() as connection:
            if of_gallery:
                matches = [match for own in matches_by_image.values() for match in own]
                update = update_matches(connection, pack, db_version, [*matches_by_image], matches, settings)
                updated = update.updated
            else:
                updated = stale_results.write_stale(connection, pack, db_version, matches_by_image, settings)
            faces = {match.face_id for image in updated for match in matches_by_image[image]}
            own_names = [name for name in names if name.face_id in faces]
            newly_named.add_new_names(connection, own_names, db_version)

    def add_new_names(self, names: Sequence[NewName], db_version: str) -> None:
        with self._pool.writing() as connection:
            newly_named.add_new_names(connection, names, db_version)

    def scene_names(self, picture_id: int) -> dict[int, tuple[int, str]]:
        with self._pool.reading() as connection:
            return newly_named.scene_names(connection, picture_id)

    def list_newly_named(self, before: int | None = None, limit: int = 50) -> NewlyNamedPage:
        with self._pool.reading() as connection:
            return newly_named.list_newly_named(connection, before, limit)

    def dismiss_newly_named(self, ids: Iterable[int]) -> int:
        with self._pool.writing() as connection:
            return newly_named.dismiss_newly_named(connection, ids)

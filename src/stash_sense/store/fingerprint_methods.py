"""The methods of RecommendationsDB that older programs know."""

from typing import Any

from stash_sense.store.connection import ConnectionPool
from stash_sense.store.repositories import fingerprints


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

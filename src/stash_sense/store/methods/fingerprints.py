"""Image and scene fingerprints: the contract's methods, as older programs know them."""

from collections.abc import Sequence
from typing import Any

from stash_sense.store import images, scenes
from stash_sense.store.methods.base import Methods


class FingerprintMethods(Methods):
    """Every writing method is all or nothing."""

    def create_image_fingerprint(
        self,
        stash_image_id: str,
        faces_detected: int = 0,
        gallery_id: str | None = None,
        db_version: str | None = None,
    ) -> int:
        """Remember an image, or update it; the same image keeps its id, a null gallery erases none."""
        with self._pool.writing() as connection:
            return images.create_image_fingerprint(
                connection, stash_image_id, faces_detected, gallery_id, db_version
            )

    def get_image_fingerprint(self, stash_image_id: str) -> dict[str, Any] | None:
        with self._pool.connection() as connection:
            return images.get_image_fingerprint(connection, stash_image_id)

    def get_gallery_image_fingerprints(self, gallery_id: str) -> list[dict[str, Any]]:
        with self._pool.connection() as connection:
            return images.get_gallery_image_fingerprints(connection, gallery_id)

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
        """Name a performer on an image; of two faces of one performer the better stays."""
        with self._pool.writing() as connection:
            return images.add_image_fingerprint_face(
                connection, stash_image_id, performer_id, confidence, distance, bbox_x, bbox_y, bbox_w, bbox_h
            )

    def get_image_fingerprint_faces(self, stash_image_id: str) -> list[dict[str, Any]]:
        with self._pool.connection() as connection:
            return images.get_image_fingerprint_faces(connection, stash_image_id)

    def delete_image_fingerprint_faces(self, stash_image_id: str) -> int:
        """Forget all faces of an image; returns how many performers were named on it."""
        with self._pool.writing() as connection:
            return images.delete_image_fingerprint_faces(connection, stash_image_id)

    def delete_image_fingerprint(self, stash_image_id: str) -> bool:
        """Forget an image with its faces; a person's decisions stay with the picture."""
        with self._pool.writing() as connection:
            return images.delete_image_fingerprint(connection, stash_image_id)

    def create_scene_fingerprint(
        self,
        stash_scene_id: int | str,
        total_faces: int = 0,
        frames_analyzed: int = 0,
        fingerprint_status: str = "pending",
        db_version: str | None = None,
    ) -> int:
        """Remember a scene, or update it; the same scene keeps its id."""
        with self._pool.writing() as connection:
            return scenes.create_scene_fingerprint(
                connection, stash_scene_id, total_faces, frames_analyzed, fingerprint_status, db_version
            )

    def store_scene_result(
        self,
        stash_scene_id: int | str,
        faces: Sequence[scenes.SceneFace] = (),
        total_faces: int = 0,
        frames_analyzed: int = 0,
        fingerprint_status: str = "complete",
        db_version: str | None = None,
    ) -> int:
        """Store a scene's run over the former one."""
        with self._pool.writing() as connection:
            return scenes.store_scene_result(
                connection,
                stash_scene_id,
                faces,
                total_faces,
                frames_analyzed,
                fingerprint_status,
                db_version,
            )

    def add_scene_fingerprint_face(
        self,
        stash_scene_id: int | str,
        performer_id: str,
        face_count: int,
        avg_confidence: float | None = None,
        proportion: float | None = None,
    ) -> int:
        """Name a performer in a scene; a later call for the same one replaces the numbers."""
        with self._pool.writing() as connection:
            return scenes.add_scene_fingerprint_face(
                connection, stash_scene_id, performer_id, face_count, avg_confidence, proportion
            )

    def get_scene_fingerprint(self, stash_scene_id: int | str) -> dict[str, Any] | None:
        with self._pool.connection() as connection:
            return scenes.get_scene_fingerprint(connection, stash_scene_id)

    def get_scene_fingerprint_faces(self, stash_scene_id: int | str) -> list[dict[str, Any]]:
        with self._pool.connection() as connection:
            return scenes.get_scene_fingerprint_faces(connection, stash_scene_id)

    def delete_scene_fingerprint(self, stash_scene_id: int | str) -> bool:
        with self._pool.writing() as connection:
            return scenes.delete_scene_fingerprint(connection, stash_scene_id)

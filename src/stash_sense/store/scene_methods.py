"""The methods of RecommendationsDB for scenes."""

from collections.abc import Mapping, Sequence
from typing import Any

from stash_sense.domain.identity import PictureIdentity
from stash_sense.store.connection import ConnectionPool
from stash_sense.store.repositories import scene_decisions, scene_faces, scene_tracks, scene_videos, scenes


class SceneMethods:
    """Scenes by the videos they show. Each writes all or nothing."""

    _pool: ConnectionPool

    def begin_scene(self, run: scenes.SceneRun, *, restart: bool = False) -> int:
        with self._pool.writing() as connection:
            picture_id = scenes.begin_scene(connection, run, restart=restart)
            scene_tracks.refresh_scenes(connection, [picture_id])
            return picture_id

    def add_scene_frames(
        self, picture_id: int, pack: str, frames: Sequence[scene_faces.NewSceneFrame]
    ) -> list[tuple[int, ...]]:
        with self._pool.writing() as connection:
            return scene_faces.add_scene_frames(connection, picture_id, pack, frames)

    def end_scene(self, picture_id: int, stopped: str) -> None:
        with self._pool.writing() as connection:
            scenes.end_scene(connection, picture_id, stopped)

    def get_scene(
        self, stash_scene_id: str, picture: PictureIdentity
    ) -> tuple[scenes.StoredScene, list[scene_decisions.SceneDecision]] | None:
        """What is stored of the video that the scene shows, and the decisions on it."""
        with self._pool.reading() as connection:
            stored = scenes.get_scene(connection, picture)
            if stored is None:
                return None
            shown = scene_videos.scenes_by_picture(connection, [stored.picture_id])
            decided = scene_decisions.scene_decisions(connection, stored.picture_id, stored.pack)
        if int(stash_scene_id) not in shown.get(stored.picture_id, ()):
            with self._pool.writing() as connection:
                scene_videos.show_video(connection, stash_scene_id, picture)
                scene_tracks.refresh_scenes(connection, [stored.picture_id])
        return stored, decided

    def scene_decisions(self, picture_id: int, pack: str) -> list[scene_decisions.SceneDecision]:
        with self._pool.reading() as connection:
            return scene_decisions.scene_decisions(connection, picture_id, pack)

    def store_scene_tracks(
        self,
        picture_id: int,
        tracks: Sequence[scene_tracks.NewTrack],
        db_version: str | None,
        settings: Mapping[str, Any] | None,
        moved: Mapping[int, int],
    ) -> None:
        with self._pool.writing() as connection:
            scene_tracks.store_tracks(connection, picture_id, tracks, db_version, settings, moved)

    def get_scene_crop(self, face_id: int) -> bytes | None:
        with self._pool.reading() as connection:
            return scenes.get_scene_crop(connection, face_id)

    def record_unreadable_video(
        self, stash_scene_id: str, picture: PictureIdentity, code: str, message: str
    ) -> None:
        with self._pool.writing() as connection:
            scene_videos.record_unreadable_video(connection, stash_scene_id, picture, code, message)

    def unreadable_video(self, picture: PictureIdentity) -> tuple[str, str] | None:
        with self._pool.reading() as connection:
            return scene_videos.unreadable_video(connection, picture)

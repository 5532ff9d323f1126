"""A scene in the state: two people on frames ten seconds apart."""

from typing import Any

import numpy as np

from stash_sense.domain.decisions import StoredMatch
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.scene_faces import NewSceneFrame
from stash_sense.store.repositories.scene_tracks import NewTrack
from stash_sense.store.repositories.scenes import SceneRun

PACK = "test-pack"
VIDEO = PictureIdentity.of(
    [("oshash", "aaaa"), ("md5", "bbbb")], "/videos/film.mp4", 1000, "2026-01-01T00:00:00Z"
)
OTHER_VIDEO = PictureIdentity.of([("oshash", "cccc")])
LEFT, RIGHT = Box(0.1, 0.1, 0.2, 0.3), Box(0.6, 0.1, 0.2, 0.3)


def looks(seed: int) -> np.ndarray:
    """What a person looks like: (16,)."""
    return np.random.default_rng(seed).standard_normal(16).astype(np.float32)


def face(box: Box = LEFT, seed: int = 1) -> DetectedFace:
    vector = looks(seed)
    return DetectedFace(box, 0.9, quality=0.8, landmarks=np.full((5, 2), 0.2), facenet=vector, arcface=vector)


def frame(time_s: float, *faces: DetectedFace) -> NewSceneFrame:
    return NewSceneFrame(time_s, 1920, 1080, faces, [f"jpeg at {time_s}".encode()] * len(faces))


def run(scene: str = "5", picture: PictureIdentity = VIDEO, **more: Any) -> SceneRun:
    values = {"pack": PACK, "sampler": "s1", "source": "stream", "width": 1920, "height": 1080}
    return SceneRun(scene, picture, **{**values, "duration_s": 60.0, "settings": {"floor": 0.5}, **more})


def track(face_ids: list[int], *people: str, seed: int = 1, **more: Any) -> NewTrack:
    candidates = tuple(
        StoredMatch(key, 0.2 + 0.1 * rank, name=f"Name of {key}") for rank, key in enumerate(people)
    )
    values: dict[str, Any] = {
        "shown": face_ids[:2],
        "verdict": "match" if people else "unknown",
        "reason": "because",
        "candidates": candidates,
        "facenet": looks(seed),
        "arcface": looks(seed),
    }
    return NewTrack(face_ids, **{**values, **more})


def store_scene(
    db: RecommendationsDB, scene: str = "5", picture: PictureIdentity = VIDEO
) -> tuple[int, list[int], list[int]]:
    """Anna on four frames, an unknown person on two of them: the video, and the ids of each one's faces."""
    video = db.begin_scene(run(scene, picture))
    ids = db.add_scene_frames(
        video,
        PACK,
        [
            frame(0.0, face(), face(RIGHT, 2)),
            frame(10.0, face(), face(RIGHT, 2)),
            frame(20.0, face()),
            frame(30.0, face()),
        ],
    )
    frames = [*ids]
    anna, unknown = [own[0] for own in frames], [own[1] for own in frames[:2]]
    db.end_scene(video, "settled")
    tracks = [track(anna, "stashdb.org:anna", "stashdb.org:berta"), track(unknown, seed=2)]
    db.store_scene_tracks(video, tracks, "v1", {"floor": 0.5}, {})
    return video, anna, unknown


def named(db: RecommendationsDB, scene: int = 5) -> dict[str, tuple[int, float | None, float]]:
    """Performer -> face count, mean confidence and proportion, as older programs read them."""
    with db._pool.reading() as connection:
        return {
            row[0]: row[1:]
            for row in connection.execute(
                """SELECT f.performer_id, f.face_count, f.avg_confidence, f.proportion
                   FROM scene_fingerprint_faces f JOIN scene_fingerprints s ON s.id = f.fingerprint_id
                   WHERE s.stash_scene_id = ? ORDER BY f.performer_id""",
                (scene,),
            )
        }

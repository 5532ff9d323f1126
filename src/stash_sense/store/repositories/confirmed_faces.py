"""The stored faces that a person confirmed, with their embeddings: what a face database may learn from."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stash_sense.domain.decisions import CONFIRMED, Decision
from stash_sense.domain.faces import Box, FaceId, SceneFaceId
from stash_sense.domain.validation import parse_json_object, validate_text
from stash_sense.store.repositories.decision_list import list_decisions
from stash_sense.store.repositories.matches import Vector, decode_embeddings, embedding_sizes
from stash_sense.store.unreadable import UNREADABLE, log_unreadable

_AT_ONCE = 1000
"""Decisions read together."""

_IMAGE_FACES = """SELECT f.id, e.vectors, f.x, f.y, f.w, f.h, f.quality, f.details FROM json_each(?) wanted
  CROSS JOIN stash_sense_faces f ON f.id = wanted.value
  JOIN stash_sense_embeddings e ON e.face_id = f.id AND e.pack_id = ?"""
_SCENE_FACES = """SELECT f.id, f.vectors, f.x, f.y, f.w, f.h, f.quality, f.details FROM json_each(?) wanted
  CROSS JOIN stash_sense_scene_faces f ON f.id = wanted.value
  JOIN stash_sense_scene_frames s ON s.id = f.frame_id
  JOIN stash_sense_videos v ON v.picture_id = s.picture_id AND v.pack = ?"""


@dataclass(frozen=True, slots=True, eq=False)
class ConfirmedFace:
    """A face, and the decision that says whose it is. details: as the run stored them.

    facenet, arcface: (d,) float32.
    """

    face_id: FaceId
    decision: Decision
    box: Box
    quality: float | None
    details: Mapping[str, Any] | None
    facenet: Vector = field(repr=False)
    arcface: Vector = field(repr=False)


def confirmed_faces(connection: sqlite3.Connection, pack: str) -> list[ConfirmedFace]:
    """Every confirmed face with embeddings of this pack, once each, those confirmed first first."""
    decisions: dict[FaceId, Decision] = {}
    before = None
    while page := list_decisions(connection, kind=CONFIRMED, before=before, limit=_AT_ONCE):
        decisions |= {each.face_id: each.decision for each in page if each.face_id is not None}
        before = page[-1].decision.decision_id
    pack_id, sizes = embedding_sizes(connection, validate_text("pack", pack)) or (0, (0, 0))
    in_images = [face_id for face_id in decisions if isinstance(face_id, int)]
    in_scenes = [face_id.number for face_id in decisions if isinstance(face_id, SceneFaceId)]
    rows: dict[FaceId, Sequence[Any]] = {
        row[0]: row for row in connection.execute(_IMAGE_FACES, (json.dumps(in_images), pack_id))
    }
    rows |= {
        SceneFaceId(row[0]): row for row in connection.execute(_SCENE_FACES, (json.dumps(in_scenes), pack))
    }
    faces = _readable(rows, decisions, sizes)
    return sorted(faces, key=lambda face: face.decision.decision_id)


def _readable(
    rows: Mapping[FaceId, Sequence[Any]], decisions: Mapping[FaceId, Decision], sizes: tuple[int, int]
) -> Iterable[ConfirmedFace]:
    for face_id, (_, vectors, x, y, w, h, quality, details) in rows.items():
        try:
            facenet, arcface = decode_embeddings([vectors], sizes)
            yield ConfirmedFace(
                face_id,
                decisions[face_id],
                Box(x, y, w, h),
                quality,
                parse_json_object(details),
                facenet[0],
                arcface[0],
            )
        except UNREADABLE as error:
            log_unreadable("face", face_id, error)

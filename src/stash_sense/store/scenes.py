"""Scene fingerprints: who was seen in a scene, and in what part of its analysed frames."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stash_sense.domain.validation import (
    validate_integer,
    validate_optional_number,
    validate_optional_text,
    validate_text,
)
from stash_sense.errors import NotStored
from stash_sense.store.images import as_dicts

_SCENE = (
    "id, stash_scene_id, total_faces, frames_analyzed, fingerprint_status, db_version, created_at, updated_at"
)
_FACE = "id, fingerprint_id, performer_id, face_count, avg_confidence, proportion, created_at"


@dataclass(frozen=True, slots=True)
class SceneFace:
    """A performer in a scene: in how many frames' faces, how sure on average, and what part of all faces."""

    performer_id: str
    face_count: int
    avg_confidence: float | None = None
    proportion: float | None = None

    def __post_init__(self) -> None:
        validate_text("performer_id", self.performer_id)
        validate_integer("face_count", self.face_count)
        for name in ("avg_confidence", "proportion"):
            object.__setattr__(self, name, validate_optional_number(name, getattr(self, name), 0, 1))


def _scene_id(value: int | str) -> int:
    """Stash gives text; the older table holds a whole number."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    return validate_integer("stash_scene_id", value)


def store_scene_result(
    connection: sqlite3.Connection,
    stash_scene_id: int | str,
    faces: Sequence[SceneFace] = (),
    total_faces: int = 0,
    frames_analyzed: int = 0,
    fingerprint_status: str = "complete",
    db_version: str | None = None,
) -> int:
    """Store a scene's run over the former one; the fingerprint keeps its id (> 0)."""
    fingerprint = create_scene_fingerprint(
        connection, stash_scene_id, total_faces, frames_analyzed, fingerprint_status, db_version
    )
    connection.execute("DELETE FROM scene_fingerprint_faces WHERE fingerprint_id = ?", (fingerprint,))
    for face in faces:
        add_scene_fingerprint_face(
            connection,
            stash_scene_id,
            face.performer_id,
            face.face_count,
            face.avg_confidence,
            face.proportion,
        )
    return fingerprint


def create_scene_fingerprint(
    connection: sqlite3.Connection,
    stash_scene_id: int | str,
    total_faces: int = 0,
    frames_analyzed: int = 0,
    fingerprint_status: str = "pending",
    db_version: str | None = None,
) -> int:
    """Remember a scene, or update what is remembered; the same scene keeps its id (> 0)."""
    values = (
        validate_integer("total_faces", total_faces),
        validate_integer("frames_analyzed", frames_analyzed),
        validate_text("fingerprint_status", fingerprint_status),
        validate_optional_text("db_version", db_version),
        _scene_id(stash_scene_id),
    )
    found = connection.execute(
        "UPDATE scene_fingerprints SET total_faces = ?, frames_analyzed = ?, fingerprint_status = ?, "
        "db_version = ?, updated_at = datetime('now') WHERE stash_scene_id = ? RETURNING id",
        values,
    ).fetchall()
    if found:
        return int(found[0][0])
    cursor = connection.execute(
        "INSERT INTO scene_fingerprints (total_faces, frames_analyzed, fingerprint_status, db_version, "
        "stash_scene_id, created_at, updated_at) VALUES (?, ?, ?, ?, ?, datetime('now'), datetime('now'))",
        values,
    )
    return int(cursor.lastrowid or 0)


def add_scene_fingerprint_face(
    connection: sqlite3.Connection,
    stash_scene_id: int | str,
    performer_id: str,
    face_count: int,
    avg_confidence: float | None = None,
    proportion: float | None = None,
) -> int:
    """Name a performer in a scene, once: a later call for the same performer replaces the numbers.

    Raises NotStored where the scene has no fingerprint.
    """
    face = SceneFace(performer_id, face_count, avg_confidence, proportion)
    fingerprint = _fingerprint_of(connection, _scene_id(stash_scene_id))
    values = (face.face_count, face.avg_confidence, face.proportion, fingerprint, face.performer_id)
    found = connection.execute(
        "UPDATE scene_fingerprint_faces SET face_count = ?, avg_confidence = ?, proportion = ? "
        "WHERE fingerprint_id = ? AND performer_id = ? RETURNING id",
        values,
    ).fetchall()
    if found:
        return int(found[0][0])
    cursor = connection.execute(
        "INSERT INTO scene_fingerprint_faces (face_count, avg_confidence, proportion, fingerprint_id, "
        "performer_id, created_at) VALUES (?, ?, ?, ?, ?, datetime('now'))",
        values,
    )
    return int(cursor.lastrowid or 0)


def _fingerprint_of(connection: sqlite3.Connection, stash_scene_id: int) -> int:
    found = connection.execute(
        "SELECT id FROM scene_fingerprints WHERE stash_scene_id = ?", (stash_scene_id,)
    ).fetchone()
    if found is None:
        raise NotStored(
            f"Scene {stash_scene_id} has no fingerprint yet; call create_scene_fingerprint first."
        )
    return int(found[0])


def get_scene_fingerprint(connection: sqlite3.Connection, stash_scene_id: int | str) -> dict[str, Any] | None:
    """The row of a scene as a dict, or None."""
    found = as_dicts(
        connection.execute(
            f"SELECT {_SCENE} FROM scene_fingerprints WHERE stash_scene_id = ?",  # noqa: S608  our columns
            (_scene_id(stash_scene_id),),
        )
    )
    return found[0] if found else None


def get_scene_fingerprint_faces(
    connection: sqlite3.Connection, stash_scene_id: int | str
) -> list[dict[str, Any]]:
    """The performers named in a scene, the most seen first."""
    return as_dicts(
        connection.execute(
            f"""SELECT {_FACE} FROM scene_fingerprint_faces WHERE fingerprint_id =
                  (SELECT id FROM scene_fingerprints WHERE stash_scene_id = ?)
                ORDER BY face_count DESC, id""",  # noqa: S608  our columns
            (_scene_id(stash_scene_id),),
        )
    )


def delete_scene_fingerprint(connection: sqlite3.Connection, stash_scene_id: int | str) -> bool:
    """Forget a scene and who was seen in it."""
    number = _scene_id(stash_scene_id)
    # No foreign key does this: the older tables have none, and some files could not keep one.
    connection.execute(
        "DELETE FROM scene_fingerprint_faces WHERE fingerprint_id = "
        "(SELECT id FROM scene_fingerprints WHERE stash_scene_id = ?)",
        (number,),
    )
    return (
        connection.execute("DELETE FROM scene_fingerprints WHERE stash_scene_id = ?", (number,)).rowcount > 0
    )

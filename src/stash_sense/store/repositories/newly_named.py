"""Faces whose verdict became a name, or another name, when they were matched with a newer face database."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from stash_sense.domain.decisions import Decision, StoredMatch, apply_decisions, combine_decisions
from stash_sense.domain.faces import FaceId, SceneFaceId
from stash_sense.domain.reasons import Reason
from stash_sense.domain.validation import validate_integer
from stash_sense.store.repositories.faces import faces_by_image
from stash_sense.store.repositories.fingerprints import galleries_by_image
from stash_sense.store.repositories.matches import TRACKS, matches_by_face
from stash_sense.store.repositories.people import upsert_people
from stash_sense.store.repositories.scene_decisions import decisions_on_track
from stash_sense.store.repositories.scene_videos import scenes_by_picture

EXAMINED = 1000
"""Rows looked at for one page, of which many may have been settled since."""


@dataclass(frozen=True, slots=True)
class NewName:
    """A face that is to be listed. of_scene: whether `face_id` is one of a scene."""

    face_id: int
    performer_id: str
    of_scene: bool = False


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A face with its name. image_id and gallery_ids, or scene_ids and time_s, say where it is."""

    face_id: FaceId
    match: StoredMatch
    image_id: str | None = None
    gallery_ids: tuple[str, ...] = ()
    scene_ids: tuple[str, ...] = ()
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class NewlyNamed:
    """A face that was given its name by the face database `db_version`. created_at: UTC."""

    id: int
    place: NamedPlace
    db_version: str
    created_at: str


@dataclass(frozen=True, slots=True)
class NewlyNamedPage:
    """Newest first. next_before: for the next page; None at the end."""

    items: tuple[NewlyNamed, ...]
    next_before: int | None


def create_newly_named(connection: sqlite3.Connection) -> None:
    """Create the table: a row for each face, which goes with the face and with the person."""
    connection.execute(
        """CREATE TABLE stash_sense_newly_named (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  face_id INTEGER UNIQUE REFERENCES stash_sense_faces(id) ON DELETE CASCADE,
  scene_face_id INTEGER UNIQUE REFERENCES stash_sense_scene_faces(id) ON DELETE CASCADE,
  person_id INTEGER NOT NULL REFERENCES stash_sense_people(id) ON DELETE CASCADE,
  db_version TEXT NOT NULL,
  dismissed INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  CHECK ((face_id IS NULL) <> (scene_face_id IS NULL))
)"""
    )
    connection.execute(
        "CREATE INDEX idx_stash_sense_newly_named_person ON stash_sense_newly_named(person_id)"
    )


def add_new_names(connection: sqlite3.Connection, names: Sequence[NewName], db_version: str) -> None:
    """List faces. One that is listed for the same person stays as it is, dismissed or not."""
    people = upsert_people(connection, ((name.performer_id, None, None) for name in names))
    for of_scene, column in ((False, "face_id"), (True, "scene_face_id")):
        connection.executemany(
            f"""INSERT INTO stash_sense_newly_named ({column}, person_id, db_version) VALUES (?, ?, ?)
                ON CONFLICT ({column}) DO UPDATE SET person_id = excluded.person_id, dismissed = 0,
                  db_version = excluded.db_version, created_at = excluded.created_at
                WHERE person_id <> excluded.person_id""",  # noqa: S608  our names
            [
                (name.face_id, people[name.performer_id], db_version)
                for name in names
                if name.of_scene == of_scene
            ],
        )


def list_newly_named(connection: sqlite3.Connection, before: int | None, limit: int) -> NewlyNamedPage:
    """Those that still bear the name and that nobody has decided on, older than `before`."""
    rows = connection.execute(
        """SELECT n.id, n.face_id, n.scene_face_id, p.performer_id, n.db_version, n.created_at
           FROM stash_sense_newly_named n JOIN stash_sense_people p ON p.id = n.person_id
           WHERE NOT n.dismissed AND (?1 IS NULL OR n.id < ?1) ORDER BY n.id DESC LIMIT ?2""",
        (before, EXAMINED),
    ).fetchall()
    items: list[NewlyNamed] = []
    seen = 0
    while seen < len(rows) and len(items) < limit:
        some = rows[seen : seen + limit - len(items)]
        seen += len(some)
        items += _standing(connection, some)
    more = seen < len(rows) or len(rows) == EXAMINED
    return NewlyNamedPage(tuple(items), rows[seen - 1][0] if more else None)


def dismiss_newly_named(connection: sqlite3.Connection, ids: Iterable[int]) -> int:
    """Take rows off the list; returns how many were on it."""
    wanted = json.dumps([validate_integer("id", each, 1) for each in ids])
    return connection.execute(
        "UPDATE stash_sense_newly_named SET dismissed = 1 "
        "WHERE NOT dismissed AND id IN (SELECT value FROM json_each(?))",
        (wanted,),
    ).rowcount


def scene_names(connection: sqlite3.Connection, picture_id: int) -> dict[int, tuple[int, str]]:
    """Face id -> track and performer, of the tracks of a video that have a name; those with a crop first."""
    return {
        row[0]: (row[1], row[2])
        for row in connection.execute(
            """SELECT f.id, t.id, p.performer_id FROM stash_sense_scene_tracks t
               JOIN stash_sense_scene_candidates c ON c.track_id = t.id AND c.rank = 0
               JOIN stash_sense_people p ON p.id = c.person_id
               JOIN stash_sense_scene_faces f ON f.track_id = t.id
               WHERE t.picture_id = ? AND t.verdict = 'match'
               ORDER BY f.crop IS NULL, f.quality DESC, f.id""",
            (picture_id,),
        )
    }


def _standing(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> list[NewlyNamed]:
    """Of rows of the list, those whose face still bears the name, undecided."""
    places = _images(connection, [face_id for _, face_id, *_ in rows if face_id is not None])
    places |= _scenes(connection, [face_id for _, _, face_id, *_ in rows if face_id is not None])
    standing = []
    for row_id, face_id, scene_face, performer_id, db_version, created_at in rows:
        place = places.get(SceneFaceId(scene_face) if face_id is None else face_id)
        if place is not None and place.match.performer_id == performer_id:
            standing.append(NewlyNamed(row_id, place, db_version, created_at))
    return standing


def _images(connection: sqlite3.Connection, face_ids: Sequence[int]) -> dict[FaceId, NamedPlace]:
    """Where the faces of images are, without those that bear no name or were decided on."""
    images = dict(
        connection.execute(
            "SELECT f.id, f.image_fingerprint_id FROM json_each(?) wanted "
            "CROSS JOIN stash_sense_faces f ON f.id = wanted.value",
            (json.dumps(list(face_ids)),),
        ).fetchall()
    )
    fingerprints = sorted(set(images.values()))
    galleries = galleries_by_image(connection, fingerprints)
    places: dict[FaceId, NamedPlace] = {}
    for fingerprint_id, faces in faces_by_image(connection, fingerprints).items():
        for face in faces:
            if face.face_id in images and face.verdict == "match" and not _is_decided(face.decisions):
                own = galleries.get(fingerprint_id, ())
                places[face.face_id] = NamedPlace(
                    face.face_id, face.candidates[0], image_id=face.stash_image_id, gallery_ids=own
                )
    return places


def _scenes(connection: sqlite3.Connection, face_ids: Sequence[int]) -> dict[FaceId, NamedPlace]:
    """As `_images`, for faces of scenes, by the tracks they are on."""
    rows = connection.execute(
        """SELECT f.id, f.track_id, t.verdict, t.reason, s.picture_id, s.time_s FROM json_each(?) wanted
           CROSS JOIN stash_sense_scene_faces f ON f.id = wanted.value
           JOIN stash_sense_scene_tracks t ON t.id = f.track_id
           JOIN stash_sense_scene_frames s ON s.id = f.frame_id""",
        (json.dumps(list(face_ids)),),
    ).fetchall()
    matches = matches_by_face(connection, [row[1] for row in rows], TRACKS)
    scenes = scenes_by_picture(connection, sorted({row[4] for row in rows}))
    places: dict[FaceId, NamedPlace] = {}
    for face_id, track_id, verdict, reason, picture_id, time_s in rows:
        decisions = decisions_on_track(connection, face_id)
        decided = apply_decisions(
            verdict, Reason.from_stored(reason), matches.get(track_id, ()), combine_decisions(decisions)
        )
        if decided.verdict == "match" and decided.matches and not _is_decided(decisions):
            own = tuple(map(str, scenes.get(picture_id, ())))
            place = SceneFaceId(face_id)
            places[place] = NamedPlace(place, decided.matches[0], scene_ids=own, time_s=time_s)
    return places


def _is_decided(decisions: Sequence[Decision]) -> bool:
    """Whether a person has said who it is; whom it is not still leaves the others."""
    combined = combine_decisions(decisions)
    return combined.ignored or combined.confirmed is not None

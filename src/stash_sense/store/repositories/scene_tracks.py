"""The tracks of a scene as the latest answer gave them, and the version-6 rows that name who is in it."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stash_sense.domain.decisions import (
    BY_DECISION,
    StoredMatch,
    apply_decisions,
    combine_decisions,
    validate_matches,
)
from stash_sense.domain.faces import confidence_at
from stash_sense.domain.reasons import Reason
from stash_sense.domain.validation import canonical_json, validate_optional_text
from stash_sense.errors import BadInput, NotStored
from stash_sense.store.repositories.matches import (
    TRACKS,
    encode_embeddings,
    insert_matches,
    matches_by_face,
)
from stash_sense.store.repositories.scene_decisions import (
    decided_places,
    decisions_on_video,
    face_places,
    move_to_faces,
)
from stash_sense.store.repositories.scene_videos import scenes_by_picture


@dataclass(frozen=True, slots=True, eq=False)
class NewTrack:
    """A track to be stored. Raises BadInput.

    face_ids: of all its faces. shown: those whose crops are kept. candidates: best first, for a match the
    person meant. facenet, arcface: both (d,), what the track looks like.
    """

    face_ids: Sequence[int]
    shown: Sequence[int]
    verdict: str
    reason: str
    candidates: tuple[StoredMatch, ...]
    facenet: Any = field(repr=False)
    arcface: Any = field(repr=False)

    def __post_init__(self) -> None:
        validate_matches(self.verdict, self.reason, self.candidates)
        if not self.face_ids:
            raise BadInput("A track has no face; leave it out.")


def store_tracks(
    connection: sqlite3.Connection,
    picture_id: int,
    tracks: Sequence[NewTrack],
    db_version: str | None,
    settings: Mapping[str, Any] | None,
    moved: Mapping[int, int],
) -> None:
    """Replace the tracks of a video. moved: decision id -> the face that it is at from now on.

    Crops of other faces than those shown go once the run has ended. Raises NotStored if the video is not
    stored any more.
    """
    stored = connection.execute(
        "UPDATE stash_sense_videos SET db_version = ?, settings = coalesce(?, settings) WHERE picture_id = ? "
        "RETURNING stopped",
        (
            validate_optional_text("db_version", db_version),
            canonical_json("settings", settings),
            picture_id,
        ),
    ).fetchall()
    if not stored:
        raise NotStored("What was stored of the scene has been deleted meanwhile. Identify it again.")
    connection.execute("DELETE FROM stash_sense_scene_tracks WHERE picture_id = ?", (picture_id,))
    connection.executemany(
        "INSERT INTO stash_sense_scene_tracks (picture_id, verdict, reason, template) VALUES (?, ?, ?, ?)",
        [
            (picture_id, track.verdict, track.reason, encode_embeddings(track.facenet, track.arcface)[0])
            for track in tracks
        ],
    )
    ids = [
        row[0]
        for row in connection.execute(
            "SELECT id FROM stash_sense_scene_tracks WHERE picture_id = ? ORDER BY id", (picture_id,)
        )
    ]
    matches = {track_id: track.candidates for track_id, track in zip(ids, tracks, strict=True)}
    connection.executemany(
        "UPDATE stash_sense_scene_faces SET track_id = ? WHERE id = ?",
        [(track_id, face) for track_id, track in zip(ids, tracks, strict=True) for face in track.face_ids],
    )
    insert_matches(connection, matches, TRACKS)
    move_to_faces(connection, dict(moved))
    if stored[0][0] is not None:
        connection.execute(
            """UPDATE stash_sense_scene_faces SET crop = NULL WHERE crop IS NOT NULL AND frame_id IN (
                 SELECT id FROM stash_sense_scene_frames WHERE picture_id = ?)
               AND id NOT IN (SELECT value FROM json_each(?))""",
            (picture_id, json.dumps([face_id for track in tracks for face_id in track.shown])),
        )
    refresh_scenes(connection, [picture_id])


def refresh_scenes(connection: sqlite3.Connection, picture_ids: Iterable[int]) -> None:
    """Rewrite the version-6 rows of the scenes that show these videos, decisions applied."""
    ids = sorted(set(picture_ids))
    for picture_id, scenes in scenes_by_picture(connection, ids).items():
        video = connection.execute(
            "SELECT stopped, db_version FROM stash_sense_videos WHERE picture_id = ?", (picture_id,)
        ).fetchone()
        if video is None:
            continue
        frames, faces = connection.execute(
            """SELECT count(DISTINCT s.id), count(f.id) FROM stash_sense_scene_frames s
               LEFT JOIN stash_sense_scene_faces f ON f.frame_id = s.id
               WHERE s.picture_id = ? AND NOT s.former""",
            (picture_id,),
        ).fetchone()
        named = _named_performers(connection, picture_id, frames)
        status = "pending" if video[0] is None else "complete"
        for scene in scenes:
            _write_fingerprint(connection, scene, (faces, frames, status, video[1]), named)


def _named_performers(
    connection: sqlite3.Connection, picture_id: int, frames: int
) -> list[tuple[str, int, float | None, float]]:
    """Of each person seen: key, number of faces, mean confidence, and share of the frames."""
    on_tracks: dict[int, list[Any]] = {}
    decisions = decisions_on_video(connection, picture_id)
    if decisions:
        at = decided_places(decisions, face_places(connection, picture_id))
        for decision in decisions:
            place = at.get(decision.decision_id)
            if place is not None and place.track_id is not None:
                on_tracks.setdefault(place.track_id, []).append(decision)
    tracks = connection.execute(
        "SELECT id, verdict, reason FROM stash_sense_scene_tracks WHERE picture_id = ? ORDER BY id",
        (picture_id,),
    ).fetchall()
    matches = matches_by_face(connection, [track_id for track_id, _, _ in tracks], TRACKS)
    frames_of: dict[int, list[int]] = {}
    for track_id, frame_id in connection.execute(
        """SELECT f.track_id, f.frame_id FROM stash_sense_scene_frames s
           JOIN stash_sense_scene_faces f ON f.frame_id = s.id
           WHERE s.picture_id = ? AND NOT s.former AND f.track_id IS NOT NULL""",
        (picture_id,),
    ):
        frames_of.setdefault(track_id, []).append(frame_id)
    seen: dict[str, _Seen] = {}
    for track_id, verdict, reason in tracks:
        decided = apply_decisions(
            verdict,
            Reason.from_stored(reason),
            matches.get(track_id, ()),
            combine_decisions(on_tracks.get(track_id, ())),
        )
        if decided.verdict != "match" or not decided.matches:
            continue
        person = decided.matches[0]
        seen.setdefault(person.performer_id, _Seen()).add(person, frames_of.get(track_id, []))
    return [
        (key, each.faces, each.confidence, len(each.frames) / frames if frames else 0.0)
        for key, each in seen.items()
        if each.faces
    ]


@dataclass(slots=True)
class _Seen:
    """How often a person was seen. measured: the faces of tracks with a distance, and their confidences."""

    faces: int = 0
    frames: set[int] = field(default_factory=set)
    measured: list[tuple[int, float]] = field(default_factory=list)

    def add(self, person: StoredMatch, frames: Sequence[int]) -> None:
        self.faces += len(frames)
        self.frames.update(frames)
        if person.support != BY_DECISION:  # a decision alone has no distance, and none is invented for it
            self.measured.append((len(frames), confidence_at(person.distance)))

    @property
    def confidence(self) -> float | None:
        """The mean over the faces."""
        faces = sum(count for count, _ in self.measured)
        return sum(count * each for count, each in self.measured) / faces if faces else None


def _write_fingerprint(
    connection: sqlite3.Connection,
    scene: int,
    values: tuple[int, int, str, str | None],
    named: Sequence[tuple[str, int, float | None, float]],
) -> None:
    """No upsert: files in the wild declare these tables without their keys."""
    rows = connection.execute(
        """UPDATE scene_fingerprints SET total_faces = ?, frames_analyzed = ?, fingerprint_status = ?,
             db_version = ?, updated_at = datetime('now') WHERE stash_scene_id = ? RETURNING id""",
        (*values, scene),
    ).fetchall()
    if not rows:
        rows = connection.execute(
            """INSERT INTO scene_fingerprints (total_faces, frames_analyzed, fingerprint_status, db_version,
                 stash_scene_id, created_at, updated_at)
               VALUES (?, ?, ?, ?, ?, datetime('now'), datetime('now')) RETURNING id""",
            (*values, scene),
        ).fetchall()
    fingerprint_id = rows[0][0]
    if fingerprint_id is None:
        return
    connection.execute("DELETE FROM scene_fingerprint_faces WHERE fingerprint_id = ?", (fingerprint_id,))
    connection.executemany(
        """INSERT INTO scene_fingerprint_faces (fingerprint_id, performer_id, face_count, avg_confidence,
             proportion, created_at) VALUES (?, ?, ?, ?, ?, datetime('now'))""",
        [(fingerprint_id, *row) for row in named],
    )

"""The tracks of the library: faces of images, copies of a picture together, and tracks of scenes."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stash_sense.domain.decisions import (
    NO_DECISIONS,
    FaceDecisions,
    apply_decisions,
    combine_decisions,
    decisions_by_face,
)
from stash_sense.domain.faces import Box, FaceId, SceneFaceId
from stash_sense.domain.reasons import Reason
from stash_sense.store.repositories.decisions import decisions_on_pictures
from stash_sense.store.repositories.matches import (
    TRACKS,
    Vector,
    decode_embeddings,
    embedding_sizes,
    embeddings_bytes,
    matches_by_face,
)
from stash_sense.store.repositories.scene_decisions import decided_places, decisions_on_video, face_places
from stash_sense.store.unreadable import UNREADABLE, log_unreadable

Vectors = tuple[Vector, Vector]


@dataclass(frozen=True, slots=True, eq=False)
class LibraryTrack:
    """Faces of one person that are known to be one track: copies of a face, or all of a scene's track.

    face_ids: the one that stands for it first. moments: pictures and frames with it, each of which shows a
    person once. is_named: by its verdict or a decision, or of no interest. confirmed, rejected: performer ids
    of decisions. apart: by a decision it belongs with no other. vectors: of the model pack asked for.
    """

    picture_id: int
    face_ids: tuple[FaceId, ...]
    moments: frozenset[int]
    is_named: bool
    confirmed: str | None
    rejected: frozenset[str]
    apart: bool
    vectors: Vectors | None = field(repr=False)


def count_stored(connection: sqlite3.Connection) -> int:
    """How many tracks are in clusters."""
    # max(id) would count what is gone; a count of a million rows takes some ten milliseconds.
    return int(connection.execute("SELECT count(*) FROM stash_sense_library_tracks").fetchone()[0])


def changed_pictures(connection: sqlite3.Connection, most: int) -> dict[int, int]:
    """Picture id -> its change, of pictures whose faces or decisions changed since tracks were linked."""
    return dict(
        connection.execute(
            "SELECT picture_id, change FROM stash_sense_changed_pictures ORDER BY picture_id LIMIT ?", (most,)
        ).fetchall()
    )


def settle_changes(connection: sqlite3.Connection, changes: Mapping[int, int]) -> None:
    """Take pictures off the list, but for those that changed once more."""
    connection.executemany(
        "DELETE FROM stash_sense_changed_pictures WHERE picture_id = ? AND change = ?", changes.items()
    )


def tracks_of_pictures(
    connection: sqlite3.Connection, pack: str, picture_ids: Iterable[int]
) -> list[LibraryTrack]:
    """All tracks of these pictures and videos, named or not."""
    ids = json.dumps(sorted(set(picture_ids)))
    pack_id, sizes = embedding_sizes(connection, pack) or (0, (0, 0))
    return [
        *_tracks_of_images(connection, ids, pack_id, sizes),
        *_tracks_of_scenes(connection, ids, pack, sizes),
    ]


def _tracks_of_images(
    connection: sqlite3.Connection, picture_ids: str, pack_id: int, sizes: tuple[int, int]
) -> list[LibraryTrack]:
    images: dict[int, dict[int, list[tuple[Any, ...]]]] = {}
    for row in connection.execute(
        """SELECT r.picture_id, f.image_fingerprint_id, f.id, f.x, f.y, f.w, f.h, f.verdict, f.reason,
             e.vectors
           FROM json_each(?) wanted
           JOIN stash_sense_image_results r ON r.picture_id = wanted.value
           JOIN stash_sense_faces f USING (image_fingerprint_id)
           LEFT JOIN stash_sense_embeddings e ON e.face_id = f.id AND e.pack_id = ?
           ORDER BY r.picture_id, f.image_fingerprint_id, f.position, f.id""",
        (picture_ids, pack_id),
    ):
        images.setdefault(row[0], {}).setdefault(row[1], []).append(row[2:])
    decided = decisions_on_pictures(connection, images)
    tracks = []
    for picture_id, copies in images.items():
        groups: list[tuple[Box, list[int], FaceDecisions, bool, Vectors | None]] = []
        for rows in copies.values():
            faces = _readable(rows)
            on_faces = decisions_by_face([box for _, box in faces], decided.get(picture_id, ()))
            for (row, box), own in zip(faces, on_faces, strict=True):
                combined = combine_decisions(own)
                is_named = _is_named(connection, row, combined) if own else row[5] == "match"
                same = next((group for group in groups if _is_copy(group, box, rows)), None)
                if same is not None:
                    same[1].append(row[0])
                    continue
                groups.append((box, [row[0]], combined, is_named, _vectors(row[0], row[7], sizes)))
        tracks += [
            LibraryTrack(
                picture_id,
                tuple(face_ids),
                frozenset([picture_id]),
                is_named,
                combined.confirmed,
                combined.rejected,
                combined.apart,
                vectors,
            )
            for _, face_ids, combined, is_named, vectors in groups
        ]
    return tracks


def _readable(rows: Sequence[tuple[Any, ...]]) -> list[tuple[tuple[Any, ...], Box]]:
    faces = []
    for row in rows:
        try:
            faces.append((row, Box(*row[1:5])))
        except UNREADABLE as error:
            log_unreadable("face", row[0], error)
    return faces


def _is_copy(group: tuple[Box, list[int], Any, Any, Any], box: Box, rows: Sequence[tuple[Any, ...]]) -> bool:
    """Whether a face of this image is that of a group, which has none of this image yet."""
    own = {row[0] for row in rows}
    return own.isdisjoint(group[1]) and group[0].overlap(box) >= _SAME_FACE


_SAME_FACE = 0.5


def _is_named(connection: sqlite3.Connection, row: tuple[Any, ...], combined: FaceDecisions) -> bool:
    if combined.ignored or combined.confirmed is not None:
        return True
    matches = matches_by_face(connection, [row[0]]).get(row[0], [])
    return apply_decisions(row[5], Reason.from_stored(row[6]), matches, combined).verdict == "match"


def _vectors(row_id: int, blob: Any, sizes: tuple[int, int]) -> Vectors | None:
    if not isinstance(blob, bytes) or len(blob) != embeddings_bytes(sizes) or not blob:
        if blob is not None:
            log_unreadable("the embeddings of", row_id, ValueError("another size than the pack's"))
        return None
    facenet, arcface = decode_embeddings([blob], sizes)
    return facenet[0], arcface[0]


FRAMES = 2**40
"""Added to the ids of frames, so that no moment of a scene is a picture's."""


def _tracks_of_scenes(
    connection: sqlite3.Connection, picture_ids: str, pack: str, sizes: tuple[int, int]
) -> list[LibraryTrack]:
    rows = connection.execute(
        """SELECT t.picture_id, t.id, t.verdict, t.reason, CASE WHEN v.pack = ? THEN t.template END
           FROM json_each(?) wanted
           JOIN stash_sense_scene_tracks t ON t.picture_id = wanted.value
           JOIN stash_sense_videos v ON v.picture_id = t.picture_id ORDER BY t.id""",
        (pack, picture_ids),
    ).fetchall()
    if not rows:
        return []
    faces: dict[int, list[tuple[int, int]]] = {}
    for track_id, face_id, frame_id in connection.execute(
        """SELECT f.track_id, f.id, f.frame_id FROM json_each(?) wanted
           CROSS JOIN stash_sense_scene_faces f ON f.track_id = wanted.value
           ORDER BY f.crop IS NULL, f.quality DESC, f.id""",
        (json.dumps([row[1] for row in rows]),),
    ):
        faces.setdefault(track_id, []).append((face_id, frame_id))
    on_tracks = _decisions_on_tracks(connection, {row[0] for row in rows})
    matches = matches_by_face(connection, [row[1] for row in rows if row[1] in on_tracks], TRACKS)
    tracks = []
    for picture_id, track_id, verdict, reason, template in rows:
        own = faces.get(track_id, [])
        if not own:
            continue
        combined = combine_decisions(on_tracks.get(track_id, ())) if track_id in on_tracks else NO_DECISIONS
        decided = apply_decisions(verdict, Reason.from_stored(reason), matches.get(track_id, []), combined)
        tracks.append(
            LibraryTrack(
                picture_id,
                tuple(SceneFaceId(face_id) for face_id, _ in own),
                frozenset(FRAMES + frame_id for _, frame_id in own),
                decided.verdict == "match" or combined.ignored,
                combined.confirmed,
                combined.rejected,
                combined.apart,
                _vectors(track_id, template, sizes),
            )
        )
    return tracks


def _decisions_on_tracks(connection: sqlite3.Connection, picture_ids: Iterable[int]) -> dict[int, list[Any]]:
    on_tracks: dict[int, list[Any]] = {}
    for picture_id in picture_ids:
        decisions = decisions_on_video(connection, picture_id)
        if not decisions:
            continue
        at = decided_places(decisions, face_places(connection, picture_id))
        for decision in decisions:
            place = at.get(decision.decision_id)
            if place is not None and place.track_id is not None:
                on_tracks.setdefault(place.track_id, []).append(decision)
    return on_tracks

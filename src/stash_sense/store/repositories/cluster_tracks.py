"""The rows of library tracks, brought up to date with the pictures that they are of."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stash_sense.domain.faces import FaceId, SceneFaceId
from stash_sense.store.repositories.library_tracks import (
    LibraryTrack,
    Vectors,
    changed_pictures,
    count_stored,
    tracks_of_pictures,
)


@dataclass(frozen=True, slots=True, eq=False)
class ChangedTracks:
    """changes: picture id -> its change, of pictures that changed since tracks were linked. tracks: of these.
    stored: faces that are in clusters. total: stored tracks of the library."""

    changes: dict[int, int]
    tracks: list[LibraryTrack]
    stored: frozenset[FaceId]
    total: int


def read_changed(connection: sqlite3.Connection, pack: str, most: int) -> ChangedTracks:
    """What changed, of at most so many pictures."""
    changes = changed_pictures(connection, most)
    tracks = tracks_of_pictures(connection, pack, changes)
    stored = frozenset(row.face_id for row in rows_of_pictures(connection, changes))
    return ChangedTracks(changes, tracks, stored, count_stored(connection))


_INSERT_COPY = (
    "INSERT INTO stash_sense_library_tracks (cluster_id, picture_id, face_id, named, packed) "
    "VALUES (?, ?, ?, ?, 0)"
)


def take_over(
    connection: sqlite3.Connection, tracks: Sequence[LibraryTrack], changes: Mapping[int, int], pack_id: int
) -> tuple[list[LibraryTrack], int, dict[int, Vectors]]:
    """Bring the rows of these pictures up to date; returns the tracks that are new, how many rows left, and
    the vectors of rows that were not packed for this model pack."""
    rows = rows_of_pictures(connection, changes)
    by_face: dict[FaceId, TrackRow] = {row.face_id: row for row in rows}
    alone = {row.cluster_id for row in rows} - _shared_clusters(connection, {row.cluster_id for row in rows})
    new: list[LibraryTrack] = []
    named: list[int] = []
    unnamed: list[int] = []
    copies: list[tuple[int, int, FaceId, bool]] = []
    unpacked: dict[int, Vectors] = {}
    left = set(by_face)
    for track in tracks:
        own = sorted((by_face[face] for face in track.face_ids if face in by_face), key=lambda row: row.order)
        home = own[0] if own else None
        if home is not None and _must_leave(track, home, alone=home.cluster_id in alone):
            home = None
        if home is None:
            if not track.is_named:
                new.append(track)
            continue
        if track.is_named and not home.decided:
            continue
        here = [row for row in own if row.cluster_id == home.cluster_id]
        (named if track.is_named else unnamed).extend(row.row_id for row in here)
        left -= {row.face_id for row in here}
        if track.vectors is not None and not any(row.packed == pack_id for row in own):
            unpacked[home.row_id] = track.vectors
        if not isinstance(track.face_ids[0], SceneFaceId):
            known = {row.face_id for row in here}
            copies += [
                (home.cluster_id, track.picture_id, face, track.is_named)
                for face in track.face_ids
                if face not in known
            ]
    _delete_rows(connection, [by_face[face].row_id for face in left])
    for value, own_rows in ((1, named), (0, unnamed)):
        connection.execute(
            "UPDATE stash_sense_library_tracks SET named = ?1 WHERE named <> ?1 "
            "AND id IN (SELECT value FROM json_each(?2))",
            (value, json.dumps(own_rows)),
        )
    connection.executemany(_INSERT_COPY, copies)
    count_tracks(connection, {row.cluster_id for row in rows})
    return new, len(left), unpacked


@dataclass(frozen=True, slots=True)
class TrackRow:
    """A stored track: its cluster, whether a person decided on that, and whom it is named."""

    row_id: int
    cluster_id: int
    face_id: FaceId
    decided: bool
    person: str | None
    packed: int | None

    @property
    def order(self) -> tuple[bool, int]:
        """Which of several rows of one track counts: the first, and sooner where a person put it."""
        return not self.decided, self.row_id


def rows_of_pictures(connection: sqlite3.Connection, picture_ids: Iterable[int]) -> list[TrackRow]:
    """The stored tracks of these pictures and videos."""
    return [
        TrackRow(
            row[0], row[1], row[2] if row[3] is None else SceneFaceId(row[3]), bool(row[4]), row[5], row[6]
        )
        for row in connection.execute(
            """SELECT t.id, t.cluster_id, t.face_id, t.scene_face_id, c.decided, p.performer_id, t.packed
               FROM json_each(?) wanted
               JOIN stash_sense_library_tracks t ON t.picture_id = wanted.value
               JOIN stash_sense_clusters c ON c.id = t.cluster_id
               LEFT JOIN stash_sense_people p ON p.id = c.person_id""",
            (json.dumps(list(picture_ids)),),
        )
    ]


def _shared_clusters(connection: sqlite3.Connection, cluster_ids: Iterable[int]) -> set[int]:
    """Those with tracks of more than one picture."""
    return {
        row[0]
        for row in connection.execute(
            """SELECT t.cluster_id FROM json_each(?) wanted
               JOIN stash_sense_library_tracks t ON t.cluster_id = wanted.value
               GROUP BY t.cluster_id HAVING count(DISTINCT t.picture_id) > 1""",
            (json.dumps(list(cluster_ids)),),
        )
    }


def _must_leave(track: LibraryTrack, home: TrackRow, *, alone: bool) -> bool:
    """Whether a decision takes a track out of its cluster."""
    if track.apart and not alone:
        return True
    if home.person is None:
        return False
    return home.person in track.rejected or track.confirmed not in (None, home.person)


def _delete_rows(connection: sqlite3.Connection, row_ids: Sequence[int]) -> None:
    """Their pictures are being looked at: the trigger's note of them is taken back with the changes."""
    connection.execute(
        "DELETE FROM stash_sense_library_tracks WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(row_ids)),),
    )


def insert_alone(connection: sqlite3.Connection, tracks: Sequence[LibraryTrack]) -> list[int]:
    """Insert each track as a cluster of its own; returns the ids of the rows that stand for them."""
    ids = []
    for track in tracks:
        cluster_id = connection.execute("INSERT INTO stash_sense_clusters (track_count) VALUES (1)").lastrowid
        first, *others = track.face_ids
        column, number = (
            ("scene_face_id", first.number) if isinstance(first, SceneFaceId) else ("face_id", first)
        )
        row = connection.execute(
            f"INSERT INTO stash_sense_library_tracks (cluster_id, picture_id, {column}, packed) "  # noqa: S608  our names
            "VALUES (?, ?, ?, 0)",
            (cluster_id, track.picture_id, number),
        )
        ids.append(int(row.lastrowid or 0))
        if not isinstance(first, SceneFaceId):
            copies = [(cluster_id, track.picture_id, other, False) for other in others]
            connection.executemany(_INSERT_COPY, copies)
    return ids


def delete_empty(connection: sqlite3.Connection) -> None:
    """Delete clusters whose tracks are gone, unless a person decided on them: a merge may be undone."""
    connection.execute(
        """DELETE FROM stash_sense_clusters AS c WHERE status = 'open' AND track_count = 0 AND NOT decided
           AND NOT EXISTS (SELECT 1 FROM stash_sense_library_tracks t WHERE t.cluster_id = c.id)"""
    )


def count_tracks(connection: sqlite3.Connection, cluster_ids: Iterable[int]) -> None:
    """Count the tracks of clusters."""
    connection.execute(
        """UPDATE stash_sense_clusters SET track_count = (
             SELECT count(DISTINCT t.picture_id) FROM stash_sense_library_tracks t
             WHERE t.cluster_id = stash_sense_clusters.id AND NOT t.named)
           WHERE id IN (SELECT value FROM json_each(?))""",
        (json.dumps(sorted(set(cluster_ids))),),
    )

"""What a person does with a cluster: name, merge, split, hide, and taking it back."""

import json
import sqlite3
from collections.abc import Iterable, Sequence

from stash_sense.domain.decisions import CONFIRMED
from stash_sense.domain.faces import FaceId, SceneFaceId
from stash_sense.domain.validation import validate_integer
from stash_sense.errors import BadInput, Conflict, NotStored
from stash_sense.store.repositories.cluster_tracks import count_tracks
from stash_sense.store.repositories.clusters import HIDDEN, NAMED, OPEN, get_cluster
from stash_sense.store.repositories.deciding import decide_faces
from stash_sense.store.repositories.decisions import delete_decisions
from stash_sense.store.repositories.library_tracks import tracks_of_pictures
from stash_sense.store.repositories.people import current_key, upsert_people

_NAME, _MERGE, _SPLIT = "name", "merge", "split"


def name_cluster(
    connection: sqlite3.Connection, cluster_id: int, performer_id: str, name: str | None, local_id: str | None
) -> list[int]:
    """Confirm that all tracks of a cluster show a person; returns the pictures whose decisions changed.

    Tracks that a decision says are not that person's become a cluster of their own. Naming a cluster again
    as the same person confirms what has joined it since. Raises NotStored; Conflict for another person.
    """
    cluster = get_cluster(connection, cluster_id)
    key = current_key(connection, performer_id, local_id)
    if cluster.status == NAMED and cluster.performer_id != key:
        raise Conflict(
            f"Cluster {cluster_id} is named {cluster.name or cluster.performer_id} already; take that name "
            "back first."
        )
    rows = _rows(connection, [cluster_id])
    tracks = tracks_of_pictures(connection, "", {row[3] for row in rows})
    refused_faces = {face for track in tracks if key in track.rejected for face in track.face_ids}
    refused = [row for row in rows if _face_of(row) in refused_faces]
    accepted = [row for row in rows if _face_of(row) not in refused_faces]
    if not accepted:
        raise Conflict(f"Decisions say of all faces of cluster {cluster_id} that they are not {key}.")
    before = [] if cluster.status == NAMED else _state(connection, [cluster_id])
    if refused:
        other = _insert_cluster(connection, decided=False)
        _move(connection, [row[0] for row in refused], other)
    highest = connection.execute("SELECT coalesce(max(id), 0) FROM stash_sense_decisions").fetchone()[0]
    recorded = decide_faces(
        connection, [_face_of(row) for row in accepted], CONFIRMED, performer_id, name, None, local_id
    )
    decisions = [
        row[0] for row in connection.execute("SELECT id FROM stash_sense_decisions WHERE id > ?", (highest,))
    ]
    key = current_key(connection, performer_id, local_id)
    person_id = upsert_people(connection, [(key, None, None)])[key]
    _record(connection, cluster_id, _NAME, before, refused, decisions)
    connection.execute(
        "UPDATE stash_sense_clusters SET status = ?, decided = 1, person_id = ? WHERE id = ?",
        (NAMED, person_id, cluster_id),
    )
    connection.execute("UPDATE stash_sense_library_tracks SET named = 1 WHERE cluster_id = ?", (cluster_id,))
    count_tracks(connection, [cluster_id, *([other] if refused else [])])
    return sorted(recorded.picture_ids)


def unname_cluster(connection: sqlite3.Connection, cluster_id: int) -> list[int]:
    """Take back every naming of a cluster, with its decisions; returns the pictures that these were on."""
    cluster = get_cluster(connection, cluster_id)
    if cluster.status != NAMED:
        raise Conflict(f"Cluster {cluster_id} has no name to be taken back.")
    pictures: set[int] = set()
    for change_id, clusters, tracks, decisions in _changes(connection, cluster_id, [_NAME]):
        pictures |= delete_decisions(connection, json.loads(decisions)).picture_ids
        _restore(connection, cluster_id, json.loads(clusters), json.loads(tracks), since=None)
        connection.execute("DELETE FROM stash_sense_cluster_changes WHERE id = ?", (change_id,))
    connection.execute("UPDATE stash_sense_library_tracks SET named = 0 WHERE cluster_id = ?", (cluster_id,))
    count_tracks(connection, [cluster_id])
    return sorted(pictures)


def merge_clusters(connection: sqlite3.Connection, cluster_id: int, cluster_ids: Iterable[int]) -> None:
    """Make others parts of a cluster. Raises NotStored, Conflict for one that is named, BadInput."""
    others = list(dict.fromkeys(validate_integer("cluster_id", each) for each in cluster_ids))
    if not others or cluster_id in others:
        raise BadInput("cluster_ids must name one or more other clusters to be merged into this one.")
    for each in (cluster_id, *others):
        _require_unnamed(connection, each)
    before = _state(connection, [cluster_id, *others])
    rows = _rows(connection, others)
    _record(connection, cluster_id, _MERGE, before, rows, ())
    _move(connection, [row[0] for row in rows], cluster_id)
    # The rows of the others stay, without a track, so that the merge can be undone.
    connection.execute(
        "UPDATE stash_sense_clusters SET decided = 1 WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps([cluster_id, *others]),),
    )
    count_tracks(connection, [cluster_id, *others])


def split_cluster(connection: sqlite3.Connection, cluster_id: int, face_ids: Iterable[FaceId]) -> int:
    """Move the tracks of faces into a new cluster, whose id is returned; neither takes the other's back.

    Raises NotStored where none of the faces is in the cluster, Conflict where all are, or it is named.
    """
    _require_unnamed(connection, cluster_id)
    wanted = set(face_ids)
    rows = _rows(connection, [cluster_id])
    pictures = {row[3] for row in rows if _face_of(row) in wanted}
    scenes = {row[0] for row in rows if _face_of(row) in wanted and row[2] is not None}
    # Copies of a picture stay together.
    moved = [row for row in rows if row[0] in scenes or (row[2] is None and row[3] in pictures)]
    if not moved:
        raise NotStored(f"None of these faces is in cluster {cluster_id}.")
    if len(moved) == len(rows):
        raise Conflict(f"These are all the faces of cluster {cluster_id}; leave at least one out.")
    before = _state(connection, [cluster_id])
    other = _insert_cluster(connection, decided=True)
    _record(connection, cluster_id, _SPLIT, before, moved, ())
    _move(connection, [row[0] for row in moved], other)
    connection.execute("UPDATE stash_sense_clusters SET decided = 1 WHERE id = ?", (cluster_id,))
    count_tracks(connection, [cluster_id, other])
    return other


def undo_change(connection: sqlite3.Connection, cluster_id: int) -> str:
    """Take back the latest merge or split of a cluster; returns which of both. Raises NotStored, Conflict."""
    _require_unnamed(connection, cluster_id)
    change = next(iter(_changes(connection, cluster_id, [_MERGE, _SPLIT])), None)
    if change is None:
        raise NotStored(f"Cluster {cluster_id} was neither merged nor split, or that was undone.")
    change_id, clusters, tracks, _ = change
    kind = connection.execute(
        "DELETE FROM stash_sense_cluster_changes WHERE id = ? RETURNING kind", (change_id,)
    ).fetchall()[0][0]
    _restore(connection, cluster_id, json.loads(clusters), json.loads(tracks), since=kind)
    return str(kind)


def ignore_cluster(connection: sqlite3.Connection, cluster_id: int, *, ignored: bool) -> None:
    """Hide a cluster, or show it again. Raises NotStored, Conflict for one that is named."""
    _require_unnamed(connection, cluster_id)
    connection.execute(
        "UPDATE stash_sense_clusters SET status = ?, decided = 1 WHERE id = ?",
        (HIDDEN if ignored else OPEN, cluster_id),
    )


def _require_unnamed(connection: sqlite3.Connection, cluster_id: int) -> None:
    cluster = get_cluster(connection, cluster_id)
    if cluster.status == NAMED:
        raise Conflict(
            f"Cluster {cluster_id} is named {cluster.name or cluster.performer_id}; take the name back first."
        )


_Row = tuple[int, int | None, int | None, int, int]
"""Row id, face, face of a scene, picture, cluster."""


def _rows(connection: sqlite3.Connection, cluster_ids: Iterable[int]) -> list[_Row]:
    return connection.execute(
        "SELECT t.id, t.face_id, t.scene_face_id, t.picture_id, t.cluster_id FROM json_each(?) wanted "
        "JOIN stash_sense_library_tracks t ON t.cluster_id = wanted.value ORDER BY t.id",
        (json.dumps(list(cluster_ids)),),
    ).fetchall()


def _face_of(row: _Row) -> FaceId:
    return SceneFaceId(row[2]) if row[2] is not None else int(row[1] or 0)


def _insert_cluster(connection: sqlite3.Connection, *, decided: bool) -> int:
    cursor = connection.execute("INSERT INTO stash_sense_clusters (decided) VALUES (?)", (decided,))
    return int(cursor.lastrowid or 0)


def _move(connection: sqlite3.Connection, row_ids: Sequence[int], cluster_id: int) -> None:
    connection.execute(
        "UPDATE stash_sense_library_tracks SET cluster_id = ? WHERE id IN (SELECT value FROM json_each(?))",
        (cluster_id, json.dumps(list(row_ids))),
    )


def _state(connection: sqlite3.Connection, cluster_ids: Sequence[int]) -> list[list[object]]:
    return [
        list(row)
        for row in connection.execute(
            "SELECT id, status, decided FROM stash_sense_clusters "
            "WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(cluster_ids)),),
        )
    ]


def _record(
    connection: sqlite3.Connection,
    cluster_id: int,
    kind: str,
    before: Sequence[Sequence[object]],
    moved: Sequence[_Row],
    decisions: Sequence[int],
) -> None:
    connection.execute(
        "INSERT INTO stash_sense_cluster_changes (cluster_id, kind, clusters, tracks, decisions) "
        "VALUES (?, ?, ?, ?, ?)",
        (
            cluster_id,
            kind,
            json.dumps(before),
            json.dumps([(row[0], row[4]) for row in moved]),
            json.dumps(list(decisions)),
        ),
    )


def _changes(
    connection: sqlite3.Connection, cluster_id: int, kinds: Sequence[str]
) -> list[tuple[int, str, str, str]]:
    """Latest first."""
    return connection.execute(
        "SELECT id, clusters, tracks, decisions FROM stash_sense_cluster_changes WHERE cluster_id = ? "
        "AND kind IN (SELECT value FROM json_each(?)) ORDER BY id DESC",
        (cluster_id, json.dumps(list(kinds))),
    ).fetchall()


def _restore(
    connection: sqlite3.Connection,
    cluster_id: int,
    clusters: Sequence[Sequence[object]],
    tracks: Sequence[Sequence[int]],
    since: str | None,
) -> None:
    """Give clusters their former states, and tracks that are still where the change put them their former
    clusters. A state that is now another person's doing, as of a cluster that was named since, stays."""
    moved = [row for row, _ in tracks]
    now = dict(
        connection.execute(
            "SELECT id, cluster_id FROM stash_sense_library_tracks "
            "WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(moved),),
        ).fetchall()
    )
    for other, status, decided in clusters:
        connection.execute(
            "UPDATE stash_sense_clusters SET status = ?, decided = ?, person_id = NULL WHERE id = ?",
            (status, decided, other),
        )
    named = {
        row[0]
        for row in connection.execute(
            "SELECT id FROM stash_sense_clusters WHERE status = 'named' "
            "AND id IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(set(now.values()))),),
        )
    }
    for row, former in tracks:
        if row in now and now[row] not in named and (since != _MERGE or now[row] == cluster_id):
            _move(connection, [row], former)
    count_tracks(connection, {*now.values(), *(former for _, former in tracks), cluster_id})

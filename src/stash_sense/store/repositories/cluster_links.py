"""Bringing the clusters up to date with the tracks of changed pictures, and joining what is linked."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import FaceId
from stash_sense.store.repositories.cluster_tracks import (
    count_tracks,
    delete_empty,
    insert_alone,
    rows_of_pictures,
    take_over,
)
from stash_sense.store.repositories.library_tracks import (
    FRAMES,
    LibraryTrack,
    Vectors,
    count_stored,
    settle_changes,
    tracks_of_pictures,
)
from stash_sense.store.repositories.matches import embedding_sizes
from stash_sense.store.repositories.track_vectors import pack_tracks, vectors_of_tracks

AVERAGED_TRACKS = 256
"""Tracks of a stored cluster that its mean is taken of, at most: the newest."""


@dataclass(frozen=True, slots=True, eq=False)
class ClusterNode:
    """A stored cluster, or a new track, to be linked.

    size: tracks in it. vectors: of its tracks, at most AVERAGED_TRACKS. decided: by a person. moments: see
    LibraryTrack. person: whom it is named, as `rejected` names people.
    """

    size: int
    vectors: Sequence[Vectors] = field(repr=False)
    decided: bool = False
    moments: frozenset[int] = frozenset()
    person: str | None = None
    rejected: frozenset[str] = frozenset()
    apart: bool = False


@dataclass(frozen=True, slots=True)
class ClusterChange:
    """What linking did. new: tracks that came; joined: of these, the ones that joined others; gone: tracks
    that have a name now, or are no more; merged: clusters that became parts of others."""

    new: int = 0
    joined: int = 0
    gone: int = 0
    merged: int = 0

    def __add__(self, other: "ClusterChange") -> "ClusterChange":
        return ClusterChange(
            self.new + other.new,
            self.joined + other.joined,
            self.gone + other.gone,
            self.merged + other.merged,
        )


Link = Callable[[Sequence[ClusterNode], NDArray[np.int64], int], NDArray[np.int64]]
"""Nodes, pairs of those that may be near, (m, 2), and the tracks of the library -> (n,), for each node the
position of the one that it is a part of."""


def link_changed(
    connection: sqlite3.Connection,
    pack: str,
    changes: Mapping[int, int],
    near: Mapping[FaceId, Sequence[int]],
    between: Iterable[tuple[FaceId, FaceId]],
    link: Link,
) -> ClusterChange:
    """Take the changed pictures over: new tracks, those that have a name now, and those that are gone.

    near: face that stands for a new track -> ids of stored tracks that may be near it. between: faces that
    stand for changed tracks which may be near to each other. A new track that neither knows stays alone.
    """
    tracks = tracks_of_pictures(connection, pack, changes)
    pack_id = (embedding_sizes(connection, pack) or (0, (0, 0)))[0]
    new, gone, unpacked = take_over(connection, tracks, changes, pack_id)
    new = [track for track in new if track.vectors is not None]
    ids = insert_alone(connection, new)
    unpacked |= {row: track.vectors for row, track in zip(ids, new, strict=True) if track.vectors}
    pack_tracks(connection, pack, unpacked)
    joined, merged = _link(connection, pack, changes, new, ids, near, list(between), link)
    delete_empty(connection)
    settle_changes(connection, changes)
    return ClusterChange(len(new), joined, gone, merged)


def _link(
    connection: sqlite3.Connection,
    pack: str,
    changes: Iterable[int],
    new: Sequence[LibraryTrack],
    ids: Sequence[int],
    near: Mapping[FaceId, Sequence[int]],
    between: Sequence[tuple[FaceId, FaceId]],
    link: Link,
) -> tuple[int, int]:
    """Link new tracks with each other and with stored clusters: how many joined, and clusters merged."""
    at = {track.face_ids[0]: i for i, track in enumerate(new)}
    around = {face: list(near.get(face, ())) for face in at}
    stored_rows = {row.face_id: row.row_id for row in rows_of_pictures(connection, changes)}
    for one, other in between:
        for face, neighbour in ((one, other), (other, one)):
            if face in at and neighbour not in at and neighbour in stored_rows:
                around[face].append(stored_rows[neighbour])
    clusters = clusters_of_tracks(connection, {track for own in around.values() for track in own})
    own = clusters_of_tracks(connection, ids)
    cluster_ids = sorted(set(clusters.values()) - set(own.values()))
    stored = cluster_nodes(connection, pack, cluster_ids)
    alone = [
        ClusterNode(1, [track.vectors], False, track.moments, None, track.rejected, track.apart)
        for track in new
        if track.vectors is not None
    ]
    # Stored clusters come first, and so keep their ids.
    nodes = [*stored.values(), *alone]
    ids_at = [*stored, *(own[row] for row in ids)]
    position = {cluster: i for i, cluster in enumerate(ids_at)}
    first = len(stored)
    pairs = {
        (position[clusters[track]], first + at[face])
        for face, tracks in around.items()
        for track in tracks
        if track in clusters
    }
    pairs |= {
        (min(at[one], at[other]) + first, max(at[one], at[other]) + first)
        for one, other in between
        if one in at and other in at
    }
    if not pairs:
        return 0, 0
    labels = link(nodes, np.array(sorted(pairs), np.int64), count_stored(connection)).tolist()
    moved = [(ids_at[i], ids_at[label]) for i, label in enumerate(labels) if label != i]
    join_clusters(connection, moved)
    joined = sum(i >= first for i, label in enumerate(labels) if label != i)
    return joined, len(moved) - joined


def join_clusters(connection: sqlite3.Connection, moved: Sequence[tuple[int, int]]) -> None:
    """Move all tracks of clusters that nobody decided on to others. moved: from, to."""
    connection.executemany(
        "UPDATE stash_sense_library_tracks SET cluster_id = ?2 WHERE cluster_id = ?1", moved
    )
    connection.executemany(
        "DELETE FROM stash_sense_clusters WHERE id = ?", [(source,) for source, _ in moved]
    )
    count_tracks(connection, {target for _, target in moved})


def clusters_of_tracks(connection: sqlite3.Connection, track_ids: Iterable[int]) -> dict[int, int]:
    """Track id -> cluster id, of those that are stored."""
    return dict(
        connection.execute(
            "SELECT t.id, t.cluster_id FROM json_each(?) wanted "
            "CROSS JOIN stash_sense_library_tracks t ON t.id = wanted.value",
            (json.dumps(list(track_ids)),),
        ).fetchall()
    )


def cluster_nodes(
    connection: sqlite3.Connection, pack: str, cluster_ids: Sequence[int]
) -> dict[int, ClusterNode]:
    """Stored clusters to be linked, by id, in this order."""
    members: dict[int, list[tuple[int, int]]] = {cluster: [] for cluster in cluster_ids}
    facts: dict[int, tuple[bool, str | None]] = {}
    for cluster, decided, person, track, picture in connection.execute(
        """SELECT c.id, c.decided, p.performer_id, t.id, t.picture_id FROM json_each(?) wanted
           JOIN stash_sense_clusters c ON c.id = wanted.value
           LEFT JOIN stash_sense_people p ON p.id = c.person_id
           JOIN stash_sense_library_tracks t ON t.cluster_id = c.id ORDER BY t.id DESC""",
        (json.dumps(list(cluster_ids)),),
    ):
        members[cluster].append((track, picture))
        facts[cluster] = (bool(decided), person)
    averaged = [track for own in members.values() for track, _ in own[:AVERAGED_TRACKS]]
    vectors = vectors_of_tracks(connection, pack, averaged)
    said = decided_tracks(connection, pack, {picture for own in members.values() for _, picture in own})
    moments = frames_of_tracks(connection, [track for own in members.values() for track, _ in own])
    nodes = {}
    for cluster, own in members.items():
        decided, person = facts.get(cluster, (True, None))
        constraints = [said[track] for track, _ in own if track in said]
        nodes[cluster] = ClusterNode(
            len({picture for _, picture in own}),
            [vectors[track] for track, _ in own[:AVERAGED_TRACKS] if track in vectors],
            decided,
            frozenset().union(*(moments.get(track, {picture}) for track, picture in own)),
            person,
            frozenset().union(*(each.rejected for each in constraints)),
            any(each.apart for each in constraints),
        )
    return nodes


def decided_tracks(
    connection: sqlite3.Connection, pack: str, pictures: Iterable[int]
) -> dict[int, LibraryTrack]:
    """Row id -> its track, of stored tracks with a decision that keeps others away."""
    decided = [
        row[0]
        for row in connection.execute(
            "SELECT DISTINCT d.picture_id FROM json_each(?) wanted JOIN stash_sense_decisions d "
            "ON d.picture_id = wanted.value AND d.word IN ('rejected', 'apart')",
            (json.dumps(sorted(set(pictures))),),
        )
    ]
    if not decided:
        return {}
    by_face = {
        face: track
        for track in tracks_of_pictures(connection, pack, decided)
        if track.rejected or track.apart
        for face in track.face_ids
    }
    return {
        row.row_id: by_face[row.face_id]
        for row in rows_of_pictures(connection, decided)
        if row.face_id in by_face
    }


def frames_of_tracks(connection: sqlite3.Connection, track_ids: Sequence[int]) -> dict[int, set[int]]:
    """Row id -> frames of those that are tracks of scenes."""
    moments: dict[int, set[int]] = {}
    for row_id, frame in connection.execute(
        """SELECT t.id, o.frame_id FROM json_each(?) wanted
           CROSS JOIN stash_sense_library_tracks t ON t.id = wanted.value
           JOIN stash_sense_scene_faces f ON f.id = t.scene_face_id
           JOIN stash_sense_scene_faces o ON o.track_id = f.track_id""",
        (json.dumps(list(track_ids)),),
    ):
        moments.setdefault(row_id, set()).add(FRAMES + frame)
    return moments

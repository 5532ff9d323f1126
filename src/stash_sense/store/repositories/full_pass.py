"""Linking the whole library at once: what is read for it, and writing what it says of undecided clusters."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stash_sense.store.repositories.cluster_links import (
    ClusterNode,
    decided_tracks,
    frames_of_tracks,
)
from stash_sense.store.repositories.cluster_tracks import count_tracks


@dataclass(frozen=True, slots=True, eq=False)
class LibraryBlocks:
    """The tracks that stand for their copies, in the order of ids: (n,) int64 each.

    decided: the cluster where a person decided on it, else 0. moments: position and moment of those that
    share a picture. nodes: position -> what decisions say, for those with some; see ClusterNode.
    """

    track_ids: NDArray[np.int64]
    clusters: NDArray[np.int64]
    decided: NDArray[np.int64]
    moments: list[tuple[int, int]]
    nodes: dict[int, ClusterNode]


def read_library(connection: sqlite3.Connection, pack: str) -> LibraryBlocks:
    """All tracks with embeddings of a pack."""
    rows = connection.execute(
        """SELECT t.id, t.cluster_id, CASE WHEN c.decided THEN c.id ELSE 0 END, t.picture_id,
             t.scene_face_id IS NOT NULL
           FROM stash_sense_library_tracks t JOIN stash_sense_clusters c ON c.id = t.cluster_id
           WHERE t.packed = (SELECT id FROM stash_sense_packs WHERE name = ?) ORDER BY t.id""",
        (pack,),
    )
    table = np.fromiter((number for row in rows for number in row), np.int64).reshape(-1, 5)
    ids, clusters, decided, pictures, scenes = (column.copy() for column in table.T)
    _, inverse, counts = np.unique(pictures, return_inverse=True, return_counts=True)
    shared = np.flatnonzero(counts[inverse] > 1)
    at = {int(ids[i]): int(i) for i in shared[scenes[shared] > 0]}
    moments = [(i, int(pictures[i])) for i in shared[scenes[shared] == 0].tolist()]
    moments += [
        (at[track], frame) for track, own in frames_of_tracks(connection, [*at]).items() for frame in own
    ]
    return LibraryBlocks(ids, clusters, decided, moments, _decided_nodes(connection, pack, ids, decided))


def _decided_nodes(
    connection: sqlite3.Connection, pack: str, ids: NDArray[np.int64], decided: NDArray[np.int64]
) -> dict[int, ClusterNode]:
    position = {track: i for i, track in enumerate(ids.tolist())}
    pictures = connection.execute(
        "SELECT DISTINCT picture_id FROM stash_sense_decisions WHERE word IN ('rejected', 'apart')"
    ).fetchall()
    nodes = {
        position[row]: ClusterNode(1, (), rejected=track.rejected, apart=track.apart)
        for row, track in decided_tracks(connection, pack, [picture for (picture,) in pictures]).items()
        if row in position
    }
    first: dict[int, int] = {}
    for i in np.flatnonzero(decided).tolist():
        first.setdefault(int(decided[i]), i)
    for cluster, person in connection.execute(
        "SELECT c.id, p.performer_id FROM stash_sense_clusters c "
        "JOIN stash_sense_people p ON p.id = c.person_id"
    ):
        if cluster in first:
            nodes[first[cluster]] = ClusterNode(1, (), decided=True, person=person)
    return nodes


def apply_full_pass(connection: sqlite3.Connection, labels: Mapping[int, int]) -> None:
    """Put tracks of undecided clusters together. labels: track -> a track that it is with, or itself.

    A cluster keeps its id for most of its tracks. What was decided meanwhile stays as it is. Copies follow.
    """
    rows = {
        track: (cluster, bool(decided))
        for track, cluster, decided in connection.execute(
            """SELECT t.id, t.cluster_id, c.decided FROM json_each(?) wanted
               CROSS JOIN stash_sense_library_tracks t ON t.id = wanted.value
               JOIN stash_sense_clusters c ON c.id = t.cluster_id""",
            (json.dumps(list(labels)),),
        )
    }
    groups: dict[int, list[int]] = {}
    for track, label in labels.items():
        if track in rows and not rows[track][1]:
            groups.setdefault(label, []).append(track)
    taken: set[int] = set()
    moves: list[tuple[int, int, int]] = []
    for label, own in sorted(groups.items(), key=lambda group: -len(group[1])):
        target = rows[label][0] if label in rows and rows[label][1] else 0
        if not target:
            counts: dict[int, int] = {}
            for track in own:
                counts[rows[track][0]] = counts.get(rows[track][0], 0) + 1
            free = [cluster for cluster in counts if cluster not in taken]
            target = max(free, key=lambda cluster: (counts[cluster], -cluster), default=0)
            if not target:
                target = int(
                    connection.execute("INSERT INTO stash_sense_clusters DEFAULT VALUES").lastrowid or 0
                )
            taken.add(target)
        moves += [(target, rows[track][0], track) for track in own if rows[track][0] != target]
    # Copies of a picture's face are in the same cluster as the track that stands for them.
    connection.executemany(
        "UPDATE stash_sense_library_tracks SET cluster_id = ?1 WHERE cluster_id = ?2 AND picture_id = "
        "(SELECT picture_id FROM stash_sense_library_tracks WHERE id = ?3)",
        moves,
    )
    count_tracks(connection, {cluster for target, former, _ in moves for cluster in (target, former)})

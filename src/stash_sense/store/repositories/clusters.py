"""Clusters of unknown people as they are listed, and the tracks in them."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from stash_sense.domain.faces import FaceId, SceneFaceId
from stash_sense.domain.validation import validate_integer
from stash_sense.errors import NotStored

OPEN, NAMED, HIDDEN = "open", "named", "hidden"
CLUSTER_STATUSES = (OPEN, NAMED, HIDDEN)

SHOWN_FACES = 8
"""Faces that a cluster is shown by, at most: the best."""


@dataclass(frozen=True, slots=True)
class StoredCluster:
    """A cluster. face_ids: the best of those without a name, at most SHOWN_FACES, the cover first; where all
    have one, of these. performer_id: whom it is named. track_count: pictures and videos with tracks that have
    no name. face_count, image_count, scene_count: of all its tracks."""

    cluster_id: int
    status: str
    performer_id: str | None
    name: str | None
    track_count: int
    face_count: int
    image_count: int
    scene_count: int
    face_ids: tuple[FaceId, ...]


@dataclass(frozen=True, slots=True)
class ClusterMember:
    """A track of a cluster. target_type: `image` or `scene`. time_s: of a scene's face. is_named: by now."""

    track_id: int
    face_id: FaceId
    target_type: str
    target_id: str
    time_s: float | None
    gallery_ids: tuple[str, ...]
    is_named: bool


@dataclass(frozen=True, slots=True)
class ClusterPage:
    """Clusters, largest first, how many there are, and where the next page begins; None at the end."""

    clusters: tuple[StoredCluster, ...]
    total: int
    after: tuple[int, int] | None


def list_clusters(
    connection: sqlite3.Connection, after: tuple[float, int] | None, limit: int, *, hidden: bool
) -> ClusterPage:
    """Clusters with tracks that have no name; hidden: those that a person hid instead.

    after: tracks and id of the last cluster of the page before.
    """
    statuses = [HIDDEN] if hidden else [OPEN, NAMED]
    tracks, last = after or (2**62, -1)
    rows = sorted(
        (
            (-row[1], row[0])
            for status in statuses
            for row in connection.execute(
                """SELECT id, track_count FROM stash_sense_clusters WHERE status = ?1 AND track_count > 0
                   AND (track_count < ?2 OR (track_count = ?2 AND id > ?3))
                   ORDER BY track_count DESC, id LIMIT ?4""",
                (status, tracks, last, limit + 1),
            )
        ),
    )
    (total,) = connection.execute(
        "SELECT count(*) FROM stash_sense_clusters WHERE track_count > 0 "
        "AND status IN (SELECT value FROM json_each(?))",
        (json.dumps(statuses),),
    ).fetchone()
    page = [cluster_id for _, cluster_id in rows[:limit]]
    clusters = read_clusters(connection, page)
    more = len(rows) > limit
    return ClusterPage(
        tuple(clusters[cluster_id] for cluster_id in page),
        total,
        (-rows[limit - 1][0], rows[limit - 1][1]) if more else None,
    )


def get_cluster(connection: sqlite3.Connection, cluster_id: int) -> StoredCluster:
    """One cluster. Raises NotStored."""
    cluster = read_clusters(connection, [validate_integer("cluster_id", cluster_id)]).get(cluster_id)
    if cluster is None or not cluster.face_ids:
        raise NotStored(
            f"There is no cluster {cluster_id}; it may have been merged, or its faces named or deleted."
        )
    return cluster


def read_clusters(connection: sqlite3.Connection, cluster_ids: Sequence[int]) -> dict[int, StoredCluster]:
    """Clusters by id."""
    ids = json.dumps(list(cluster_ids))
    faces: dict[int, list[FaceId]] = {}
    for cluster, face, scene_face in connection.execute(
        """SELECT cluster_id, face_id, scene_face_id FROM (
             SELECT t.cluster_id, t.face_id, t.scene_face_id, row_number() OVER (
               PARTITION BY t.cluster_id
               ORDER BY t.named, coalesce(f.quality, s.quality, 0) DESC, t.id) AS place
             FROM json_each(?) wanted
             JOIN stash_sense_library_tracks t ON t.cluster_id = wanted.value
             LEFT JOIN stash_sense_faces f ON f.id = t.face_id
             LEFT JOIN stash_sense_scene_faces s ON s.id = t.scene_face_id)
           WHERE place <= ? ORDER BY cluster_id, place""",
        (ids, SHOWN_FACES),
    ):
        faces.setdefault(cluster, []).append(face if scene_face is None else SceneFaceId(scene_face))
    return {
        row[0]: StoredCluster(*(*row, tuple(faces.get(row[0], ()))))
        for row in connection.execute(
            """SELECT c.id, c.status, p.performer_id, p.name, c.track_count,
                 count(t.face_id) + coalesce(sum((SELECT count(*) FROM stash_sense_scene_faces o
                   WHERE o.track_id = s.track_id)), 0),
                 count(DISTINCT f.image_fingerprint_id),
                 count(DISTINCT CASE WHEN t.scene_face_id IS NOT NULL THEN t.picture_id END)
               FROM json_each(?) wanted
               JOIN stash_sense_clusters c ON c.id = wanted.value
               LEFT JOIN stash_sense_people p ON p.id = c.person_id
               LEFT JOIN stash_sense_library_tracks t ON t.cluster_id = c.id
               LEFT JOIN stash_sense_faces f ON f.id = t.face_id
               LEFT JOIN stash_sense_scene_faces s ON s.id = t.scene_face_id
               GROUP BY c.id""",
            (ids,),
        )
    }


def cluster_members(
    connection: sqlite3.Connection, cluster_id: int, after: int, limit: int
) -> tuple[list[ClusterMember], int | None]:
    """A page of the tracks of a cluster, in the order in which they came, and where the next begins."""
    rows = connection.execute(
        """SELECT t.id, t.face_id, t.scene_face_id, i.id, i.stash_image_id, t.picture_id, r.time_s, t.named
           FROM stash_sense_library_tracks t
           LEFT JOIN stash_sense_faces f ON f.id = t.face_id
           LEFT JOIN image_fingerprints i ON i.id = f.image_fingerprint_id
           LEFT JOIN stash_sense_scene_faces s ON s.id = t.scene_face_id
           LEFT JOIN stash_sense_scene_frames r ON r.id = s.frame_id
           WHERE t.cluster_id = ? AND t.id > ? ORDER BY t.id LIMIT ?""",
        (cluster_id, after, limit + 1),
    ).fetchall()
    galleries: dict[int, list[str]] = {}
    for fingerprint, gallery in connection.execute(
        "SELECT g.image_fingerprint_id, g.gallery_id FROM json_each(?) wanted "
        "JOIN stash_sense_image_galleries g ON g.image_fingerprint_id = wanted.value ORDER BY g.gallery_id",
        (json.dumps([row[3] for row in rows if row[3] is not None]),),
    ):
        galleries.setdefault(fingerprint, []).append(gallery)
    scenes: dict[int, int] = dict(
        connection.execute(
            "SELECT s.picture_id, min(s.stash_scene_id) FROM json_each(?) wanted "
            "JOIN stash_sense_scenes s ON s.picture_id = wanted.value GROUP BY s.picture_id",
            (json.dumps([row[5] for row in rows if row[2] is not None]),),
        ).fetchall()
    )
    members = [
        ClusterMember(row[0], row[1], "image", row[4], None, tuple(galleries.get(row[3], ())), bool(row[7]))
        if row[2] is None
        else ClusterMember(
            row[0], SceneFaceId(row[2]), "scene", str(scenes.get(row[5], "")), row[6], (), bool(row[7])
        )
        for row in rows[:limit]
    ]
    return members, rows[limit - 1][0] if len(rows) > limit else None

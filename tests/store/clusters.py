"""Clusters of unknown people, as the tests of them make and read them."""

from typing import Any

from stash_sense.matching.calibration import Scorer, uncalibrated
from stash_sense.recognition.unknown_people import cluster_new_tracks
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.clusters import StoredCluster

from .conftest import PACK

SCORER = Scorer(uncalibrated(("facenet", "arcface")), ("facenet", "arcface"))
ANNA, BERTA = "stashdb.org:anna", "stashdb.org:berta"


def link(db: RecommendationsDB) -> Any:
    return cluster_new_tracks(db, PACK, SCORER)


def clusters(db: RecommendationsDB, *, hidden: bool = False) -> list[StoredCluster]:
    return list(db.list_clusters(hidden=hidden).clusters)


def faces(db: RecommendationsDB) -> list[set[Any]]:
    """The faces of each cluster, largest first."""
    return [faces_of(db, cluster.cluster_id) for cluster in clusters(db)]


def faces_of(db: RecommendationsDB, cluster_id: int) -> set[Any]:
    return {member.face_id for member in db.cluster_members(cluster_id)[0]}

"""The methods of RecommendationsDB for clusters of unknown people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from stash_sense.domain.faces import FaceId
from stash_sense.store.connection import ConnectionPool
from stash_sense.store.repositories import (
    cluster_changes,
    cluster_links,
    cluster_tracks,
    clusters,
    full_pass,
    library_tracks,
    track_vectors,
)
from stash_sense.store.repositories.rematching import refresh_pictures
from stash_sense.store.repositories.scene_tracks import refresh_scenes


class ClusterMethods:
    """Each write does all or nothing; what a person does with a cluster waits until the disk has it."""

    _pool: ConnectionPool

    def has_changed_tracks(self) -> bool:
        with self._pool.reading() as connection:
            return bool(library_tracks.changed_pictures(connection, 1))

    def changed_tracks(self, pack: str, most: int) -> cluster_tracks.ChangedTracks:
        with self._pool.reading() as connection:
            return cluster_tracks.read_changed(connection, pack, most)

    def packed_tracks(self, pack: str) -> Iterator[track_vectors.PackedTracks]:
        """All stored tracks in blocks, of one moment."""
        with self._pool.reading() as connection:
            yield from track_vectors.packed_blocks(connection, pack)

    def pack_missing_tracks(self, pack: str) -> None:
        """Pack the tracks of which nothing is packed, some thousands in a transaction."""
        most = track_vectors.TRACKS_PER_BLOCK
        while True:
            with self._pool.reading() as connection:
                if not track_vectors.any_missing(connection):
                    return
            with self._pool.writing() as connection:
                track_vectors.pack_missing(connection, pack, most)

    def link_changed(
        self,
        pack: str,
        changes: Mapping[int, int],
        near: Mapping[FaceId, Sequence[int]],
        between: Iterable[tuple[FaceId, FaceId]],
        link: cluster_links.Link,
    ) -> cluster_links.ClusterChange:
        with self._pool.writing() as connection:
            return cluster_links.link_changed(connection, pack, changes, near, between, link)

    def read_library(self, pack: str) -> full_pass.LibraryBlocks:
        with self._pool.reading() as connection:
            return full_pass.read_library(connection, pack)

    def read_vectors(self, pack: str, track_ids: Sequence[int]) -> dict[int, library_tracks.Vectors]:
        with self._pool.reading() as connection:
            return track_vectors.vectors_of_tracks(connection, pack, track_ids)

    def apply_full_pass(self, labels: Mapping[int, int]) -> None:
        with self._pool.writing() as connection:
            full_pass.apply_full_pass(connection, labels)

    def read_cluster_nodes(
        self, pack: str, cluster_ids: Sequence[int]
    ) -> dict[int, cluster_links.ClusterNode]:
        with self._pool.reading() as connection:
            return cluster_links.cluster_nodes(connection, pack, cluster_ids)

    def list_clusters(
        self, after: tuple[float, int] | None = None, limit: int = 50, *, hidden: bool = False
    ) -> clusters.ClusterPage:
        with self._pool.reading() as connection:
            return clusters.list_clusters(connection, after, limit, hidden=hidden)

    def get_cluster(self, cluster_id: int) -> clusters.StoredCluster:
        with self._pool.reading() as connection:
            return clusters.get_cluster(connection, cluster_id)

    def cluster_members(
        self, cluster_id: int, after: int = 0, limit: int = 100
    ) -> tuple[list[clusters.ClusterMember], int | None]:
        with self._pool.reading() as connection:
            return clusters.cluster_members(connection, cluster_id, after, limit)

    def name_cluster(
        self, cluster_id: int, performer_id: str, name: str | None = None, local_id: str | None = None
    ) -> clusters.StoredCluster:
        with self._pool.writing(durable=True) as connection:
            pictures = cluster_changes.name_cluster(connection, cluster_id, performer_id, name, local_id)
            refresh_pictures(connection, pictures)
            refresh_scenes(connection, pictures)
            return clusters.get_cluster(connection, cluster_id)

    def unname_cluster(self, cluster_id: int) -> clusters.StoredCluster:
        with self._pool.writing(durable=True) as connection:
            pictures = cluster_changes.unname_cluster(connection, cluster_id)
            refresh_pictures(connection, pictures)
            refresh_scenes(connection, pictures)
            return clusters.get_cluster(connection, cluster_id)

    def merge_clusters(self, cluster_id: int, cluster_ids: Iterable[int]) -> clusters.StoredCluster:
        with self._pool.writing(durable=True) as connection:
            cluster_changes.merge_clusters(connection, cluster_id, cluster_ids)
            return clusters.get_cluster(connection, cluster_id)

    def split_cluster(self, cluster_id: int, face_ids: Iterable[FaceId]) -> clusters.StoredCluster:
        """The new cluster."""
        with self._pool.writing(durable=True) as connection:
            other = cluster_changes.split_cluster(connection, cluster_id, face_ids)
            return clusters.get_cluster(connection, other)

    def undo_cluster_change(self, cluster_id: int) -> str:
        with self._pool.writing(durable=True) as connection:
            return cluster_changes.undo_change(connection, cluster_id)

    def ignore_cluster(self, cluster_id: int, *, ignored: bool) -> clusters.StoredCluster:
        with self._pool.writing(durable=True) as connection:
            cluster_changes.ignore_cluster(connection, cluster_id, ignored=ignored)
            return clusters.get_cluster(connection, cluster_id)

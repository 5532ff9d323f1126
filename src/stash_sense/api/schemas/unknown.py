"""Clusters of unknown people."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stash_sense.api.schemas.decisions import NO_NUL, FaceIdIn, StateId
from stash_sense.api.schemas.faces import STRICT, MatchOut, StashIdIn
from stash_sense.domain.validation import write_cursor
from stash_sense.store.repositories.clusters import ClusterMember, StoredCluster

_MOST_FACES = 10_000
_MOST_CLUSTERS = 1000
_LONGEST_CURSOR = 100


class ClusterOut(BaseModel):
    """Tracks of the library that show one person whom nobody has named."""

    cluster_id: int
    status: Literal["open", "named", "hidden"] = Field(
        description="`named`: a person said who it is; it is listed while tracks have joined it that nobody "
        "confirmed. It never changes by itself otherwise."
    )
    performer_id: str | None = Field(description="Whom it is named.")
    name: str | None = Field(description="The performer's name, where known.")
    track_count: int = Field(description="Pictures and videos with the person, unnamed; copies count once.")
    face_count: int
    image_count: int
    scene_count: int
    cover_face_id: str = Field(description="The best face, for GET /faces/{face_id}/crop.")
    face_ids: list[str] = Field(description="The best faces, at most 8, the cover first.")
    nearest: list[MatchOut] = Field(
        description="Enrolled people who may be meant, at most 3; empty where nobody is near, or no "
        "face database is open."
    )


class ClustersPageOut(BaseModel):
    """A page of clusters, largest first."""

    clusters: list[ClusterOut]
    total: int
    next_cursor: str | None = Field(description="For the next page; null at the end.")


class ClusterMemberOut(BaseModel):
    """A track of a cluster, where its best face is."""

    track_id: int
    face_id: str
    target_type: Literal["image", "scene"]
    target_id: str
    time_s: float | None = Field(description="Of a scene: when, in seconds from its start.")
    gallery_ids: list[str]
    named: bool = Field(description="It has a name by now.")


class ClusterPageOut(BaseModel):
    """A cluster and a page of its tracks, in the order in which they came."""

    cluster: ClusterOut
    members: list[ClusterMemberOut]
    next_cursor: str | None = Field(description="For the next page; null at the end.")


class UndoneChangeOut(BaseModel):
    """What was taken back."""

    undone: Literal["merge", "split"]


class ClustersQuery(BaseModel):
    """Which clusters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cursor: str | None = Field(default=None, min_length=1, max_length=_LONGEST_CURSOR, pattern=NO_NUL)
    limit: int = Field(default=50, ge=1, le=200, description="At most this many.")
    hidden: bool = Field(default=False, description="Those that were hidden, instead of the others.")


class MembersQuery(BaseModel):
    """Which tracks of a cluster."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cursor: str | None = Field(default=None, min_length=1, max_length=_LONGEST_CURSOR, pattern=NO_NUL)
    limit: int = Field(default=100, ge=1, le=500, description="At most this many.")


class NameIn(BaseModel):
    """Who the person of a cluster is: `performer_id`, `local_id`, or both."""

    model_config = STRICT

    performer_id: Annotated[str, Field(min_length=1, max_length=1000, pattern=NO_NUL)] | None = Field(
        default=None, description="As in a match."
    )
    local_id: StashIdIn | None = Field(default=None, description="The performer's id in this Stash.")
    name: Annotated[str, Field(min_length=1, max_length=1000, pattern=NO_NUL)] | None = Field(
        default=None, description="The performer's name, to be stored with it."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.performer_id is None and self.local_id is None:
            raise ValueError("give performer_id, local_id, or both")
        return self


class MergeIn(BaseModel):
    """The clusters to be made parts of this one."""

    model_config = STRICT

    cluster_ids: list[StateId] = Field(min_length=1, max_length=_MOST_CLUSTERS)


class SplitIn(BaseModel):
    """The faces whose tracks get a cluster of their own."""

    model_config = STRICT

    face_ids: list[FaceIdIn] = Field(min_length=1, max_length=_MOST_FACES)


class IgnoreIn(BaseModel):
    """Whether a cluster is hidden."""

    model_config = STRICT

    ignored: bool


def cluster_out(cluster: StoredCluster, nearest: Sequence[MatchOut] = ()) -> ClusterOut:
    """A cluster as it is answered."""
    face_ids = list(map(str, cluster.face_ids))
    return ClusterOut(
        cluster_id=cluster.cluster_id,
        status=cluster.status,  # type: ignore[arg-type]  # the table allows no other
        performer_id=cluster.performer_id,
        name=cluster.name,
        track_count=cluster.track_count,
        face_count=cluster.face_count,
        image_count=cluster.image_count,
        scene_count=cluster.scene_count,
        cover_face_id=face_ids[0] if face_ids else "",
        face_ids=face_ids,
        nearest=list(nearest),
    )


def clusters_out(
    clusters: Sequence[StoredCluster],
    nearest: Mapping[int, Sequence[MatchOut]],
    total: int,
    after: tuple[int, int] | None,
) -> ClustersPageOut:
    """A page of clusters as it is answered."""
    return ClustersPageOut(
        clusters=[cluster_out(cluster, nearest.get(cluster.cluster_id, ())) for cluster in clusters],
        total=total,
        next_cursor=None if after is None else write_cursor(*after),
    )


def member_out(member: ClusterMember) -> ClusterMemberOut:
    """A track of a cluster as it is answered."""
    return ClusterMemberOut(
        track_id=member.track_id,
        face_id=str(member.face_id),
        target_type=member.target_type,  # type: ignore[arg-type]  # there are two
        target_id=member.target_id,
        time_s=member.time_s,
        gallery_ids=list(member.gallery_ids),
        named=member.is_named,
    )

"""Unknown people: clusters over the library, and what a person does with them."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query

from stash_sense.api.dependencies import JSON_BODY, SidecarDep, StateDep
from stash_sense.api.problems import BODY_ERRORS, documented
from stash_sense.api.schemas.faces import MatchOut, match_out
from stash_sense.api.schemas.unknown import (
    ClusterOut,
    ClusterPageOut,
    ClustersPageOut,
    ClustersQuery,
    IgnoreIn,
    MembersQuery,
    MergeIn,
    NameIn,
    SplitIn,
    UndoneChangeOut,
    cluster_out,
    clusters_out,
    member_out,
)
from stash_sense.domain.identity import local_key
from stash_sense.domain.validation import read_cursor, write_cursor
from stash_sense.recognition.crops import stored_face_id
from stash_sense.recognition.unknown_people import nearest_people
from stash_sense.runtime.services import AsyncState
from stash_sense.runtime.sidecar import Sidecar
from stash_sense.store.repositories.clusters import StoredCluster

router = APIRouter(tags=["unknown people"], prefix="/unknown")

ClusterId = Annotated[int, Path(ge=0, lt=2**63, examples=[12])]
_CHANGES = (404, 409, 503, *BODY_ERRORS)


@router.get("", responses=documented(422, 503))
async def get_clusters(
    state: StateDep, sidecar: SidecarDep, query: Annotated[ClustersQuery, Query()]
) -> ClustersPageOut:
    """The unknown people of the library, those on most pictures first."""
    after = read_cursor(query.cursor)
    page = await state.run(lambda store: store.list_clusters(after, query.limit, hidden=query.hidden))
    return clusters_out(page.clusters, await _nearest(sidecar, state, page.clusters), page.total, page.after)


@router.get("/{cluster_id}", responses=documented(404, 422, 503))
async def get_one_cluster(
    state: StateDep, sidecar: SidecarDep, cluster_id: ClusterId, query: Annotated[MembersQuery, Query()]
) -> ClusterPageOut:
    """An unknown person, and where they are."""
    _, after = read_cursor(query.cursor) or (0.0, 0)
    cluster = await state.run(lambda store: store.get_cluster(cluster_id))
    members, end = await state.run(lambda store: store.cluster_members(cluster_id, after, query.limit))
    nearest = await _nearest(sidecar, state, [cluster])
    return ClusterPageOut(
        cluster=cluster_out(cluster, nearest.get(cluster_id, ())),
        members=[member_out(member) for member in members],
        next_cursor=None if end is None else write_cursor(0, end),
    )


@router.post("/{cluster_id}/name", dependencies=[JSON_BODY], responses=documented(*_CHANGES))
async def post_name(
    state: StateDep,
    cluster_id: ClusterId,
    body: Annotated[
        NameIn, Body(openapi_examples={"local": {"value": {"local_id": "88", "name": "Jane Doe"}}})
    ],
) -> ClusterOut:
    """Say who it is: every track of the cluster gets a `confirmed` decision, on all or on none.

    Faces of which a decision says that they are not this person are left out, as a cluster of their own. The
    same again confirms what has joined since.
    """
    local_id = None if body.local_id is None else str(body.local_id)
    key = body.performer_id or local_key(local_id or "")
    return cluster_out(
        await state.run(lambda store: store.name_cluster(cluster_id, key, body.name, local_id))
    )


@router.post("/{cluster_id}/unname", responses=documented(404, 409, 422, 503))
async def post_unname(state: StateDep, cluster_id: ClusterId) -> ClusterOut:
    """Take the name back, with the decisions that it made; those from before stay."""
    return cluster_out(await state.run(lambda store: store.unname_cluster(cluster_id)))


@router.post("/{cluster_id}/merge", dependencies=[JSON_BODY], responses=documented(*_CHANGES))
async def post_merge(
    state: StateDep,
    cluster_id: ClusterId,
    body: Annotated[MergeIn, Body(openapi_examples={"two": {"value": {"cluster_ids": [15, 16]}}})],
) -> ClusterOut:
    """Make other clusters parts of this one."""
    return cluster_out(await state.run(lambda store: store.merge_clusters(cluster_id, body.cluster_ids)))


@router.post("/{cluster_id}/split", dependencies=[JSON_BODY], responses=documented(*_CHANGES))
async def post_split(
    state: StateDep,
    cluster_id: ClusterId,
    body: Annotated[SplitIn, Body(openapi_examples={"two": {"value": {"face_ids": ["17", "s18"]}}})],
) -> ClusterOut:
    """Move the tracks of some faces into a new cluster, which is the answer. They stay apart for good."""
    face_ids = [stored_face_id(str(face_id)) for face_id in body.face_ids]
    return cluster_out(await state.run(lambda store: store.split_cluster(cluster_id, face_ids)))


@router.post("/{cluster_id}/undo", responses=documented(404, 409, 422, 503))
async def post_undo_change(state: StateDep, cluster_id: ClusterId) -> UndoneChangeOut:
    """Take back the latest merge or split of this cluster, and after that the one before."""
    undone = await state.run(lambda store: store.undo_cluster_change(cluster_id))
    return UndoneChangeOut(undone=undone)  # type: ignore[arg-type]  # one of both


@router.post("/{cluster_id}/ignore", dependencies=[JSON_BODY], responses=documented(*_CHANGES))
async def post_ignore(
    state: StateDep,
    cluster_id: ClusterId,
    body: Annotated[IgnoreIn, Body(openapi_examples={"hide": {"value": {"ignored": True}}})],
) -> ClusterOut:
    """Hide a cluster, with what joins it later, or show it again."""
    return cluster_out(await state.run(lambda store: store.ignore_cluster(cluster_id, ignored=body.ignored)))


async def _nearest(
    sidecar: Sidecar, state: AsyncState, clusters: Sequence[StoredCluster]
) -> dict[int, list[MatchOut]]:
    """The enrolled people near to each cluster, as far as a face database is open."""
    if sidecar.recognition.current is None or not clusters:
        return {}
    async with sidecar.recognition.lease() as recognizer:
        matches = await state.run(lambda store: nearest_people(store, recognizer, clusters))
        return {cluster: [match_out(match, recognizer) for match in own] for cluster, own in matches.items()}

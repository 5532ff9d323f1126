"""People, whom a call can delete for good."""

from typing import Annotated

from fastapi import APIRouter, Path

from stash_sense.api.dependencies import SidecarDep
from stash_sense.api.problems import documented
from stash_sense.api.schemas.people import DeletedPersonOut, deleted_person_out

router = APIRouter(tags=["people"])

PerformerKey = Annotated[
    str,
    Path(
        min_length=1,
        max_length=1000,
        description="A key, an alias, the performer's id in Stash, or the exact name.",
        examples=["stashdb.org:50459d16-0000-4000-8000-000000000000"],
    ),
]


@router.delete("/people/{performer_id:path}", responses=documented(404, 409, 422, 429, 503))
async def delete_known_person(sidecar: SidecarDep, performer_id: PerformerKey) -> DeletedPersonOut:
    """Delete everything that is known of a person, for good, from face database, state, jobs and backups.

    Takes as long as rewriting these files takes. The running job is parked meanwhile, and goes on.
    """
    return deleted_person_out(await sidecar.forget(performer_id))

"""The face database in use: what it holds, what is newer in Stash, and whom it did not learn."""

from typing import Annotated

from fastapi import APIRouter, Query

from stash_sense.api.dependencies import SidecarDep
from stash_sense.api.problems import documented
from stash_sense.api.schemas.database import (
    DatabaseChangesOut,
    RollbackOut,
    UnlearnedPageOut,
    UnlearnedQuery,
    changes_out,
    unlearned_out,
)
from stash_sense.api.schemas.health import DatabaseOut, database_out
from stash_sense.enrolment.snapshot import changes_since
from stash_sense.enrolment.stash import SOURCE
from stash_sense.runtime.database_updates import roll_back_database

router = APIRouter(tags=["database"])


@router.get("/database/info", responses=documented(429, 503))
async def get_database_info(sidecar: SidecarDep) -> DatabaseOut:
    """The face database in use."""
    async with sidecar.recognition.lease() as recognizer:
        return database_out(recognizer)


@router.post("/database/rollback", responses=documented(409, 429, 503))
async def post_rollback(sidecar: SidecarDep) -> RollbackOut:
    """Use the version before the last build; called again, go forward. Running work keeps its version."""
    return RollbackOut.model_validate((await roll_back_database(sidecar.services)).as_json())


@router.get("/database/changes", responses=documented(400, 429, 502, 503, 504))
async def get_database_changes(sidecar: SidecarDep) -> DatabaseChangesOut:
    """How many performers are new or changed in Stash since the face database was built: one short query."""
    async with sidecar.recognition.lease() as recognizer:
        manifest = recognizer.database.manifest
        if SOURCE not in manifest.sources:
            return changes_out(manifest, None)
        stash = sidecar.services.require_stash()
        snapshot = await sidecar.services.snapshot(recognizer)
        return changes_out(manifest, await changes_since(snapshot, stash))


@router.get("/database/unlearned", responses=documented(422, 429, 503))
async def get_unlearned(sidecar: SidecarDep, query: Annotated[UnlearnedQuery, Query()]) -> UnlearnedPageOut:
    """The performers of whom the last build from Stash learned no face, and why."""
    async with sidecar.recognition.lease() as recognizer:
        return unlearned_out(await sidecar.services.snapshot(recognizer), query)

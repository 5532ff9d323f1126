"""The face database in use: what it holds, what is newer in Stash, and whom it did not learn."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query

from stash_sense.api.dependencies import JSON_BODY, SidecarDep, StateDep
from stash_sense.api.problems import BODY_ERRORS, documented
from stash_sense.api.schemas.database import (
    DatabaseChangesOut,
    DatabaseInfoOut,
    DeletedPersonOut,
    DismissedOut,
    DismissIn,
    NewlyNamedPageOut,
    NewlyNamedQuery,
    RollbackOut,
    StaleOut,
    UnlearnedPageOut,
    UnlearnedQuery,
    changes_out,
    deleted_person_out,
    newly_named_out,
    time_out,
    unlearned_out,
)
from stash_sense.api.schemas.health import database_out
from stash_sense.api.schemas.hygiene import (
    HygieneOut,
    HygieneQuery,
    ReferencesIn,
    RestoredOut,
    SetAsideOut,
    hygiene_out,
    set_aside_out,
)
from stash_sense.api.schemas.jobs import JobIdOut
from stash_sense.enrolment.snapshot import changes_since
from stash_sense.enrolment.source_ids import path_beginning
from stash_sense.enrolment.stash import SOURCE
from stash_sense.facedb.versions import previous_version, rolled_back_from
from stash_sense.recognition.rematching import newly_named
from stash_sense.runtime.database_updates import ALL, KIND, TARGET, job_parameters, roll_back_database

router = APIRouter(tags=["database"])

PersonId = Annotated[
    str,
    Path(
        min_length=1,
        max_length=1000,
        description="A key, an alias, the performer's id in Stash, or the exact name.",
        examples=["stashdb.org:50459d16-0000-4000-8000-000000000000"],
    ),
]


@router.get("/database/info", responses=documented(429, 503))
async def get_database_info(sidecar: SidecarDep) -> DatabaseInfoOut:
    """The face database in use, the version it can be rolled back to, and its next update."""
    async with sidecar.recognition.lease() as recognizer:
        place = recognizer.database.folder.parent
        other, origin = await asyncio.to_thread(lambda: (previous_version(place), rolled_back_from(place)))
        return DatabaseInfoOut(
            **database_out(recognizer).model_dump(),
            other_version=other,
            rolled_back=origin is not None,
            next_update=time_out(sidecar.updates.next_at),
        )


@router.post("/database/update", status_code=202, responses=documented(429, 503))
async def post_update(sidecar: SidecarDep) -> JobIdOut:
    """Bring every source of the face database up to date that can be, as a job."""
    async with sidecar.recognition.lease():
        queue = await sidecar.jobs.ready()
        return JobIdOut(job_id=await queue.submit(KIND, TARGET, job_parameters(ALL)))


@router.post("/database/stale", status_code=202, responses=documented(429, 503))
async def post_stale(sidecar: SidecarDep) -> StaleOut:
    """Performers of Stash have changed. One update follows once there is quiet, if the settings say so."""
    return StaleOut(update_at=time_out(sidecar.updates.note_change()))


@router.post("/database/rollback", responses=documented(409, 429, 503))
async def post_rollback(sidecar: SidecarDep) -> RollbackOut:
    """Use the version before the last build; called again, go forward. Running work keeps its version."""
    return RollbackOut.model_validate((await roll_back_database(sidecar.services)).as_json())


@router.get("/database/newly-named", responses=documented(422, 429, 503))
async def get_newly_named(
    sidecar: SidecarDep, state: StateDep, query: Annotated[NewlyNamedQuery, Query()]
) -> NewlyNamedPageOut:
    """The faces that a newer face database gave a name, newest first: what there may be to tag."""
    page = await newly_named(state.run, sidecar.stash, query.before, query.limit)
    return newly_named_out(page, matching=sidecar.rematcher.matching)


@router.post(
    "/database/newly-named/dismiss", dependencies=[JSON_BODY], responses=documented(503, *BODY_ERRORS)
)
async def post_dismiss(state: StateDep, body: DismissIn) -> DismissedOut:
    """Take faces off the list of newly named ones."""
    return DismissedOut(dismissed=await state.run(lambda store: store.dismiss_newly_named(body.ids)))


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


@router.get("/database/hygiene", responses=documented(422, 429, 503))
async def get_hygiene(sidecar: SidecarDep, query: Annotated[HygieneQuery, Query()]) -> HygieneOut:
    """References that seem wrong or poor, those set aside, and people who look alike.

    Every reference is compared with all others once for each face database: a second for a library, minutes
    for 100,000 references, meanwhile `ready` is false.
    """
    async with sidecar.recognition.lease() as recognizer:
        hygiene = await sidecar.hygiene.current(recognizer)
        return await asyncio.to_thread(hygiene_out, hygiene, recognizer.database, query)


@router.post("/database/quarantine", dependencies=[JSON_BODY], responses=documented(404, 503, *BODY_ERRORS))
async def post_quarantine(sidecar: SidecarDep, body: ReferencesIn) -> SetAsideOut:
    """Set references aside: all of them or none, at once and in every later build."""
    return set_aside_out(await sidecar.hygiene.set_aside(body.references), body.references)


@router.post("/database/restore", dependencies=[JSON_BODY], responses=documented(404, 503, *BODY_ERRORS))
async def post_restore(sidecar: SidecarDep, body: ReferencesIn) -> RestoredOut:
    """Use references again, whatever a build thinks of them: from the next update of their source on.

    For those from Stash it follows by itself, where the settings say that the database follows Stash.
    """
    photos = await sidecar.hygiene.restore(body.references)
    from_stash = any(photo.path.startswith(path_beginning(SOURCE)) for photo in photos)
    update_at = sidecar.updates.note_change() if from_stash else None
    return RestoredOut(references=body.references, update_at=time_out(update_at))


@router.delete("/people/{performer_id:path}", responses=documented(404, 409, 422, 429, 503))
async def delete_known_person(sidecar: SidecarDep, performer_id: PersonId) -> DeletedPersonOut:
    """Delete everything that is known of a person, for good, from face database, state, jobs and backups.

    Takes as long as rewriting these files takes. The running job is parked meanwhile, and goes on.
    """
    return deleted_person_out(await sidecar.forget(performer_id))

"""Jobs: submitted, listed, shown, cancelled, resumed."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query

from stash_sense.api.dependencies import JSON_BODY, SidecarDep
from stash_sense.api.problems import BODY_ERRORS, documented
from stash_sense.api.schemas.jobs import (
    ClearedOut,
    DatabaseIn,
    GalleryIn,
    JobIdOut,
    JobOut,
    JobsOut,
    JobsQuery,
    job_out,
)
from stash_sense.api.schemas.library import LibraryJobIn
from stash_sense.api.schemas.scenes import SceneIn
from stash_sense.enrolment.stash import SOURCE
from stash_sense.runtime.database_updates import KIND, STASH_BOX, TARGET
from stash_sense.runtime.library import LIBRARY
from stash_sense.runtime.services import IdentifyOptions, SceneOptions
from stash_sense.runtime.sidecar import Sidecar

router = APIRouter(tags=["jobs"])

JobId = Annotated[str, Path(min_length=1, max_length=100, examples=["01JD3V5T6W7X8Y9Z"])]
GalleryBody = Annotated[
    GalleryIn,
    Body(
        openapi_examples={
            "plain": {"value": {"gallery_id": "45"}},
            "careful": {"value": {"gallery_id": "45", "max_distance": 0.5}},
        }
    ),
]

SceneBody = Annotated[
    SceneIn,
    Body(
        openapi_examples={
            "plain": {"value": {"scene_id": "12"}},
            "again": {"value": {"scene_id": "12", "force": True, "max_frames": 240}},
        }
    ),
]


@router.post(
    "/jobs/gallery",
    status_code=202,
    dependencies=[JSON_BODY],
    responses=documented(400, 503, *BODY_ERRORS),
)
async def post_gallery_job(sidecar: SidecarDep, body: GalleryBody) -> JobIdOut:
    """Identify all images of a gallery. The same call while the job waits or runs gives the same job."""
    return JobIdOut(job_id=await submit_gallery(sidecar, body))


async def submit_gallery(sidecar: Sidecar, body: GalleryIn) -> str:
    """Submit the job of a gallery and return its id. Raises whatever keeps it from starting."""
    gallery_id = str(int(body.gallery_id))  # "045" is the same gallery, and the same job
    async with sidecar.services.lease_tools():
        queue = await sidecar.jobs.ready()
        options = IdentifyOptions(body.match_options(), body.force, body.source)
        return await queue.submit(
            "gallery", f"gallery:{gallery_id}", {"gallery_id": gallery_id, **options.as_json()}
        )


@router.post(
    "/jobs/scene",
    status_code=202,
    dependencies=[JSON_BODY],
    responses=documented(400, 503, *BODY_ERRORS),
)
async def post_scene_job(sidecar: SidecarDep, body: SceneBody) -> JobIdOut:
    """Identify who is in a scene, and when. The same call while the job waits or runs gives the same job."""
    return JobIdOut(job_id=await submit_scene(sidecar, body))


async def submit_scene(sidecar: Sidecar, body: SceneIn) -> str:
    """Submit the job of a scene and return its id. Raises whatever keeps it from starting."""
    scene_id = str(int(body.scene_id))
    async with sidecar.services.lease_tools():
        queue = await sidecar.jobs.ready()
        options = SceneOptions(body.match_options(), body.force, body.source, body.max_frames)
        return await queue.submit("scene", f"scene:{scene_id}", {"scene_id": scene_id, **options.as_json()})


@router.post(
    "/jobs/database",
    status_code=202,
    dependencies=[JSON_BODY],
    responses=documented(400, 503, *BODY_ERRORS),
)
async def post_database_job(
    sidecar: SidecarDep,
    body: Annotated[
        DatabaseIn,
        Body(openapi_examples={"portraits": {"value": {}}, "more": {"value": {"images": True}}}),
    ],
) -> JobIdOut:
    """Enrol the performers of Stash, from Stash or from a stash-box, or update all sources.

    Unchanged pictures are not analysed again, nor fetched again from a stash-box.
    """
    if body.source in (SOURCE, STASH_BOX):
        sidecar.services.require_stash()
    queue = await sidecar.jobs.ready()
    return JobIdOut(job_id=await queue.submit(KIND, TARGET, body.model_dump()))


@router.post(
    "/jobs/library",
    status_code=202,
    dependencies=[JSON_BODY],
    responses=documented(400, 503, *BODY_ERRORS),
)
async def post_library_job(
    sidecar: SidecarDep,
    body: Annotated[
        LibraryJobIn,
        Body(
            openapi_examples={
                "new": {"value": {}},
                "some": {"value": {"what": ["scenes"], "filter": {"no_performers": True}}},
            }
        ),
    ],
) -> JobIdOut:
    """Identify what is new in the whole library. Other jobs go first; what was done is never done again."""
    async with sidecar.services.lease_tools():
        queue = await sidecar.jobs.ready()
        return JobIdOut(job_id=await queue.submit(LIBRARY, LIBRARY, body.options().as_json()))


@router.get("/jobs", responses=documented(422, 503))
async def get_jobs(sidecar: SidecarDep, query: Annotated[JobsQuery, Query()]) -> JobsOut:
    """The newest jobs without results: of one target, such as `gallery:45`, or all that were not cleared."""
    queue = await sidecar.jobs.ready()
    return JobsOut(jobs=[job_out(job) for job in await queue.list(query.target, query.limit)])


@router.delete("/jobs", responses=documented(503))
async def delete_ended_jobs(sidecar: SidecarDep) -> ClearedOut:
    """Take the jobs that have ended off the list of all jobs. Their results stay on their targets' lists."""
    return ClearedOut(cleared=await (await sidecar.jobs.ready()).clear_ended())


@router.get("/jobs/{job_id}", responses=documented(404, 422, 503))
async def get_job(
    sidecar: SidecarDep,
    job_id: JobId,
    since: Annotated[
        str | None,
        Query(
            max_length=100,
            description="The `revision` that the caller has: the result is then null unless it has changed.",
        ),
    ] = None,
) -> JobOut:
    """How far a job is, with its result so far."""
    job = await (await sidecar.jobs.ready()).get(job_id)
    return job_out(replace(job, result=None) if since is not None and since == job.revision else job)


@router.post("/jobs/{job_id}/cancel", responses=documented(404, 422, 503))
async def post_cancel(sidecar: SidecarDep, job_id: JobId) -> JobOut:
    """Cancel a job. What it has done stays, and a job that has ended stays as it is."""
    return job_out(await (await sidecar.jobs.ready()).cancel(job_id))


@router.post("/jobs/{job_id}/pause", responses=documented(404, 409, 422, 503))
async def post_pause(sidecar: SidecarDep, job_id: JobId) -> JobOut:
    """Let a job rest until it is resumed, also after a restart. What it has done stays."""
    return job_out(await (await sidecar.jobs.ready()).pause(job_id))


@router.post("/jobs/{job_id}/resume", responses=documented(404, 409, 422, 429, 503))
async def post_resume(sidecar: SidecarDep, job_id: JobId) -> JobOut:
    """Go on with a paused, cancelled or failed job under the same id. What was done is not done again."""
    return job_out(await (await sidecar.jobs.ready()).resume(job_id))

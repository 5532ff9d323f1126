"""The jobs: asked for, looked at, cancelled, resumed."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from stash_sense.api.depends import AtDesk, Desk, InSidecar, WithStash
from stash_sense.api.json_body import FAILURES, json_body, read_json
from stash_sense.api.openapi import documented
from stash_sense.api.wire_jobs import DatabaseIn, GalleryIn, JobIdOut, JobOut, JobsAsked, JobsOut, job_out

router = APIRouter(tags=["jobs"])

JobId = Annotated[str, Path(min_length=1, max_length=100, examples=["01JD3V5T6W7X8Y9Z"])]
GALLERY = json_body(GalleryIn, plain={"gallery_id": "45"}, careful={"gallery_id": "45", "max_distance": 0.5})
_ENDS = documented(404, 422, 503)


@router.post(
    "/jobs/gallery", status_code=202, responses=documented(400, 503, *FAILURES), openapi_extra=GALLERY
)
async def begin_gallery(request: Request, desk: AtDesk) -> JobIdOut:
    """Look at all images of a gallery. Asked again while it waits or runs, it is the same job."""
    return JobIdOut(job_id=await ask_for_gallery(await read_json(request, desk, GalleryIn), desk))


async def ask_for_gallery(asked: GalleryIn, desk: Desk) -> str:
    """The id of the job. Raises what says that it could not even begin."""
    sidecar, gallery_id = desk.sidecar, str(int(asked.gallery_id))  # "045" is the same gallery, and job
    async with sidecar.services.lease_tools():
        queue = await sidecar.jobs.ready()
        wanted = {"gallery_id": gallery_id, **asked.asked().as_json()}
        return await queue.submit("gallery", f"gallery:{gallery_id}", wanted)


@router.post(
    "/jobs/database",
    status_code=202,
    responses=documented(400, 503, *FAILURES),
    openapi_extra=json_body(DatabaseIn, portraits={}, more={"images": True}),
)
async def begin_database(request: Request, desk: AtDesk, _: WithStash) -> JobIdOut:
    """Enrol the performers of Stash anew; unchanged portraits are not looked at again."""
    asked = await read_json(request, desk, DatabaseIn)
    queue = await desk.sidecar.jobs.ready()
    return JobIdOut(job_id=await queue.submit("database", "database", asked.model_dump()))


@router.get("/jobs", responses=documented(422, 503))
async def jobs(sidecar: InSidecar, asked: Annotated[JobsAsked, Query()]) -> JobsOut:
    """The newest jobs, ended ones too; of one target, such as `gallery:45`, or of all. Without results."""
    queue = await sidecar.jobs.ready()
    return JobsOut(jobs=[job_out(job) for job in await queue.list(asked.target, asked.limit)])


@router.get("/jobs/{job_id}", responses=_ENDS)
async def job(sidecar: InSidecar, job_id: JobId) -> JobOut:
    """How far a job is, with its result as it stands."""
    return job_out(await (await sidecar.jobs.ready()).get(job_id))


@router.post("/jobs/{job_id}/cancel", responses=_ENDS)
async def cancel(sidecar: InSidecar, job_id: JobId) -> JobOut:
    """Take a job back; what it has done stays, and one that has ended stays as it is."""
    return job_out(await (await sidecar.jobs.ready()).cancel(job_id))


@router.post("/jobs/{job_id}/resume", responses=documented(404, 409, 422, 429, 503))
async def resume(sidecar: InSidecar, job_id: JobId) -> JobOut:
    """Go on with a cancelled or failed job, under the same id; what it had done is not done again."""
    return job_out(await (await sidecar.jobs.ready()).resume(job_id))

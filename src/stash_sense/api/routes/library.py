"""POST /identify/image and POST /identify/gallery: who is on what Stash has."""

from fastapi import APIRouter, Request

from stash_sense.api import wire
from stash_sense.api.depends import AtDesk
from stash_sense.api.json_body import FAILURES, json_body, read_json
from stash_sense.api.openapi import documented
from stash_sense.api.routes.jobs import GALLERY, ask_for_gallery
from stash_sense.api.wire_jobs import GalleryIn, GalleryOut, ImageIn
from stash_sense.errors import JobEnded
from stash_sense.recognition.image import identify_image

router = APIRouter(tags=["identify"])

_IMAGE = json_body(ImageIn, plain={"image_id": "101"}, again={"image_id": "101", "force": True, "top_k": 3})


@router.post(
    "/identify/image", responses=documented(400, 404, 502, 503, 504, *FAILURES), openapi_extra=_IMAGE
)
async def image(request: Request, desk: AtDesk) -> wire.ImageOut:
    """Every face of an image of Stash. A kept result of the same picture serves, unless `force`."""
    asked = await read_json(request, desk, ImageIn)
    wanted, sidecar = asked.asked(), desk.sidecar
    with sidecar.pool.admit():
        async with sidecar.services.lease_tools() as (recognizer, tools):
            found = await identify_image(
                str(int(asked.image_id)),
                recognizer,
                wanted.match,
                tools,
                force=wanted.force,
                source=wanted.source,
            )
            if not found.reused:
                desk.metrics.pictures.inc()
                desk.metrics.faces.inc(len(found.faces))
            return wire.image_out(found, recognizer)


@router.post(
    "/identify/gallery", responses=documented(400, 404, 502, 503, 504, *FAILURES), openapi_extra=GALLERY
)
async def gallery(request: Request, desk: AtDesk) -> GalleryOut:
    """The people of a gallery, once all of it is looked at: POST /jobs/gallery, awaited.

    The work goes on if nobody waits any longer, and what it finds is kept.
    """
    queue = await desk.sidecar.jobs.ready()
    job = await queue.wait(await ask_for_gallery(await read_json(request, desk, GalleryIn), desk))
    if job.status != "done" or job.result is None:
        kept = f" What it found is kept, and shown by GET /jobs/{job.job_id}." if job.done else ""
        raise JobEnded((job.error or "The job was cancelled.") + kept, job.error_code)
    return GalleryOut.model_validate(job.result)

"""Who is on a picture, and how the faces look: `POST /identify…`, crops of faces, and references."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from fastapi.responses import Response

from stash_sense.api.clients import current_client
from stash_sense.api.dependencies import JSON_BODY, MetricsDep, SidecarDep, StashDep, StateDep, UploadDep
from stash_sense.api.problems import BODY_ERRORS, documented
from stash_sense.api.routes.jobs import GalleryBody, SceneBody, submit_gallery, submit_scene
from stash_sense.api.schemas.faces import (
    IdentifyIn,
    IdentifyOut,
    ImageIn,
    ImageOut,
    MatchOptionsIn,
    MaxDistance,
    TopK,
    identify_out,
    image_out,
)
from stash_sense.api.schemas.jobs import GalleryOut
from stash_sense.api.schemas.scenes import SceneOut
from stash_sense.api.telemetry import Metrics
from stash_sense.errors import JobEnded
from stash_sense.jobs.run import JobProgress
from stash_sense.jobs.workers import Lane
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.media.addresses import MAX_URL_LENGTH
from stash_sense.recognition.crops import face_crop, photo_jpeg, reference_crop
from stash_sense.recognition.image import identify_image, identify_picture
from stash_sense.recognition.scene import stored_scene_answer
from stash_sense.runtime.sidecar import Sidecar

router = APIRouter()

_PICTURE_ERRORS = (*BODY_ERRORS, 502, 503, 504)
_LIBRARY_ERRORS = (400, 404, 502, 503, 504, *BODY_ERRORS)
_JPEG = "image/jpeg"
_JPEG_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {_JPEG: {"schema": {"type": "string", "format": "binary"}}},
        "description": "The face with a little of what is around it.",
    }
}


def _upload_body() -> dict[str, Any]:
    form = MatchOptionsIn.model_json_schema()
    form["properties"] = {"file": {"type": "string", "format": "binary"}, **form["properties"]}
    form["required"] = ["file"]
    examples = {
        "url": {"value": {"image_url": "https://example.org/photo.jpg", "top_k": 3}},
        "bytes": {"value": {"image_base64": "/9j/4AAQSkZJRgABAQAAAQABAAD...", "max_distance": 0.5}},
    }
    content = {
        "application/json": {"schema": IdentifyIn.model_json_schema(), "examples": examples},
        "multipart/form-data": {"schema": form},
    }
    return {"requestBody": {"required": True, "content": content}}


@router.post(
    "/identify", tags=["identify"], responses=documented(*_PICTURE_ERRORS), openapi_extra=_upload_body()
)
async def post_identify(sidecar: SidecarDep, metrics: MetricsDep, upload: UploadDep) -> IdentifyOut:
    """Every face of a picture, each with who it is and why."""
    # The pool has admitted the request already: BodyGuard asks it before a large body is read.
    return await _identify(sidecar, metrics, upload.picture, upload.url, upload.options)


@router.post("/identify/url", tags=["identify"], responses=documented(*_PICTURE_ERRORS))
async def post_identify_url(
    sidecar: SidecarDep,
    metrics: MetricsDep,
    url: Annotated[
        str,
        Query(
            min_length=1,
            max_length=MAX_URL_LENGTH,
            description="http or https, on the public internet.",
            examples=["https://example.org/photo.jpg"],
        ),
    ],
    top_k: Annotated[TopK, Query()] = 5,
    max_distance: Annotated[MaxDistance, Query()] = 0.6,
) -> IdentifyOut:
    """The same for a picture on the web."""
    with sidecar.pool.admit(current_client(), upload=True):
        return await _identify(sidecar, metrics, None, url, MatchOptions(top_k, max_distance))


async def _identify(
    sidecar: Sidecar, metrics: Metrics, picture: bytes | None, url: str, options: MatchOptions
) -> IdentifyOut:
    async with sidecar.recognition.lease() as recognizer:
        data = await sidecar.remote.fetch(url) if picture is None else picture
        named = await sidecar.pool.run(
            partial(identify_picture, data, recognizer, options, sidecar.media_limits), Lane.UPLOAD
        )
        metrics.count_picture(len(named.faces))
        return identify_out(named, recognizer)


@router.post(
    "/identify/image",
    tags=["identify"],
    dependencies=[JSON_BODY],
    responses=documented(*_LIBRARY_ERRORS),
)
async def post_identify_image(
    sidecar: SidecarDep,
    metrics: MetricsDep,
    body: Annotated[
        ImageIn,
        Body(
            openapi_examples={
                "plain": {"value": {"image_id": "101"}},
                "again": {"value": {"image_id": "101", "force": True, "top_k": 3}},
            }
        ),
    ],
) -> ImageOut:
    """Every face of an image of Stash. A stored result of the same picture is served, unless `force`."""
    with sidecar.pool.admit():
        async with sidecar.services.lease_tools() as (recognizer, tools):
            answer = await identify_image(
                str(int(body.image_id)),
                recognizer,
                body.match_options(),
                tools,
                force=body.force,
                source=body.source,
            )
            if not answer.reused:
                metrics.count_picture(len(answer.faces))
            return image_out(answer, recognizer)


@router.post(
    "/identify/gallery",
    tags=["identify"],
    dependencies=[JSON_BODY],
    responses=documented(*_LIBRARY_ERRORS),
)
async def post_identify_gallery(sidecar: SidecarDep, body: GalleryBody) -> GalleryOut:
    """The people of a gallery, once all of it is analysed: POST /jobs/gallery, awaited.

    The work goes on if the caller stops waiting, and its results are stored.
    """
    return GalleryOut.model_validate(await _awaited(sidecar, await submit_gallery(sidecar, body)))


@router.post(
    "/identify/scene",
    tags=["identify"],
    dependencies=[JSON_BODY],
    responses=documented(400, 404, 409, 415, 502, 503, 504, *BODY_ERRORS),
)
async def post_identify_scene(sidecar: SidecarDep, body: SceneBody) -> SceneOut:
    """Who is in a scene of Stash, and when. Once its frames are stored, the answer comes at once.

    Otherwise it is POST /jobs/scene, awaited: the work goes on if the caller stops waiting.
    """
    if not body.force:
        with sidecar.pool.admit():
            async with sidecar.services.lease_tools() as (recognizer, tools):
                answer = await stored_scene_answer(
                    str(int(body.scene_id)),
                    recognizer,
                    body.match_options(),
                    tools,
                    JobProgress(""),
                    source=body.source,
                    max_frames=body.max_frames,
                )
                if answer is not None:
                    return SceneOut.model_validate(answer.as_json())
    return SceneOut.model_validate(await _awaited(sidecar, await submit_scene(sidecar, body)))


async def _awaited(sidecar: Sidecar, job_id: str) -> Mapping[str, Any]:
    """The result of a job, once it has ended. Raises JobEnded where it has no whole one."""
    queue = await sidecar.jobs.ready()
    job = await queue.wait(job_id)
    if job.status != "done" or job.result is None:
        stored = f" What it found is kept, and shown by GET /jobs/{job.job_id}." if job.done else ""
        raise JobEnded((job.error or "The job was cancelled.") + stored, job.error_code)
    return job.result


@router.get(
    "/faces/{face_id}/crop",
    tags=["faces"],
    response_class=Response,
    responses={**_JPEG_ANSWER, **documented(400, 404, 413, 422, 429, 502, 503, 504)},
)
async def get_face_crop(
    sidecar: SidecarDep,
    stash: StashDep,
    state: StateDep,
    face_id: Annotated[str, Path(max_length=100, description="Of a stored face.", examples=["17"])],
) -> Response:
    """The face as a JPEG, at most 320 px wide and high, cut out of its image as Stash has it now."""
    with sidecar.pool.admit():
        return _jpeg(await face_crop(face_id, state, stash, sidecar.pool, sidecar.media_limits))


@router.get(
    "/references/{reference_id}",
    tags=["faces"],
    response_class=Response,
    responses={**_JPEG_ANSWER, **documented(404, 422, 429, 503)},
)
async def get_reference(
    sidecar: SidecarDep,
    reference_id: Annotated[
        str, Path(max_length=200, description="As in a match.", examples=["20260101-120000-ab12cd.17"])
    ],
    performer_id: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=1000,
            description="The match's person: whom to show where the id is of an older face database.",
        ),
    ] = None,
) -> Response:
    """The reference face as a JPEG, at most 320 px wide and high.

    An id of an older face database answers with the newest reference of the same person. That of a photo in a
    people folder that is set aside, as GET /database/hygiene gives it, answers with the whole photo.
    """
    with sidecar.pool.admit():
        async with sidecar.recognition.lease() as recognizer:
            work = partial(reference_crop, recognizer.database, reference_id, performer_id)
            if photo := sidecar.hygiene.photo_set_aside(reference_id):
                work = partial(photo_jpeg, photo)
            return _jpeg(await sidecar.pool.run(work))


def _jpeg(content: bytes) -> Response:
    """A face: only the caller may cache it, and not for long."""
    return Response(content, media_type=_JPEG, headers={"Cache-Control": "private, max-age=3600"})

"""GET /faces/{face_id}/crop: a stored face, as a picture."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from stash_sense.api.depends import InSidecar, WithStash, WithState
from stash_sense.api.jpeg import jpeg, shown
from stash_sense.api.openapi import documented
from stash_sense.recognition.crops import face_crop

router = APIRouter(tags=["faces"])


@router.get(
    "/faces/{face_id}/crop",
    response_class=Response,
    responses={
        **shown("The face with a little of what is around it."),
        **documented(400, 404, 413, 422, 429, 502, 503, 504),
    },
)
async def crop(
    sidecar: InSidecar,
    stash: WithStash,
    state: WithState,
    face_id: Annotated[str, Path(max_length=100, description="Of a stored face.", examples=["17"])],
) -> Response:
    """The face as a JPEG, at most 320 px wide and high, cut out of its image as Stash has it now."""
    with sidecar.pool.admit():
        picture = await face_crop(face_id, state, stash, sidecar.pool, sidecar.media_limits)
    return jpeg(picture)

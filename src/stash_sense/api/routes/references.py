"""GET /references/{reference_id}: the enrolled face that a match rests on."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from stash_sense.api.depends import InSidecar
from stash_sense.api.jpeg import jpeg, shown
from stash_sense.api.openapi import documented
from stash_sense.recognition.crops import reference_picture

router = APIRouter(tags=["faces"])


@router.get(
    "/references/{reference_id}",
    response_class=Response,
    responses={
        **shown("The face with a little of what is around it."),
        **documented(404, 422, 429, 503),
    },
)
async def reference(
    sidecar: InSidecar,
    reference_id: Annotated[
        str, Path(max_length=200, description="As in a match.", examples=["20260101-120000-ab12cd.17"])
    ],
) -> Response:
    """The reference face as a JPEG, at most 320 px wide and high."""
    with sidecar.pool.admit():
        async with sidecar.recognition.lease() as recognizer:
            picture = await sidecar.pool.run(partial(reference_picture, recognizer.database, reference_id))
    return jpeg(picture)

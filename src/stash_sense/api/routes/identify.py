"""POST /identify and POST /identify/url: who is on a picture that somebody hands over."""

import asyncio
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from stash_sense.api import wire
from stash_sense.api.asked import Asked, MaxDistance, TopK, Wanted, read_asked
from stash_sense.api.depends import AtDesk, Desk
from stash_sense.api.openapi import documented
from stash_sense.media.addresses import LONGEST
from stash_sense.recognition.evidence import MatchOptions
from stash_sense.recognition.picture import identify_picture

router = APIRouter(tags=["identify"])

_SMALL = 65_536
"""Bytes of a body that are taken apart at once; a larger one would hold up other requests."""
_FAILURES = (408, 413, 415, 422, 429, 502, 503, 504)


def _body() -> dict[str, Any]:
    schema = Asked.model_json_schema()
    knobs = {name: schema["properties"][name] for name in ("top_k", "max_distance", "min_face_confidence")}
    form = {
        "type": "object",
        "properties": {"file": {"type": "string", "format": "binary"}, **knobs},
        "required": ["file"],
        "additionalProperties": False,
    }
    examples = {
        "url": {"value": {"image_url": "https://example.org/photo.jpg", "top_k": 3}},
        "bytes": {"value": {"image_base64": "/9j/4AAQSkZJRgABAQAAAQABAAD...", "max_distance": 0.5}},
    }
    return {
        "required": True,
        "content": {
            "application/json": {"schema": schema, "examples": examples},
            "multipart/form-data": {"schema": form},
        },
    }


@router.post("/identify", responses=documented(*_FAILURES), openapi_extra={"requestBody": _body()})
async def identify(request: Request, desk: AtDesk) -> wire.IdentifyOut:
    """Every face of a picture, each with who it is and why."""
    with desk.sidecar.pool.admit():
        async with desk.bodies.read(request) as body:
            kind = request.headers.get("content-type", "")
            if len(body) <= _SMALL:
                wanted = read_asked(kind, body)
            else:
                wanted = await asyncio.to_thread(read_asked, kind, body)
            return await _identified(desk, wanted)


@router.post("/identify/url", responses=documented(*_FAILURES))
async def identify_url(
    desk: AtDesk,
    url: Annotated[
        str,
        Query(
            min_length=1,
            max_length=LONGEST,
            description="http or https, on the public internet.",
            examples=["https://example.org/photo.jpg"],
        ),
    ],
    top_k: Annotated[TopK, Query()] = 5,
    max_distance: Annotated[MaxDistance, Query()] = 0.6,
) -> wire.IdentifyOut:
    """The same for a picture on the web."""
    with desk.sidecar.pool.admit():
        return await _identified(desk, Wanted(None, url, MatchOptions(top_k, max_distance)))


async def _identified(desk: Desk, wanted: Wanted) -> wire.IdentifyOut:
    sidecar = desk.sidecar
    async with sidecar.recognition.lease() as recognizer:
        picture = await sidecar.remote.fetch(wanted.url) if wanted.picture is None else wanted.picture
        work = partial(identify_picture, picture, recognizer, wanted.knobs, sidecar.media_limits)
        found = await sidecar.pool.run(work)
        desk.metrics.pictures.inc()
        desk.metrics.faces.inc(len(found.faces))
        return wire.identified(found, recognizer)

"""A face as an answer: only the person who asked may keep it, and not for long."""

from typing import Any

from fastapi.responses import Response

JPEG = "image/jpeg"


def jpeg(picture: bytes) -> Response:
    """The answer."""
    return Response(picture, media_type=JPEG, headers={"Cache-Control": "private, max-age=3600"})


def shown(what: str) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: such an answer."""
    return {200: {"content": {JPEG: {"schema": {"type": "string", "format": "binary"}}}, "description": what}}

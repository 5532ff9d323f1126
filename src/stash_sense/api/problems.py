"""Errors as RFC 9457 problem documents, and the one table from error code to HTTP status."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from stash_sense.api.context import request_id
from stash_sense.errors import Busy, QueueFull, StashSenseError

MEDIA_TYPE = "application/problem+json"
INTERNAL = "internal"
PAUSE_S = 5
"""How long a caller should wait for what is only not ready yet."""

STATUS: Mapping[str, int] = {
    # what was sent
    "bad-input": 422,
    "bad-parameter": 422,
    "bad-url": 422,
    "bad-setting": 422,
    "body-too-large": 413,
    "body-too-slow": 408,
    "unknown-content-type": 415,
    "not-an-image": 415,
    "unreadable-image": 422,
    "image-too-large": 413,
    "image-too-small": 422,
    "bad-landmarks": 422,
    "not-a-folder": 422,
    "refused": 422,
    "nobody-to-enrol": 422,
    # who sent it, and where to
    "unauthorized": 401,
    "foreign-host": 403,
    "foreign-origin": 403,
    "forbidden-address": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "no-reference": 404,
    "no-crop": 404,
    "not-stored": 404,
    "no-job": 404,
    "not-built": 501,
    # not now
    "full": 429,
    "busy": 503,
    "starting": 503,
    "stopping": 503,
    "cancelled": 503,
    "crashed": 503,
    # networks, face database, state
    "no-database": 503,
    "bad-database": 503,
    "database-write-failed": 503,
    "unknown-pack": 503,
    "missing-file": 503,
    "altered-file": 503,
    "bad-calibration": 503,
    "download-failed": 502,
    "no-space": 503,
    "cannot-write": 503,
    "no-secret": 503,
    "cannot-listen": 503,
    "state": 503,
    "state-not-ours": 503,
    "state-newer": 503,
    "state-damaged": 503,
    "state-not-faithful": 503,
    "state-migration": 503,
    "state-unwritable": 503,
    "disk-full": 503,
    # the server of a URL
    "url-unreachable": 502,
    "url-answered-wrongly": 502,
    "url-too-slow": 504,
    # Stash
    "bad-stash-url": 400,
    "stash-not-configured": 400,
    "stash-not-ready": 502,
    "stash": 502,
    "stash-unreachable": 502,
    "stash-answered-wrongly": 502,
    "stash-key-refused": 502,
    "stash-refused": 502,
    "stash-too-slow": 504,
    "not-in-stash": 404,
    "stash-media": 502,
    "no-picture": 400,
    "not-a-picture": 415,
    "media-too-large": 413,
    # a command's own
    "no-sidecar": 502,
    "sidecar-refused": 502,
    # ours
    "error": 500,
    INTERNAL: 500,
}

_PAUSES = frozenset({"starting", "stopping", "busy"})
_CLOSES = frozenset({"body-too-large", "body-too-slow"})


class Problem(BaseModel):
    """What went wrong, and what to do (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Service Unavailable",
                    "status": 503,
                    "code": "no-database",
                    "detail": "No face database here yet. Build one with `stash-sense database build "
                    "--people FOLDER` (one folder per person).",
                    "request_id": "5d1f0c6a9e8b4a57",
                }
            ]
        }
    )

    type: str = "about:blank"
    title: str = Field(description="The status in words.")
    status: int
    code: str = Field(description="Stays the same from version to version; `detail` may not.")
    detail: str = Field(description="What happened and what to do about it, for a person.")
    request_id: str = Field(description="Under this the log has more.")


def status_of(error: StashSenseError) -> int:
    """The HTTP status for an error, by its code."""
    return STATUS.get(error.code, 500)


def answer(error: StashSenseError, headers: Mapping[str, str] | None = None) -> Response:
    """The problem document for an error that says what to do."""
    extra = dict(headers or {})
    if isinstance(error, QueueFull):
        extra["Retry-After"] = str(error.pause_s)
    elif error.code in _PAUSES or isinstance(error, Busy):
        extra["Retry-After"] = str(PAUSE_S)
    if error.code in _CLOSES:
        extra["Connection"] = "close"
    return document(status_of(error), error.code, str(error), extra)


def internal() -> Response:
    """The problem document for a failure of ours: nothing of what happened, which the log has."""
    said = f"Stash Sense failed at this request. Its log has more, under {request_id()}."
    return document(500, INTERNAL, said, {})


def document(status: int, code: str, detail: str, headers: Mapping[str, str]) -> Response:
    """A problem document."""
    problem = Problem(
        title=HTTPStatus(status).phrase, status=status, code=code, detail=detail, request_id=request_id()
    )
    # Escaped: a file's name or a caller's text may hold lone surrogates, which UTF-8 has not.
    content = json.dumps(problem.model_dump()).encode("ascii")
    return Response(content, status, headers=dict(headers), media_type=MEDIA_TYPE)

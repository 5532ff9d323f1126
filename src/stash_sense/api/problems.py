"""Errors as RFC 9457 problem documents, and the one table from error kind to HTTP status."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from stash_sense.api.context import request_id
from stash_sense.errors import KIND_BY_CODE, ErrorKind, QueueFull, StashSenseError

MEDIA_TYPE = "application/problem+json"
INTERNAL = "internal"
PAUSE_S = 5
"""How long a caller should wait for what is only not ready yet."""

STATUS_BY_KIND: Mapping[ErrorKind, int] = {
    ErrorKind.PRECONDITION: 400,
    ErrorKind.UNAUTHORIZED: 401,
    ErrorKind.FORBIDDEN: 403,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.METHOD_NOT_ALLOWED: 405,
    ErrorKind.TOO_SLOW: 408,
    ErrorKind.CONFLICT: 409,
    ErrorKind.TOO_LARGE: 413,
    ErrorKind.UNSUPPORTED: 415,
    ErrorKind.BAD_INPUT: 422,
    ErrorKind.FULL: 429,
    ErrorKind.INTERNAL: 500,
    ErrorKind.NOT_BUILT: 501,
    ErrorKind.UPSTREAM_FAILED: 502,
    ErrorKind.BUSY: 503,
    ErrorKind.CANCELLED: 503,
    ErrorKind.UNAVAILABLE: 503,
    ErrorKind.UPSTREAM_TIMED_OUT: 504,
}

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
    """The HTTP status of an error."""
    return STATUS_BY_KIND[error.kind]


def codes_of(status: int) -> list[str]:
    """Every code that is answered with an HTTP status."""
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return [INTERNAL]
    return [code for code, kind in KIND_BY_CODE.items() if STATUS_BY_KIND[kind] == status]


def answer(error: StashSenseError, headers: Mapping[str, str] | None = None) -> Response:
    """The problem document for an error that says what to do."""
    extra = dict(headers or {})
    if isinstance(error, QueueFull):
        extra["Retry-After"] = str(error.pause_s)
    elif error.kind is ErrorKind.BUSY:
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

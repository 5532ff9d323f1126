"""Errors as RFC 9457 problem documents, and the one table from error kind to HTTP status."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from stash_sense.api.telemetry import request_id
from stash_sense.errors import KIND_BY_CODE, ErrorKind, QueueFull, StashSenseError

MEDIA_TYPE = "application/problem+json"
INTERNAL = "internal"
RETRY_AFTER_S = 5
"""When to try again what is temporarily unavailable."""

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
    ErrorKind.UPSTREAM_FAILED: 502,
    ErrorKind.BUSY: 503,
    ErrorKind.CANCELLED: 503,
    ErrorKind.UNAVAILABLE: 503,
    ErrorKind.UPSTREAM_TIMED_OUT: 504,
}

BODY_ERRORS = (408, 413, 415, 422, 429)
"""The statuses of every call that takes a body."""

_EXAMPLES = {
    400: ("no-picture", "image 7: Stash names no picture for it. Rescan it in Stash."),
    401: (
        "unauthorized",
        "The secret of this Stash Sense is missing or wrong. `stash-sense token` prints it.",
    ),
    403: (
        "foreign-host",
        "The host name 'nas.example' is not allowed. Add it to STASH_SENSE_ALLOWED_HOSTS.",
    ),
    404: ("no-reference", "The face database in use has no such reference face. Identify the picture again."),
    408: ("body-too-slow", "The body did not arrive within 30 s. Send a smaller picture."),
    409: ("refused", "Journal entry 12 was undone on 2026-11-01 10:00:00 UTC; nothing is left to undo."),
    413: ("image-too-large", "picture: 60.0 MB; at most 50 MB are accepted. Send a smaller copy."),
    415: ("not-an-image", "picture: is a PDF document; JPEG, PNG, WebP and others are accepted."),
    422: ("bad-parameter", "top_k: input should be less than or equal to 20."),
    429: ("full", "Too many requests at a time (at most 18). Try again in a few seconds."),
    500: ("internal", "Stash Sense failed to handle this request. See its log."),
    502: ("url-unreachable", "example.org cannot be reached. Check the URL, and that it is up."),
    503: (
        "no-database",
        "No face database here yet. Build one: `stash-sense database build --people FOLDER`.",
    ),
    504: ("url-too-slow", "The server of the URL did not deliver within 20 s. Try again."),
}
_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
}


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
    request_id: str = Field(description="The id of this request in the log.")


def status_of(error: StashSenseError) -> int:
    """The HTTP status of an error."""
    return STATUS_BY_KIND[error.kind]


def codes_of(status: int) -> list[str]:
    """Every code that is answered with an HTTP status."""
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return [INTERNAL]
    return [code for code, kind in KIND_BY_CODE.items() if STATUS_BY_KIND[kind] == status]


def problem_response(error: StashSenseError, headers: Mapping[str, str] | None = None) -> Response:
    """The problem document of an error that says what to do."""
    retry_after = {}
    if isinstance(error, QueueFull):
        retry_after = {"Retry-After": str(error.pause_s)}
    elif error.kind is ErrorKind.BUSY:
        retry_after = {"Retry-After": str(RETRY_AFTER_S)}
    return _document(status_of(error), error.code, str(error), {**(headers or {}), **retry_after})


def internal_error_response() -> Response:
    """The problem document of a bug: it hides the cause, which is in the log."""
    detail = f"Stash Sense failed to handle this request. See its log under the request id {request_id()}."
    return _document(HTTPStatus.INTERNAL_SERVER_ERROR, INTERNAL, detail, {})


def _document(status: int, code: str, detail: str, headers: Mapping[str, str]) -> Response:
    problem = Problem(
        title=HTTPStatus(status).phrase, status=status, code=code, detail=detail, request_id=request_id()
    )
    # Escaped: a file's name or a caller's text may hold lone surrogates, which UTF-8 cannot encode.
    content = json.dumps(problem.model_dump()).encode("ascii")
    return Response(content, status, headers=dict(headers), media_type=MEDIA_TYPE)


def describe_validation(errors: Sequence[Any]) -> str:
    """A sentence that names each wrong field, from Pydantic's errors; it never repeats a value."""
    sentences = []
    for error in errors[:3]:
        if error["type"] == "json_invalid":
            return f"The body is not valid JSON ({error.get('ctx', {}).get('error', 'it is cut short')})."
        field = ".".join(str(part)[:60] for part in error["loc"] if part not in ("body", "query", "path"))
        problem = str(error["msg"])[:200]
        sentences.append(f"{field}: {problem[:1].lower()}{problem[1:]}" if field else problem)
    more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
    return "; ".join(sentences) + more + ". See /docs for the fields of this call."


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: the error statuses it can answer, besides those of every call."""
    return {status: _documented_response(status) for status in sorted({401, 403, 429, *statuses})}


def _documented_response(status: int) -> dict[str, Any]:
    code, detail = _EXAMPLES[status]
    example = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        request_id="5d1f0c6a9e8b4a57",
    )
    response: dict[str, Any] = {
        "description": f"Codes: {', '.join(f'`{code}`' for code in codes_of(status))}.",
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": example.model_dump(),
            }
        },
    }
    return {**response, "headers": _RETRY_AFTER} if status == HTTPStatus.TOO_MANY_REQUESTS else response

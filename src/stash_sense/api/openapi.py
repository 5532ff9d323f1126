"""What the API says of itself: every status a call can answer, with an example, and who may ask."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from stash_sense import __version__
from stash_sense.api import problems
from stash_sense.api.problems import Problem

SUMMARY = "Names the people in pictures, on your own machine."

_SAID = {
    400: ("no-picture", "image 7: Stash names no picture for it. Rescan it in Stash."),
    401: ("unauthorized", "This needs the secret of this Stash Sense. `stash-sense token` prints it."),
    403: (
        "foreign-host",
        "Stash Sense does not know itself by this name. Add it to STASH_SENSE_ALLOWED_HOSTS.",
    ),
    404: ("no-reference", "The face database in use has no such reference face. Identify the picture again."),
    408: ("body-too-slow", "The body did not arrive within 30 s. Send a smaller picture."),
    409: ("refused", "Journal entry 12 was undone on 2026-11-01 10:00:00 UTC; nothing is left to undo."),
    413: ("image-too-large", "picture: 60.0 MB; at most 50 MB are accepted. Send a smaller copy."),
    415: ("not-an-image", "picture: is a PDF document; JPEG, PNG, WebP and others are accepted."),
    422: ("bad-parameter", "top_k: input should be less than or equal to 20."),
    429: ("full", "Too many requests at a time (at most 18). Try again in a few seconds."),
    500: ("internal", "Stash Sense failed at this request. Its log has more."),
    501: ("not-built", "This does not work yet. /health lists what does."),
    502: ("url-unreachable", "example.org cannot be reached. Check the URL, and that it is up."),
    503: (
        "no-database",
        "No face database here yet. Build one: `stash-sense database build --people FOLDER`.",
    ),
    504: ("url-too-slow", "The server of the URL did not deliver within 20 s. Try again."),
}
_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: the failures it can answer, beside those of every call."""
    return {status: _response(status) for status in sorted({401, 403, *statuses})}


def _response(status: int) -> dict[str, Any]:
    code, detail = _SAID[status]
    filled = problems.Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        request_id="5d1f0c6a9e8b4a57",
    )
    said: dict[str, Any] = {
        "description": f"Codes: {', '.join(f'`{code}`' for code in problems.codes_of(status))}.",
        "content": {
            problems.MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": filled.model_dump(),
            }
        },
    }
    return {**said, "headers": _RETRY} if status == 429 else said


def describe(app: FastAPI) -> None:
    """Give the app its OpenAPI document, made at the first request for it."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title="Stash Sense",
                version=__version__,
                summary=SUMMARY,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            parts = made.setdefault("components", {})
            parts.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
            parts["securitySchemes"] = {
                "token": {"type": "http", "scheme": "bearer", "description": "`stash-sense token` prints it."}
            }
            made["security"] = [{"token": []}]
            made["paths"]["/health"]["get"]["security"] = [{}, {"token": []}]
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the way FastAPI documents

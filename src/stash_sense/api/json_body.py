"""Reading a small JSON body into a model: no more bytes than accepted, types as sent."""

from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from stash_sense.api.asked import sentence
from stash_sense.api.depends import Desk
from stash_sense.errors import BadParameter, UnknownContentType

Model = TypeVar("Model", bound=BaseModel)

JSON = "application/json"
FAILURES = (408, 413, 415, 422, 429)
"""What a call that takes such a body can answer."""


async def read_json(request: Request, desk: Desk, model: type[Model]) -> Model:
    """The body as the model. Raises BadParameter, UnknownContentType, BodyTooLarge, BodyTooSlow, Full.

    FastAPI's own reading takes a body of any size into memory.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise UnknownContentType(f"The body is announced as {kind[:60]!r}; {JSON} is accepted.")
    async with desk.small_bodies.read(request) as body:
        try:
            return model.model_validate_json(bytes(body), strict=True)
        except ValidationError as error:
            raise BadParameter(sentence(error.errors(include_url=False, include_input=False))) from None


def json_body(model: type[BaseModel], **examples: dict[str, Any]) -> dict[str, Any]:
    """For a route's `openapi_extra`: a body of the model, with examples by name."""
    content = {
        "schema": model.model_json_schema(),
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    return {"requestBody": {"required": True, "content": {JSON: content}}}

"""What a route is given: parts of the running sidecar, and the picture that a request uploads."""

import asyncio
import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from pydantic import ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header

from stash_sense.api.access import AUTHORIZED
from stash_sense.api.problems import describe_validation
from stash_sense.api.schemas.faces import IdentifyIn, MatchOptionsIn
from stash_sense.api.telemetry import Metrics, RecentEvents
from stash_sense.errors import BadParameter, UnknownContentType
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.runtime.plugin_source import OfferedPlugin
from stash_sense.runtime.services import AsyncState
from stash_sense.runtime.sidecar import Sidecar
from stash_sense.stash.client import StashClient

_JSON = "application/json"
_FORM = "multipart/form-data"
_QUICK_BYTES = 65_536
"""Bodies up to this size are parsed on the event loop; larger ones would hold up other requests."""
_BASE64_CHUNK = 1 << 20  # a multiple of 4: base64 can be cut there
_MAX_FORM_FIELDS = 16
_MAX_FIELD_BYTES = 100

# All dependencies are coroutines, although most wait for nothing: FastAPI would run a plain function in a
# thread, and while the workers keep Python busy, that takes longer than the rest of an answer.


async def get_sidecar(request: Request) -> Sidecar:
    """The sidecar that `create_app` was given."""
    return cast("Sidecar", request.app.state.sidecar)


async def get_metrics(request: Request) -> Metrics:
    """The app's metrics."""
    return cast("Metrics", request.app.state.metrics)


async def get_recent_events(request: Request) -> RecentEvents:
    """The last warnings and errors."""
    return cast("RecentEvents", request.app.state.events)


async def get_offered_plugin(request: Request) -> OfferedPlugin:
    """The plugin that Stash can install from here."""
    return cast("OfferedPlugin", request.app.state.offered_plugin)


async def get_stash(request: Request) -> StashClient:
    """The client of Stash. Raises StashNotConfigured."""
    return (await get_sidecar(request)).services.require_stash()


async def get_state(request: Request) -> AsyncState:
    """The open state. Raises what keeps it from being opened."""
    return await (await get_sidecar(request)).services.current_state()


async def is_authorized(request: Request) -> bool:
    """Whether the request carries the secret, or none is required."""
    return bool(request.scope[AUTHORIZED])


async def require_json(request: Request) -> None:
    """Refuse a body whose Content-Type is not JSON. Raises UnknownContentType."""
    media_type = _media_type(request)
    if media_type != _JSON:
        raise UnknownContentType(f"The Content-Type is {media_type[:60]!r}; only {_JSON} is accepted.")


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture to identify: its bytes, or None and the URL to fetch it from."""

    picture: bytes | None
    url: str
    options: MatchOptions


async def read_upload(request: Request) -> Upload:
    """The picture of a JSON body or a form. Raises BadParameter, UnknownContentType.

    Not FastAPI's own parsing: one call takes both kinds of bodies, tens of megabytes must not be parsed on
    the event loop, and Starlette's form parser writes large files to disk and accepts truncated forms.
    """
    content_type, media_type = request.headers.get("content-type", ""), _media_type(request)
    if media_type not in (_JSON, _FORM):
        raise UnknownContentType(
            f"The Content-Type is {media_type[:60]!r}; {_JSON} (image_url or image_base64) and "
            f"{_FORM} (file) are accepted."
        )
    body = await request.body()
    if len(body) <= _QUICK_BYTES:
        return _parse_upload(content_type, media_type, body)
    return await asyncio.to_thread(_parse_upload, content_type, media_type, body)


SidecarDep = Annotated[Sidecar, Depends(get_sidecar)]
MetricsDep = Annotated[Metrics, Depends(get_metrics)]
RecentEventsDep = Annotated[RecentEvents, Depends(get_recent_events)]
OfferedPluginDep = Annotated[OfferedPlugin, Depends(get_offered_plugin)]
StashDep = Annotated[StashClient, Depends(get_stash)]
StateDep = Annotated[AsyncState, Depends(get_state)]
AuthorizedDep = Annotated[bool, Depends(is_authorized)]
UploadDep = Annotated[Upload, Depends(read_upload)]
JSON_BODY = Depends(require_json)
"""For the `dependencies` of a route that takes a JSON body."""


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _parse_upload(content_type: str, media_type: str, body: bytes) -> Upload:
    try:
        return _from_json(body) if media_type == _JSON else _from_form(content_type, body)
    except ValidationError as error:
        message = describe_validation(error.errors(include_url=False, include_input=False))
        raise BadParameter(message) from None


def _from_json(body: bytes) -> Upload:
    given = IdentifyIn.model_validate_json(body)
    if bool(given.image_url) == bool(given.image_base64):
        raise BadParameter("Send either image_url or image_base64, and only one of the two.")
    picture = _decode_base64(given.image_base64) if given.image_base64 else None
    return Upload(picture, given.image_url, given.match_options())


def _from_form(content_type: str, body: bytes) -> Upload:
    files, fields = _parse_form(content_type, body)
    if len(files) != 1:
        raise BadParameter("Send the picture as one form field named `file`.")
    options = MatchOptionsIn.model_validate(fields, strict=False)  # a form's values are all text
    return Upload(files[0], "", options.match_options())


def _parse_form(content_type: str, body: bytes) -> tuple[list[bytes], dict[str, str]]:
    """The contents of all parts named `file`, and the other fields. Nothing is written to disk."""
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not boundary:
        raise BadParameter("The Content-Type names no boundary. Let your client set it.")
    parts: list[tuple[str, bytes]] = []
    is_complete = False

    def add(part: Field | File) -> None:
        if len(parts) >= _MAX_FORM_FIELDS:
            raise BadParameter(
                f"The form has more than {_MAX_FORM_FIELDS} fields. Send only fields of this call."
            )
        content = part.value if isinstance(part, Field) else part.file_object.getvalue()  # type: ignore[union-attr]
        parts.append(((part.field_name or b"").decode("utf-8", "replace"), content or b""))

    def end() -> None:
        nonlocal is_complete
        is_complete = True

    try:
        in_memory = {"MAX_MEMORY_FILE_SIZE": float("inf")}
        parser = FormParser(_FORM, add, add, end, boundary=boundary, config=in_memory)
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise BadParameter(f"The multipart body is malformed ({error}). Let your client build it.") from None
    if not is_complete:
        raise BadParameter("The multipart body is truncated. Send it again.")
    fields = {
        name: content[:_MAX_FIELD_BYTES].decode("utf-8", "replace")
        for name, content in parts
        if name != "file"
    }
    return [content for name, content in parts if name == "file"], fields


def _decode_base64(text: str) -> bytes:
    """The bytes of base64, in chunks, so that no other thread has to wait for a large one."""
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            raise BadParameter(
                "image_base64 is a data: URL without `;base64,`. Send `data:image/...;base64,` and the bytes."
            )
    if any(space in text for space in "\r\n \t"):
        text = "".join(text.split())
    try:
        chunks = [
            base64.b64decode(text[start : start + _BASE64_CHUNK], validate=True)
            for start in range(0, len(text), _BASE64_CHUNK)
        ]
    except (binascii.Error, ValueError) as error:
        raise BadParameter(f"image_base64 is not base64 ({error}). Send it with its padding.") from None
    return b"".join(chunks)

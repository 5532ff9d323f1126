"""What a caller of /identify asks for: a picture, or where one is, and the knobs. From JSON or a form."""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stash_sense.api.multipart import read_parts
from stash_sense.errors import BadParameter, UnknownContentType
from stash_sense.media.addresses import LONGEST
from stash_sense.recognition.evidence import MatchOptions

TopK = Annotated[int, Field(ge=1, le=20, description="At most so many candidates a face.")]
MaxDistance = Annotated[
    float, Field(ge=0, le=2, allow_inf_nan=False, description="Farther candidates are not named.")
]
MinFaceConfidence = Annotated[
    float, Field(ge=0, le=1, allow_inf_nan=False, description="Surer than this that it is a face at all.")
]

_CHUNK = 1 << 20  # a multiple of 4: base64 can be cut there


class Asked(BaseModel):
    """A picture to identify; either `image_url` or `image_base64`."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"oneOf": [{"required": ["image_url"]}, {"required": ["image_base64"]}]},
    )

    image_url: Annotated[
        str, Field(min_length=1, max_length=LONGEST, description="http or https, on the public internet.")
    ] = ""
    image_base64: Annotated[
        str, Field(min_length=1, description="The picture's bytes; `data:image/...;base64,` may precede.")
    ] = ""
    top_k: TopK = 5
    max_distance: MaxDistance = 0.6
    min_face_confidence: MinFaceConfidence = 0.5

    @model_validator(mode="before")
    @classmethod
    def _null_is_nothing(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {
            name: value
            for name, value in given.items()
            if value is not None or name not in ("image_url", "image_base64")
        }


class _Form(BaseModel):
    """The knobs beside a form's file, as text."""

    model_config = ConfigDict(extra="forbid")

    top_k: TopK = 5
    max_distance: MaxDistance = 0.6
    min_face_confidence: MinFaceConfidence = 0.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture's bytes, else the URL it is at; and the knobs."""

    picture: bytes | None
    url: str
    knobs: MatchOptions


def read_asked(content_type: str, body: bytes | bytearray) -> Wanted:
    """What a body asks for; costs as long as its size. Raises BadParameter, UnknownContentType."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        return _from_json(body)
    if kind == "multipart/form-data":
        return _from_form(content_type, body)
    raise UnknownContentType(
        f"The body is announced as {kind[:60]!r}; application/json (image_url or image_base64) and "
        "multipart/form-data (file) are accepted."
    )


def _from_json(body: bytes | bytearray) -> Wanted:
    try:
        asked = Asked.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise BadParameter(sentence(error.errors(include_url=False, include_input=False))) from None
    if bool(asked.image_url) == bool(asked.image_base64):
        raise BadParameter("Give either image_url or image_base64, one of the two.")
    knobs = MatchOptions(asked.top_k, asked.max_distance, asked.min_face_confidence)
    picture = _decoded(asked.image_base64) if asked.image_base64 else None
    return Wanted(picture, asked.image_url, knobs)


def _from_form(content_type: str, body: bytes | bytearray) -> Wanted:
    parts = read_parts(content_type, body)
    files = [part for part in parts if part.name == "file"]
    if len(files) != 1:
        raise BadParameter("Give the picture as one form field named `file`.")
    values: dict[str, Any] = {}
    for part in parts:
        if part.name != "file":
            values[part.name] = part.content[:100].decode("utf-8", "replace")
    try:
        form = _Form.model_validate(values)
    except ValidationError as error:
        raise BadParameter(sentence(error.errors(include_url=False, include_input=False))) from None
    return Wanted(files[0].content, "", MatchOptions(form.top_k, form.max_distance, form.min_face_confidence))


def _decoded(text: str) -> bytes:
    """The bytes of base64, in pieces, so that no other thread has to wait for a large one."""
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            raise BadParameter("image_base64 begins like a data: URL, but not with `data:image/...;base64,`.")
    if any(sign in text for sign in "\r\n \t"):
        text = "".join(text.split())
    try:
        pieces = [
            base64.b64decode(text[start : start + _CHUNK], validate=True)
            for start in range(0, len(text), _CHUNK)
        ]
    except (binascii.Error, ValueError) as error:
        raise BadParameter(f"image_base64 is not base64 ({error}). Send it with its padding.") from None
    return b"".join(pieces)


def sentence(errors: list[Any]) -> str:
    """What is wrong with which field, for a person; never what was in it."""
    said = []
    for error in errors[:3]:
        place = ".".join(str(part)[:60] for part in error["loc"] if part not in ("body", "query", "path"))
        what = str(error["msg"])[:200]
        said.append(f"{place}: {what[:1].lower()}{what[1:]}" if place else what)
    more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
    return "; ".join(said) + more + ". See /docs for the fields of this call."

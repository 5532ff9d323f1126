"""Pictures and images to identify, and the faces and matches of the answers."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, model_validator

from stash_sense.domain.decisions import Decision
from stash_sense.domain.faces import Match, RecognizedFace
from stash_sense.domain.reasons import ReasonCode
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.media.addresses import MAX_URL_LENGTH
from stash_sense.recognition.gallery_answer import match_fields
from stash_sense.recognition.image import ImageAnswer, PictureAnswer
from stash_sense.recognition.recognizer import FaceRecognizer

STRICT = ConfigDict(strict=True, extra="forbid", frozen=True)
"""Of every body: types as sent, no unknown fields."""

StashIdIn = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")] | Annotated[int, Field(ge=0, lt=10**18)]
"""An id in Stash, which scripts often send as a number."""

TopK = Annotated[int, Field(ge=1, le=20, description="At most this many candidates for a face.")]
MaxDistance = Annotated[
    float,
    Field(ge=0, le=2, allow_inf_nan=False, description="Candidates beyond this distance are not named."),
]
MinFaceConfidence = Annotated[
    float,
    Field(ge=0, le=1, allow_inf_nan=False, description="Detections less certain than this are not faces."),
]


def _valid_unicode(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


FileName = Annotated[str, PlainSerializer(_valid_unicode, return_type=str, when_used="json")]
"""Text from a file's or folder's name: it may hold lone surrogates, which JSON as UTF-8 cannot."""


class MatchOptionsIn(BaseModel):
    """The options of every call that identifies faces."""

    model_config = STRICT

    top_k: TopK = 5
    max_distance: MaxDistance = 0.6
    min_face_confidence: MinFaceConfidence = 0.5

    def match_options(self) -> MatchOptions:
        """The options as recognition takes them."""
        return MatchOptions(self.top_k, self.max_distance, self.min_face_confidence)


class IdentifyIn(MatchOptionsIn):
    """A picture to identify; either `image_url` or `image_base64`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["image_url"]}, {"required": ["image_base64"]}]},
    )

    image_url: Annotated[
        str,
        Field(min_length=1, max_length=MAX_URL_LENGTH, description="http or https, on the public internet."),
    ] = ""
    image_base64: Annotated[
        str, Field(min_length=1, description="The picture's bytes; `data:image/...;base64,` may precede.")
    ] = ""

    @model_validator(mode="before")
    @classmethod
    def _null_means_absent(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {
            name: value
            for name, value in given.items()
            if value is not None or name not in ("image_url", "image_base64")
        }


class LibraryIn(MatchOptionsIn):
    """The options of every call that identifies what Stash has."""

    force: bool = Field(default=False, description="Identify again, although a result is stored.")
    source: Literal["original", "thumbnail"] = Field(
        default="original", description="`thumbnail` is quicker and misses small faces."
    )


class ImageIn(LibraryIn):
    """An image of Stash to identify."""

    image_id: StashIdIn


class StashIdOut(BaseModel):
    """A person's id at a stash-box."""

    endpoint: str
    stash_id: str


class MatchOut(BaseModel):
    """A person that a face may be."""

    performer_id: FileName = Field(description="The person's key, the same everywhere.")
    stashdb_id: str | None = Field(description="The bare stashdb.org uuid, where there is one.")
    stash_ids: list[StashIdOut]
    local_id: str | None = Field(description="The performer's id in this Stash, where known.")
    name: FileName
    confidence: float = Field(description="1 - distance, 0 to 1.")
    distance: float = Field(description="0 to 2, lower is better; 0.6 is a false-match rate of 3e-5.")
    facenet_distance: float
    arcface_distance: float
    country: str | None
    image_url: str | None
    reference_id: str | None = Field(description="For GET /references/{reference_id}.")
    support: Literal["gallery"] | None = Field(
        description="`gallery` where only this person's other faces in the gallery make it count."
    )


class ReasonPersonOut(BaseModel):
    """A person that a reason is about."""

    performer_id: FileName
    name: FileName
    confidence: float = Field(description="0 to 1, the same as in `matches`.")


class ReasonOut(BaseModel):
    """Why a verdict is what it is: in English, and as what other languages are made from."""

    reason: FileName = Field(description="Why, in one English sentence without a full stop.")
    reason_code: ReasonCode | None = Field(
        default=None, description="What decided; null for a result stored before there were codes."
    )
    reason_people: list[ReasonPersonOut] = Field(
        default=[], description="Whom the reason is about, the nearest first."
    )
    reason_count: int | None = Field(
        default=None, description="`together`: other photos of the person; `chance`: people enrolled."
    )


class BoxOut(BaseModel):
    """Pixels of the upright picture, from its top left corner; confidence: that it is a face, 0 to 1."""

    x: float
    y: float
    width: float
    height: float
    confidence: float


class NamedFaceOut(ReasonOut):
    """Where a face is, who it is and why."""

    box: BoxOut
    quality: float = Field(description="0 (useless) to 1.")
    verdict: Literal["match", "ambiguous", "unknown"]
    performer_id: FileName | None = Field(description="Whom the verdict means; null unless it is `match`.")
    name: FileName | None = Field(description="Their name.")
    matches: list[MatchOut] = Field(description="Best first, one a person, at or below max_distance.")


class FaceDecisionOut(BaseModel):
    """A decision that stands on a face."""

    decision_id: int = Field(description="For DELETE /decisions/{id}.")
    word: Literal["confirmed", "rejected", "ignored", "apart"]
    performer_id: FileName | None = Field(description="Null for `ignored` and `apart`.")
    name: FileName | None = Field(description="The performer's name, where known.")


class FaceOut(NamedFaceOut):
    """One face of a picture."""

    face_id: str


class ImageFaceOut(FaceOut):
    """One face of an image of Stash."""

    decisions: list[FaceDecisionOut] = Field(description="What a person decided on the face, oldest first.")


class IdentifyOut(BaseModel):
    """The faces of a picture, the most certain detection first."""

    faces: list[FaceOut]
    face_count: int


class ImageOut(BaseModel):
    """The faces of an image of Stash, the most certain detection first."""

    faces: list[ImageFaceOut]
    face_count: int
    image_id: str
    width: int = Field(description="Of the upright picture, pixels: the boxes are in these.")
    height: int
    stored: bool = Field(description="Whether the result was stored; if not, the log says why.")
    reused: bool = Field(
        description="Whether a stored result was served, without analysing the picture again."
    )


def identify_out(answer: PictureAnswer, recognizer: FaceRecognizer) -> IdentifyOut:
    """The answer for an uploaded picture."""
    faces = [
        FaceOut(face_id=face_id, **named_face_fields(face, recognizer))
        for face_id, face in zip(answer.face_ids, answer.faces, strict=True)
    ]
    return IdentifyOut(faces=faces, face_count=len(faces))


def image_out(answer: ImageAnswer, recognizer: FaceRecognizer) -> ImageOut:
    """The answer for an image of Stash."""
    return ImageOut(
        faces=[
            ImageFaceOut(
                face_id=face_id,
                **named_face_fields(face, recognizer),
                decisions=[_face_decision_out(decision) for decision in decisions],
            )
            for face_id, face, decisions in zip(answer.face_ids, answer.faces, answer.decisions, strict=True)
        ],
        face_count=len(answer.faces),
        image_id=answer.image_id,
        width=answer.width,
        height=answer.height,
        stored=answer.stored,
        reused=answer.reused,
    )


def _face_decision_out(decision: Decision) -> FaceDecisionOut:
    return FaceDecisionOut.model_validate(
        {
            "decision_id": decision.decision_id,
            "word": decision.kind,
            "performer_id": decision.performer_id,
            "name": decision.name,
        }
    )


def named_face_fields(face: RecognizedFace, recognizer: FaceRecognizer) -> dict[str, Any]:
    """The fields of a NamedFaceOut."""
    x1, y1, x2, y2 = (float(side) for side in face.box)
    return {
        "box": BoxOut(
            x=round(x1, 1),
            y=round(y1, 1),
            width=round(x2 - x1, 1),
            height=round(y2 - y1, 1),
            confidence=round(face.confidence, 4),
        ),
        "quality": face.quality.score,
        "verdict": face.verdict.status,
        **face.verdict.reason.as_json(),
        "performer_id": face.named.performer_id if face.named else None,
        "name": face.named.name if face.named else None,
        "matches": [match_out(match, recognizer) for match in face.matches],
    }


def match_out(match: Match, recognizer: FaceRecognizer) -> MatchOut:
    """A match."""
    return MatchOut(**match_fields(match, recognizer.database))

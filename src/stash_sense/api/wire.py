"""What the calls answer, field by field: the contract with the plugin and with scripts."""

from typing import Literal

from pydantic import BaseModel, Field

from stash_sense.recognition.answers import ImageAnswer
from stash_sense.recognition.crops import reference_id
from stash_sense.recognition.picture import NamedPicture, content_face_id
from stash_sense.recognition.recognizer import FaceRecognizer, Match, RecognizedFace


class StashIdOut(BaseModel):
    """A person's id at a stash-box."""

    endpoint: str
    stash_id: str


class MatchOut(BaseModel):
    """A person that a face may be."""

    performer_id: str = Field(description="The person's key, the same everywhere.")
    stashdb_id: str | None = Field(description="The bare stashdb.org uuid, where there is one.")
    stash_ids: list[StashIdOut]
    local_id: str | None = Field(description="The performer's id in this Stash, where known.")
    name: str
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


class BoxOut(BaseModel):
    """Pixels of the upright picture, from its top left corner; confidence: that it is a face, 0 to 1."""

    x: float
    y: float
    width: float
    height: float
    confidence: float


class FaceOut(BaseModel):
    """One face of a picture."""

    face_id: str
    box: BoxOut
    quality: float = Field(description="0 (useless) to 1.")
    verdict: Literal["match", "ambiguous", "unknown"]
    reason: str = Field(description="Why, in one line.")
    performer_id: str | None = Field(description="Whom the verdict means; null unless it is `match`.")
    name: str | None = Field(description="Their name.")
    matches: list[MatchOut] = Field(description="Best first, one a person, at or below max_distance.")


class IdentifyOut(BaseModel):
    """The faces of a picture, the surest detection first."""

    faces: list[FaceOut]
    face_count: int


class ImageOut(IdentifyOut):
    """The faces of an image of Stash."""

    image_id: str
    width: int = Field(description="Of the upright picture, pixels: the boxes are in these.")
    height: int
    stored: bool = Field(description="Whether the result was kept; if not, the log says why.")
    reused: bool = Field(description="Whether a kept result served, without looking at the picture again.")


class DatabaseOut(BaseModel):
    """The face database in use."""

    version: str
    pack: str
    people: int
    faces: int
    built_at: str
    sources: list[str]


class MissingOut(BaseModel):
    """Something that is not there. detail says how to mend it."""

    what: str = Field(description="engine, database, state or stash.")
    code: str
    detail: str


class LoadedOut(BaseModel):
    """What is in use."""

    pack: str | None
    database: DatabaseOut | None


class HealthOut(BaseModel):
    """`ok`: all that is set up works; `degraded`: something of it does not. The rest needs the secret."""

    status: Literal["ok", "degraded"]
    version: str
    loaded: LoadedOut | None = None
    missing: list[MissingOut] | None = None
    features: list[str] | None = Field(default=None, description="What works here, now.")


def identified(found: NamedPicture, recognizer: FaceRecognizer) -> IdentifyOut:
    """The answer for a picture that nothing is stored of."""
    faces = [face_out(content_face_id(found.digest, face), face, recognizer) for face in found.faces]
    return IdentifyOut(faces=faces, face_count=len(faces))


def image_out(answer: ImageAnswer, recognizer: FaceRecognizer) -> ImageOut:
    """The answer for an image of Stash."""
    faces = [face_out(one.face_id, one.face, recognizer) for one in answer.faces]
    return ImageOut(
        faces=faces,
        face_count=len(faces),
        image_id=answer.image_id,
        width=answer.width,
        height=answer.height,
        stored=answer.stored,
        reused=answer.reused,
    )


def face_out(face_id: str, face: RecognizedFace, recognizer: FaceRecognizer) -> FaceOut:
    """A recognised face under the id that stands for it outside."""
    x1, y1, x2, y2 = (float(side) for side in face.box)
    box = BoxOut(
        x=round(x1, 1),
        y=round(y1, 1),
        width=round(x2 - x1, 1),
        height=round(y2 - y1, 1),
        confidence=round(face.confidence, 4),
    )
    return FaceOut(
        face_id=face_id,
        box=box,
        quality=face.quality.score,
        verdict=face.verdict.word,
        reason=_text(face.verdict.reason),
        performer_id=_text(face.named.performer_id) if face.named else None,
        name=_text(face.named.name) if face.named else None,
        matches=[match_out(match, recognizer) for match in face.matches],
    )


def match_out(match: Match, recognizer: FaceRecognizer) -> MatchOut:
    """A match."""
    return MatchOut(
        performer_id=_text(match.performer_id),
        stashdb_id=match.stashdb_id,
        stash_ids=[StashIdOut(endpoint=endpoint, stash_id=own) for endpoint, own in match.stash_ids],
        local_id=match.local_id,
        name=_text(match.name),
        confidence=round(match.confidence, 4),
        distance=round(match.combined_score, 4),
        facenet_distance=round(match.facenet_distance, 4),
        arcface_distance=round(match.arcface_distance, 4),
        country=match.country,
        image_url=match.image_url,
        reference_id=reference_id(recognizer.database, match.reference_id),
        support="gallery" if match.support else None,
    )


def _text(text: str) -> str:
    """Text as UTF-8 can have it: a folder's name that is none may hold lone surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8")


def database_out(recognizer: FaceRecognizer) -> DatabaseOut:
    """The face database of a recognizer."""
    manifest = recognizer.database.manifest
    return DatabaseOut(
        version=manifest.version,
        pack=manifest.pack,
        people=manifest.people,
        faces=manifest.faces,
        built_at=manifest.built_at,
        sources=list(manifest.sources),
    )

"""The people seen in the library, where they are seen, and faces that look alike."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from stash_sense.api.schemas.suggestions import CursorIn, PersonOut, person_values
from stash_sense.domain.faces import confidence_at
from stash_sense.recognition.similar_faces import SimilarFace
from stash_sense.recognition.suggestions import local_ids
from stash_sense.store.repositories.library_people import (
    AppearancesPage,
    SeenPeoplePage,
)


class SeenPersonCountsOut(PersonOut):
    """A person seen in the library."""

    image_count: int
    scene_count: int
    cover_face_id: str | None = Field(description="Their best face, for GET /faces/{face_id}/crop.")
    last_seen: str | None = Field(description="UTC: when an image or scene with them was identified last.")


class SeenPeopleOut(BaseModel):
    """People seen in the library."""

    people: list[SeenPersonCountsOut]
    total: int
    next_cursor: str | None = Field(description="For the next page; null on the last one.")


class SeenPeopleQuery(BaseModel):
    """Which page of the people."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sort: Literal["count", "name", "last_seen"] = "count"
    cursor: CursorIn | None = None
    limit: int = Field(default=50, ge=1, le=200)


class AppearanceOut(BaseModel):
    """Where a person is seen."""

    target_type: Literal["image", "gallery", "scene"]
    target_id: str
    title: str | None
    confidence: float | None = Field(description="Null where a decision alone says who it is.")
    face_ids: list[str] = Field(description="Of a gallery: the best on each of its images.")
    times_s: list[float] = Field(description="Of a scene: when each of the faces is seen.")
    tagged: bool | None = Field(description="As Stash said last; null where it was not asked yet.")


class AppearancesOut(BaseModel):
    """Where a person is seen: scenes, then galleries, then images, the newest in Stash first."""

    appearances: list[AppearanceOut]
    total: int
    next_cursor: str | None = Field(description="For the next page; null on the last one.")


class AppearancesQuery(BaseModel):
    """Which page of the appearances."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cursor: CursorIn | None = None
    limit: int = Field(default=50, ge=1, le=500)


class SimilarFaceOut(BaseModel):
    """A face that looks like another, and where it is."""

    face_id: str
    target_type: Literal["image", "scene"]
    target_id: str
    time_s: float | None = Field(description="Of a scene: when it is seen.")
    distance: float = Field(description="0 to 2, lower is more alike.")
    confidence: float = Field(description="1 - distance, 0 to 1.")


class SimilarFacesOut(BaseModel):
    """The faces that look most like one, the nearest first."""

    faces: list[SimilarFaceOut]


class SimilarFacesQuery(BaseModel):
    """How many."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=20, ge=1, le=100)


def people_out(page: SeenPeoplePage) -> SeenPeopleOut:
    """A page of people."""
    people = [
        {
            **person_values(each.person, next(iter(local_ids(each.keys)), None)),
            "image_count": each.images,
            "scene_count": each.scenes,
            "cover_face_id": None if each.cover is None else str(each.cover),
            "last_seen": each.last_seen,
        }
        for each in page.people
    ]
    return SeenPeopleOut.model_validate(
        {"people": people, "total": page.total, "next_cursor": page.next_cursor}
    )


def appearances_out(page: AppearancesPage) -> AppearancesOut:
    """A page of appearances."""
    listed = [
        {
            "target_type": each.target_type,
            "target_id": each.target_id,
            "title": each.title,
            "confidence": each.confidence,
            "face_ids": [str(face.face_id) for face in each.faces],
            "times_s": [face.time_s for face in each.faces if face.time_s is not None],
            "tagged": each.tagged,
        }
        for each in page.appearances
    ]
    return AppearancesOut.model_validate(
        {"appearances": listed, "total": page.total, "next_cursor": page.next_cursor}
    )


def similar_out(faces: list[SimilarFace]) -> SimilarFacesOut:
    """Faces."""
    listed = [
        {
            "face_id": str(each.place.face_id),
            "target_type": each.place.target_type,
            "target_id": each.place.target_id,
            "time_s": each.place.time_s,
            "distance": round(each.distance, 4),
            "confidence": round(confidence_at(each.distance), 4),
        }
        for each in faces
    ]
    return SimilarFacesOut.model_validate({"faces": listed})

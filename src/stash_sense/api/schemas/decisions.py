"""Decisions of a person on faces."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stash_sense.api.schemas.faces import STRICT, StashIdIn, StashIdOut
from stash_sense.domain.decisions import Decision
from stash_sense.domain.faces import FaceId
from stash_sense.domain.identity import bare_ids, person_from_facts
from stash_sense.store.repositories.decision_list import ListedDecision

StateId = Annotated[int, Field(ge=0, lt=2**63)]
"""An id that the state file may have given out."""

NO_NUL = r"^[^\x00]+$"
"""SQLite ends a text at a NUL in some of its functions, and so would two keys be the same to them."""

FaceIdIn = Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)] | StateId

DecisionKind = Literal["confirmed", "rejected", "ignored", "apart"]

_MAX_FACES = 10_000


class _DecisionIn(BaseModel):
    """A person's decision, on whichever faces."""

    model_config = STRICT

    performer_id: Annotated[str, Field(min_length=1, max_length=1000, pattern=NO_NUL)] | None = Field(
        default=None,
        description="Who it is about, as in a match; optional for `ignored`, refused for `apart`.",
    )
    name: Annotated[str, Field(min_length=1, max_length=1000, pattern=NO_NUL)] | None = Field(
        default=None, description="The performer's name, to be stored with it."
    )
    word: DecisionKind = Field(description="`apart`: not the same person as the other faces of its group.")
    local_id: StashIdIn | None = Field(
        default=None,
        description="The performer's id in this Stash, where known: it outlasts any other.",
    )
    entry_id: StateId | None = Field(
        default=None,
        description="The journal entry of the tag it came with: undoing that entry takes the decision back.",
    )


class DecisionIn(_DecisionIn):
    """A person's decision on a face."""

    face_id: FaceIdIn


class FacesDecisionIn(_DecisionIn):
    """A person's decision on several faces."""

    face_ids: list[FaceIdIn] = Field(min_length=1, max_length=_MAX_FACES)


class FacesDecisionOut(BaseModel):
    """The decisions on several faces."""

    decision_ids: list[int] = Field(
        description="In the faces' order, each once, for POST /decisions/undo; the same decision as "
        "before keeps its id."
    )
    missing: list[str] = Field(description="The face ids under which nothing is stored.")


class UndoIn(BaseModel):
    """Decisions to take back."""

    model_config = STRICT

    decision_ids: list[StateId] = Field(min_length=1, max_length=_MAX_FACES)


class UndoOut(BaseModel):
    """Which decisions were taken back."""

    undone: int = Field(description="How many decisions were taken back.")
    missing: list[int] = Field(description="The ids under which no decision is stored (any more).")


class DecisionOut(BaseModel):
    """A decision, as it is stored."""

    decision_id: int = Field(description="For DELETE /decisions/{id}.")
    face_id: str | None = Field(description="The face; null in the answer to taking it back.")
    performer_id: str | None = Field(description="Null for `ignored` and `apart`.")
    name: str | None = Field(description="The performer's name, where known.")
    word: DecisionKind
    created_at: str = Field(description="UTC.")


class ListedDecisionOut(DecisionOut):
    """A decision, the face it is on, and whom it is about."""

    face_id: str | None = Field(description="The face; null while no stored image or scene shows it.")
    image_id: str | None = Field(description="An image that shows the face, likewise.")
    scene_id: str | None = Field(description="A scene that shows the face, likewise.")
    time_s: float | None = Field(description="Of a face of a scene: when, in seconds from its start.")
    local_id: str | None = Field(description="The performer's id in this Stash, where known.")
    stash_ids: list[StashIdOut]


class NewestQuery(BaseModel):
    """A page of what was decided or written, newest first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    performer_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        pattern=NO_NUL,
        description="Only what is about this person, under any key that they have or had.",
    )
    limit: int = Field(default=50, ge=1, le=500, description="At most this many.")
    before: int | None = Field(
        default=None, ge=0, lt=2**63, description="Only what is older than this one: `next_before`."
    )


class DecisionsQuery(NewestQuery):
    """Which decisions."""

    face_id: str | None = Field(
        default=None, min_length=1, max_length=100, pattern=NO_NUL, description="Only on this face."
    )
    word: DecisionKind | None = Field(default=None, description="Only of this kind.")


class DecisionsPageOut(BaseModel):
    """Decisions, newest first."""

    decisions: list[ListedDecisionOut]
    next_before: int | None = Field(description="For the next page's `before`; null on the last one.")


class RevisionQuery(BaseModel):
    """Of which gallery, or which scene."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gallery_id: StashIdIn | None = None
    scene_id: StashIdIn | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.gallery_id is None) == (self.scene_id is None):
            raise ValueError("give either gallery_id or scene_id")
        return self


class RevisionOut(BaseModel):
    """Changes with every decision on the gallery's pictures, or the scene, that is made or taken back."""

    revision: str = Field(description="A result with another one is older than these decisions.")


def decision_out(decision: Decision, face_id: FaceId | None) -> DecisionOut:
    """A decision. face_id: the face it was made on, where known."""
    return DecisionOut.model_validate(
        {
            "decision_id": decision.decision_id,
            "face_id": None if face_id is None else str(face_id),
            "performer_id": decision.performer_id,
            "name": decision.name,
            "word": decision.kind,
            "created_at": decision.created_at,
        }
    )


def listed_decision_out(listed: ListedDecision) -> ListedDecisionOut:
    """A decision of the list."""
    decision = listed.decision
    person = None
    if decision.performer_id is not None:
        person = person_from_facts(decision.performer_id, decision.name, decision.facts)
    return ListedDecisionOut.model_validate(
        {
            **decision_out(decision, listed.face_id).model_dump(),
            "image_id": listed.stash_image_id,
            "scene_id": listed.stash_scene_id,
            "time_s": decision.time_s,
            "local_id": bare_ids(person)[1] if person else None,
            "stash_ids": [
                {"endpoint": endpoint, "stash_id": stash_id}
                for endpoint, stash_id in (person.stash_ids if person else ())
            ],
        }
    )

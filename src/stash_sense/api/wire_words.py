"""What a person says, and what was tagged, field by field: decisions on faces and the journal."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stash_sense.domain.decisions import Decision
from stash_sense.store.journal import JournalEntry

StashIdIn = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")] | Annotated[int, Field(ge=0, lt=10**18)]
"""An id in Stash, which scripts often send as a number."""

Number = Annotated[int, Field(ge=0, lt=2**63)]
"""A number that the state may have given to something of its own."""

FaceIdIn = Annotated[str, Field(min_length=1, max_length=100)] | Number

Word = Literal["confirmed", "rejected", "ignored", "apart"]

_MOST_TARGETS = 100_000
_MOST_FACES = 10_000


class WordIn(BaseModel):
    """A person's word, whatever it is about."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    performer_id: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        default=None,
        description="Who it is about, as in a match; not needed for `ignored`, and refused for `apart`.",
    )
    name: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="The performer's name, to be remembered."
    )
    word: Word = Field(description="`apart`: not the same person as the faces it was grouped with.")
    entry_id: Number | None = Field(
        default=None, description="The journal's entry of the tag it came with: undoing that takes it back."
    )


class DecisionIn(WordIn):
    """A person's word on a face."""

    face_id: FaceIdIn


class FacesDecisionIn(WordIn):
    """A person's word on several faces."""

    face_ids: list[FaceIdIn] = Field(min_length=1, max_length=_MOST_FACES)


class FacesDecisionOut(BaseModel):
    """The decisions on several faces."""

    decision_ids: list[int] = Field(
        description="In the faces' order, each once, for POST /decisions/undo; the same word as before "
        "gives the same decision."
    )
    missing: list[str] = Field(description="The face ids under which nothing is stored.")


class UndoIn(BaseModel):
    """Decisions to take back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision_ids: list[Number] = Field(min_length=1, max_length=_MOST_FACES)


class UndoOut(BaseModel):
    """What was taken back."""

    undone: int = Field(description="How many decisions were taken back.")
    missing: list[int] = Field(description="The ids under which no decision is stored (any more).")


class DecisionOut(BaseModel):
    """A decision, as it is stored."""

    decision_id: int = Field(description="For DELETE /decisions/{id}.")
    face_id: str | None = Field(description="The face that was decided on; null where it is taken back.")
    performer_id: str | None = Field(description="Null for `ignored` and `apart`.")
    name: str | None = Field(description="The performer's, where it is known here.")
    word: Word
    created_at: str = Field(description="UTC.")


class JournalIn(BaseModel):
    """A tag that is about to be written to Stash."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target_type: Literal["image", "gallery", "scene"]
    target_ids: list[StashIdIn] = Field(min_length=1, max_length=_MOST_TARGETS)
    local_id: StashIdIn = Field(description="The performer's id in this Stash.")


class JournalEnd(BaseModel):
    """How the write ended."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: Literal["done", "failed"]
    added_ids: list[StashIdIn] | None = Field(
        default=None,
        max_length=_MOST_TARGETS,
        description="The targets that really gained the performer; only these are taken off by an undo. "
        "Needed for `done`, if only as an empty list.",
    )

    @model_validator(mode="after")
    def _done_says_what(self) -> Self:
        if self.status == "done" and self.added_ids is None:
            raise ValueError("added_ids is missing; give the ids that gained the performer, or an empty list")
        return self


class JournalOut(BaseModel):
    """One tag."""

    entry_id: int
    target_type: Literal["image", "gallery", "scene"]
    target_ids: list[str]
    local_id: str = Field(description="The performer's id in this Stash.")
    status: Literal["open", "done", "failed", "undone"] = Field(
        description="`open`: noted, and how it ended is not known yet."
    )
    added_ids: list[str] = Field(description="What gained the performer; an undo removes exactly these.")
    created_at: str = Field(description="UTC.")
    completed_at: str | None
    undone_at: str | None


class JournalAsked(BaseModel):
    """Which page of the journal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=50, ge=1, le=500, description="At most so many entries.")
    before: int | None = Field(
        default=None, ge=0, lt=2**63, description="Only entries older than this one: `next_before`."
    )


class JournalPage(BaseModel):
    """Entries, the newest first."""

    entries: list[JournalOut]
    next_before: int | None = Field(description="For the next page's `before`; null on the last one.")


def decision_out(decision: Decision, face_id: int | None) -> DecisionOut:
    """A decision, and the face it was asked for by."""
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


def journal_out(entry: JournalEntry) -> JournalOut:
    """An entry of the journal."""
    return JournalOut.model_validate(entry, from_attributes=True)

"""The journal of what was written to Stash."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from stash_sense.api.schemas.decisions import NO_NUL
from stash_sense.api.schemas.faces import STRICT, StashIdIn
from stash_sense.store.repositories.journal import JournalEntry

_MAX_TARGETS = 100_000

TargetType = Annotated[
    Literal["image", "gallery", "scene", "marker"],
    Field(description="What gains the performer; `marker`: markers on the scenes in `target_ids`."),
]
ListedType = Annotated[
    Literal["image", "gallery", "scene", "marker", "picture"],
    Field(description="As for POST /journal; `picture`: the performer's picture, which was replaced."),
]
_DataUrl = Annotated[str, Field(pattern=r"^data:image/[a-z0-9.+-]{1,30};base64,[A-Za-z0-9+/]*={0,2}$")]


JournalAction = Annotated[
    Literal["add", "remove"],
    Field(description="`remove`: the targets lose the performer. Undoing does the opposite."),
]


class JournalIn(BaseModel):
    """A tag about to be written to Stash."""

    model_config = STRICT

    target_type: TargetType
    target_ids: list[StashIdIn] = Field(min_length=1, max_length=_MAX_TARGETS)
    local_id: StashIdIn = Field(description="The performer's id in this Stash.")
    action: JournalAction = "add"
    batch_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        pattern=NO_NUL,
        description="Given by the caller to tags that are to be undone together.",
    )


class JournalEndIn(BaseModel):
    """How writing a tag ended."""

    model_config = STRICT

    status: Literal["done", "failed"]
    added_ids: list[StashIdIn] | None = Field(
        default=None,
        max_length=_MAX_TARGETS,
        description="The targets that really gained the performer, or lost them: an undo is about these "
        "alone. Of `marker` the markers that were made. Required for `done`, even if empty.",
    )

    @model_validator(mode="after")
    def _done_names_the_added_ids(self) -> Self:
        if self.status == "done" and self.added_ids is None:
            raise ValueError("added_ids is missing; give the ids that gained the performer, or an empty list")
        return self


class PictureIn(BaseModel):
    """A performer's picture about to be replaced in Stash."""

    model_config = STRICT

    local_id: StashIdIn = Field(description="The performer's id in this Stash.")
    before: _DataUrl | None = Field(description="The present picture; null where Stash has none.")
    after: _DataUrl = Field(description="The new one.")


class FormerPictureOut(BaseModel):
    """What a performer's picture was before it was replaced, and what it became."""

    before: str | None = Field(description="A `data:` URL; null where Stash had none.")
    after: str = Field(description="A `data:` URL: only while Stash has this one may `before` be put back.")


class JournalOut(BaseModel):
    """A tag in the journal."""

    entry_id: int
    target_type: ListedType
    target_ids: list[str]
    local_id: str = Field(description="The performer's id in this Stash.")
    status: Literal["open", "done", "failed", "undone"] = Field(
        description="`open`: recorded, and not known yet how it ended."
    )
    added_ids: list[str] = Field(
        description="The targets that gained or lost the performer, or the markers: an undo is about these."
    )
    created_at: str = Field(description="UTC.")
    completed_at: str | None
    undone_at: str | None
    batch_id: str | None = Field(description="The same on tags that belong together, as of one Accept All.")
    action: JournalAction


class JournalPageOut(BaseModel):
    """Entries, newest first."""

    entries: list[JournalOut]
    next_before: int | None = Field(description="For the next page's `before`; null on the last one.")


def journal_out(entry: JournalEntry) -> JournalOut:
    """An entry of the journal."""
    return JournalOut.model_validate(entry, from_attributes=True)

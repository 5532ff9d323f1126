"""Suggestions of tags, and the targets that they are about."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from stash_sense.api.schemas.decisions import NO_NUL
from stash_sense.api.schemas.faces import STRICT, FileName, StashIdOut
from stash_sense.domain.faces import confidence_at
from stash_sense.domain.identity import Person, bare_ids
from stash_sense.domain.reasons import percent
from stash_sense.recognition.suggestions import DEFAULT_CONFIDENCE, local_ids
from stash_sense.store.repositories.suggestion_list import (
    Suggestion,
    SuggestionGroup,
    SuggestionPage,
    SuggestionQuery,
)

_ROUNDED = 5e-5
"""Confidences are shown with four digits: one that was shown is a limit that includes what had it."""

SuggestionKind = Literal["seen-not-tagged", "tagged-not-seen"]
SuggestionTarget = Literal["image", "gallery", "scene"]
PersonKeyIn = Annotated[str, Field(min_length=1, max_length=1000, pattern=NO_NUL)]
CursorIn = Annotated[
    str, Field(min_length=1, max_length=200, description="`next_cursor` of the page before.")
]


class PersonOut(BaseModel):
    """A person."""

    performer_id: FileName = Field(description="The person's key, the same everywhere.")
    name: FileName
    local_id: str | None = Field(description="The performer's id in this Stash, where known.")
    stashdb_id: str | None = Field(description="The bare stashdb.org uuid, where there is one.")
    stash_ids: list[StashIdOut]


class SeenPersonOut(PersonOut):
    """A person who is seen in place of one who is tagged."""

    face_ids: list[str]


class SuggestionOut(BaseModel):
    """A tag that may be missing, or wrong."""

    suggestion_id: int = Field(description="For POST /suggestions/dismiss.")
    target_type: SuggestionTarget
    target_id: str
    title: str | None
    confidence: float = Field(
        description="1 - distance, 0 to 1. Of `tagged-not-seen` how surely somebody else is seen."
    )
    distance: float
    face_ids: list[str] = Field(
        description="The faces it rests on: rejecting the person on all of them rejects the suggestion."
    )
    times_s: list[float] = Field(description="Of a scene: when each of the faces is seen.")
    seen: list[SeenPersonOut] = Field(description="Of `tagged-not-seen`: who is seen and not tagged.")
    reason: str = Field(description="Why, in one English sentence without a full stop.")


class SuggestionGroupOut(PersonOut):
    """The suggestions about one person, best first."""

    count: int = Field(description="All of them; `performer_id` lists these.")
    suggestions: list[SuggestionOut]


class SuggestionsPageOut(BaseModel):
    """Suggestions by person, the people with the best ones first."""

    groups: list[SuggestionGroupOut]
    total: int = Field(
        description="Suggestions of all people; a few may leave once Stash is asked about them."
    )
    next_cursor: str | None = Field(description="For the next page; null on the last one.")
    pending: int = Field(
        description="Images, galleries and scenes that have changed and are still to be looked at."
    )


class SuggestionsQuery(BaseModel):
    """Which suggestions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: SuggestionKind = "seen-not-tagged"
    performer_id: PersonKeyIn | None = Field(
        default=None, description="Of this person alone, under any key that they have or had: all, in pages."
    )
    target_type: SuggestionTarget | None = None
    min_confidence: float = Field(default=DEFAULT_CONFIDENCE, ge=0, le=1)
    inherit: bool = Field(
        default=False,
        description="Leave out an image whose gallery has the tag, and a gallery of whose images one has it.",
    )
    cursor: CursorIn | None = None
    limit: int = Field(
        default=50, ge=1, le=500, description="Groups, at most 50; with `performer_id` suggestions."
    )

    def as_query(self) -> SuggestionQuery:
        """For the state."""
        limit = self.limit if self.performer_id is not None else min(self.limit, 50)
        return SuggestionQuery(
            self.kind,
            1 - self.min_confidence + _ROUNDED,
            self.performer_id,
            self.target_type,
            self.inherit,
            self.cursor,
            limit,
        )


class SuggestionsDismissIn(BaseModel):
    """Suggestions that are not to be made again."""

    model_config = STRICT

    ids: list[Annotated[int, Field(ge=1, lt=2**63)]] = Field(min_length=1, max_length=10_000)


def person_values(person: Person, local_id: str | None = None) -> dict[str, object]:
    """The fields of a PersonOut."""
    stashdb_id, own_id = bare_ids(person)
    return {
        "performer_id": person.key,
        "name": person.full_name,
        "local_id": local_id or own_id,
        "stashdb_id": stashdb_id,
        "stash_ids": [{"endpoint": endpoint, "stash_id": own} for endpoint, own in person.stash_ids],
    }


def suggestions_out(page: SuggestionPage) -> SuggestionsPageOut:
    """A page."""
    return SuggestionsPageOut.model_validate(
        {
            "groups": [_group(group) for group in page.groups],
            "total": page.total,
            "next_cursor": page.next_cursor,
            "pending": page.pending,
        }
    )


def _group(group: SuggestionGroup) -> dict[str, object]:
    local_id = next(iter(local_ids(group.keys)), None)
    person = person_values(group.person, local_id)
    listed = [_suggestion(each, group.person) for each in group.suggestions]
    return {**person, "count": group.count, "suggestions": listed}


def _suggestion(each: Suggestion, person: Person) -> dict[str, object]:
    confidence = confidence_at(each.distance)
    return {
        "suggestion_id": each.suggestion_id,
        "target_type": each.target_type,
        "target_id": each.target_id,
        "title": each.title,
        "confidence": round(confidence, 4),
        "distance": round(each.distance, 4),
        "face_ids": [str(face.face_id) for face in each.faces],
        "times_s": [face.time_s for face in each.faces if face.time_s is not None],
        "seen": [
            {**person_values(seen.person), "face_ids": [str(face.face_id) for face in seen.faces]}
            for seen in each.seen
        ],
        "reason": _reason(each, person, confidence),
    }


def _reason(each: Suggestion, person: Person, confidence: float) -> str:
    if each.seen:
        names = " and ".join(seen.person.full_name for seen in each.seen)
        return f"{person.full_name} is tagged, and only {names} is seen ({percent(confidence)})"
    name, sure = person.full_name, percent(confidence)
    if each.target_type == "gallery" and len(each.faces) > 1:
        return f"{name} is seen in {len(each.faces)} images of the gallery ({sure})"
    return f"{name} is seen and not tagged ({sure})"

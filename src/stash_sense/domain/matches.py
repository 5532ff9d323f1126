"""Stored matches: the people that a face may show, and which verdicts they allow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stash_sense.domain.validation import (
    validate_number,
    validate_optional_number,
    validate_optional_text,
    validate_string,
    validate_text,
)
from stash_sense.errors import BadInput

VERDICT_STATUSES = ("match", "ambiguous", "unknown")
BY_DECISION = "decision"
"""`support` of a match that rests on a person's decision alone."""


@dataclass(frozen=True, slots=True)
class StoredMatch:
    """A person that a face may show, as the state stores it. Raises BadInput.

    distance, facenet_distance, arcface_distance: calibrated, 0 to 2, lower is better. support: what else
    makes the match count, e.g. BY_DECISION. facts: of the person (stash_ids, local_id, stashdb_id, country,
    image_url); the facts stored last apply to all faces.
    """

    performer_id: str
    distance: float
    facenet_distance: float | None = None
    arcface_distance: float | None = None
    name: str | None = None
    reference_id: str | None = None
    support: str | None = None
    facts: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        validate_text("performer_id", self.performer_id)
        set_ = object.__setattr__
        set_(self, "distance", validate_number("distance", self.distance, 0, 2))
        for name in ("facenet_distance", "arcface_distance"):
            set_(self, name, validate_optional_number(name, getattr(self, name), 0, 2))
        for name in ("name", "reference_id", "support"):
            validate_optional_text(name, getattr(self, name) or None)


def validate_matches(verdict: str, reason: str, matches: Sequence[StoredMatch]) -> tuple[StoredMatch, ...]:
    """The matches of a face, each person once. Raises BadInput where they contradict the verdict."""
    if verdict not in VERDICT_STATUSES:
        raise BadInput(f"verdict is {verdict!r}; give one of {', '.join(VERDICT_STATUSES)}.")
    validate_string("reason", reason)
    if len({match.performer_id for match in matches}) != len(matches):
        raise BadInput("A person appears twice among a face's matches; rank people, not references.")
    if verdict == "match" and not matches:
        raise BadInput("The verdict is match without a candidate; give the person, or say unknown.")
    return tuple(matches)

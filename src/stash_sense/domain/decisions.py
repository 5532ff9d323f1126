"""Matches of a face as they are kept, a person's decisions on it, and the rule that applies them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stash_sense.domain.faces import Box, reason_person, same_face_index
from stash_sense.domain.identity import person_from_facts
from stash_sense.domain.reasons import Reason, ReasonCode
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


CONFIRMED, REJECTED, IGNORED, APART = "confirmed", "rejected", "ignored", "apart"
DECISION_KINDS = (CONFIRMED, REJECTED, IGNORED, APART)
KINDS_WITHOUT_PERFORMER = (IGNORED, APART)


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of a person on one face.

    kind: `confirmed` and `rejected` are about the performer; `ignored` means that the face is of no
    interest; `apart` means that it shows another person than the faces it was grouped with, and says nothing
    about whom. performer_id, name, facts (as in StoredMatch): None for the last two kinds. created_at: UTC.
    time_s: of a face of a scene, when it is to be seen; such a decision holds for the face's whole track.
    """

    decision_id: int
    box: Box
    kind: str
    performer_id: str | None
    name: str | None
    created_at: str
    facts: Mapping[str, Any] | None = None
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class FaceDecisions:
    """What the decisions on one face add up to. Nothing else counts for a face that is ignored.

    confirmed: performer id, with `name` and `facts` where they are known. rejected: performer ids.
    """

    confirmed: str | None = None
    name: str | None = None
    facts: Mapping[str, Any] | None = None
    rejected: frozenset[str] = frozenset()
    ignored: bool = False
    apart: bool = False


NO_DECISIONS = FaceDecisions()


@dataclass(frozen=True, slots=True)
class DecidedVerdict:
    """A face's verdict, reason and matches with the decisions applied."""

    verdict: str
    reason: Reason
    matches: tuple[StoredMatch, ...]


def combine_decisions(decisions: Iterable[Decision]) -> FaceDecisions:
    """Add up the decisions on one face, oldest first; the latest confirmation counts."""
    confirmed: Decision | None = None
    rejected, apart = set[str](), False
    for decision in decisions:
        if decision.kind == IGNORED:
            return FaceDecisions(ignored=True)
        if decision.kind == APART:
            apart = True
        elif decision.performer_id is None:
            continue
        elif decision.kind == CONFIRMED:
            confirmed = decision
            rejected.discard(decision.performer_id)
        else:
            rejected.add(decision.performer_id)
            # Two performers may have become one person since both were decided on: the later decision counts.
            if confirmed is not None and confirmed.performer_id == decision.performer_id:
                confirmed = None
    if confirmed is None:
        return FaceDecisions(rejected=frozenset(rejected), apart=apart)
    return FaceDecisions(
        confirmed.performer_id, confirmed.name, confirmed.facts, frozenset(rejected), apart=apart
    )


def apply_decisions(
    verdict: str, reason: Reason, matches: Sequence[StoredMatch], decisions: FaceDecisions
) -> DecidedVerdict:
    """Remove rejected people, put the confirmed person first, and name nobody on an ignored face.

    matches: best first. `apart` changes nothing here: it concerns which faces are grouped.
    """
    if decisions.ignored:
        return DecidedVerdict("unknown", Reason(ReasonCode.IGNORED), ())
    left = tuple(match for match in matches if match.performer_id not in decisions.rejected)
    if decisions.confirmed is not None:
        return DecidedVerdict("match", Reason(ReasonCode.CONFIRMED), _confirmed_first(left, decisions))
    if not left and matches:
        return DecidedVerdict("unknown", Reason(ReasonCode.ALL_REJECTED), ())
    if verdict != "unknown" and left[:1] != tuple(matches[:1]):
        first = matches[0]
        name = person_from_facts(first.performer_id, first.name, first.facts).full_name
        person = reason_person(first.performer_id, name, first.distance)
        return DecidedVerdict("unknown", Reason(ReasonCode.REJECTED, (person,)), left)
    return DecidedVerdict(verdict, reason, left)


def _confirmed_first(matches: tuple[StoredMatch, ...], decisions: FaceDecisions) -> tuple[StoredMatch, ...]:
    assert decisions.confirmed is not None
    own = [match for match in matches if match.performer_id == decisions.confirmed]
    others = [match for match in matches if match.performer_id != decisions.confirmed]
    # A confirmation is certain: distance 0 where matching did not offer this person.
    first = own or [
        StoredMatch(decisions.confirmed, 0.0, name=decisions.name, support=BY_DECISION, facts=decisions.facts)
    ]
    return (*first, *others)


def decisions_by_face(boxes: Sequence[Box], decisions: Iterable[Decision]) -> list[list[Decision]]:
    """For each box of one picture, the decisions that were made on that face."""
    by_face: list[list[Decision]] = [[] for _ in boxes]
    for decision in decisions:
        index = same_face_index(decision.box, boxes)
        if index is not None:
            by_face[index].append(decision)
    return by_face


def rename_decided(decisions: Iterable[Decision], keys: Mapping[str, str]) -> list[Decision]:
    """The decisions with the performers' keys in `keys` replaced."""
    return [
        replace(decision, performer_id=keys[decision.performer_id])
        if decision.performer_id is not None and decision.performer_id in keys
        else decision
        for decision in decisions
    ]


def validate_decision(kind: str, performer_id: object) -> str | None:
    """The performer that a decision of this kind is about, if any. Raises BadInput."""
    if kind not in DECISION_KINDS:
        raise BadInput(f"word is {kind!r:.80}; give one of {', '.join(DECISION_KINDS)}.")
    if kind == APART and performer_id is not None:
        raise BadInput(f"performer_id is {performer_id!r:.80}; leave it out, {APART} is about no performer.")
    return None if kind in KINDS_WITHOUT_PERFORMER else validate_text("performer_id", performer_id)


def replaces(kind: str, performer_id: str | None, earlier: Decision) -> bool:
    """Whether a new decision on the same face makes an earlier one void."""
    if kind == CONFIRMED:
        return earlier.kind in (CONFIRMED, IGNORED) or (
            (earlier.kind, earlier.performer_id) == (REJECTED, performer_id)
        )
    if kind == REJECTED:
        return (earlier.kind, earlier.performer_id) == (CONFIRMED, performer_id)
    if kind == IGNORED:
        return earlier.kind in (CONFIRMED, APART)
    return earlier.kind == IGNORED

"""A person's word against the machine's: what is shown of a face once decisions are applied."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stash_sense.store.people import Candidate
from stash_sense.store.places import Box

CONFIRMED, REJECTED, IGNORED, APART = "confirmed", "rejected", "ignored", "apart"
WORDS = (CONFIRMED, REJECTED, IGNORED, APART)
WITHOUT_PERFORMER = (IGNORED, APART)


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's word on a face. `performer_id` is None for `ignored` and `apart`.

    `apart`: not the same person as the faces it was grouped with; it says nothing about who it is.
    """

    decision_id: int
    box: Box
    word: str
    performer_id: str | None
    name: str | None
    created_at: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Verdict, reason and candidates after a person's word."""

    verdict: str
    reason: str
    candidates: tuple[Candidate, ...]


def honour(
    verdict: str, reason: str, candidates: Sequence[Candidate], decisions: Iterable[Decision]
) -> Outcome:
    """A rejected person is not offered, a confirmed one stays, an ignored face names nobody.

    `apart` changes nothing here: it concerns which faces are grouped, not whom a face looks like.
    """
    confirmed: Decision | None = None
    rejected: set[str | None] = set()
    for decision in decisions:
        if decision.word == IGNORED:
            return Outcome("unknown", "You chose to ignore this face.", ())
        if decision.word == CONFIRMED:
            confirmed = decision
        elif decision.word == REJECTED:
            rejected.add(decision.performer_id)
    left = tuple(one for one in candidates if one.performer_id not in rejected)
    if confirmed is not None and confirmed.performer_id is not None:
        return _confirmed(confirmed, confirmed.performer_id, left)
    if not left and candidates:
        return Outcome("unknown", "You rejected every candidate.", ())
    if verdict != "unknown" and left[:1] != tuple(candidates[:1]):
        return Outcome("unknown", "You rejected the person this looked like.", left)
    return Outcome(verdict, reason, left)


def _confirmed(decision: Decision, performer_id: str, candidates: tuple[Candidate, ...]) -> Outcome:
    known = next((one for one in candidates if one.performer_id == performer_id), None)
    others = tuple(one for one in candidates if one.performer_id != performer_id)
    # A person's word is certain: no distance argues with it where the machine had none to offer.
    first = known or Candidate(performer_id, distance=0.0, name=decision.name, support="decision")
    return Outcome("match", "You confirmed this person.", (first, *others))

"""Match, ambiguous or unknown, and why: the verdict on one face."""

import math
from collections.abc import Callable, Sequence

from stash_sense.domain.faces import Candidate, Verdict, reason_person
from stash_sense.domain.identity import Person
from stash_sense.domain.reasons import Reason, ReasonCode, ReasonPerson, percent
from stash_sense.matching.calibration import Scorer

NAME_ALONE = 2.8
"""Evidence, in decades, from which a face alone is named. Calibrated on faces of people who are not enrolled:
at most three of 1,000 reach it (docs/accuracy.md)."""

OFFER_ALONE = 2.2
"""Evidence from which the nearest person is offered as a question."""

LEAD_COUNTS_TO = 3.75
"""A larger lead over the second person adds no evidence."""

RIVAL_LEAD = 0.6
"""A second person less than this many decades behind is as likely: both are offered, neither is named."""

SECOND_WEIGHT = 0.75
SECOND_MIDDLE = 0.5

SECOND_MOST = 4.0
"""The network that counts less in the fusion is evidence of its own: its decades beyond its distance 0.7, at
most this many either way, count three quarters."""

CROWD = 3333
"""Up to this many people enrolled the thresholds hold as they are. Ten times as many bring ten times the
chance look-alikes, and raise the thresholds by one decade."""


def crowd_decades(people: int) -> float:
    """How far the number of people enrolled raises the thresholds, decades."""
    return math.log10(max(1.0, people / CROWD))


def bar_at(max_distance: float, people: int, scorer: Scorer) -> float:
    """Where evidence is measured from, decades: 0 at the default distance 0.6 and up to CROWD people."""
    return scorer.decades_at(max_distance) + crowd_decades(people)


def lead_of(near: Sequence[Candidate], scorer: Scorer) -> float:
    """Decades by which the first person is nearer than the second."""
    if len(near) < 2:
        return LEAD_COUNTS_TO
    return scorer.decades_at(near[0].combined) - scorer.decades_at(near[1].combined)


def evidence_for(near: Sequence[Candidate], scorer: Scorer) -> float:
    """The evidence for the first of `near`, decades: its distance, its lead over the second, and the second
    network's own distance."""
    best = near[0]
    evidence = scorer.decades_at(best.combined) + min(lead_of(near, scorer), LEAD_COUNTS_TO)
    slot = scorer.second_slot
    if slot is None:
        return evidence
    own = scorer.slot_decades_at(slot, getattr(best, slot))
    return evidence + SECOND_WEIGHT * max(-SECOND_MOST, min(SECOND_MOST, own + SECOND_MIDDLE))


def judge_face(
    near: Sequence[Candidate],
    scorer: Scorer,
    people: int,
    max_distance: float,
    person: Callable[[int], Person],
    *,
    calibrated: bool = True,
) -> Verdict:
    """The verdict on a face alone.

    near: the nearest people, best first, however far away, at least two if that many are enrolled. people:
    how many are enrolled. person: index -> the person.
    """
    if not near:
        return Verdict("unknown", Reason(ReasonCode.NOBODY_ENROLLED))
    first, bar = (candidate_in_reason(near[0], person),), bar_at(max_distance, people, scorer)
    evidence, lead = evidence_for(near, scorer) - bar, lead_of(near, scorer)
    if not near[0].combined <= max_distance:
        reason = reason_for_nobody(first[0])
    elif not calibrated:
        reason = Reason(ReasonCode.NOT_CALIBRATED)
    elif scorer.decades_at(near[0].combined) < bar:
        reason = Reason(ReasonCode.CHANCE, first, people)
    elif evidence < OFFER_ALONE:
        reason = Reason(ReasonCode.WEAK, first)
    elif evidence >= NAME_ALONE and lead >= RIVAL_LEAD:
        return Verdict("match", reason_for_match(near, max_distance, person))
    else:
        return Verdict("ambiguous", _reason_for_doubt(near, lead, max_distance, person))
    return Verdict("unknown", reason)


def _reason_for_doubt(
    near: Sequence[Candidate], lead: float, max_distance: float, person: Callable[[int], Person]
) -> Reason:
    people = tuple(candidate_in_reason(each, person) for each in near[:2])
    if len(near) > 1 and (lead < RIVAL_LEAD or near[1].combined <= max_distance):
        return Reason(ReasonCode.RIVAL, people)
    return Reason(ReasonCode.UNSURE, people[:1])


def reason_for_nobody(nearest: ReasonPerson) -> Reason:
    """Why nobody is near, given the nearest of all. A person with 0 percent is not worth a name."""
    if percent(nearest.confidence) == percent(0.0):
        return Reason(ReasonCode.NOBODY_ALIKE)
    return Reason(ReasonCode.NOBODY_NEAR, (nearest,))


def reason_for_match(
    near: Sequence[Candidate], max_distance: float, person: Callable[[int], Person]
) -> Reason:
    """Why the first of `near` is named: alone within the distance asked for, or ahead of the second."""
    people = tuple(candidate_in_reason(each, person) for each in near[:2])
    if len(near) > 1 and near[1].combined <= max_distance:
        return Reason(ReasonCode.AHEAD, people)
    return Reason(ReasonCode.NEAREST, people[:1])


def candidate_in_reason(candidate: Candidate, person: Callable[[int], Person]) -> ReasonPerson:
    """A candidate as a reason names them."""
    whom = person(candidate.person)
    return reason_person(whom.key, whom.full_name, candidate.combined)

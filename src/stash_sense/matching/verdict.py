"""The verdict on a face alone: how much evidence speaks for the nearest person."""

import math
from collections.abc import Callable, Sequence

from stash_sense.domain.faces import Candidate, Verdict
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
    name: Callable[[int], str],
    *,
    calibrated: bool = True,
) -> Verdict:
    """The verdict on a face alone.

    near: the nearest people, best first, however far away, at least two if that many are enrolled. people:
    how many are enrolled. name: index of a person -> their name.
    """
    if not near:
        return Verdict("unknown", "nobody is enrolled")
    first = f"{name(near[0].person)} at {near[0].combined:.2f}"
    bar = bar_at(max_distance, people, scorer)
    if not near[0].combined <= max_distance:
        return Verdict("unknown", f"nobody near enough: {first}, asked {max_distance:g}")
    if not calibrated:
        return Verdict("unknown", "the model pack is not calibrated: candidates only")
    if scorer.decades_at(near[0].combined) < bar:
        needed = scorer.distance_at(bar)
        return Verdict("unknown", f"{first} could be chance among {people:,} people (needs {needed:.2f})")
    return _by_evidence(near, evidence_for(near, scorer) - bar, lead_of(near, scorer), name)


def _by_evidence(
    near: Sequence[Candidate], evidence: float, lead: float, name: Callable[[int], str]
) -> Verdict:
    first = f"{name(near[0].person)} at {near[0].combined:.2f}"
    if evidence < OFFER_ALONE:
        return Verdict("unknown", f"{first}, as near as a stranger may come")
    if evidence >= NAME_ALONE and lead >= RIVAL_LEAD:
        return Verdict("match", first)
    return Verdict("ambiguous", first + _doubt(near, name))


def _doubt(near: Sequence[Candidate], name: Callable[[int], str]) -> str:
    if len(near) < 2:
        return ", which is not enough to be sure"
    return f", but {name(near[1].person)} at {near[1].combined:.2f}"

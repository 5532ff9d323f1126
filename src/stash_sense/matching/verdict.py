"""Match, ambiguous or unknown, and why: the verdict on one face, and on a whole track."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from stash_sense.domain.faces import Candidate, Verdict, VerdictStatus, reason_person
from stash_sense.domain.identity import Person
from stash_sense.domain.reasons import Reason, ReasonCode, ReasonPerson, percent
from stash_sense.matching.calibration import Scorer
from stash_sense.matching.candidates import ReferenceIndex
from stash_sense.matching.templates import Template, build_templates
from stash_sense.matching.tracks import FaceSimilarity, Moments, TrackFace

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


NAME_TRACK = 3.0
"""Evidence, in decades, from which a track of several faces is named."""

OFFER_TRACK = 0.5
"""Evidence from which the nearest person is offered as a question."""

GAP_WEIGHT = 0.65

GAP_MOST = 0.94
"""A reference of the person is one more picture of the track's series. A look-alike's is not: the gap between
the similarity of its faces to the references and to each other tells even a sibling from the person."""

Why = Literal["", "confirmed", "rival", "look-alike", "weak", "taken", "far"]
"""What decided, if it was not evidence alone. rival: a second person is as near. look-alike: the gap is too
wide. weak: too little evidence. taken: the person is another face of the same picture. far: nobody is within
the distance asked for."""


@dataclass(slots=True, eq=False)
class JudgedTrack:
    """A track while it is judged. near: decades to its person; faces further away count as this near."""

    moments: Moments
    template: Template
    images: frozenset[int]
    evidence: float = -np.inf
    status: VerdictStatus = "unknown"
    person: int | None = None
    why: Why = ""
    near: float = -np.inf

    @property
    def best(self) -> Candidate | None:
        """The nearest person."""
        return self.template.candidates[0] if self.template.candidates else None

    @property
    def leaders(self) -> list[int]:
        """The best face of each moment."""
        return [moment[0] for moment in self.moments]

    def meets(self, others: Iterable["JudgedTrack"]) -> bool:
        """Whether it shares a picture with one of the others, and so shows another person."""
        return any(not self.images.isdisjoint(other.images) for other in others)


@dataclass(slots=True, eq=False)
class TrackJudge:
    """Judges the tracks of one gallery, and remembers who is named: person -> their tracks.

    bar: decades from which evidence and nearness are measured. slack: decades from which what is left goes to
    a person named here. More people enrolled raise both.
    """

    faces: Sequence[TrackFace]
    similarity: FaceSimilarity
    database: ReferenceIndex
    scorer: Scorer
    max_distance: float
    top_k: int
    named: dict[int, list[JudgedTrack]] = field(default_factory=dict)
    bar: float = field(init=False)
    slack: float = field(init=False)

    def __post_init__(self) -> None:
        people = self.database.people
        distance = self.max_distance + self.scorer.calibration.gallery_slack
        self.bar = bar_at(self.max_distance, people, self.scorer)
        self.slack = bar_at(distance, people, self.scorer)

    def assess(self, tracks: Sequence[Moments]) -> list[JudgedTrack]:
        """The tracks with their evidence, none of them named yet."""
        templates = build_templates(tracks, self.faces, self.similarity, self.database, self.top_k)
        return [
            JudgedTrack(moments, template, self._images(moments), self._evidence(template))
            for moments, template in zip(tracks, templates, strict=True)
        ]

    def name_all(self, tracks: Sequence[JudgedTrack]) -> None:
        """Decide on every track: the confirmed ones first, then by most evidence."""
        free = []
        for track in tracks:
            confirmed = (self.faces[face].confirmed for moment in track.moments for face in moment)
            person = next((each for each in confirmed if each is not None), None)
            if person is None:
                free.append(track)
            else:
                near = self.scorer.decades_at(0.0) if person < 0 else self.decades_to(track, person)
                self.assign(track, person, near, "confirmed")
        for track in sorted(free, key=lambda track: -track.evidence):
            self.decide(track)

    def decide(self, track: JudgedTrack) -> None:
        """Name, offer or leave unknown one track, given those that are named already."""
        best = track.best
        if best is None:
            return
        name, offer = (NAME_ALONE, OFFER_ALONE) if track.template.gap is None else (NAME_TRACK, OFFER_TRACK)
        near = self.scorer.decades_at(best.combined)
        if near < self.bar or track.evidence < offer:
            track.why = "far" if best.combined > self.max_distance else "weak"
            return
        track.status = "ambiguous"
        if lead_of(track.template.candidates, self.scorer) < RIVAL_LEAD:
            track.why = "rival"
        elif track.evidence < name:
            track.why = "look-alike" if track.evidence + self._lost_by_gap(track) >= name else "weak"
        elif track.meets(self.named.get(best.person, ())):
            track.why = "taken"
        else:
            self.assign(track, best.person, near)

    def assign(self, track: JudgedTrack, person: int, near: float, why: Why = "") -> None:
        """Name a track. near: decades to the person."""
        track.person, track.status, track.why, track.near = person, "match", why, near
        self.named.setdefault(person, []).append(track)

    def decades_to(self, track: JudgedTrack, person: int) -> float:
        """Decades between a track's template and an enrolled person."""
        return self.scorer.decades_at(track.template.candidate(person, self.database, self.scorer).combined)

    def _images(self, moments: Moments) -> frozenset[int]:
        return frozenset(self.faces[face].image for moment in moments for face in moment)

    def _evidence(self, template: Template) -> float:
        if not template.candidates:
            return -np.inf
        evidence = evidence_for(template.candidates, self.scorer) - self.bar
        return evidence if template.gap is None else evidence + GAP_WEIGHT * min(template.gap, GAP_MOST)

    def _lost_by_gap(self, track: JudgedTrack) -> float:
        return 0.0 if track.template.gap is None else -GAP_WEIGHT * min(track.template.gap, 0.0)

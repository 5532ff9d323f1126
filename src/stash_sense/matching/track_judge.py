"""Match, ambiguous or unknown, and why: the verdict on a whole track."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from stash_sense.domain.faces import Candidate, VerdictStatus
from stash_sense.matching.calibration import Scorer
from stash_sense.matching.candidates import ReferenceIndex
from stash_sense.matching.templates import Template, build_templates
from stash_sense.matching.tracks import FaceSimilarity, Moments, TrackFace
from stash_sense.matching.verdict import (
    NAME_ALONE,
    OFFER_ALONE,
    RIVAL_LEAD,
    bar_at,
    evidence_for,
    lead_of,
)

NAME_TRACK = 3.0
"""Evidence, in decades, from which a track of several faces is named."""

OFFER_TRACK = 0.5
"""Evidence from which the nearest person is offered as a question."""

GAP_WEIGHT = 0.65

GAP_MOST = 0.94
"""A reference of the person is one more picture of the track's series. A look-alike's is not: the gap between
the similarity of its faces to the references and to each other tells even a sibling from the person."""

TAGGED = 2.0
"""Decades by which a person who is tagged already may be further away. A scene has few tags and a face
database thousands of people, so a stranger is nearest to a tagged person a thousand times less often."""

Why = Literal["", "confirmed", "tagged", "rival", "look-alike", "weak", "taken", "far"]
"""What decided, if it was not evidence alone. tagged: without the tag it would not have been enough. rival: a
second person is as near. look-alike: the gap is too wide. weak: too little evidence. taken: the person is
another face of the same picture. far: nobody is within the distance asked for."""


@dataclass(slots=True, eq=False)
class JudgedTrack:
    """A track while it is judged.

    candidates: of its template, those tagged as much nearer as the tag counts. near: decades to its person;
    faces further away count as this near.
    """

    moments: Moments
    template: Template
    images: frozenset[int]
    candidates: tuple[Candidate, ...]
    evidence: float = -np.inf
    status: VerdictStatus = "unknown"
    person: int | None = None
    why: Why = ""
    near: float = -np.inf

    @property
    def best(self) -> Candidate | None:
        """The nearest person."""
        return self.candidates[0] if self.candidates else None

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
    a person named here. More people enrolled raise both. tagged: people who are likelier than all others.
    """

    faces: Sequence[TrackFace]
    similarity: FaceSimilarity
    database: ReferenceIndex
    scorer: Scorer
    max_distance: float
    top_k: int
    tagged: frozenset[int] = frozenset()
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
        judged = []
        for moments, template in zip(tracks, templates, strict=True):
            candidates = self._favour_tagged(template)
            evidence = self._evidence(candidates, template.gap)
            judged.append(JudgedTrack(moments, template, self._images(moments), candidates, evidence))
        return judged

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
        if lead_of(track.candidates, self.scorer) < RIVAL_LEAD:
            track.why = "rival"
        elif track.evidence < name:
            track.why = "look-alike" if track.evidence + self._lost_by_gap(track) >= name else "weak"
        elif track.meets(self.named.get(best.person, ())):
            track.why = "taken"
        else:
            self.assign(track, best.person, near, self._named_by(track, name))

    def assign(self, track: JudgedTrack, person: int, near: float, why: Why = "") -> None:
        """Name a track. near: decades to the person."""
        track.person, track.status, track.why, track.near = person, "match", why, near
        self.named.setdefault(person, []).append(track)

    def decades_to(self, track: JudgedTrack, person: int) -> float:
        """Decades between a track's template and an enrolled person."""
        return self.scorer.decades_at(track.template.candidate(person, self.database, self.scorer).combined)

    def _images(self, moments: Moments) -> frozenset[int]:
        return frozenset(self.faces[face].image for moment in moments for face in moment)

    def _evidence(self, candidates: Sequence[Candidate], gap: float | None) -> float:
        if not candidates:
            return -np.inf
        evidence = evidence_for(candidates, self.scorer) - self.bar
        return evidence if gap is None else evidence + GAP_WEIGHT * min(gap, GAP_MOST)

    def _favour_tagged(self, template: Template) -> tuple[Candidate, ...]:
        """The candidates with the tagged people among them, these nearer than they are, best first."""
        if not self.tagged:
            return template.candidates
        favoured = [
            replace(candidate, combined=self.scorer.distance_at(decades + TAGGED))
            for person in sorted(self.tagged - template.rejected)
            for candidate in (template.candidate(person, self.database, self.scorer),)
            for decades in (self.scorer.decades_at(candidate.combined),)
        ]
        others = [each for each in template.candidates if each.person not in self.tagged]
        return tuple(sorted([*favoured, *others], key=lambda each: (each.combined, each.person)))

    def _named_by(self, track: JudgedTrack, name: float) -> Why:
        """Whether a track that is to be named needs its person's tag for that."""
        best, own = track.candidates[0], track.template.candidates
        alone = (
            own[0].person == best.person
            and self._evidence(own, track.template.gap) >= name
            and lead_of(own, self.scorer) >= RIVAL_LEAD
            and self.scorer.decades_at(own[0].combined) >= self.bar
        )
        return "" if alone else "tagged"

    def _lost_by_gap(self, track: JudgedTrack) -> float:
        return 0.0 if track.template.gap is None else -GAP_WEIGHT * min(track.template.gap, 0.0)

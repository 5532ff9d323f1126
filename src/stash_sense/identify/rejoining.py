"""What becomes of faces that no track by itself bears out, once some people of the gallery are named."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stash_sense.identify.judging import NAME_TRACK, JudgedTrack, Judging
from stash_sense.identify.templates import Template, mean_of, units_of
from stash_sense.identify.tracks import JOIN_DISTANCE
from stash_sense.identify.verdict import RIVAL_LEAD, lead_of

SECOND_LOOK = 1.0
"""A face this many decades nearer to another person named in the gallery leaves its track."""
FRAGMENT_NEAR = -0.8
FRAGMENT_LIKE = -4.0
"""Tracks of one person whom none of them bears out alone are judged together: each this near to the person,
and in the mean this like one another. Years lie between such pictures."""
BRIDGE = 1.0
"""One pair of faces this like one another joins a track to a named person who is further away in the mean."""
APART_MOST = 2.25
"""A track that is taken along may be this much less like the named person than its own faces are like one
another."""
NEARER = 0.2
"""Nobody else may be nearer by more than this to what is taken along."""

Decades = NDArray[np.floating[Any]]


def second_look(judging: Judging, tracks: Sequence[JudgedTrack]) -> list[JudgedTrack]:
    """Faces that lie nearer to another person named here leave their track, and are judged alone."""
    people = [person for person in judging.named if person >= 0]
    if len(people) < 2:
        return list(tracks)
    references = _References(judging, people)
    result = []
    for track in tracks:
        if track.person is None or track.person < 0 or track.why == "confirmed" or len(track.moments) < 2:
            result.append(track)
        else:
            result += _parted(judging, track, references)
    return result


def join_fragments(judging: Judging, free: Sequence[JudgedTrack]) -> None:
    """Name tracks together that are nearest to one person, whom none of them bears out alone."""
    by_person: dict[int, list[JudgedTrack]] = {}
    for track in free:
        best = track.best
        if best is None or track.why == "rival" or track.template.apart:
            continue
        # Who is named by evidence takes along what is left; a confirmation says nothing of the other tracks.
        there = judging.named.get(best.person, [])
        if track.meets(there) or any(other.why != "confirmed" for other in there):
            continue
        if judging.scorer.decades_at(best.combined) >= judging.bar + FRAGMENT_NEAR:
            by_person.setdefault(best.person, []).append(track)
    for person, parts in by_person.items():
        series = _one_series(judging, sorted(parts, key=lambda track: -track.evidence))
        if len(series) < 2:
            continue
        (whole,) = judging.judged([[moment for track in series for moment in track.moments]])
        near = judging.near(whole, person)
        sure = lead_of(whole.template.candidates, judging.scorer) >= RIVAL_LEAD and near >= judging.bar
        if whole.best and whole.best.person == person and sure and whole.evidence >= NAME_TRACK:
            for track in series:
                judging.take(track, person, near)


def take_along(judging: Judging, left: Sequence[JudgedTrack]) -> None:
    """Give what is left to a named person whom it is like, the nearest first."""
    # A face that a person parted from others draws none of them after it.
    anchors = {
        person: own
        for person, tracks in judging.named.items()
        if (own := [track for track in tracks if not track.template.apart])
    }
    if not anchors:
        return
    near = _NearNamed(judging, anchors)
    offers = [
        (decades, track, person)
        for track in left
        if not track.template.apart
        for person, decades in near.of(track)
        if decades >= judging.slack
    ]
    for decades, track, person in sorted(offers, key=lambda offer: -offer[0]):
        nearest = judging.scorer.decades_at(track.best.combined) if track.best else -np.inf
        free = track.person is None and not track.meets(judging.named[person])
        if free and decades >= nearest - NEARER:
            judging.take(track, person, decades)


def _parted(judging: Judging, track: JudgedTrack, references: "_References") -> list[JudgedTrack]:
    """The track without the faces that leave it, and those, each a track of its own."""
    assert track.person is not None
    near = references.decades(track.leaders)
    own = near[:, references.people.index(track.person)].copy()
    near[:, [person in track.template.rejected for person in references.people]] = -np.inf
    best = near.max(axis=1)
    leaving = (best - own >= SECOND_LOOK) & (best >= judging.slack)
    if not leaving.any() or leaving.all():
        return [track]
    staying = [moment for moment, leaves in zip(track.moments, leaving, strict=True) if not leaves]
    alone = [[moment] for moment, leaves in zip(track.moments, leaving, strict=True) if leaves]
    kept, *gone = judging.judged([staying, *alone])
    judging.named[track.person].remove(track)
    judging.take(kept, track.person, track.near, track.why)
    for other in gone:
        judging.judge_one(other)
    return [kept, *gone]


def _one_series(judging: Judging, parts: Sequence[JudgedTrack]) -> list[JudgedTrack]:
    """The first, and those behind it that are on no common picture and not too unlike it."""
    series: list[JudgedTrack] = []
    for track in parts:
        others = [face for other in series for face in other.leaders]
        like = not series or judging.likeness.between(track.leaders, others).mean() >= FRAGMENT_LIKE
        if like and not track.meets(series):
            series.append(track)
    return series


class _References:
    """The references of some enrolled people, one after another."""

    def __init__(self, judging: Judging, people: Sequence[int]) -> None:
        self._judging = judging
        self.people = list(people)
        blocks = [
            units_of(judging.database.vectors(judging.database.rows(person)), judging.scorer)
            for person in self.people
        ]
        self._units = np.concatenate(blocks)
        self._starts = np.cumsum([0, *(len(block) for block in blocks)])[:-1]
        vectors = (judging.database.vectors(judging.database.rows(person)) for person in self.people)
        self._means = np.stack([mean_of(own, judging.scorer) for own in vectors])

    def decades_of(self, template: Template) -> Decades:
        """(people,): a template to the person's nearest reference or the mean of them."""
        scorer = self._judging.scorer
        query = scorer.queries({slot: template.vectors[slot][None] for slot in scorer.slots})[0]
        nearest = np.maximum.reduceat(self._units @ query, self._starts)
        return scorer.decades(np.maximum(nearest, self._means @ query))

    def decades(self, faces: Sequence[int]) -> Decades:
        """(faces, people): each face to the person's nearest reference."""
        scores = self._judging.likeness.queries[list(faces)] @ self._units.T
        return self._judging.scorer.decades(np.maximum.reduceat(scores, self._starts, axis=1))


class _NearNamed:
    """How near a track is to each of the people named, by their references and by their faces here."""

    def __init__(self, judging: Judging, anchors: dict[int, list[JudgedTrack]]) -> None:
        self._judging = judging
        self._people = list(anchors)
        leaders = [[face for track in own for face in track.leaders] for own in anchors.values()]
        self._faces = [face for own in leaders for face in own]
        self._starts = np.cumsum([0, *(len(own) for own in leaders)])[:-1]
        self._sizes = np.array([len(own) for own in leaders])
        self._enrolled = [at for at, person in enumerate(self._people) if person >= 0]
        enrolled = [self._people[at] for at in self._enrolled]
        self._references = _References(judging, enrolled) if enrolled else None

    def of(self, track: JudgedTrack) -> list[tuple[int, float]]:
        """Decades to each person, but for those whom it is too unlike and those who were rejected."""
        likeness, scorer = self._judging.likeness, self._judging.scorer
        cross = likeness.between(track.leaders, self._faces)
        mean = np.add.reduceat(cross.mean(axis=0), self._starts) / self._sizes
        most = np.maximum.reduceat(cross.max(axis=0), self._starts)
        bridged = (most >= BRIDGE) & (mean >= scorer.decades_at(JOIN_DISTANCE))
        like, near = mean.copy(), np.where(bridged, most, mean)
        if self._references:
            by_reference = self._references.decades(track.leaders).mean(axis=0)
            like[self._enrolled] = np.maximum(like[self._enrolled], by_reference)
            template = self._references.decades_of(track.template)
            near[self._enrolled] = np.maximum(near[self._enrolled], template)
        cohesion = track.template.cohesion
        close = bridged | (like >= -np.inf if cohesion is None else like >= cohesion - APART_MOST)
        return [
            (person, float(near[at]))
            for at, person in enumerate(self._people)
            if close[at] and person not in track.template.rejected
        ]

"""Naming the tracks of a gallery: each as a whole, then fragments, a second look, and what is left."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import Candidate, VerdictStatus
from stash_sense.matching.calibration import Scorer
from stash_sense.matching.candidates import ReferenceIndex
from stash_sense.matching.judging import NAME_TRACK, JudgedTrack, TrackJudge, Why
from stash_sense.matching.templates import Template, concatenate_slots, mean_reference
from stash_sense.matching.tracks import JOIN_DISTANCE, FaceSimilarity, TrackFace, group_faces
from stash_sense.matching.verdict import RIVAL_LEAD, lead_of

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


def second_look(judging: TrackJudge, tracks: Sequence[JudgedTrack]) -> list[JudgedTrack]:
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


def join_fragments(judging: TrackJudge, free: Sequence[JudgedTrack]) -> None:
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


def take_along(judging: TrackJudge, left: Sequence[JudgedTrack]) -> None:
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


def _parted(judging: TrackJudge, track: JudgedTrack, references: "_References") -> list[JudgedTrack]:
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


def _one_series(judging: TrackJudge, parts: Sequence[JudgedTrack]) -> list[JudgedTrack]:
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

    def __init__(self, judging: TrackJudge, people: Sequence[int]) -> None:
        self._judging = judging
        self.people = list(people)
        blocks = [
            concatenate_slots(judging.database.vectors(judging.database.rows(person)), judging.scorer)
            for person in self.people
        ]
        self._units = np.concatenate(blocks)
        self._starts = np.cumsum([0, *(len(block) for block in blocks)])[:-1]
        vectors = (judging.database.vectors(judging.database.rows(person)) for person in self.people)
        self._means = np.stack([mean_reference(own, judging.scorer) for own in vectors])

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

    def __init__(self, judging: TrackJudge, anchors: dict[int, list[JudgedTrack]]) -> None:
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


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """All faces of one person in a gallery.

    faces: positions, ascending. person: who it is, for a match. candidates: the people it may be, best first,
    however far; a match's own person first. distances: 0 to 2, of each face to the person of a match. alone:
    how many of the faces are as near as was asked for, each by itself.
    """

    faces: tuple[int, ...]
    status: VerdictStatus
    person: int | None = None
    candidates: tuple[Candidate, ...] = ()
    why: Why = ""
    distances: tuple[float, ...] = ()
    alone: int = 0


def name_tracks(
    faces: Sequence[TrackFace],
    database: ReferenceIndex,
    scorer: Scorer,
    max_distance: float,
    top_k: int = 5,
) -> list[Track]:
    """The tracks of a gallery's faces, each judged as a whole; the one with the earliest face first.

    A person confirmed on a face names its track; one rejected on a face is no candidate for the whole track.
    Confirmed people who are not enrolled have a negative index.
    """
    if not faces:
        return []
    likeness = FaceSimilarity(faces, scorer)
    judging = TrackJudge(faces, likeness, database, scorer, max_distance, top_k)
    tracks = judging.judged(group_faces(faces, likeness))
    judging.judge(tracks)
    tracks = second_look(judging, tracks)
    join_fragments(judging, [track for track in tracks if track.person is None])
    take_along(judging, [track for track in tracks if track.person is None])
    return sorted((_track(track, judging) for track in tracks), key=lambda track: track.faces)


def _track(one: JudgedTrack, judging: TrackJudge) -> Track:
    faces = sorted(face for moment in one.moments for face in moment)
    track = Track(tuple(faces), one.status, one.person, one.template.candidates, one.why)
    if one.person is None:
        return track
    if one.person < 0:
        return replace(track, distances=(0.0,) * len(faces))
    scorer, database = judging.scorer, judging.database
    units = concatenate_slots(database.vectors(database.rows(one.person)), scorer)
    own = scorer.decades(judging.likeness.queries[faces] @ units.T).max(axis=1)
    asked = scorer.decades_at(judging.max_distance)
    # A face that is further than was asked for counts as its track does.
    decades = [float(each) if each >= asked else max(float(each), one.near) for each in own]
    meant = one.template.candidate(one.person, database, scorer)
    others = (each for each in one.template.candidates if each.person != one.person)
    return replace(
        track,
        candidates=(meant, *others),
        distances=tuple(scorer.distance_at(each) for each in decades),
        alone=int((own >= asked).sum()),
    )

"""Naming the tracks of a gallery: each as a whole, then a second look, fragments, and what is left."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import Candidate, VerdictStatus
from stash_sense.matching.calibration import Scorer
from stash_sense.matching.candidates import Embeddings, ReferenceIndex, mean_references
from stash_sense.matching.moments import merge_moments
from stash_sense.matching.templates import Template, concatenate_slots
from stash_sense.matching.track_judge import NAME_TRACK, JudgedTrack, TrackJudge, Why
from stash_sense.matching.tracks import JOIN_DISTANCE, FaceSimilarity, TrackFace, group_faces
from stash_sense.matching.verdict import RIVAL_LEAD, lead_of

SECOND_LOOK = 1.0
"""A face this many decades nearer to another person named in the gallery leaves its track."""

FRAGMENT_NEAR = -0.8

FRAGMENT_LIKE = -4.0
"""Fragments are tracks of one person, often years apart, none of which supports the name alone. They are
judged together if each is this near to the person and they are on average this similar to each other."""

BRIDGE = 1.0
"""One pair of faces this similar joins a track to a named person who is further away on average."""

APART_MOST = 2.25
"""A track that goes to a named person may be this much less similar to them than its faces to each other."""

NEARER = 0.2
"""Nobody else may be nearer by more than this to a track that goes to a named person."""

Decades = NDArray[np.floating[Any]]


def second_look(judge: TrackJudge, tracks: Sequence[JudgedTrack]) -> list[JudgedTrack]:
    """Let faces that are nearer to another person named here leave their track, and judge them alone."""
    people = [person for person in judge.named if person >= 0]
    if len(people) < 2:
        return list(tracks)
    references = _References(judge, people)
    result = []
    for track in tracks:
        if track.person is None or track.person < 0 or track.why == "confirmed" or len(track.moments) < 2:
            result.append(track)
        else:
            result += _split(judge, track, references)
    return result


def join_fragments(judge: TrackJudge, free: Sequence[JudgedTrack]) -> None:
    """Name tracks together that are nearest to one person, if none of them supports the name alone."""
    by_person: dict[int, list[JudgedTrack]] = {}
    for track in free:
        best = track.best
        if best is None or track.why == "rival" or track.template.apart:
            continue
        # A person named by evidence attracts what is left; a confirmation says nothing about other tracks.
        there = judge.named.get(best.person, [])
        if track.meets(there) or any(other.why != "confirmed" for other in there):
            continue
        if judge.scorer.decades_at(best.combined) >= judge.bar + FRAGMENT_NEAR:
            by_person.setdefault(best.person, []).append(track)
    for person, parts in by_person.items():
        series = _one_series(judge, sorted(parts, key=lambda track: -track.evidence))
        if len(series) < 2:
            continue
        (whole,) = judge.assess([[moment for track in series for moment in track.moments]])
        near = judge.decades_to(whole, person)
        sure = lead_of(whole.candidates, judge.scorer) >= RIVAL_LEAD and near >= judge.bar
        if whole.best and whole.best.person == person and sure and whole.evidence >= NAME_TRACK:
            for track in series:
                judge.assign(track, person, near)


def attach_remaining(judge: TrackJudge, left: Sequence[JudgedTrack]) -> None:
    """Give what is left to a similar person who is named here, the nearest first."""
    # A face set apart by a decision attracts no others.
    anchors = {
        person: own
        for person, tracks in judge.named.items()
        if (own := [track for track in tracks if not track.template.apart])
    }
    if not anchors:
        return
    near = _NearNamed(judge, anchors)
    offers = [
        (decades, track, person)
        for track in left
        if not track.template.apart
        for person, decades in near.of(track)
        if decades >= judge.slack
    ]
    for decades, track, person in sorted(offers, key=lambda offer: -offer[0]):
        nearest = judge.scorer.decades_at(track.best.combined) if track.best else -np.inf
        free = track.person is None and not track.meets(judge.named[person])
        if free and decades >= nearest - NEARER:
            judge.assign(track, person, decades)


def _split(judge: TrackJudge, track: JudgedTrack, references: "_References") -> list[JudgedTrack]:
    """The track without the faces that leave it, and each of those as a track of its own."""
    assert track.person is not None
    near = references.decades(track.leaders)
    own = near[:, references.people.index(track.person)].copy()
    near[:, [person in track.template.rejected for person in references.people]] = -np.inf
    best = near.max(axis=1)
    leaving = (best - own >= SECOND_LOOK) & (best >= judge.slack)
    if not leaving.any() or leaving.all():
        return [track]
    staying = [moment for moment, leaves in zip(track.moments, leaving, strict=True) if not leaves]
    alone = [[moment] for moment, leaves in zip(track.moments, leaving, strict=True) if leaves]
    kept, *gone = judge.assess([staying, *alone])
    judge.named[track.person].remove(track)
    judge.assign(kept, track.person, track.near, track.why)
    for other in gone:
        judge.decide(other)
    return [kept, *gone]


def _one_series(judge: TrackJudge, parts: Sequence[JudgedTrack]) -> list[JudgedTrack]:
    """The first track, and the others that share no picture with the series and are similar enough to it."""
    series: list[JudgedTrack] = []
    for track in parts:
        others = [face for other in series for face in other.leaders]
        like = not series or judge.similarity.between(track.leaders, others).mean() >= FRAGMENT_LIKE
        if like and not track.meets(series):
            series.append(track)
    return series


class _References:
    """The references of some enrolled people, stacked."""

    def __init__(self, judge: TrackJudge, people: Sequence[int]) -> None:
        self._judge = judge
        self.people = list(people)
        rows = [judge.database.rows(person) for person in self.people]
        self._starts = np.cumsum([0, *map(len, rows)])[:-1]
        vectors = judge.database.vectors(np.concatenate([np.asarray(own) for own in rows]))
        self._units = concatenate_slots(vectors, judge.scorer)
        self._means = mean_references(vectors, self._starts, judge.scorer)

    def decades_of(self, template: Template) -> Decades:
        """From a template to each person's nearest reference or the mean of their references; (people,)."""
        scorer = self._judge.scorer
        query = scorer.queries({slot: template.vectors[slot][None] for slot in scorer.slots})[0]
        nearest = np.maximum.reduceat(self._units @ query, self._starts)
        return scorer.decades(np.maximum(nearest, self._means @ query))

    def decades(self, faces: Sequence[int]) -> Decades:
        """From each face to each person's nearest reference; (faces, people)."""
        scores = self._judge.similarity.queries[list(faces)] @ self._units.T
        return self._judge.scorer.decades(np.maximum.reduceat(scores, self._starts, axis=1))


class _NearNamed:
    """How near a track is to each person named here, by their references and by their faces here."""

    def __init__(self, judge: TrackJudge, anchors: dict[int, list[JudgedTrack]]) -> None:
        self._judge = judge
        self._people = list(anchors)
        leaders = [[face for track in own for face in track.leaders] for own in anchors.values()]
        self._faces = [face for own in leaders for face in own]
        self._starts = np.cumsum([0, *(len(own) for own in leaders)])[:-1]
        self._sizes = np.array([len(own) for own in leaders])
        self._enrolled = [at for at, person in enumerate(self._people) if person >= 0]
        enrolled = [self._people[at] for at in self._enrolled]
        self._references = _References(judge, enrolled) if enrolled else None

    def of(self, track: JudgedTrack) -> list[tuple[int, float]]:
        """Decades to each person, without those who are too different and those who were rejected."""
        similarity, scorer = self._judge.similarity, self._judge.scorer
        cross = similarity.between(track.leaders, self._faces)
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

    faces: positions, ascending. person: whom it shows, for a match. candidates: the people it may show, best
    first, however far; for a match that person first. why: see Why. distances: 0 to 2, of each face to the
    person of a match. alone: how many of the faces are within the distance asked for, each by itself.
    template: slot -> (d,) unit vector.
    """

    faces: tuple[int, ...]
    status: VerdictStatus
    person: int | None = None
    candidates: tuple[Candidate, ...] = ()
    why: Why = ""
    distances: tuple[float, ...] = ()
    alone: int = 0
    template: Embeddings = field(default_factory=dict, repr=False)


def name_tracks(
    faces: Sequence[TrackFace],
    database: ReferenceIndex,
    scorer: Scorer,
    max_distance: float,
    top_k: int = 5,
    tagged: frozenset[int] = frozenset(),
) -> list[Track]:
    """The tracks of the faces of a gallery or a scene, each judged as a whole, in the order of their first
    faces.

    A person confirmed on a face names its track. A person rejected on a face is no candidate for its track.
    Confirmed people who are not enrolled have a negative index. tagged: people who are likelier than others.
    """
    if not faces:
        return []
    similarity = FaceSimilarity(faces, scorer)
    judge = TrackJudge(faces, similarity, database, scorer, max_distance, top_k, tagged)
    groups = group_faces(faces, similarity)
    tracks = judge.assess([merge_moments(moments, faces) for moments in groups])
    judge.name_all(tracks)
    tracks = second_look(judge, tracks)
    join_fragments(judge, [track for track in tracks if track.person is None])
    attach_remaining(judge, [track for track in tracks if track.person is None])
    return sorted((_track(track, judge) for track in tracks), key=lambda track: track.faces)


def _track(judged: JudgedTrack, judge: TrackJudge) -> Track:
    faces = sorted(face for moment in judged.moments for face in moment)
    track = Track(
        tuple(faces),
        judged.status,
        judged.person,
        judged.template.candidates,
        judged.why,
        template=judged.template.vectors,
    )
    if judged.person is None:
        return track
    if judged.person < 0:
        return replace(track, distances=(0.0,) * len(faces))
    scorer, database = judge.scorer, judge.database
    units = concatenate_slots(database.vectors(database.rows(judged.person)), scorer)
    own = scorer.decades(judge.similarity.queries[faces] @ units.T).max(axis=1)
    threshold = scorer.decades_at(judge.max_distance)
    # A face further away than asked for counts as its track does.
    decades = [float(each) if each >= threshold else max(float(each), judged.near) for each in own]
    meant = judged.template.candidate(judged.person, database, scorer)
    others = (each for each in judged.template.candidates if each.person != judged.person)
    return replace(
        track,
        candidates=(meant, *others),
        distances=tuple(scorer.distance_at(each) for each in decades),
        alone=int((own >= threshold).sum()),
    )

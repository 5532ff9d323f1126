"""Who is in a scene and when: the faces of its frames, track by track, by the same solver as a gallery's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stash_sense.domain.decisions import NO_DECISIONS, FaceDecisions
from stash_sense.domain.faces import Candidate, EmbeddedFace, Match, VerdictStatus
from stash_sense.domain.reasons import Reason, ReasonCode
from stash_sense.matching.calibration import Scorer
from stash_sense.matching.candidates import Embeddings, ReferenceIndex
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.matching.moments import MOMENT_S
from stash_sense.matching.naming import Track, name_tracks
from stash_sense.matching.scene_spans import spans_of
from stash_sense.matching.shots import follow_faces
from stash_sense.matching.track_verdicts import KnownPeople, reason_without_name
from stash_sense.matching.tracks import TrackFace
from stash_sense.matching.verdict import reason_for_match

SceneFace = tuple[int, int]
"""A face of a scene: the position of its frame among those looked at, and its own among the frame's faces."""

BEST_FACES = 8

BY_SCENE = "scene"
"""The `support` of a match that a track of a scene gives."""


@dataclass(frozen=True, slots=True, eq=False)
class SceneTrack:
    """All faces of one person in a scene; tracks that get one person's name are one.

    faces: in the order of time. match: whom the track shows, for a match. matches: whom it may show, best
    first. spans: (from, to) in seconds while the person is on screen. proportion: of the frames looked at, 0
    to 1. moments: at how many times, a second apart, the faces were seen. best: the face that shows the
    person best; best_faces: up to eight, best first, each of another moment. template: slot -> (d,) unit
    vector. index: of the person in the face database; None without a name, negative for a person who was
    confirmed and is not enrolled.
    """

    faces: tuple[SceneFace, ...]
    status: VerdictStatus
    reason: Reason
    match: Match | None
    matches: tuple[Match, ...]
    spans: tuple[tuple[float, float], ...]
    proportion: float
    moments: int
    best: SceneFace
    best_faces: tuple[SceneFace, ...]
    template: Embeddings
    index: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SceneEvidence:
    """The people of a scene, and the tracks without a name; those on most frames first."""

    persons: tuple[SceneTrack, ...]
    unknown: tuple[SceneTrack, ...]


def find_scene_people(
    frames: Sequence[tuple[float, Sequence[EmbeddedFace]]],
    duration_s: float | None,
    database: ReferenceIndex,
    scorer: Scorer,
    options: MatchOptions,
    *,
    decisions: Mapping[SceneFace, FaceDecisions] | None = None,
    tagged: frozenset[int] = frozenset(),
    calibrated: bool = True,
) -> SceneEvidence:
    """Who is in a scene, and when.

    frames: those looked at, in the order of time, each with its time in seconds and its faces. decisions: by
    face; an ignored face is in no track. tagged: indices of the people who are tagged on the scene already.
    Without a calibrated pack nobody is named except by a decision.
    """
    scene = _Scene(frames, duration_s, database, scorer, options, decisions or {}, calibrated)
    by_person: dict[int, list[Track]] = {}
    unknown = []
    for track in scene.tracks(tagged):
        if track.person is None or not (calibrated or track.why == "confirmed"):
            unknown.append(scene.unnamed(track))
        else:
            by_person.setdefault(track.person, []).append(track)
    persons = [scene.person(index, tracks) for index, tracks in by_person.items()]
    return SceneEvidence(tuple(_longest_first(persons)), tuple(_longest_first(unknown)))


def _are_finite(faces: Sequence[EmbeddedFace]) -> list[bool]:
    """Whether each face's embeddings are numbers."""
    if not faces:
        return []
    blocks = [np.stack([face.embeddings[slot] for face in faces]) for slot in faces[0].embeddings]
    finite: list[bool] = np.all([np.isfinite(block).all(axis=1) for block in blocks], axis=0).tolist()
    return finite


def _longest_first(tracks: Sequence[SceneTrack]) -> list[SceneTrack]:
    return sorted(tracks, key=lambda track: (-track.proportion, track.faces))


class _Scene:
    """A scene's faces while it is judged. `faces` are those that count; `places` says where each is."""

    def __init__(
        self,
        frames: Sequence[tuple[float, Sequence[EmbeddedFace]]],
        duration_s: float | None,
        database: ReferenceIndex,
        scorer: Scorer,
        options: MatchOptions,
        decisions: Mapping[SceneFace, FaceDecisions],
        calibrated: bool,
    ) -> None:
        self._frames = frames
        self._times = [time_s for time_s, _ in frames]
        self._duration_s = duration_s
        self._database = database
        self._scorer = scorer
        self._options = options
        self._calibrated = calibrated
        self._known = KnownPeople(database, dict(enumerate(decisions.values())))
        self.places: list[SceneFace] = []
        self.faces: list[TrackFace] = []
        shots = follow_faces(frames, scorer)
        whole = iter(_are_finite([face for _, own in frames for face in own]))
        for frame, (time_s, own) in enumerate(frames):
            for position, face in enumerate(own):
                decided = decisions.get((frame, position), NO_DECISIONS)
                # A NaN in a vector is like nothing, and would make its whole track like nothing.
                if not next(whole) or decided.ignored:
                    continue
                self.places.append((frame, position))
                self.faces.append(self._track_face(frame, time_s, shots[frame][position], face, decided))

    def tracks(self, tagged: frozenset[int]) -> list[Track]:
        """The tracks, each judged."""
        options = self._options
        return name_tracks(
            self.faces, self._database, self._scorer, options.max_distance, options.top_k, tagged
        )

    def person(self, index: int, tracks: Sequence[Track]) -> SceneTrack:
        """The tracks that show one person."""
        first = min(tracks, key=lambda track: (min(track.distances), track.faces))
        if index < 0:
            meant = Candidate(index, 0.0, 0.0, 0.0, -1)
            near = [meant]
        else:
            meant = min((track.candidates[0] for track in tracks), key=lambda each: each.combined)
            near = [meant, *self._within(first.candidates[1:])]
        matches = [self._match(each) for each in near[: self._options.top_k]]
        reason = self._reason_for_name(tracks, meant, matches[0])
        return self._track(tracks, "match", reason, matches, index)

    def unnamed(self, track: Track) -> SceneTrack:
        """A track without a name."""
        reason = reason_without_name(track, self._known.person)
        status = track.status
        if track.status == "match":  # the pack is not calibrated
            reason, status = Reason(ReasonCode.NOT_CALIBRATED), "unknown"
        near = self._within(track.candidates)
        if track.why == "rival" and len(near) < 2:
            near = list(track.candidates[:2])
        most = max(self._options.top_k, 2 if track.why == "rival" else 1)
        return self._track([track], status, reason, [self._match(each) for each in near[:most]])

    def _within(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        return [each for each in candidates if each.combined <= self._options.max_distance]

    def _match(self, candidate: Candidate) -> Match:
        return Match.of(candidate, self._known.person(candidate.person))

    def _reason_for_name(self, tracks: Sequence[Track], meant: Candidate, match: Match) -> Reason:
        if any(track.why == "confirmed" for track in tracks):
            return Reason(ReasonCode.CONFIRMED)
        if all(track.why == "tagged" for track in tracks):
            return Reason(ReasonCode.TAGGED, (match.in_reason,))
        moments = self._moments(tracks)
        if moments > 1:
            return Reason(ReasonCode.MOMENTS, (match.in_reason,), moments)
        others = [each for each in tracks[0].candidates if each.person != meant.person]
        return reason_for_match([meant, *others], self._options.max_distance, self._known.person)

    def _track(
        self,
        tracks: Sequence[Track],
        status: VerdictStatus,
        reason: Reason,
        matches: Sequence[Match],
        index: int | None = None,
    ) -> SceneTrack:
        own = sorted(face for track in tracks for face in track.faces)
        frames = {self.places[face][0] for face in own}
        best = self._best(own)
        return SceneTrack(
            tuple(self.places[face] for face in own),
            status,
            reason,
            matches[0] if index is not None else None,
            tuple(matches),
            spans_of(frames, self._times, self._duration_s),
            len(frames) / len(self._frames),
            self._moments(tracks),
            best[0],
            tuple(best),
            self._template(tracks),
            index,
        )

    def _moments(self, tracks: Sequence[Track]) -> int:
        """At how many times, MOMENT_S apart, the tracks are seen."""
        moments, last = 0, -np.inf
        for frame in sorted({self.places[face][0] for track in tracks for face in track.faces}):
            if self._times[frame] - last >= MOMENT_S:
                moments, last = moments + 1, self._times[frame]
        return moments

    def _best(self, faces: Sequence[int]) -> list[SceneFace]:
        """The best of these faces, best first, none of them close in time to a better one."""
        best: list[SceneFace] = []
        for face in sorted(faces, key=lambda face: (-self.faces[face].quality, face)):
            place = self.places[face]
            time_s = self._times[place[0]]
            if all(abs(time_s - self._times[frame]) >= MOMENT_S for frame, _ in best):
                best.append(place)
        return best[:BEST_FACES]

    def _template(self, tracks: Sequence[Track]) -> Embeddings:
        """One vector a slot for all tracks, each as heavy as it has faces."""
        result = {}
        for slot in self._scorer.slots:
            total = np.sum([track.template[slot] * len(track.faces) for track in tracks], axis=0)
            result[slot] = np.asarray(total / max(float(np.linalg.norm(total)), 1e-12), np.float32)
        return result

    def _track_face(
        self, frame: int, time_s: float, shot: int, face: EmbeddedFace, decided: FaceDecisions
    ) -> TrackFace:
        return TrackFace(
            frame,
            face.embeddings,
            face.quality.score,
            self._known.confirmed(decided),
            self._known.indices(decided.rejected),
            decided.apart,
            time_s,
            shot,
        )

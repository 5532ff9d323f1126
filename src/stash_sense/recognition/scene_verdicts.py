"""Who is in a scene, with what a person decided: each decision holds for the whole track of its face."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stash_sense.domain.decisions import (
    APART,
    CONFIRMED,
    IGNORED,
    REJECTED,
    Decision,
    FaceDecisions,
    combine_decisions,
)
from stash_sense.domain.faces import EmbeddedFace, Vectors
from stash_sense.domain.identity import local_key, stash_key
from stash_sense.facedb.database import FaceDatabase
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.matching.scene_people import SceneEvidence, SceneFace, find_scene_people
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.scene_frames import FramesInOrder
from stash_sense.recognition.scene_sampling import SceneFrame
from stash_sense.stash.scenes import StashScene
from stash_sense.store.repositories.scene_decisions import SceneDecision

SAME_TRACK_DISTANCE = 0.45
"""A decision whose moment was not looked at moves to the face nearest to its template, up to here."""


@dataclass(frozen=True, slots=True, eq=False)
class JudgedScene:
    """The people of a scene. moved: decision id -> the id of the face that it is at now.

    plain: the same without decisions, except for faces that were set apart.
    """

    frames: FramesInOrder
    evidence: SceneEvidence
    plain: SceneEvidence
    moved: Mapping[int, int]


class SceneJudge:
    """Says who is in a scene. tagged: indices of the people who are tagged on it in Stash."""

    def __init__(
        self, recognizer: FaceRecognizer, options: MatchOptions, tagged: frozenset[int] = frozenset()
    ) -> None:
        self._recognizer = recognizer
        self._options = options
        self._tagged = tagged

    def people_so_far(self, frames: Sequence[SceneFrame], duration_s: float) -> SceneEvidence:
        """Who is on these frames, without decisions: for the choice of further ones."""
        least = self._options.min_face_confidence
        sure = [(each.time_s, [face for face in each.faces if face.confidence >= least]) for each in frames]
        return self._find(sure, duration_s, {})

    def people(
        self, frames: FramesInOrder, duration_s: float | None, decisions: Sequence[SceneDecision]
    ) -> JudgedScene:
        """Who is in the scene, decisions applied."""

        def find(decided: Mapping[SceneFace, Sequence[Decision]]) -> SceneEvidence:
            if not frames.frames:
                return SceneEvidence((), ())
            combined = {
                place: combine_decisions(sorted(own, key=lambda each: each.decision_id))
                for place, own in decided.items()
            }
            return self._find(frames.evidence(), duration_s, combined)

        at, moved = _places(frames, self._recognizer, decisions)
        kinds = {each.decision.kind for each in decisions if each.decision.decision_id in at}
        decided: dict[SceneFace, list[Decision]] = {}
        _decide(decided, decisions, at, [APART], None)
        evidence = plain = find(decided)
        # Rejections first: until then a track may go to a person together with one that is really theirs.
        for stage in ([REJECTED, IGNORED], [CONFIRMED]):
            if kinds.intersection(stage):
                _decide(decided, decisions, at, stage, evidence)
                evidence = find(decided)
        return JudgedScene(frames, evidence, plain, moved)

    def _find(
        self,
        frames: Sequence[tuple[float, Sequence[EmbeddedFace]]],
        duration_s: float | None,
        decisions: Mapping[SceneFace, FaceDecisions],
    ) -> SceneEvidence:
        pack = self._recognizer.pack
        return find_scene_people(
            frames,
            duration_s,
            self._recognizer.database,
            pack.scorer,
            self._options,
            decisions=decisions,
            tagged=self._tagged,
            calibrated=pack.calibrated,
        )


def tagged_people(scene: StashScene, database: FaceDatabase) -> frozenset[int]:
    """Indices of the enrolled people who are tagged on the scene in Stash."""
    keys = [
        key
        for performer in scene.performers
        for key in (local_key(performer.id), *map(stash_key, performer.stash_ids))
    ]
    return frozenset(database.find(keys).values())


def _decide(
    decided: dict[SceneFace, list[Decision]],
    decisions: Iterable[SceneDecision],
    at: Mapping[int, SceneFace],
    kinds: Sequence[str],
    evidence: SceneEvidence | None,
) -> None:
    """Put decisions of these kinds on the tracks of their faces; without evidence on the faces alone."""
    tracks = [] if evidence is None else [track.faces for track in (*evidence.persons, *evidence.unknown)]
    track_of = {face: track for track in tracks for face in track}
    for each in decisions:
        place = at.get(each.decision.decision_id)
        if place is not None and each.decision.kind in kinds:
            for face in track_of.get(place, (place,)):
                decided.setdefault(face, []).append(each.decision)


def _places(
    frames: FramesInOrder, recognizer: FaceRecognizer, decisions: Sequence[SceneDecision]
) -> tuple[dict[int, SceneFace], dict[int, int]]:
    """Decision id -> the place of the face it is at, and for those that had to move also the face's id."""
    at: dict[int, SceneFace] = {}
    moved: dict[int, int] = {}
    if not decisions:
        return at, moved
    places = frames.places()
    for each in decisions:
        decision_id = each.decision.decision_id
        if each.face_id is not None and each.face_id in places:
            at[decision_id] = places[each.face_id]
        elif each.face_id is None and each.decision.kind != APART and each.template is not None:
            # A face that was set apart is found by no likeness: it was set apart from what it is like.
            place = _nearest(frames, recognizer, each.template)
            if place is not None:
                at[decision_id] = place
                face_id = frames.face_id(place)
                if face_id is not None:
                    moved[decision_id] = face_id
    return at, moved


def _nearest(
    frames: FramesInOrder,
    recognizer: FaceRecognizer,
    template: Mapping[str, Vectors],
) -> SceneFace | None:
    """The face that looks most like a track, if any looks enough like it."""
    places = [
        (frame, position)
        for frame, each in enumerate(frames.frames)
        for position in range(len(each.frame.faces))
    ]
    if not places:
        return None
    scorer = recognizer.pack.scorer
    faces = {
        slot: np.stack([frames.face(place).embeddings[slot] for place in places]).astype(np.float32)
        for slot in scorer.slots
    }
    distances = scorer.fused({slot: template[slot][None] for slot in scorer.slots}, faces)[0]
    nearest = int(distances.argmin())
    return places[nearest] if distances[nearest] <= SAME_TRACK_DISTANCE else None

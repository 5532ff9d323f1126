"""What a run reads and writes of a scene in the state."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from stash_sense.domain.identity import PictureIdentity
from stash_sense.domain.reasons import ReasonCode
from stash_sense.facedb.database import FaceDatabase
from stash_sense.jobs.run import JobProgress
from stash_sense.matching.scene_people import SceneFace, SceneTrack
from stash_sense.recognition.decided_people import decisions_in
from stash_sense.recognition.parameters import RunParameters
from stash_sense.recognition.scene_answer import shown_faces
from stash_sense.recognition.scene_frames import FramesInOrder, LookedAtFrame, to_new_frame
from stash_sense.recognition.scene_sampling import SAMPLER, SceneFrame
from stash_sense.recognition.scene_sprite import SPRITE
from stash_sense.recognition.scene_verdicts import JudgedScene
from stash_sense.recognition.scene_video import SceneSource
from stash_sense.recognition.state_access import StateAccess
from stash_sense.recognition.stored_faces import stored_match
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.scene_decisions import SceneDecision
from stash_sense.store.repositories.scene_tracks import NewTrack
from stash_sense.store.repositories.scenes import SceneRun, StoredScene

_ANSWER = "answer"
"""The key in a video's settings for what its tracks say: an equal answer is not stored again."""


class SceneStore(StateAccess):
    """Reads and writes one scene. `complete`: whether all that was to be stored has been.

    busy_s: how long another process may hold the state.
    """

    def __init__(
        self,
        scene_id: str,
        picture: PictureIdentity,
        parameters: RunParameters,
        database: FaceDatabase,
        state: RecommendationsDB,
        progress: JobProgress,
        busy_s: float,
    ) -> None:
        super().__init__(f"scene {scene_id}", progress, busy_s)
        self.complete = True
        self._scene_id = scene_id
        self._picture = picture
        self._parameters = parameters
        self._database = database
        self._state = state
        self._picture_id: int | None = None
        self._settings: Mapping[str, Any] = {}

    def look_up(self, source: SceneSource, job: str) -> StoredScene | None:
        """What is stored of the scene's video, if it serves a run with this source. Blocks.

        job: only what this job has stored; any where it is empty.
        """
        found = self._state.get_scene(self._scene_id, self._picture)
        if found is None:
            return None
        stored, _ = found
        self._picture_id, self._settings = stored.picture_id, stored.settings or {}
        wanted = not job or self._settings.get("job") == job
        return stored if wanted and self._serves(stored, source) else None

    def _serves(self, stored: StoredScene, source: SceneSource) -> bool:
        """Whether a new run would look at the stored frames too, and find their faces."""
        floor = (stored.settings or {}).get("floor", 2.0)
        if stored.pack != self._parameters.pack or floor > self._parameters.floor:
            return False
        if stored.sampler == SAMPLER:
            return True
        if stored.sampler != SPRITE or stored.stopped is None:
            return False
        # A sprite is a last resort: it serves only while the video itself cannot be read.
        return source == "sprite" or (source == "auto" and self.known_failure() is not None)

    def known_failure(self) -> tuple[str, str] | None:
        """Code and message of why the video could not be read before. Blocks."""
        return self._state.unreadable_video(self._picture)

    def record_failure(self, code: str, message: str) -> None:
        """Remember that the video cannot be read, until its file changes. Blocks."""
        self.write(partial(self._state.record_unreadable_video, self._scene_id, self._picture, code, message))

    def begin(self, run: SceneRun, *, restart: bool) -> None:
        """Prepare for the frames of a run. Blocks."""
        self._settings = run.settings or {}
        self._picture_id = self.write(partial(self._state.begin_scene, run, restart=restart))
        self.complete = self._picture_id is not None

    def add(self, frames: Sequence[SceneFrame]) -> list[LookedAtFrame]:
        """Store frames as they are done; they are `as_stored`. Blocks."""
        ids = None
        if self._picture_id is not None:
            new = [to_new_frame(frame) for frame in frames]
            ids = self.write(
                partial(self._state.add_scene_frames, self._picture_id, self._parameters.pack, new)
            )
        if ids is None:
            self.complete = False
            return [LookedAtFrame(frame) for frame in frames]
        return [
            LookedAtFrame(frame, own, (bool(frame.crops),) * len(own))
            for frame, own in zip(frames, ids, strict=True)
        ]

    def end(self, stopped: str) -> None:
        """The run has looked at all that it wanted to. Blocks."""
        if self._picture_id is not None and self.complete:
            self.write(partial(self._state.end_scene, self._picture_id, stopped))

    def decisions_revision(self) -> str:
        """Another one after each decision on the scene that is made or taken back. Blocks."""
        return self._state.scene_decisions_revision(self._scene_id)

    def decisions(self) -> list[SceneDecision]:
        """The decisions on the scene, with the people as this database knows them. Blocks."""
        if self._picture_id is None:
            return []
        found = self._state.scene_decisions(self._picture_id, self._parameters.pack)
        renamed = decisions_in(self._database, {0: [each.decision for each in found]}, self._state)[0]
        return [replace(each, decision=decision) for each, decision in zip(found, renamed, strict=True)]

    def store_tracks(self, stored: StoredScene | None, judged: JudgedScene) -> None:
        """Store the tracks of an answer, unless they are stored already. Blocks."""
        if self._picture_id is None or not self.complete:
            return
        tracks = _tracks(judged, self._database)
        digest = _digest(tracks)
        version = self._parameters.db_version
        if stored is not None and (stored.db_version, self._settings.get(_ANSWER)) == (version, digest):
            return
        self.write(
            partial(
                self._state.store_scene_tracks,
                self._picture_id,
                tracks,
                version,
                {**self._settings, _ANSWER: digest},
                judged.moved,
            )
        )


def _digest(tracks: Sequence[NewTrack]) -> str:
    said = [
        (
            track.face_ids,
            track.shown,
            track.verdict,
            track.reason,
            [(match.performer_id, round(match.distance, 4), match.name) for match in track.candidates],
        )
        for track in tracks
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _tracks(judged: JudgedScene, database: FaceDatabase) -> list[NewTrack]:
    """The tracks as they are stored: as they would be without what was confirmed and ignored.

    What is read of them has the decisions applied, also those that are made or undone later.
    """
    frames = judged.frames
    plain = {face: track for track in (*judged.plain.persons, *judged.plain.unknown) for face in track.faces}
    tracks: list[NewTrack] = []
    taken: set[SceneFace] = set()
    for track in (*judged.evidence.persons, *judged.evidence.unknown):
        taken.update(track.faces)
        confirmed = track.reason.code is ReasonCode.CONFIRMED
        tracks.append(
            _new_track(track, plain.get(track.best, track) if confirmed else track, frames, database)
        )
    ignored = (*judged.plain.persons, *judged.plain.unknown)
    tracks += [
        _new_track(track, track, frames, database) for track in ignored if taken.isdisjoint(track.faces)
    ]
    return [track for track in tracks if track.face_ids]


def _new_track(
    track: SceneTrack, verdict: SceneTrack, frames: FramesInOrder, database: FaceDatabase
) -> NewTrack:
    """verdict: the track whose verdict and matches are stored."""
    ids = [face_id for face in track.faces if (face_id := frames.face_id(face)) is not None]
    shown = [face_id for face in shown_faces(track, frames) if (face_id := frames.face_id(face)) is not None]
    named = verdict.match is not None and verdict.reason.code is not ReasonCode.CONFIRMED
    matches = {match.performer_id: match for match in verdict.matches if match.reference_id >= 0}
    return NewTrack(
        ids,
        shown,
        verdict.status if named or verdict.match is None else "unknown",
        str(verdict.reason) if named or verdict.match is None else "",
        tuple(stored_match(match, database) for match in matches.values()),
        track.template["facenet"],
        track.template["arcface"],
    )

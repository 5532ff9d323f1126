"""One run over a scene: stored frames that serve, the video for the others, and the answer."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from stash_sense.errors import (
    BadInput,
    KnownToFail,
    MediaError,
    NotAVideo,
    NoVideo,
    StashSenseError,
    UnreadableVideo,
    VideoChanged,
    VideoTooLarge,
)
from stash_sense.jobs.run import JobProgress
from stash_sense.jobs.workers import Lane
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.matching.scene_people import SceneEvidence
from stash_sense.media.video.reader import VideoReader
from stash_sense.recognition.gallery_answer import LiveResult
from stash_sense.recognition.parameters import RunParameters, Tools
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.scene_answer import SceneAnswer, listed_errors, persons_and_unknown
from stash_sense.recognition.scene_frames import LookedAtFrame, LookedAtScene, as_stored
from stash_sense.recognition.scene_sampling import (
    SAMPLER,
    SamplingOptions,
    SceneFrame,
    SceneFrames,
    sample_scene,
)
from stash_sense.recognition.scene_sprite import SPRITE, cut_cells, units_of
from stash_sense.recognition.scene_store import SceneStore
from stash_sense.recognition.scene_verdicts import JudgedScene, SceneJudge, tagged_people
from stash_sense.recognition.scene_video import SceneSource, SceneVideo, video_file, video_picture
from stash_sense.stash.outage import OutageLimits, ResilientStash
from stash_sense.stash.scenes import StashScene
from stash_sense.store.repositories.scene_decisions import SceneDecision
from stash_sense.store.repositories.scenes import SceneRun, StoredScene

_UNREADABLE = (NotAVideo, UnreadableVideo, VideoTooLarge)
"""What a video's own bytes are to blame for: it is not tried again until its file changes."""


def _only_sprite(why: str) -> str:
    return f"{why} Only the small pictures of Stash's sprite were looked at."


class SceneIdentification:
    """One run over one scene: what is known of it so far, and looking at what is missing."""

    def __init__(
        self,
        scene: StashScene,
        recognizer: FaceRecognizer,
        options: MatchOptions,
        tools: Tools,
        progress: JobProgress,
        outage_limits: OutageLimits,
    ) -> None:
        self._scene = scene
        self._recognizer = recognizer
        self._options = options
        self._parameters = RunParameters.of(recognizer, options, "original", progress.job_id)
        self._tools = tools
        self._progress = progress
        self._picture = video_picture(scene)
        self._store = SceneStore(
            scene.id,
            self._picture,
            self._parameters,
            recognizer.database,
            tools.state,
            progress,
            outage_limits.state_s,
        )
        self._judge = SceneJudge(recognizer, options, tagged_people(scene, recognizer.database))
        file = video_file(scene)
        self._size = (max(file.width, 1), max(file.height, 1))
        self._duration_s = file.duration or None
        self._source = ""
        self._stopped: str | None = None
        self._errors: list[str] = []
        self._looked_at = LookedAtScene(options.min_face_confidence)
        self._known: list[SceneFrame] = []
        self._stored: StoredScene | None = None
        self._people = 0
        self._live = LiveResult({}, tools.pool)
        self._loop = asyncio.get_running_loop()

    async def identify(
        self, stash: ResilientStash, *, force: bool, source: SceneSource, max_frames: int
    ) -> SceneAnswer:
        """See identify_scene."""
        self._live.end(self._answer(self._judged([]), reused=False).as_json())
        self._progress.set_live_result(self._live.read)
        self._progress.start("Identifying", max_frames)
        if not force:
            answer = await self.reuse(source, max_frames, Lane.BACKGROUND)
            if answer is not None:
                return answer
        else:
            await self._look_up(source, self._parameters.job)
            if self._is_whole(max_frames):
                return await self._end(Lane.BACKGROUND, reused=True)
        await self._look(stash, source, max_frames, force=force)
        return await self._end(Lane.BACKGROUND, reused=False)

    async def reuse(self, source: SceneSource, max_frames: int, lane: Lane) -> SceneAnswer | None:
        """The answer from stored frames, if no others are needed."""
        await self._look_up(source)
        return await self._end(lane, reused=True) if self._is_whole(max_frames) else None

    async def _look_up(self, source: SceneSource, job: str = "") -> None:
        """Take over the stored frames that serve. job: only those of this job."""
        stored = await self._store.read(partial(self._store.look_up, source, job))
        if stored is None:
            return
        self._stored = stored
        looked_at = [LookedAtFrame.stored(frame) for frame in stored.frames]
        self._known = [each.frame for each in looked_at]
        for each in looked_at:
            self._looked_at.add(each)
        self._source, self._stopped = stored.source, stored.stopped
        if stored.sampler == SPRITE and (failure := await self._store.read(self._store.known_failure)):
            self._errors.append(_only_sprite(failure[1]))
        self._size, self._duration_s = (stored.width, stored.height), stored.duration_s
        self._report_progress()

    def _is_whole(self, max_frames: int) -> bool:
        """Whether the stored frames are all that a run would look at."""
        if self._stored is None or self._stopped is None:
            return False
        looked_at = (self._stored.settings or {}).get("max_frames", 0)
        return self._stopped != "max-frames" or looked_at >= max_frames

    async def _look(
        self, stash: ResilientStash, source: SceneSource, max_frames: int, *, force: bool
    ) -> None:
        if source == "sprite":
            await self._look_at_sprite(stash, max_frames, None)
            return
        failure: StashSenseError
        known = None if force else await self._store.read(self._store.known_failure)
        if known is not None:
            failure = KnownToFail(*known)
        else:
            try:
                await self._look_at_video(stash, source, max_frames)
            except VideoChanged:
                # Frames of two files must not be taken for one scene's.
                await asyncio.to_thread(self._begin, SAMPLER, self._source, 0, restart=True)
                raise
            except (NoVideo, *_UNREADABLE) as error:
                if isinstance(error, _UNREADABLE):
                    await asyncio.to_thread(self._store.record_failure, error.code, str(error))
                failure = error
            else:
                return
        if source != "auto":
            raise failure
        await self._look_at_sprite(stash, max_frames, failure)

    async def _look_at_video(self, stash: ResilientStash, source: SceneSource, max_frames: int) -> None:
        video = SceneVideo(self._scene, stash, self._tools.pool)

        def look(reader: VideoReader, opened: str) -> SceneFrames:
            info = reader.info
            self._size, self._duration_s = (info.width, info.height), info.duration_s or self._duration_s
            self._begin(SAMPLER, opened, max_frames, restart=not self._known)
            return sample_scene(
                reader,
                self._recognizer.pack.engine,
                SamplingOptions(max_frames, self._parameters.floor),
                known=self._known,
                judge=self._people_so_far,
                on_frames=partial(self._add, check=video.check),
                submit=video.submit,
            )

        frames = await video.look(source, look)
        self._stopped, self._duration_s = frames.stopped, frames.duration_s

    async def _look_at_sprite(
        self, stash: ResilientStash, max_frames: int, instead_of: StashSenseError | None
    ) -> None:
        """instead_of: why the video could not be read, which is raised if the sprite fails as well."""
        try:
            sheet, cells = await stash.query(lambda client: client.sprite(self._scene))
            pictures = await self._tools.pool.run(
                partial(cut_cells, sheet, cells, self._tools.media, max_frames), Lane.BACKGROUND
            )
        except (MediaError, BadInput) as error:
            raise instead_of or error from None
        self._known, self._stored = [], None
        self._looked_at = LookedAtScene(self._options.min_face_confidence)
        await asyncio.to_thread(self._begin, SPRITE, "sprite", max_frames, restart=True)
        for unit in units_of(pictures, self._recognizer.pack.engine, self._parameters.floor):
            frames = await self._tools.pool.run(unit, Lane.BACKGROUND)
            await asyncio.to_thread(self._add, frames)
        self._stopped = "all-frames"
        if instead_of is not None:
            self._add_error(_only_sprite(str(instead_of)))

    def _begin(self, sampler: str, source: str, max_frames: int, *, restart: bool) -> None:
        self._source = source
        parameters = self._parameters
        settings = {"floor": parameters.floor, "job": parameters.job, "max_frames": max_frames}
        run = SceneRun(
            *(self._scene.id, self._picture, parameters.pack, sampler, source, *self._size),
            self._duration_s,
            settings,
        )
        self._store.begin(run, restart=restart)

    def _add(self, frames: Sequence[SceneFrame], check: Any = lambda: None) -> None:
        """Frames are done. In any thread."""
        check()
        for frame in self._store.add([as_stored(frame) for frame in frames]):
            self._looked_at.add(frame)
        self._report_progress()
        asyncio.run_coroutine_threadsafe(self._live.refresh(self._partial_answer), self._loop)

    def _people_so_far(self, frames: Sequence[SceneFrame], duration_s: float) -> SceneEvidence:
        """Who is on these frames, for the choice of the next ones."""
        evidence = self._judge.people_so_far(frames, duration_s)
        self._people = len(evidence.persons)
        return evidence

    async def _end(self, lane: Lane, *, reused: bool) -> SceneAnswer:
        """Judge the whole scene, and store what that changes."""
        if not reused and self._stopped is not None:
            await asyncio.to_thread(self._store.end, self._stopped)
        # Read first: a decision made in between is then in the answer and makes it look older, not newer.
        revision = await self._store.read(self._store.decisions_revision)
        decisions = await self._store.read(self._store.decisions)
        judged = await self._tools.pool.run(partial(self._judged, decisions), lane)
        await asyncio.to_thread(self._store.store_tracks, self._stored, judged)
        answer = replace(self._answer(judged, reused=reused), decisions_revision=revision)
        self._live.end(answer.as_json())
        self._people = len(answer.persons)
        self._progress.start("Identifying", answer.frames_analyzed)
        self._report_progress()
        return answer

    def stop_early(self) -> None:
        """Failed or cancelled: the partial answer can still be read."""
        self._live.stop_early(self._partial_answer)

    def _partial_answer(self) -> Mapping[str, Any]:
        return self._answer(self._judged(self._store.decisions()), reused=False).as_json()

    def _judged(self, decisions: Sequence[SceneDecision]) -> JudgedScene:
        return self._judge.people(self._looked_at.in_order(), self._duration_s, decisions)

    def _answer(self, judged: JudgedScene, *, reused: bool) -> SceneAnswer:
        frames = judged.frames
        persons, unknown = persons_and_unknown(judged, self._recognizer.database)
        return SceneAnswer(
            scene_id=self._scene.id,
            duration_s=self._duration_s,
            width=self._size[0],
            height=self._size[1],
            frames_analyzed=len(frames.frames),
            faces_detected=frames.faces,
            source=self._source,
            stopped=self._stopped,
            frames=tuple(round(time_s, 3) for time_s in frames.times),
            persons=persons,
            unknown=unknown,
            errors=listed_errors(self._errors),
            error_count=len(self._errors),
            stored=self._store.complete,
            reused=reused,
            db_version=self._parameters.db_version,
        )

    def _add_error(self, message: str) -> None:
        self._errors.append(message)
        self._progress.problem(message)

    def _report_progress(self) -> None:
        frames = self._looked_at.in_order()
        self._progress.update(len(frames.frames), faces=frames.faces, people=self._people)

"""A scene of Stash: who is in it, and when."""

from stash_sense.jobs.run import JobProgress
from stash_sense.jobs.workers import Lane
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.parameters import Tools
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.scene_answer import SceneAnswer
from stash_sense.recognition.scene_run import SceneIdentification
from stash_sense.recognition.scene_video import SceneSource
from stash_sense.stash.outage import DEFAULT_OUTAGE_LIMITS, OutageLimits, ResilientStash

MOST_FRAMES = 120
"""Frames looked at, unless the caller says otherwise."""


async def identify_scene(
    scene_id: str,
    recognizer: FaceRecognizer,
    options: MatchOptions,
    tools: Tools,
    progress: JobProgress,
    *,
    force: bool = False,
    source: SceneSource = "auto",
    max_frames: int = MOST_FRAMES,
    outage_limits: OutageLimits = DEFAULT_OUTAGE_LIMITS,
) -> SceneAnswer:
    """Who is in a scene of Stash, and when. Frames are stored as they are done; stored ones serve again.

    force: look at the video again, except at the frames that this very job had done before it was
    interrupted. Raises NotInStash, NoVideo, NotAVideo, UnreadableVideo, VideoTooLarge, VideoChanged,
    StashKeyRefused, the StashError of an outage longer than `outage_limits`, and StateBusy.
    """
    stash = ResilientStash(tools.stash, outage_limits, progress.problem)
    scene = await stash.query(lambda client: client.get_scene(scene_id))
    run = SceneIdentification(scene, recognizer, options, tools, progress, outage_limits)
    try:
        return await run.identify(stash, force=force, source=source, max_frames=max_frames)
    except BaseException:
        run.stop_early()
        raise


async def stored_scene_answer(
    scene_id: str,
    recognizer: FaceRecognizer,
    options: MatchOptions,
    tools: Tools,
    progress: JobProgress,
    *,
    source: SceneSource = "auto",
    max_frames: int = MOST_FRAMES,
    lane: Lane = Lane.INTERACTIVE,
) -> SceneAnswer | None:
    """The answer of a scene whose frames are all stored, at once; None if video has to be read.

    Raises NotInStash, NoVideo, StashErrors, and StateErrors.
    """
    scene = await tools.stash.get_scene(scene_id)
    run = SceneIdentification(scene, recognizer, options, tools, progress, DEFAULT_OUTAGE_LIMITS)
    return await run.reuse(source, max_frames, lane)

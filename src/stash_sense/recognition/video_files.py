"""Video files as scenes: who is in each, and when."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from stash_sense.domain.progress import Progress
from stash_sense.errors import StashSenseError
from stash_sense.machine import usable_cores
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.matching.scene_people import SceneEvidence, SceneFace
from stash_sense.media.video.reader import VideoReader
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.scene_frames import FramesInOrder, LookedAtFrame, LookedAtScene
from stash_sense.recognition.scene_sampling import SamplingOptions, SceneFrame, Stopped, sample_scene
from stash_sense.recognition.scene_verdicts import JudgedScene, SceneJudge

_NOTHING = JudgedScene(FramesInOrder(()), SceneEvidence((), ()), SceneEvidence((), ()), {})


@dataclass(frozen=True, slots=True, eq=False)
class IdentifiedVideo:
    """A video file with the people in it.

    duration_s: seconds; width, height: of the upright video, pixels. stopped: why no more frames were looked
    at. crops: a JPEG of each of the tracks' best faces. error: why the video could not be read, else empty;
    nothing else is known of it then.
    """

    path: Path
    duration_s: float = 0.0
    width: int = 0
    height: int = 0
    stopped: Stopped | None = None
    scene: JudgedScene = _NOTHING
    crops: Mapping[SceneFace, bytes] = field(default_factory=dict)
    error: str = ""


def identify_videos(
    paths: Sequence[Path],
    recognizer: FaceRecognizer,
    options: MatchOptions,
    progress: Progress,
    *,
    workers: int = 0,
) -> list[IdentifiedVideo]:
    """Recognise the people of each video, one video after another. A bad video has an error.

    workers: threads that analyse frames; 0: one for each core. `progress` may raise Cancelled.
    """
    videos = []
    sampling = SamplingOptions(min_face_confidence=options.min_face_confidence)
    with ThreadPoolExecutor(workers or usable_cores(), thread_name_prefix="frames") as pool:
        for number, path in enumerate(paths, 1):
            progress.start(f"Video {number} of {len(paths)}", sampling.max_frames)
            try:
                videos.append(_identify(path, recognizer, options, sampling, progress, pool))
            except StashSenseError as error:
                videos.append(IdentifiedVideo(path, error=str(error)))
    return videos


def _identify(
    path: Path,
    recognizer: FaceRecognizer,
    options: MatchOptions,
    sampling: SamplingOptions,
    progress: Progress,
    pool: ThreadPoolExecutor,
) -> IdentifiedVideo:
    judge = SceneJudge(recognizer, options)
    scene = LookedAtScene(options.min_face_confidence)

    def count(frames: Sequence[SceneFrame]) -> None:
        for frame in frames:
            scene.add(LookedAtFrame(frame))
        progress.update(len(scene.frames), faces=scene.in_order().faces)

    with VideoReader(path) as video:
        sampled = sample_scene(
            video,
            recognizer.pack.engine,
            sampling,
            judge=judge.people_so_far,
            on_frames=count,
            submit=pool.submit,
        )
        width, height = video.info.width, video.info.height
    judged = judge.people(scene.in_order(), sampled.duration_s, ())
    tracks = (*judged.evidence.persons, *judged.evidence.unknown)
    crops = {
        (frame, face): sampled.frames[frame].crops[face]
        for track in tracks
        for frame, face in track.best_faces
    }
    return IdentifiedVideo(path, sampled.duration_s, width, height, sampled.stopped, judged, crops)

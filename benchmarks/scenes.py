"""Who is in the labelled clips and when: ours, sixty even frames with the plain rule, and the sprite alone.

    python benchmarks/scenes.py [--data FOLDER] [--scenes FOLDER] [--composites FOLDER] [--scorer FILE]

Everybody in the clips is enrolled, and the crowd. Then half of the cast is left out of the enrolment, in four
splits; the frames are those chosen with everybody enrolled. A sprite is Stash's: 81 even frames 160 pixels
wide, judged as ours are. Nothing is fitted here.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lab
from clips import Clip, NamedSpans, everybody, official_scene_score, read_clips, without
from score import add_scorer, find_scorer
from splits import SPLITS
from stash_sense.machine import usable_cores
from stash_sense.matching.gallery_people import MatchOptions, find_people
from stash_sense.matching.scene_people import SceneEvidence, find_scene_people
from stash_sense.matching.scene_spans import spans_of
from stash_sense.media.video.reader import VideoReader
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.scene_analysis import analyze_frames
from stash_sense.recognition.scene_sampling import SamplingOptions, SceneFrame, sample_scene
from stash_sense.runtime.from_settings import recognizer
from trials import write_part

SCORER = "score_scenes.py"
EVEN_FRAMES = 60
SPRITE_FRAMES, SPRITE_SIDE = 81, 160


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The frames of a clip that were looked at."""

    clip: Clip
    frames: Sequence[SceneFrame]
    stopped: str = ""


def look(clip: Clip, ready: FaceRecognizer, pool: ThreadPoolExecutor) -> Seen:
    """The frames that the sampler chooses."""
    with VideoReader(clip.path) as video:
        result = sample_scene(
            video,
            ready.pack.engine,
            SamplingOptions(),
            judge=lambda frames, duration_s: judged(frames, duration_s, ready),
            on_frames=lambda _: None,
            submit=pool.submit,
        )
    return Seen(clip, result.frames, result.stopped)


def judged(frames: Sequence[SceneFrame], duration_s: float, ready: FaceRecognizer) -> SceneEvidence:
    """Who is on these frames."""
    seen = [(frame.time_s, frame.faces) for frame in frames]
    return find_scene_people(seen, duration_s, ready.database, ready.pack.scorer, MatchOptions())


def even(clip: Clip, ready: FaceRecognizer, pool: ThreadPoolExecutor, count: int, side: int) -> Seen:
    """So many frames, evenly spread, at most `side` pixels on the longer side."""
    step = clip.seconds / count
    with VideoReader(clip.path, longest_side=side) as video:
        frames = video.frames(step / 2, clip.seconds, step)
        analyzed = analyze_frames(frames, video.info, ready.pack.engine, pool.submit, min_confidence=0.5)
        with closing(analyzed):
            pictures = [each for batch in analyzed for each in batch]
    return Seen(
        clip, [SceneFrame(time_s, each.width, each.height, each.faces) for time_s, each, _ in pictures]
    )


def our_rule(seen: Seen, ready: FaceRecognizer) -> dict[str, Sequence[tuple[float, float]]]:
    """Person -> spans, track by track."""
    evidence = judged(seen.frames, seen.clip.seconds, ready)
    return {person.match.name: person.spans for person in evidence.persons if person.match}


def plain_rule(seen: Seen, ready: FaceRecognizer) -> dict[str, Sequence[tuple[float, float]]]:
    """Person -> spans, the frames taken for photos and each face for itself."""
    pictures = [tuple(ready.recognize(frame.faces)) for frame in seen.frames]
    options = MatchOptions(evidence="plain")
    found = find_people(pictures, ready.database, ready.pack.scorer, options)
    times = [frame.time_s for frame in seen.frames]
    return {person.person.name: spans_of(person.images, times, seen.clip.seconds) for person in found.people}


HEAD = ("what", "precision", "recall", "F1", "seen 3 s", "clean", "timeline P", "timeline R", "frames", "s")


def row(what: str, report: dict[str, Any], frames: int, seconds: float) -> list[object]:
    clean = f"{report['of_these_clean']} / {report['scenes_without_anybody']}"
    timeline = report["timeline"]
    figures = [report.get(key, "-") for key in ("precision", "recall", "f1", "recall_of_those_seen_3s")]
    return [what, *figures, clean, timeline["precision"], timeline["recall"], frames, round(seconds, 1)]


def main() -> None:
    parser = lab.parser(__doc__)
    parser.add_argument("--scenes", type=Path, default=lab.SHARED / "data" / "scenes", help="real clips")
    parser.add_argument("--composites", type=Path, default=lab.OUT / "composites", help="made if not there")
    parser.add_argument("--only", default="", help="clips whose name begins so")
    add_scorer(parser, SCORER)
    options = parser.parse_args()
    data = lab.face_data(options.data)
    scorer = find_scorer(data, options.scorer, SCORER)
    clips, truth = read_clips(data, options.scenes, options.composites)
    clips = [clip for clip in clips if clip.name.startswith(options.only)]
    truth = {clip.name: truth[clip.name] for clip in clips}
    pack = lab.default_pack()
    rows, reports, named = [], {}, {}
    with everybody(data, options.scenes, pack) as ready, ThreadPoolExecutor(usable_cores()) as pool:
        ways: dict[str, tuple[Callable[[Clip], Seen], Any]] = {
            "ours": (lambda clip: look(clip, ready, pool), our_rule),
            "60 even frames, plain": (lambda clip: even(clip, ready, pool, EVEN_FRAMES, 1280), plain_rule),
            "the sprite alone": (lambda clip: even(clip, ready, pool, SPRITE_FRAMES, SPRITE_SIDE), our_rule),
        }
        ours: list[Seen] = []
        for what, (see, rule) in ways.items():
            began = time.process_time()
            seen = [see(clip) for clip in clips]
            named[what] = {each.clip.name: rule(each, ready) for each in seen}
            seconds = time.process_time() - began
            reports[what] = official_scene_score(truth, named[what], scorer)
            rows.append(row(what, reports[what], sum(len(each.frames) for each in seen), seconds))
            ours = ours or seen
        lab.table(f"Scenes, {len(clips)} clips, {ready.database.people:,} people enrolled", HEAD, rows)
        splits = leave_out(ours, truth, ready, scorer)
    lab.table(
        "Half of the cast not enrolled", HEAD, [row(f"split {at}", *each) for at, each in splits.items()]
    )
    print_differences(clips, named["ours"])
    print("stopped:", dict(Counter(each.stopped for each in ours)))
    lab.table("Bars", ["what", "figure", "wanted", "reached"], bars(reports["ours"], splits))
    lab.save("scenes", {"reports": reports, "splits": splits, "named": named})


def leave_out(
    seen: Sequence[Seen], truth: dict[str, Any], ready: FaceRecognizer, scorer: Path
) -> dict[int, tuple[dict[str, Any], int, float]]:
    """Split -> report, frames, seconds: every second person of all clips is not enrolled."""
    splits = {}
    frames = sum(len(each.frames) for each in seen)
    for split in range(SPLITS):
        cast = sorted({person for each in seen for person in each.clip.people})
        random.Random(f"scenes{split // 2}").shuffle(cast)
        left_out = frozenset(cast[split % 2 :: 2])
        began = time.process_time()
        with TemporaryDirectory() as folder:
            whole = ready.database
            rows = frozenset(
                row
                for index in range(whole.people)
                if whole.person(index).name not in left_out
                for row in whole.rows(index)
            )
            write_part(whole, Path(folder), ready.pack, rows)
            with recognizer(ready.pack, Path(folder)) as part:
                named = {each.clip.name: our_rule(each, part) for each in seen}
        report = official_scene_score(without(truth, left_out), named, scorer)
        splits[split] = report, frames, time.process_time() - began
    return splits


def print_differences(clips: Sequence[Clip], named: NamedSpans) -> None:
    for clip in clips:
        wrong, missed = set(named[clip.name]) - clip.people, clip.people - set(named[clip.name])
        if wrong or missed:
            print(f"{clip.name}: wrong {sorted(wrong)}, missed {sorted(missed)}")


def bars(ours: dict[str, Any], splits: dict[int, tuple[dict[str, Any], int, float]]) -> list[list[object]]:
    least = min(report["precision"] for report, _, _ in splits.values())
    clean = ours["of_these_clean"] / max(1, ours["scenes_without_anybody"])
    return [
        lab.bar("F1", ours["f1"], 0.93),
        lab.bar("precision", ours["precision"], 0.97),
        lab.bar("recall of those seen for 3 s", ours.get("recall_of_those_seen_3s", 1.0), 0.92),
        lab.bar("clips without anybody, clean", clean, 0.9),
        lab.bar("timeline, precision", ours["timeline"]["precision"], 0.95),
        lab.bar("timeline, recall", ours["timeline"]["recall"], 0.8),
        lab.bar("half left out, least precision", least, 0.95),
    ]


if __name__ == "__main__":
    main()

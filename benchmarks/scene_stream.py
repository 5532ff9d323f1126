"""A long scene over HTTP from the stand-in for Stash: seconds, processor time and bytes for each frame.

    python benchmarks/scene_stream.py [--minutes 30]

Then the same scene again, which reads no video, and with other options, which judges its stored faces anew.
The time covers all of it: Stash, the stream, decoding, detection, embedding, the state and the answer.
"""

import asyncio
import os
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import lab
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.folder import build_from_folders
from stash_sense.jobs.run import JobProgress
from stash_sense.jobs.workers import WorkPool
from stash_sense.machine import usable_cores
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.parameters import Tools
from stash_sense.recognition.scene import identify_scene
from stash_sense.runtime.from_settings import recognizer
from stash_sense.stash.client import StashClient
from stash_sense.store.database import RecommendationsDB
from video import SAMPLES, encode, repeat

sys.path.insert(0, str(lab.REPOSITORY / "tests"))
StashStandIn = import_module("fakes.stash").StashStandIn

SIZE = (1920, 1080)
ENCODED_S = 2


def processor_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


async def measure(video: Path, minutes: float, folder: Path) -> list[list[object]]:
    pack = lab.default_pack()
    build_from_folders([SAMPLES.parent / "people"], folder / "people", pack, NoProgress())
    rows: list[list[object]] = []
    pool = WorkPool(usable_cores(), 4)
    with (
        StashStandIn() as stash,
        recognizer(pack, folder / "people") as ready,
        RecommendationsDB(folder / "stash_sense.db") as state,
    ):
        scene = stash.library.add_scene(
            "Long",
            content=video,
            path="/videos/long.mp4",
            size=SIZE,
            duration=60 * minutes,
            fingerprints={"oshash": "1"},
        )
        async with StashClient(stash.url) as client:
            tools = Tools(client, state, pool)
            for name, options in (
                ("over HTTP", MatchOptions()),
                ("asked again", MatchOptions()),
                ("other options", MatchOptions(max_distance=0.5)),
            ):
                stash.record.forget()
                began, cpu = time.perf_counter(), processor_s()
                answer = await identify_scene(str(scene), ready, options, tools, JobProgress("job"))
                seconds, used = time.perf_counter() - began, processor_s() - cpu
                parts = sum(
                    _length(seen.headers["range"]) for seen in stash.record.seen if seen.kind == "stream"
                )
                frames = answer.frames_analyzed
                rows.append([name, frames, seconds, used, 1000 * used / frames, parts / 1e6 / frames])
    pool.close(5)
    return rows


def _length(text: str) -> int:
    first, last = text.removeprefix("bytes=").split("-")
    return int(last) - int(first) + 1


def main() -> None:
    parser = lab.parser(__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        encode(folder / "short.mp4", "H.264", SIZE, ENCODED_S)
        repeat(folder / "short.mp4", folder / "long.mp4", int(60 * minutes / ENCODED_S))
        rows = asyncio.run(measure(folder / "long.mp4", minutes, folder))
    head = ["", "frames", "seconds", "processor s", "ms a frame", "MB fetched a frame"]
    lab.table(f"A scene of {minutes:g} minutes, 1080p", head, rows)
    lab.save("scene_stream", {str(row[0]): row[1:] for row in rows})


if __name__ == "__main__":
    main()

"""Long scenes, from the local file and over HTTP: seconds, processor time and bytes for each frame.

    python benchmarks/scene_stream.py [--minutes 30 120]

Then the same scene again, which reads no video, and with other options, which judges its stored faces again.
The time covers all of it: asking Stash, the stream, decoding, detection, embedding, the state and the answer.
Stash is the tests' stand-in in a process of its own, whose work is not counted, but it shares the cores.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
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
ENCODED_S = 8


def processor_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@contextmanager
def stash_with(videos: dict[float, Path]) -> Iterator[Connection]:
    """A Stash in a process of its own, so that its work does not count; it has each video twice.

    First it sends its address and the scenes' ids: (minutes, local path or not) to id. Asked for anything,
    it sends the bytes of video that were asked for since the last time.
    """
    here, there = Pipe()
    process = get_context("fork").Process(target=_serve, args=(videos, there))
    process.start()
    try:
        yield here
    finally:
        here.send(None)
        process.join()


def _serve(videos: dict[float, Path], asked: Connection) -> None:
    with StashStandIn() as stash:
        ids: dict[tuple[float, bool], str] = {}
        for minutes, video in videos.items():
            for local in (True, False):
                ids[minutes, local] = str(
                    stash.library.add_scene(
                        "Long",
                        content=video,
                        path=str(video) if local else f"/videos/{minutes:g}.mp4",
                        size=SIZE,
                        duration=60 * minutes,
                        fingerprints={"oshash": f"{minutes:g} {local}"},
                    )
                )
        asked.send((stash.url, ids))
        while asked.recv() is not None:
            parts = [seen.headers["range"] for seen in stash.record.seen if seen.kind == "stream"]
            stash.record.forget()
            asked.send(sum(map(_length, parts)))


async def measure(videos: dict[float, Path], folder: Path) -> list[list[object]]:
    pack = lab.default_pack()
    build_from_folders([SAMPLES.parent / "people"], folder / "people", pack, NoProgress())
    rows: list[list[object]] = []
    pool = WorkPool(usable_cores(), 4)
    with (
        stash_with(videos) as stash,
        recognizer(pack, folder / "people") as ready,
        RecommendationsDB(folder / "stash_sense.db") as state,
    ):
        url, ids = stash.recv()
        async with StashClient(url) as client:
            tools = Tools(client, state, pool)
            minutes = min(videos)
            runs = [
                *((f"{length:g} min, local file", (length, True), MatchOptions()) for length in videos),
                *((f"{length:g} min, over HTTP", (length, False), MatchOptions()) for length in videos),
                ("asked again", (minutes, False), MatchOptions()),
                ("other options", (minutes, False), MatchOptions(max_distance=0.5)),
            ]
            for name, scene, options in runs:
                began, cpu = time.perf_counter(), processor_s()
                answer = await identify_scene(ids[scene], ready, options, tools, JobProgress("job"))
                seconds, used = time.perf_counter() - began, processor_s() - cpu
                stash.send(name)
                frames = answer.frames_analyzed
                megabytes = stash.recv() / 1e6
                rows.append([name, frames, seconds, used, 1000 * used / frames, megabytes / frames])
    pool.close(5)
    return rows


def _length(text: str) -> int:
    first, last = text.removeprefix("bytes=").split("-")
    return int(last) - int(first) + 1


def main() -> None:
    parser = lab.parser(__doc__)
    parser.add_argument("--minutes", type=float, nargs="+", default=[30, 120])
    lengths = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        encode(folder / "short.mp4", "H.264", SIZE, ENCODED_S)
        videos = {length: folder / f"{length:g}.mp4" for length in lengths}
        for length, video in videos.items():
            repeat(folder / "short.mp4", video, int(60 * length / ENCODED_S))
        rows = asyncio.run(measure(videos, folder))
    head = ["", "frames", "seconds", "processor s", "ms a frame", "MB fetched a frame"]
    lab.table("Scenes of 1080p", head, rows)
    lab.save("scene_stream", {str(row[0]): row[1:] for row in rows})


if __name__ == "__main__":
    main()

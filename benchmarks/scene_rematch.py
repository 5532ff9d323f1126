"""Stored scenes judged again after the face database has grown: processor time for each, no video read.

    python benchmarks/scene_rematch.py [--people 25000 100000] [--scenes 20]

The scenes are synthetic: 120 frames of ten minutes, two faces on most of them, of four people who are
enrolled by then and two who are not. They are stored as a run stores them, and identified as a request does.
Stash is the tests' stand-in in a process of its own, whose work is not counted.
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

import numpy as np

import lab
from stash_sense.domain.faces import EmbeddedFace, Quality
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.folder import build_from_folders
from stash_sense.jobs.run import JobProgress
from stash_sense.jobs.workers import WorkPool
from stash_sense.machine import usable_cores
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.parameters import RunParameters, Tools
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.scene import MOST_FRAMES, stored_scene_answer
from stash_sense.recognition.scene_frames import to_new_frame
from stash_sense.recognition.scene_sampling import SAMPLER, SceneFrame
from stash_sense.recognition.scene_video import video_picture
from stash_sense.runtime.from_settings import recognizer
from stash_sense.stash.client import StashClient
from stash_sense.stash.scenes import StashScene
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.scenes import SceneRun
from strangers import FACES_A_PERSON, add_strangers, stranger_population
from synthetic import Population
from varied import SAMPLES

sys.path.insert(0, str(lab.REPOSITORY / "tests"))
StashStandIn = import_module("fakes.stash").StashStandIn

SIZE = (1920, 1080)
SECONDS = 600.0
KNOWN, OTHERS = 4, 2
"""People of a scene: enrolled ones, and others."""
SHOT_FRAMES = 8
"""Frames in a row that show the same two people."""
MOST_S = 0.1
"""The bar: processor seconds a scene."""


def main() -> None:
    if "OPENBLAS_NUM_THREADS" not in os.environ:  # as the command sets it, and before NumPy is loaded
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    parser = lab.parser(__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[25_000, 100_000])
    parser.add_argument("--scenes", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stash-sense-rematch-") as name:
        figures = asyncio.run(measure(Path(name), options.people, options.scenes))
    lab.table("Stored scenes, no video read", ["when", "processor ms a scene"], figures.items())
    bars = [
        lab.bar(f"s a scene, {_size(people)}", figures[_size(people)] / 1000, MOST_S, least=False)
        for people in options.people
    ]
    lab.table("Bars: after a change of the database", ["what", "figure", "wanted", "reached"], bars)
    lab.save("scene_rematch", {"scenes": options.scenes, "processor_ms": figures})


def _size(people: int) -> str:
    return f"{people:,} people, {FACES_A_PERSON * people:,} references"


async def measure(folder: Path, sizes: list[int], scenes: int) -> dict[str, float]:
    """When -> processor milliseconds a scene."""
    pack = lab.default_pack()
    place = folder / "people"
    build_from_folders([SAMPLES / "people"], place, pack, NoProgress())
    most = max(sizes)
    population = stranger_population(pack, most + OTHERS * scenes)
    figures = {}
    pool = WorkPool(usable_cores(), 4)
    with stash_with(scenes) as (url, ids), RecommendationsDB(folder / "stash_sense.db") as state:
        async with StashClient(url) as client:
            tools = Tools(client, state, pool)
            with recognizer(pack, place) as few:
                for number, scene_id in enumerate(ids):
                    who = cast(number, min(sizes), most)
                    store(await client.get_scene(scene_id), who, population, few, state)
                await ask(ids, few, tools)
                figures["unchanged"] = await ask(ids, few, tools)
            for people in sizes:
                add_strangers(place, pack, FACES_A_PERSON * people)
                with recognizer(pack, place) as many:
                    figures[_size(people)] = await ask(ids, many, tools, KNOWN)
    pool.close(5)
    return figures


def cast(number: int, least: int, most: int) -> list[int]:
    """Who is in a scene: people of even the smallest database, then such as are in none."""
    known = [(number * KNOWN + each) * 997 % least for each in range(KNOWN)]
    return [*known, *(most + number * OTHERS + each for each in range(OTHERS))]


def store(
    scene: StashScene,
    who: list[int],
    population: dict[str, Population],
    ready: FaceRecognizer,
    state: RecommendationsDB,
) -> None:
    """Store a scene as a run does that has looked at all its frames."""
    parameters = RunParameters.of(ready, MatchOptions(), "original")
    settings = {"floor": parameters.floor, "job": "", "max_frames": MOST_FRAMES}
    picture_id = state.begin_scene(
        SceneRun(scene.id, video_picture(scene), parameters.pack, SAMPLER, "file", *SIZE, SECONDS, settings)
    )
    frames = [to_new_frame(frame) for frame in looked_at(who, population)]
    state.add_scene_frames(picture_id, parameters.pack, frames)
    state.end_scene(picture_id, "settled")


def looked_at(who: list[int], population: dict[str, Population]) -> Iterator[SceneFrame]:
    """Two people side by side, in each shot others; each moves a little."""
    rng = np.random.default_rng(who[0])
    for number in range(MOST_FRAMES):
        shot = number // SHOT_FRAMES
        pair = np.array([who[shot % len(who)], who[(shot + 1 + shot // len(who)) % len(who)]])
        vectors = {slot: own.faces(pair) for slot, own in population.items()}
        faces = []
        for side in range(len(set(pair.tolist()))):
            x, y = 200 + 900 * side + 30 * rng.random(), 200 + 30 * rng.random()
            faces.append(
                EmbeddedFace(
                    box=np.array([x, y, x + 250, y + 320], np.float32),
                    confidence=0.9,
                    landmarks=np.zeros((5, 2), np.float32) + np.array([x, y], np.float32),
                    quality=Quality(0.5 + 0.5 * rng.random(), 280.0, 0.1, 0.1),
                    embeddings={slot: own[side] for slot, own in vectors.items()},
                )
            )
        yield SceneFrame(SECONDS * number / MOST_FRAMES, *SIZE, faces)


async def ask(ids: list[str], ready: FaceRecognizer, tools: Tools, least: int = 0) -> float:
    """Processor milliseconds a scene; ends the run if a scene names fewer people than `least`."""
    began = time.process_time()
    for scene_id in ids:
        answer = await stored_scene_answer(scene_id, ready, MatchOptions(), tools, JobProgress("job"))
        if answer is None or len(answer.persons) < least:
            sys.exit(f"scene {scene_id}: {answer and [person['name'] for person in answer.persons]}")
    return (time.process_time() - began) * 1000 / len(ids)


@contextmanager
def stash_with(scenes: int) -> Iterator[tuple[str, list[str]]]:
    """A Stash in a process of its own, so that its work does not count: its address and its scenes' ids."""
    here, there = Pipe()
    process = get_context("fork").Process(target=_serve, args=(scenes, there))
    process.start()
    try:
        yield here.recv()
    finally:
        here.send(None)
        process.join()


def _serve(scenes: int, asked: Connection) -> None:
    with StashStandIn() as stash:
        ids = [
            str(
                stash.library.add_scene(
                    "Stored",
                    path=f"/videos/{number}.mp4",
                    size=SIZE,
                    duration=SECONDS,
                    fingerprints={"oshash": f"{number:016x}"},
                )
            )
            for number in range(scenes)
        ]
        asked.send((stash.url, ids))
        asked.recv()


if __name__ == "__main__":
    main()

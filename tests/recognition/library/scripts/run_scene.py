"""One scene in a process of its own, seen by a pack of colours, that stops once so many frames are done.

run_scene.py STASH_URL KEY SCENE STATE DATABASE JOB FRAMES: prints `holding`, and waits to be killed.
"""

import asyncio
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from fakes.colours import colour_pack
from stash_sense.jobs.workers import WorkPool
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.parameters import Tools
from stash_sense.recognition.scene import identify_scene
from stash_sense.runtime.from_settings import recognizer
from stash_sense.stash.client import StashClient
from stash_sense.store.database import RecommendationsDB


class HoldingProgress:
    def __init__(self, job_id, frames):
        self.job_id = job_id
        self.frames = frames

    def start(self, stage, total):
        pass

    def update(self, done, *, faces=0, people=0):
        if done >= self.frames:
            sys.stdout.write("holding\n")
            sys.stdout.flush()
            threading.Event().wait()

    def problem(self, message):
        sys.stderr.write(f"{message}\n")

    def not_stored(self, error):
        self.problem(f"Not everything could be stored: {error}")

    def set_live_result(self, make):
        pass


async def main():
    url, key, scene, state, place, job, frames = sys.argv[1:]
    with recognizer(colour_pack(), Path(place)) as ready, RecommendationsDB(state) as opened:
        async with StashClient(url, key) as stash:
            tools = Tools(stash, opened, WorkPool(2, 4))
            await identify_scene(scene, ready, MatchOptions(), tools, HoldingProgress(job, int(frames)))


asyncio.run(main())

"""The whole library in a process of its own, seen by a pack of colours, that ends as if by kill -9.

run_library.py STASH_URL KEY STATE DATABASE [DONE MILLISECONDS]: once so many images and scenes are done, and
then after so much processor time, whatever it is at. Without these it ends by itself and prints its result.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from fakes.colours import colour_pack
from stash_sense.jobs.run import JobProgress
from stash_sense.jobs.workers import WorkPool
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.library import LibraryOptions, identify_library
from stash_sense.recognition.parameters import Tools
from stash_sense.runtime.from_settings import recognizer
from stash_sense.stash.client import StashClient
from stash_sense.store.database import RecommendationsDB


class EndingProgress(JobProgress):
    """The system ends the process at a timer's signal, as at kill -9: no Python code runs any more."""

    def __init__(self, done: int, milliseconds: float) -> None:
        super().__init__("job-1")
        self._at, self._after_s = done, milliseconds / 1000

    def update(self, done: int, *, faces: int = 0, people: int = 0) -> None:
        super().update(done, faces=faces, people=people)
        if done >= self._at and self._after_s:
            signal.setitimer(signal.ITIMER_PROF, self._after_s)
            self._after_s = 0


async def main() -> None:
    url, key, state, place, *end = sys.argv[1:]
    done, milliseconds = (int(end[0]), float(end[1])) if end else (0, 0.0)
    pool = WorkPool(2, 4)
    with recognizer(colour_pack(), Path(place)) as ready, RecommendationsDB(state) as opened:
        async with StashClient(url, key) as stash:
            tools, progress = Tools(stash, opened, pool), EndingProgress(done, milliseconds)
            result = await identify_library(LibraryOptions(MatchOptions()), ready, tools, progress)
    pool.close(5)
    sys.stdout.write(json.dumps(result))


asyncio.run(main())

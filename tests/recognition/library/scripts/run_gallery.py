"""One gallery in a process of its own, to be killed: prints `done N` as it goes, then the answer as JSON.

run_gallery.py STASH_URL GALLERY STATE DATABASE PACK_FOLDER JOB [force]
"""

import asyncio
import json
import sys
from pathlib import Path

from stash_sense.jobs.workers import WorkPool
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.models.manifest import DEFAULT_PACK
from stash_sense.models.prepare import prepare_pack
from stash_sense.recognition.gallery import identify_gallery
from stash_sense.recognition.parameters import Tools
from stash_sense.recognition.recognizer import load_pack
from stash_sense.runtime.from_settings import recognizer
from stash_sense.stash.client import StashClient
from stash_sense.store.database import RecommendationsDB


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class SpokenProgress:
    def __init__(self, job_id):
        self.job_id = job_id

    def start(self, stage, total):
        pass

    def update(self, done, *, faces=0, people=0):
        say(f"done {done}")

    def problem(self, message):
        sys.stderr.write(f"{message}\n")

    def not_stored(self, error):
        self.problem(f"Not everything could be stored: {error}")

    def set_live_result(self, make):
        pass


async def main():
    url, gallery, state, place, pack_dir, job, *force = sys.argv[1:]
    pack = load_pack(prepare_pack(DEFAULT_PACK, Path(pack_dir)))
    pool = WorkPool(2, 4)
    with recognizer(pack, Path(place)) as ready, RecommendationsDB(state) as opened:
        async with StashClient(url) as stash:
            tools = Tools(stash, opened, pool)
            answer = await identify_gallery(
                gallery, ready, MatchOptions(), tools, SpokenProgress(job), force=bool(force)
            )
    pool.close(5)
    say(json.dumps(answer.as_json()))


asyncio.run(main())

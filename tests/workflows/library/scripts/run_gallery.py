"""One gallery in a process of its own, to be killed: prints `done N` as it goes, then the answer as JSON.

run_gallery.py STASH_URL GALLERY STATE DATABASE PACK_FOLDER JOB [force]
"""

import asyncio
import json
import sys
from pathlib import Path

from stash_sense.assets import DEFAULT_PACK, prepare
from stash_sense.jobs import WorkPool
from stash_sense.services import recognizer
from stash_sense.stash import StashClient
from stash_sense.store import RecommendationsDB
from stash_sense.workflows.evidence import Knobs
from stash_sense.workflows.library import Tools, as_json, identify_gallery
from stash_sense.workflows.packs import load_pack


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Report:
    def __init__(self, job_id):
        self.job_id = job_id

    def progress(self, done, total, *, faces=0, people=0):
        say(f"done {done}")

    def problem(self, text):
        sys.stderr.write(f"{text}\n")

    def result_so_far(self, make):
        pass


async def main():
    url, gallery, state, place, pack_dir, job, *force = sys.argv[1:]
    pack = load_pack(prepare(DEFAULT_PACK, Path(pack_dir)))
    pool = WorkPool(2, 4)
    with recognizer(pack, Path(place)) as ready, RecommendationsDB(state) as opened:
        async with StashClient(url) as stash:
            tools = Tools(stash, opened, pool)
            answer = await identify_gallery(gallery, ready, Knobs(), tools, Report(job), force=bool(force))
    pool.close(5)
    say(json.dumps(as_json(answer)))


asyncio.run(main())

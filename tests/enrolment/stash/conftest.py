"""A stand-in with performers, and a build from it."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image

from fakes.stash import StashStandIn
from stash_sense.enrolment.stash import build_from_stash
from stash_sense.facedb.database import FaceDatabase
from stash_sense.stash.client import StashClient
from stash_sense.stash.transport import StashLimits

STASHDB, FANSDB = "https://stashdb.org/graphql", "https://fansdb.cc/graphql"
QUICK = StashLimits(connect_s=60, stall_s=60, total_s=120, retry_s=0.3, pause_s=0.01, longest_pause_s=0.05)
RED, GREEN, BLUE, BLACK = (255, 30, 30), (30, 255, 30), (30, 30, 255), (0, 0, 0)


def picture(colour, size=(80, 72)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def solid(colour, size=(80, 64)) -> np.ndarray:
    """A frame of one colour (R, G, B), as BGR."""
    return np.full((size[1], size[0], 3), colour[::-1], np.uint8)


class Watch:
    """What a build reports."""

    def __init__(self):
        self.steps, self.problems = [], []
        self._wanted, self._reached = None, asyncio.Event()

    def start(self, stage, total):
        self.total = total
        self.update(0)

    def update(self, done, *, faces=0, people=0):
        self.steps.append((done, self.total, faces, people))
        if done == self._wanted:
            self._reached.set()

    async def reaches(self, done):
        """Wait until so many people are dealt with."""
        self._wanted = done
        await asyncio.wait_for(self._reached.wait(), 60)

    def problem(self, message):
        self.problems.append(message)


@pytest.fixture
def stash():
    with StashStandIn() as stand_in:
        stand_in.library.stash_boxes += [(FANSDB, "FansDB", "k"), (STASHDB, "StashDB", "k")]
        yield stand_in


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def enrol(stash, place, colours, watch, pool):
    """Build the database from the stand-in."""

    async def enrol(pack=colours, key="", limits=QUICK, **options):
        async with StashClient(stash.url, key, limits) as client:
            return await build_from_stash(client, place, pack, watch, pool=pool, **options)

    return enrol


@pytest.fixture
def three(stash):
    """Ann is red and known to two stash-boxes, Bea is green, Cleo has a placeholder."""
    stash.library.add_performer(
        "Ann", image=picture(RED), country="SE", stash_ids=[(STASHDB, "u1"), (FANSDB, "u2")]
    )
    stash.library.add_performer("Bea", image=picture(GREEN))
    stash.library.add_performer("Cleo")


def enrolled(place):
    with FaceDatabase.open(place) as database:
        return {database.person(i).name: len(database.rows(i)) for i in range(database.people)}

"""A Stash with performers who have ids of a stash-box, the box, and a build from it."""

import io
from pathlib import Path

import pytest
from PIL import Image

from fakes.stash import StashStandIn
from fakes.stash_box import KEY, StashBoxStandIn, TurnedClock
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.stash_boxes import build_from_stash_box
from stash_sense.facedb.database import FaceDatabase
from stash_sense.stash.client import StashClient
from stash_sense.stash.transport import StashLimits
from stash_sense.stashbox.client import StashBoxClient, StashBoxLimits
from stash_sense.stashbox.rate import RequestRate

RED, GREEN, BLUE, BLACK = (255, 30, 30), (30, 255, 30), (30, 30, 255), (0, 0, 0)
STEADY = StashLimits(connect_s=60, stall_s=60, total_s=120, retry_s=0.3, pause_s=0.01, longest_pause_s=0.05)


def picture(colour, size=(80, 72)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def shades(count: int, colour=RED) -> list[bytes]:
    """Different pictures of one person."""
    return [picture(colour, (80, 72 + number)) for number in range(count)]


class Watch(NoProgress):
    """What a build reports."""

    def __init__(self):
        self.steps, self.stages, self.problems = [], [], []

    def start(self, stage, total):
        self.stages.append((stage, total))

    def update(self, done, *, faces=0, people=0):
        self.steps.append((done, faces, people))

    def problem(self, message):
        self.problems.append(message)


@pytest.fixture
def clock():
    return TurnedClock()


@pytest.fixture
def box(clock):
    with StashBoxStandIn(clock=clock) as stand_in:
        yield stand_in


@pytest.fixture
def stash(box):
    with StashStandIn() as stand_in:
        stand_in.library.stash_boxes.append((box.endpoint, "Box", KEY))
        yield stand_in


@pytest.fixture
def tag(stash, box):
    """A performer of Stash with these ids of the box; returns the performer's id."""

    def tag(name, *ids, **fields):
        return stash.library.add_performer(name, stash_ids=[(box.endpoint, each) for each in ids], **fields)

    return tag


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def enrol(stash, box, place, colours, watch, pool, clock, tmp_path):
    """Build the database from the stand-in; returns the report."""

    async def enrol(per_minute=120, key=KEY, pack=colours, progress=watch, **options):
        rate = RequestRate(per_minute, tmp_path / "rates" / "box", clock)
        limits = StashBoxLimits(connect_s=60, stall_s=60, total_s=120)
        async with (
            StashClient(stash.url, "", STEADY) as client,
            StashBoxClient(box.endpoint, key, rate, limits, progress.problem) as box_client,
        ):
            return await build_from_stash_box(
                client, box_client, box.endpoint, place, pack, progress, pool=pool, **options
            )

    return enrol


@pytest.fixture
def people_of(place: Path):
    """Name -> the person and how many faces, of the database at the place."""

    def people_of():
        with FaceDatabase.open(place) as database:
            people = [(database.person(i), len(database.rows(i))) for i in range(database.people)]
        return {person.name: (person, faces) for person, faces in people}

    return people_of

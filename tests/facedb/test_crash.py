"""Killed in the middle, or two at once: the database at the place is always one whole build."""

import contextlib
import random
import subprocess
import sys
import time

import numpy as np
import pytest

from stash_sense.errors import NoDatabase
from stash_sense.facedb.database import FaceDatabase

pytestmark = pytest.mark.slow

PEOPLE = 400


def whole(place):
    """The build that stands at the place, after checking that every part of it is of this one build."""
    with FaceDatabase.open(place) as database:
        name, build = database.manifest.sources[0], int(database.person(0).key.split()[-2])
        assert database.people == PEOPLE
        assert [database.person(i).key for i in range(PEOPLE)] == [
            f"{name} {build} {i}" for i in range(PEOPLE)
        ]
        assert database.reference(PEOPLE - 1).photo == f"{name}/{build}/{PEOPLE - 1}.jpg"
        assert len(list(database.photos())) == PEOPLE
        assert (database.vectors(np.arange(PEOPLE))["arcface"] == build).all()
        return name, build


@pytest.fixture
def start(builder):
    """Start a process that builds, one database after another; all are ended with the test."""
    processes = []

    def start(name, builds):
        process = subprocess.Popen(
            [*builder, str(PEOPLE), str(builds), name],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_build_killed_at_any_moment_leaves_a_whole_database(start, place, builder, torture):
    moments = random.Random()
    for round_number in range(200 if torture else 4):
        process = start(f"round{round_number}", 10_000)
        assert process.stdout.readline() == "1\n"
        time.sleep(moments.uniform(0, 0.15))
        process.kill()
        ended = 1 + len(process.communicate()[0].split())
        name, build = whole(place)
        assert name == f"round{round_number}"
        assert ended <= build <= ended + 1
    start("after", 1).communicate(timeout=60)
    assert whole(place) == ("after", 1)
    assert not list(place.glob(".building-*"))
    assert len([path for path in place.iterdir() if path.is_dir()]) == 2


def test_the_first_build_killed_leaves_no_database(start, place):
    process = start("first", 1)
    deadline = time.monotonic() + 60
    while not list(place.glob(".building-*")) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.communicate()
    with contextlib.suppress(NoDatabase):
        assert whole(place) == ("first", 1)


def test_two_builds_at_once_both_end_well(start, place):
    builds = 5
    processes = [start(name, builds) for name in ("left", "right")]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err, len(out.split())) == (0, "", builds)
    assert whole(place)[1] == builds


def test_a_reader_beside_two_builders_sees_only_whole_databases(start, place):
    processes = [start(name, 6) for name in ("left", "right")]
    seen = set()
    while any(process.poll() is None for process in processes):
        try:
            seen.add(whole(place))
        except NoDatabase:
            assert not seen
    assert seen


SWITCHING = (
    "import sys, pathlib; from stash_sense.facedb.versions import roll_back\n"
    "while True: roll_back(pathlib.Path(sys.argv[1])); print(flush=True)"
)


def test_a_rollback_killed_at_any_moment_leaves_a_whole_database(start, place, torture):
    start("two", 2).communicate(timeout=60)
    for _ in range(50 if torture else 3):
        process = subprocess.Popen([sys.executable, "-c", SWITCHING, str(place)], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"\n"
        time.sleep(random.Random().uniform(0, 0.05))
        process.kill()
        process.communicate()
        assert whole(place)[1] in (1, 2)

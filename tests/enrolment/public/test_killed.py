"""Killed at any moment, an import leaves the database before it or the new one, and nothing else."""

import random
import subprocess
import sys
import time

import pytest

from .conftest import uid

pytestmark = pytest.mark.slow

IMPORTS = """
import sys
from pathlib import Path
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.public import import_release
from stash_sense.enrolment.public_release import ImportingPack
pack = ImportingPack("public-pack", "f1", ("facenet512+arcface",), {"arcface": 8, "facenet": 6})
print("started", flush=True)
while True:
    for path in sys.argv[2:]:
        import_release(Path(path), Path(sys.argv[1]), pack, NoProgress())
"""


def test_an_import_killed_at_any_moment_leaves_a_whole_database(
    release, imported, place, people, opened, torture
):
    paths = [release([n % 40 for n in range(120)], version="1"), release(range(60), seed=1, version="2")]
    whole = [dict.fromkeys((f"Person {n}" for n in range(40)), 3), {f"Person {n}": 1 for n in range(60)}]
    imported(paths[0])
    moments = random.Random()
    for _ in range(50 if torture else 4):
        command = [sys.executable, "-c", IMPORTS, str(place), *map(str, paths)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout.readline() == b"started\n"
        time.sleep(moments.uniform(0, 0.3))
        process.kill()
        process.communicate()
        assert people() in whole
        with opened() as database:
            assert database.find([uid(5)])
    imported(paths[1])
    assert not list(place.glob(".building*"))

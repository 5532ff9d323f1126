"""Opening maps the files and copies nothing; processes share the pages."""

import subprocess
import sys

import numpy as np
import pytest

from stash_sense.domain.identity import Person
from stash_sense.facedb.layout import Photo, Reference, Slot
from stash_sense.facedb.writer import DatabaseWriter

pytestmark = pytest.mark.slow

FACES, DIMENSION = 50_000, 512

OPENS = """
import sys, time
from pathlib import Path
from stash_sense.facedb.database import FaceDatabase

def private():
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["RssAnon"].split()[0])

with FaceDatabase.open(Path(sys.argv[2])) as small:
    small.person(0)  # what is loaded at first use is not the database
before, started = private(), time.perf_counter()
database = FaceDatabase.open(Path(sys.argv[1]))
print(database.people, private() - before, time.perf_counter() - started)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's account of memory")
def test_opening_100_mb_takes_no_private_memory(build, tmp_path, torture):
    slots = [Slot(name="arcface", dimension=DIMENSION)]
    block = np.ones((1000, DIMENSION), np.float32)
    reference = Reference("/photo.jpg", (0, 0, 1, 1), 1.0)
    with DatabaseWriter(tmp_path / "large", pack="test", pack_fingerprint="f1", slots=slots) as writer:
        for person in range(FACES // 1000):
            writer.add_person(Person(f"{person}", f"{person}"), [reference] * 1000, block)
        writer.add_photo(Photo("/photo.jpg", "1", "0"))
        writer.commit([])
    ran = subprocess.run(
        [sys.executable, "-c", OPENS, tmp_path / "large", build({"Ada": 1})],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    people, kilobytes, seconds = ran.stdout.split()
    assert int(people) == FACES // 1000
    assert int(kilobytes) < 1000
    if torture:  # on a machine that does nothing else
        assert float(seconds) < 1

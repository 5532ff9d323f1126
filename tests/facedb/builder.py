"""Builds one database after another at a place: builder.py PLACE PEOPLE BUILDS NAME.

Every vector of a build is the build's own number, so that a mixture of two builds would show.
"""

import sys
from pathlib import Path

import numpy as np

from stash_sense.domain.identity import Person
from stash_sense.facedb.layout import Photo, Reference, Slot
from stash_sense.facedb.writer import DatabaseWriter

place, people, builds, name = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
for build in range(1, builds + 1):
    slots = [Slot(name="arcface", dimension=64)]
    with DatabaseWriter(place, pack="test", pack_fingerprint="f1", slots=slots) as writer:
        for i in range(people):
            photo = f"{name}/{build}/{i}.jpg"
            vector = np.full((1, 64), build, np.float32)
            writer.add_person(
                Person(f"{name} {build} {i}", name), [Reference(photo, (0, 0, 1, 1), 1)], vector
            )
            writer.add_photo(Photo(photo, "stamp", name))
        writer.commit([name])
    sys.stdout.write(f"{build}\n")
    sys.stdout.flush()

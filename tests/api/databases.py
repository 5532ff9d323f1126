"""Further versions of a face database, made in a moment from the people of the first."""

from dataclasses import replace

import numpy as np

from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.writer import DatabaseWriter


def write_version(place, names=None, source=None, mark=None):
    """A version with the people of these names, all if None, of the version in use: its name.

    mark: a number that all names of the version end with; it also moves all references, the more the larger.
    """
    with FaceDatabase.open(source or place) as database:
        manifest = database.manifest
        with DatabaseWriter(
            place, pack=manifest.pack, pack_fingerprint=manifest.pack_fingerprint, slots=manifest.slots
        ) as writer:
            for index in range(database.people):
                person, rows = database.person(index), database.rows(index)
                if names is None or person.name in names:
                    vectors = database.vectors(rows)
                    if mark is not None:
                        person = replace(person, name=f"{person.name} {mark}")
                        vectors = {slot: moved(own, mark) for slot, own in vectors.items()}
                    writer.add_person(
                        person,
                        [database.reference(row) for row in rows],
                        joined(vectors, manifest.slots),
                        [database.crop(row) for row in rows],
                    )
            for photo in database.photos():
                writer.add_photo(photo)
            return writer.commit(manifest.sources)


def moved(vectors, by):
    """Unit vectors (n, d) turned a little, by a number."""
    turned = vectors + 0.004 * by * np.roll(vectors, 1, axis=1)
    return turned / np.linalg.norm(turned, axis=1, keepdims=True)


def joined(vectors, slots):
    """The slots' vectors side by side, as a writer takes them."""
    return np.hstack([vectors[slot.name] for slot in slots])

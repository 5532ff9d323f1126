"""Strangers for a face database, to make it as large as a real one; they score as measured faces do."""

from pathlib import Path

import numpy as np

from stash_sense.domain.identity import Person
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Reference, Slot
from stash_sense.facedb.writer import DatabaseWriter
from stash_sense.faces.engine import SLOTS
from stash_sense.recognition.recognizer import LoadedPack
from synthetic import Population, Scores

MEASURED = {
    "arcface": Scores(0.6412, 0.1202, 0.0968, 0.0884),
    "facenet": Scores(0.9516, 0.0176, 0.83, 0.0371),
}
"""Cosines of the default pack, as search.py measured them."""
FACES_A_PERSON = 4
_PEOPLE_A_STEP = 1000
_KEY = "synthetic:"


def stranger_population(pack: LoadedPack, people: int) -> dict[str, Population]:
    """Slot -> so many strangers; the first ones are the same, however many there are."""
    return {
        slot: Population(MEASURED[slot], pack.dimensions[slot], people, np.random.default_rng(seed))
        for seed, slot in enumerate(SLOTS)
    }


def add_strangers(place: Path, pack: LoadedPack, faces: int) -> None:
    """Write the database at `place` again: the same people, and `faces` references of strangers.

    Strangers of an earlier call go.
    """
    people = -(-faces // FACES_A_PERSON)
    population = stranger_population(pack, people)
    slots = [Slot(name=slot, dimension=pack.dimensions[slot]) for slot in SLOTS]
    with (
        FaceDatabase.open(place) as before,
        DatabaseWriter(place, pack=pack.id, pack_fingerprint=pack.fingerprint, slots=slots) as writer,
    ):
        for index in range(before.people):
            if before.person(index).key.startswith(_KEY):
                continue
            rows = before.rows(index)
            vectors = np.concatenate([before.vectors(rows)[slot] for slot in SLOTS], axis=1)
            writer.add_person(before.person(index), [before.reference(row) for row in rows], vectors)
        for first in range(0, people, _PEOPLE_A_STEP):
            ids = np.arange(first, min(first + _PEOPLE_A_STEP, people))
            owners = np.repeat(ids, FACES_A_PERSON)
            vectors = np.concatenate([population[slot].faces(owners) for slot in SLOTS], axis=1)
            for person, own in zip(ids.tolist(), np.split(vectors, len(ids)), strict=True):
                references = [
                    Reference(f"{person}/{k}.jpg", (0.0, 0.0, 9.0, 9.0), 1.0) for k in range(len(own))
                ]
                writer.add_person(Person(f"{_KEY}{person}", f"Person {person}"), references, own)
        writer.commit(["synthetic"])

"""Small face databases, made in a moment."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stash_sense.domain.identity import Person
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo, Reference, Slot
from stash_sense.facedb.writer import DatabaseWriter

SLOTS = (Slot(name="arcface", dimension=4), Slot(name="facenet", dimension=2))


@pytest.fixture
def place(tmp_path) -> Path:
    return tmp_path / "database"


@pytest.fixture
def writer(place) -> Callable[..., DatabaseWriter]:
    return lambda where=place: DatabaseWriter(where, pack="test", pack_fingerprint="f1", slots=SLOTS)


@pytest.fixture
def build(place, writer) -> Callable[..., Path]:
    """Build a database of these people (name -> number of faces); returns its place."""

    def build(people: dict[str, int], sources=("/people",), where=place):
        with writer(where) as one:
            for number, (name, faces) in enumerate(people.items()):
                photos = [f"/people/{name}/{i}.jpg" for i in range(faces)]
                references = [Reference(photo, (1.0, 2.0, 3.0, 4.5), 0.5) for photo in photos]
                one.add_person(Person(name, name), references, vectors_of(number, faces))
                for photo in photos:
                    one.add_photo(Photo(photo, "stamp", name))
            one.commit(sources)
        return where

    return build


def vectors_of(number: int, faces: int) -> np.ndarray:
    return np.random.default_rng(number).standard_normal((faces, 6), dtype=np.float32)


@pytest.fixture
def vectors() -> Callable[[int, int], np.ndarray]:
    """The vectors that `build` gives to a person, by their number and how many faces they have."""
    return vectors_of


@pytest.fixture
def names() -> Callable[[Path], list[str]]:
    def names(place: Path) -> list[str]:
        with FaceDatabase.open(place) as database:
            return [database.person(i).name for i in range(database.people)]

    return names


@pytest.fixture
def builder(place) -> list[str]:
    """The command that builds databases one after another in a process of its own; see builder.py."""
    return [sys.executable, str(Path(__file__).with_name("builder.py")), str(place)]

"""Small releases of public face databases, and the database that they are imported into."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from fakes.releases import write_usearch_release, write_voyager_release
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.public import ImportReport, import_release
from stash_sense.enrolment.public_release import ImportingPack
from stash_sense.facedb.database import FaceDatabase

PACK = ImportingPack("public-pack", "f1", ("facenet512+arcface",), {"arcface": 8, "facenet": 6})
ONE_NETWORK = ImportingPack("one-network", "f1", ("buffalo_l",), {"arcface": 8})


def uid(number: int, host: str = "stashdb.org") -> str:
    return f"{host}:{uuid.UUID(int=number + 1)}"


def face(number: int, dimension: int) -> np.ndarray:
    """A face's vector, of length 3: a release need not have unit vectors."""
    vector = np.random.default_rng(number).standard_normal(dimension)
    return (3 * vector / np.linalg.norm(vector)).astype(np.float32)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "database"


@pytest.fixture
def release(tmp_path: Path) -> Callable[..., Path]:
    """Write a release: whose each face is, by number; people named after it, but for those given."""
    count = iter(range(1000))

    def write(owners, people=None, seed=0, **manifest) -> Path:
        named = {
            uid(n): {"name": f"Person {n}", "country": "GB"} for n in dict.fromkeys(owners) if n is not None
        }
        named |= people or {}
        ids = [None if n is None else uid(n) for n in owners]
        vectors = {
            slot: np.array([face(100 * seed + n, size) for n in range(len(ids))], np.float32).reshape(
                -1, size
            )
            for slot, size in PACK.dimensions.items()
        }
        return write_voyager_release(tmp_path / f"release-{next(count)}", named, ids, vectors, **manifest)

    return write


@pytest.fixture
def living(tmp_path: Path) -> Callable[..., Path]:
    """Write a release of USearch's kind: face -> whose it is."""
    count = iter(range(1000))

    def write(owners, **options) -> Path:
        people = {uid(n): f"Person {n}" for n in owners.values()}
        vectors = np.array([face(number, 8) for number in owners], np.float32)
        ids = {number: uid(n) for number, n in owners.items()}
        return write_usearch_release(tmp_path / f"living-{next(count)}", people, ids, vectors, **options)

    return write


@pytest.fixture
def imported(place: Path) -> Callable[..., ImportReport]:
    def run(path, pack=PACK, **options) -> ImportReport:
        return import_release(path, place, pack, NoProgress(), **options)

    return run


@pytest.fixture
def people(place: Path) -> Callable[[], dict[str, int]]:
    """Name -> how many faces, as the database has them."""

    def read() -> dict[str, int]:
        with FaceDatabase.open(place) as database:
            return {database.person(i).name: len(database.rows(i)) for i in range(database.people)}

    return read


@pytest.fixture
def opened(place: Path) -> Callable[[], Iterator[FaceDatabase]]:
    return lambda: FaceDatabase.open(place)

"""How many statements the state runs does not grow with the number of its rows."""

import sqlite3
from typing import Any

import pytest

from stash_sense.domain.identity import PictureIdentity
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.rematching import FaceMatches

PACK = "test-pack"


class Counted(sqlite3.Connection):
    """Counts the calls that run a statement, for one row or many."""

    calls = 0

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        Counted.calls += 1
        return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        Counted.calls += 1
        return super().executemany(*arguments)


@pytest.fixture
def counted(monkeypatch, tmp_path, face: Any, result: Any):
    """A state with so many images, one decided face each, and a count of what a call runs."""
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **named: connect(*a, **named, factory=Counted))

    def of(images: int):
        db = RecommendationsDB(tmp_path / f"{images}.db")
        faces = [
            db.store_image_result(result(str(n), face(0.1, "anna", f"person-{n}"))).face_ids[0]
            for n in range(images)
        ]
        for number, face_id in enumerate(faces):
            db.decide(face_id, "rejected", f"person-{number}")

        def count(call) -> int:
            Counted.calls = 0
            call(db, faces)
            return Counted.calls

        return count

    return of


CALLS = {
    "list decisions": lambda db, _: db.list_decisions(limit=500),
    "take all back": lambda db, _: db.undecide_all(
        [row.decision.decision_id for row in db.list_decisions(limit=500)]
    ),
    "read the decisions": lambda db, faces: db.decisions_by_face_id([str(n) for n in range(len(faces))]),
    "match again": lambda db, faces: db.update_matches(
        PACK, "v2", [str(n) for n in range(len(faces))], [FaceMatches(each, "unknown") for each in faces]
    ),
    "add to a gallery": lambda db, faces: db.add_images_to_gallery("7", [str(n) for n in range(len(faces))]),
    "look pictures up": lambda db, faces: db.known_pictures(
        PictureIdentity.of([("md5", str(n))]) for n in range(len(faces))
    ),
    "follow keys": lambda db, _: db.follow_people(lambda _: {}),
    "find keys": lambda db, faces: db.keys_of_people(f"person-{n}" for n in range(len(faces))),
}


@pytest.mark.parametrize("name", CALLS)
def test_many_rows_take_no_more_statements_than_few(counted, name: str) -> None:
    few, many = counted(3), counted(40)
    assert many(CALLS[name]) == few(CALLS[name])

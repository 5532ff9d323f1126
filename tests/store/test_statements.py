"""How many statements the state runs does not grow with the number of its rows."""

import sqlite3
from dataclasses import replace
from typing import Any

import pytest

from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.rematching import FaceMatches

from .scenes import PACK, frame, run, track
from .scenes import face as face_at


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


def test_a_scene_of_many_frames_faces_and_tracks_is_stored_with_no_more_statements_than_one_of_few(
    tmp_path, monkeypatch
) -> None:
    """The first time, and again with all faces found again."""
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **named: connect(*a, **named, factory=Counted))

    def counts(many: int) -> list[int]:
        db = RecommendationsDB(tmp_path / f"{many}-frames.db")
        boxes = [Box(number / 50, 0.1, 0.015, 0.1) for number in range(many)]
        frames = [frame(float(at), *(face_at(box) for box in boxes)) for at in range(many)]
        stored, calls = [], []
        for _ in range(2):
            video = db.begin_scene(run(), restart=True)
            Counted.calls = 0
            stored.append(db.add_scene_frames(video, PACK, frames))
            tracks = [track(list(ids), f"person-{at}") for at, ids in enumerate(stored[-1])]
            db.store_scene_tracks(video, tracks, "v1", None, {})
            calls.append(Counted.calls)
        assert stored[0] == stored[1]
        return calls

    assert counts(20) == counts(3)


def test_an_image_of_many_faces_is_stored_with_no_more_statements_than_one_of_few(
    tmp_path, monkeypatch, face: Any, result: Any
) -> None:
    """The first time, and again with all faces found again, decided, as others, and in other galleries."""
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **named: connect(*a, **named, factory=Counted))

    def counts(faces: int) -> list[int]:
        db = RecommendationsDB(tmp_path / f"{faces}-faces.db")

        def store(name: str, galleries: int) -> tuple[int, tuple[int, ...]]:
            found = [
                replace(
                    face(0.01 * number, f"{name}-{number}", "anna"), box=Box(number / 50, 0.1, 0.015, 0.1)
                )
                for number in range(faces)
            ]
            stored = result("1", *found, gallery_ids=[str(number + 1) for number in range(galleries)])
            Counted.calls = 0
            face_ids = db.store_image_result(stored).face_ids
            return Counted.calls, face_ids

        first, face_ids = store("person", 2)
        for number, face_id in enumerate(face_ids):
            db.decide(face_id, "rejected", f"person-{number}")
        again, kept = store("other", faces)
        assert kept == face_ids
        return [first, again]

    assert counts(40) == counts(4)

"""One word on many faces, and many words taken back: all at once, or none of it."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import groupby
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from stash_sense.domain.decisions import StoredMatch
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.errors import BadInput, Conflict, NotStored
from stash_sense.store.connection import configure, connect, writing
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.deciding import decide_faces
from stash_sense.store.repositories.decisions import delete_decisions
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.rematching import refresh_pictures

Crowd = Callable[..., list[int]]


@pytest.fixture
def crowd(db: RecommendationsDB, result: Any) -> Crowd:
    """Stores images with so many faces each, which look like Anna: their face ids, image by image."""

    def store(images: int, faces: int = 1, into: RecommendationsDB = db, **more: Any) -> list[int]:
        candidates = (StoredMatch("anna", 0.3, name="Anna"), StoredMatch("berta", 0.4))
        drawn = [
            DetectedFace(
                Box(0.1 * (index % 10), 0.1 * (index // 10), 0.09, 0.09), 0.9, "match", "", candidates
            )
            for index in range(faces)
        ]
        results = [result(str(number), *drawn, **more) for number in range(1, images + 1)]
        stored = into.store_image_results(results).stored
        return [face_id for image in stored for face_id in image.face_ids]

    return store


def decisions_of(db: RecommendationsDB, face_ids: list[int]) -> list[list[tuple[str, str | None]]]:
    return [[(one.kind, one.performer_id) for one in db.get_face(face_id).decisions] for face_id in face_ids]


def count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def tagged(db: RecommendationsDB) -> int:
    """An entry of a tag that was written."""
    entry = db.journal_begin("gallery", ["1"], "88")
    db.journal_complete(entry.entry_id, "done", ["1"])
    return entry.entry_id


@pytest.fixture
def refusing(path: Path) -> Iterator[Callable[[str], None]]:
    """Makes the file itself refuse a statement on a decision, as a full disk would: half-way."""

    def refuse(when: str) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(
                f"CREATE TRIGGER refusing BEFORE {when} BEGIN SELECT RAISE(ABORT, 'half-way'); END"
            )

    return refuse


@pytest.mark.parametrize("face_ids", [[], (), ""])
def test_a_word_on_no_face_is_refused(face_ids: Any, db: RecommendationsDB) -> None:
    with pytest.raises(BadInput, match="face_ids is empty"):
        db.decide_faces(face_ids, "ignored")


@pytest.mark.parametrize("face_id", [-1, 2**63, "1", None, 1.0, True])
def test_an_id_that_is_none_refuses_them_all(face_id: Any, db: RecommendationsDB, crowd: Crowd) -> None:
    (good,) = crowd(1)
    with pytest.raises(BadInput):
        db.decide_faces([good, face_id], "ignored")
    assert decisions_of(db, [good]) == [[]]
    decision = db.decide(good, "ignored")
    with pytest.raises(BadInput):
        db.undecide_all([decision.decision_id, face_id])
    assert decisions_of(db, [good]) == [[("ignored", None)]]


@pytest.mark.parametrize(
    ("word", "performer", "named"),
    [
        ("maybe", "anna", "word"),
        (None, "anna", "word"),
        ("confirmed", None, "performer_id"),
        ("rejected", "", "performer_id"),
        ("apart", "anna", "performer_id"),
    ],
)
def test_a_word_that_is_none_is_refused_for_them_all(
    word: Any, performer: Any, named: str, db: RecommendationsDB, crowd: Crowd
) -> None:
    face_ids = crowd(2)
    with pytest.raises(BadInput, match=named):
        db.decide_faces(face_ids, word, performer)
    assert decisions_of(db, face_ids) == [[], []]


def test_a_name_that_is_none_is_refused_with_the_word(db: RecommendationsDB, crowd: Crowd) -> None:
    face_ids = crowd(2)
    with pytest.raises(BadInput, match="name"):
        db.decide_faces(face_ids, "confirmed", "zoe", name="")
    assert decisions_of(db, face_ids) == [[], []]


@pytest.mark.parametrize("face_ids", [[99], [0, 99, 2**63 - 1]])
def test_where_no_face_is_stored_it_says_what_to_do(face_ids: list[int], db: RecommendationsDB) -> None:
    with pytest.raises(NotStored, match="identify the image"):
        db.decide_faces(face_ids, "confirmed", "anna")


def test_a_word_of_a_tag_that_was_undone_is_refused_for_them_all(db: RecommendationsDB, crowd: Crowd) -> None:
    face_ids = crowd(2)
    entry = tagged(db)
    db.journal_undone(entry)
    with pytest.raises(Conflict, match="has been undone"):
        db.decide_faces(face_ids, "confirmed", "anna", entry_id=entry)
    with pytest.raises(NotStored, match="journal entry 99"):
        db.decide_faces(face_ids, "confirmed", "anna", entry_id=99)
    assert decisions_of(db, face_ids) == [[], []]


def test_what_fails_half_way_decides_nothing(
    db: RecommendationsDB, crowd: Crowd, path: Path, refusing: Callable[[str], None]
) -> None:
    face_ids = crowd(3, 4)
    first = db.decide(face_ids[0], "ignored")
    refusing("INSERT ON stash_sense_decisions WHEN NEW.x > 0.25")
    with pytest.raises(sqlite3.IntegrityError, match="half-way"):
        db.decide_faces(face_ids, "confirmed", "zoe", name="Zoe")
    assert list(db.get_face(face_ids[0]).decisions) == [first]
    assert count(path, "stash_sense_decisions") == 1
    assert count(path, "stash_sense_people WHERE performer_id = 'zoe'") == 0


def test_faces_that_are_gone_are_told_and_the_others_decided_on(db: RecommendationsDB, crowd: Crowd) -> None:
    face_ids = crowd(3)
    db.delete_image_fingerprint("2")
    decisions, missing = db.decide_faces([99, *reversed(face_ids), 99], "confirmed", "anna")
    assert missing == [99, face_ids[1]]
    assert [one.decision_id for one in decisions] == [
        db.get_face(face_id).decisions[0].decision_id for face_id in (face_ids[2], face_ids[0])
    ]


def test_a_face_given_twice_is_decided_on_once(db: RecommendationsDB, crowd: Crowd, path: Path) -> None:
    first, second = crowd(1, 2)
    decisions, _ = db.decide_faces([first, second, first], "rejected", "anna")
    assert len(decisions) == 2
    assert count(path, "stash_sense_decisions") == 2


def test_the_same_word_again_gives_the_same_decisions(db: RecommendationsDB, crowd: Crowd) -> None:
    face_ids = crowd(2, 3)
    one = db.decide(face_ids[1], "confirmed", "anna")
    first, _ = db.decide_faces(face_ids, "confirmed", "anna", name="Anna B.")
    assert first[1].decision_id == one.decision_id
    assert {one.name for one in first} == {"Anna B."}
    assert db.decide_faces(face_ids, "confirmed", "anna") == (first, [])


def test_one_face_of_one_picture_on_two_images_is_one_decision(db: RecommendationsDB, crowd: Crowd) -> None:
    first, other, again, other_again = crowd(2, 2, picture=PictureIdentity.of([("md5", "the same")]))
    decisions, _ = db.decide_faces([first, again, other_again], "confirmed", "berta")
    assert len(decisions) == 2
    assert decisions_of(db, [first, other, again, other_again]) == [[("confirmed", "berta")]] * 4


def test_what_images_show_follows_the_word(db: RecommendationsDB, crowd: Crowd) -> None:
    face_ids = crowd(3, 2)
    decisions, _ = db.decide_faces(face_ids, "confirmed", "zoe", name="Zoe")
    assert [row["performer_id"] for image in "123" for row in db.get_image_fingerprint_faces(image)] == [
        "zoe"
    ] * 3
    assert db.undecide_all(one.decision_id for one in decisions) == (6, [])
    assert [row["performer_id"] for image in "123" for row in db.get_image_fingerprint_faces(image)] == [
        "anna"
    ] * 3


@pytest.mark.parametrize("seed", range(12))
def test_a_word_on_many_faces_is_the_word_on_each(
    seed: int, crowd: Crowd, tmp_path: Path, db: RecommendationsDB
) -> None:
    """Whatever was said of them before; two of the images show one picture."""
    rng = random.Random(seed)
    words = [
        ("confirmed", "anna"), ("confirmed", "zoe"), ("rejected", "anna"), ("rejected", "zoe"),
        ("ignored", None), ("apart", None),
    ]  # fmt: skip
    with RecommendationsDB(tmp_path / "one-by-one.db") as other:
        both = (db, other)
        for state in both:
            crowd(4, 5, into=state)
            crowd(2, 5, into=state, picture=PictureIdentity.of([("md5", "the same")]))
        face_ids = [face.face_id for image in "123456" if (stored := db.get_image_result(image))
                    for face in stored.faces]  # fmt: skip
        for _ in range(30):
            face_id, word = rng.choice(face_ids), rng.choice(words)
            for state in both:
                state.decide(face_id, *word)
        for word in rng.sample(words, 3):
            group = rng.sample(face_ids, 12)
            db.decide_faces(group, *word)
            for face_id in group:
                other.decide(face_id, *word)
            assert decisions_of(db, face_ids) == decisions_of(other, face_ids)
        for image in "123456":
            shown = [
                [(row["performer_id"], row["distance"]) for row in state.get_image_fingerprint_faces(image)]
                for state in both
            ]
            assert shown[0] == shown[1]


def test_an_image_is_rewritten_once_however_many_faces_it_has(db: RecommendationsDB, crowd: Crowd) -> None:
    face_ids = crowd(2, 100)
    statements: list[str] = []
    with closing(configure(connect(db.path))) as connection:
        connection.set_trace_callback(statements.append)
        with writing(connection):
            recorded = decide_faces(connection, face_ids, "confirmed", "zoe")
            refresh_pictures(connection, recorded.picture_ids)
        # SQLite reports a statement again with each trigger that it fires.
        run = [statement for statement, _ in groupby(statements)]
        rewritten = [one for one in run if one.startswith("DELETE FROM image_fingerprint_faces")]
        assert (len(recorded.decisions), len(rewritten)) == (200, 1)  # both images at once
        read = [one for one in statements if "stash_sense_faces" in one or "stash_sense_candidates" in one]
        assert len(read) < 10
        statements.clear()
        with writing(connection):
            deleted = delete_decisions(connection, [one.decision_id for one in recorded.decisions])
            refresh_pictures(connection, deleted.picture_ids)
        assert len(set(statements)) < 30  # a cascade repeats its statement for each row


def test_two_at_once_do_not_mix(db: RecommendationsDB, crowd: Crowd) -> None:
    face_ids = crowd(20, 5)
    for _ in range(5):
        together = Barrier(2)

        def confirm(performer: str, together: Barrier = together) -> int:
            together.wait(60)
            return len(db.decide_faces(face_ids, "confirmed", performer)[0])

        with ThreadPoolExecutor(2) as callers:
            assert list(callers.map(confirm, ("anna", "berta"))) == [100, 100]
        (words,) = {tuple(one) for one in decisions_of(db, face_ids)}
        assert words in ((("confirmed", "anna"),), (("confirmed", "berta"),))


def test_two_that_take_back_at_once_count_each_decision_once(db: RecommendationsDB, crowd: Crowd) -> None:
    decisions, _ = db.decide_faces(crowd(20, 5), "ignored")
    numbers = [one.decision_id for one in decisions]
    with ThreadPoolExecutor(2) as callers:
        told = list(callers.map(db.undecide_all, (numbers, numbers[::-1])))
    assert sum(undone for undone, _ in told) == 100
    assert sorted(missing for _, gone in told for missing in gone) == sorted(numbers)


def test_decisions_not_there_are_told_and_the_others_taken_back(db: RecommendationsDB, crowd: Crowd) -> None:
    face_ids = crowd(2)
    first, second = db.decide_faces(face_ids, "ignored")[0]
    numbers = [99, second.decision_id, 0, second.decision_id, 2**63 - 1]
    assert db.undecide_all(numbers) == (1, [99, 0, 2**63 - 1])
    assert decisions_of(db, face_ids) == [[("ignored", None)], []]
    assert db.undecide_all([]) == (0, [])
    assert db.undecide_all([first.decision_id, second.decision_id]) == (1, [second.decision_id])


def test_what_fails_half_way_takes_nothing_back(
    db: RecommendationsDB, crowd: Crowd, refusing: Callable[[str], None]
) -> None:
    face_ids = crowd(1, 4)
    decisions, _ = db.decide_faces(face_ids, "ignored")
    refusing("DELETE ON stash_sense_decisions WHEN OLD.x > 0.25")
    with pytest.raises(sqlite3.IntegrityError, match="half-way"):
        db.undecide_all([one.decision_id for one in decisions])
    assert decisions_of(db, face_ids) == [[("ignored", None)]] * 4


def test_a_picture_that_no_image_shows_goes_with_the_last_word_on_it(
    db: RecommendationsDB, crowd: Crowd, path: Path
) -> None:
    decisions, _ = db.decide_faces(crowd(3, 2), "ignored")
    for image in ("1", "2"):
        db.delete_image_fingerprint(image)
    assert count(path, "stash_sense_pictures") == 3
    assert db.undecide_all(one.decision_id for one in decisions) == (6, [])
    assert count(path, "stash_sense_pictures") == 1


def test_undoing_a_tag_takes_back_what_was_said_of_a_thousand_faces(
    db: RecommendationsDB, crowd: Crowd
) -> None:
    face_ids = crowd(250, 4)
    entry, other = tagged(db), tagged(db)
    kept = db.decide(face_ids[0], "rejected", "zoe", entry_id=other)
    assert len(db.decide_faces(face_ids, "confirmed", "berta", entry_id=entry)[0]) == 1000
    db.journal_undone(entry)
    assert [one for face_id in face_ids for one in db.get_face(face_id).decisions] == [kept]
    assert {row["performer_id"] for row in db.get_image_fingerprint_faces("250")} == {"anna"}

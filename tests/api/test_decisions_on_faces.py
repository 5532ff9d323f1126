"""One decision on many faces, and many taken back, over real HTTP with a real state file."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from stash_sense.domain.decisions import StoredMatch
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.results import ImageResult

from .conftest import NUMBERS
from .test_failures import problem

MOST = 10_000


def decide(served, **asked):
    return served.client.post("/decisions/faces", json=asked)


def undo(served, decision_ids):
    return served.client.post("/decisions/undo", json={"decision_ids": decision_ids})


def named(served, face_id):
    """Whom a face is shown as."""
    return served.store.get_face(face_id).candidates[0].performer_id


@pytest.fixture
def crowd(stash_app):
    """Stores images with so many faces each, which look like Anna: the face ids."""

    def store(images=1, faces=3):
        candidates = (StoredMatch("Anna", 0.3, name="Anna"),)
        drawn = [
            DetectedFace(Box(0.2 * (index % 5), 0.2 * (index // 5), 0.19, 0.19), 0.9, "match", "", candidates)
            for index in range(faces)
        ]
        results = [
            ImageResult(
                f"crowd-{number}", PictureIdentity.of([("md5", f"crowd {number}")]), "pack", "v1", drawn
            )
            for number in (next(NUMBERS) for _ in range(images))
        ]
        stored = stash_app.store.store_image_results(results).stored
        return [face_id for image in stored for face_id in image.face_ids]

    return store


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"face_ids": []}, "face_ids"),
        ({"face_ids": [str(number) for number in range(MOST + 1)]}, "face_ids"),
        ({"face_ids": ["1"] * (MOST + 1)}, "face_ids"),
        ({"face_ids": "1"}, "face_ids"),
        ({"face_ids": None}, "face_ids"),
        ({"face_ids": [""]}, "face_ids"),
        ({"face_ids": ["x" * 101]}, "face_ids"),
        ({"face_ids": ["1", None]}, "face_ids"),
        ({"face_ids": ["1", True]}, "face_ids"),
        ({"face_ids": [-1]}, "face_ids"),
        ({"face_ids": [2**63]}, "face_ids"),
        ({"face_ids": [1.5]}, "face_ids"),
        ({"face_ids": [["1"]]}, "face_ids"),
        ({"word": "maybe"}, "word"),
        ({"word": None}, "word"),
        ({"performer_id": ""}, "performer_id"),
        ({"performer_id": "x" * 1001}, "performer_id"),
        ({"name": ""}, "name"),
        ({"name": "x" * 1001}, "name"),
        ({"entry_id": -1}, "entry_id"),
        ({"entry_id": "1"}, "entry_id"),
        ({"face_id": "1"}, "face_id"),
        ({"more": 1}, "more"),
    ],
)
def test_a_bad_decision_names_the_field(stash_app, asked, field):
    good = {"face_ids": ["1"], "performer_id": "Berta", "word": "confirmed"}
    assert field in problem(decide(stash_app, **{**good, **asked}), 422, "bad-parameter")


@pytest.mark.parametrize("field", ["face_ids", "word"])
def test_what_is_missing_is_named(stash_app, field):
    asked = {"face_ids": ["1"], "word": "ignored"}
    del asked[field]
    assert field in problem(decide(stash_app, **asked), 422, "bad-parameter")


@pytest.mark.parametrize(
    "decision_ids",
    [[], list(range(MOST + 1)), ["1"], [True], [-1], [2**63], [1.5], [None], "1", None, {"1": 2}],
)
def test_what_cannot_be_taken_back_is_refused(stash_app, decision_ids):
    assert "decision_ids" in problem(undo(stash_app, decision_ids), 422, "bad-parameter")


def test_a_decision_about_nobody_is_refused_for_them_all(stash_app, crowd):
    face_ids = crowd()
    assert "performer_id" in problem(decide(stash_app, face_ids=face_ids, word="rejected"), 422, "bad-input")
    told = problem(decide(stash_app, face_ids=face_ids, performer_id="Anna", word="apart"), 422, "bad-input")
    assert "leave it out" in told
    assert [stash_app.store.get_face(face_id).decisions for face_id in face_ids] == [()] * 3


@pytest.mark.parametrize(
    "face_ids",
    [["seen-0123456789abcdef"], ["999999999"], ["0", "seen-x", "٣", "-1", "1e3", "9" * 100], [0, 2**63 - 1]],
)
def test_where_no_face_is_stored_it_says_so(stash_app, face_ids):
    told = problem(decide(stash_app, face_ids=face_ids, word="ignored"), 404, "not-stored")
    assert "identify the image" in told


def test_a_decision_is_recorded_on_each_face_and_taken_back(stash_app, crowd):
    face_ids = crowd(2)
    asked = {"performer_id": "local:12", "name": "Jane Doe", "word": "confirmed"}
    answer = decide(stash_app, face_ids=[str(face_id) for face_id in face_ids], **asked)
    assert answer.status_code == 200
    said = answer.json()
    assert set(said) == {"decision_ids", "missing"}
    assert (len(set(said["decision_ids"])), said["missing"]) == (6, [])
    faces = [stash_app.store.get_face(face_id) for face_id in face_ids]
    assert [face.decisions[0].decision_id for face in faces] == said["decision_ids"]
    assert {(face.candidates[0].performer_id, face.candidates[0].name) for face in faces} == {
        ("local:12", "Jane Doe")
    }
    assert decide(stash_app, face_ids=face_ids, **asked).json() == said
    assert undo(stash_app, said["decision_ids"]).json() == {"undone": 6, "missing": []}
    assert {named(stash_app, face_id) for face_id in face_ids} == {"Anna"}
    assert undo(stash_app, said["decision_ids"]).json() == {"undone": 0, "missing": said["decision_ids"]}


def test_a_group_says_what_one_by_one_says(stash_app, crowd):
    face_ids = crowd()
    one = stash_app.client.post("/decisions", json={"face_id": face_ids[1], "word": "apart"}).json()
    group = decide(stash_app, face_ids=face_ids, word="apart").json()
    assert group["decision_ids"][1] == one["decision_id"]
    decide(stash_app, face_ids=face_ids, word="ignored")
    said = [stash_app.store.get_face(face_id).decisions for face_id in face_ids]
    assert [[one.kind for one in decisions] for decisions in said] == [["ignored"]] * 3


def test_faces_that_are_not_stored_are_told_as_they_were_sent(stash_app, crowd):
    first, second, gone = crowd(3, 1)
    stash_app.store.delete_image(stash_app.store.get_face(gone).stash_image_id)
    sent = ["seen-0123", str(second), gone, first, "seen-0123", f"00{first}", "9" * 100, str(gone)]
    said = decide(stash_app, face_ids=sent, word="ignored").json()
    assert said["missing"] == ["seen-0123", str(gone), "9" * 100]
    assert said["decision_ids"] == [
        stash_app.store.get_face(face_id).decisions[0].decision_id for face_id in (second, first)
    ]


def test_as_many_as_are_accepted_are_dealt_with(stash_app, crowd):
    face_ids = crowd(1, 25)
    others = [f"seen-{number}" for number in range(MOST - 25)]
    said = decide(stash_app, face_ids=[*others, *map(str, face_ids)], word="ignored").json()
    assert (len(said["decision_ids"]), said["missing"]) == (25, others)
    unknown = [2**62 + number for number in range(MOST - 25)]
    told = undo(stash_app, [*unknown, *said["decision_ids"]]).json()
    assert told == {"undone": 25, "missing": unknown}


def test_several_at_once_make_the_same_decisions(stash_app, crowd):
    face_ids = crowd(4)

    def ask(_):
        return decide(stash_app, face_ids=face_ids, performer_id="Anna", word="confirmed").json()[
            "decision_ids"
        ]

    with ThreadPoolExecutor(8) as callers:
        said = list(callers.map(ask, range(16)))
    assert said == [said[0]] * 16
    with ThreadPoolExecutor(8) as callers:
        told = list(callers.map(lambda ids: undo(stash_app, ids).json()["undone"], said))
    assert sum(told) == 12


def tag(served):
    """An entry of a tag that is being written."""
    noted = {"target_type": "gallery", "target_ids": ["1"], "local_id": "88"}
    return served.client.post("/journal", json=noted).json()["entry_id"]


def written(served, entry_id):
    done = {"status": "done", "added_ids": ["1"]}
    assert served.client.patch(f"/journal/{entry_id}", json=done).status_code == 200


def test_undoing_a_tag_takes_back_the_decisions_on_a_thousand_faces(stash_app, crowd):
    face_ids = crowd(100, 10)
    entry_id = tag(stash_app)
    asked = {"face_ids": face_ids, "performer_id": "Berta", "word": "confirmed"}
    said = decide(stash_app, **asked, entry_id=entry_id).json()
    assert len(said["decision_ids"]) == 1000
    written(stash_app, entry_id)
    assert {named(stash_app, face_id) for face_id in face_ids} == {"Berta"}
    stash_app.client.post(f"/journal/{entry_id}/undone")
    assert {named(stash_app, face_id) for face_id in face_ids} == {"Anna"}
    assert undo(stash_app, said["decision_ids"]).json() == {"undone": 0, "missing": said["decision_ids"]}
    problem(decide(stash_app, **asked, entry_id=entry_id), 409, "refused")
    problem(decide(stash_app, **asked, entry_id=999_999), 404, "not-stored")
    assert {named(stash_app, face_id) for face_id in face_ids} == {"Anna"}


def test_a_tag_that_added_nothing_takes_its_decisions_back(stash_app, crowd):
    face_ids = crowd()
    entry_id = tag(stash_app)
    decide(stash_app, face_ids=face_ids, performer_id="Berta", word="confirmed", entry_id=entry_id)
    stash_app.client.patch(f"/journal/{entry_id}", json={"status": "failed"})
    assert {named(stash_app, face_id) for face_id in face_ids} == {"Anna"}

"""Decisions leave and come back as JSON."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from stash_sense.errors import BadInput
from stash_sense.store import Imported, Picture, RecommendationsDB


@pytest.fixture
def exported(db: RecommendationsDB, face: Any, result: Any) -> dict[str, Any]:
    first, second, third = db.store_image_result(
        result("1", face(0.0, "anna"), face(0.3, "berta"), face(0.6))
    ).face_ids
    db.decide(first, "confirmed", "anna")
    db.decide(second, "rejected", "berta")
    db.decide(third, "ignored")
    return json.loads(json.dumps(db.export_decisions()))


def test_an_empty_file_learns_all_decisions(
    exported: dict[str, Any], tmp_path: Path, face: Any, result: Any
) -> None:
    with RecommendationsDB(tmp_path / "other.db") as other:
        assert other.import_decisions(exported) == Imported(added=3, known=0, older=0)
        faces = [face(0.01, "x"), face(0.3, "berta"), face(0.6, "x")]
        other.store_image_result(result("77", *faces, picture=Picture.of({"md5": "contents of 1"})))
        assert [one.verdict for one in other.get_image_result("77").faces] == ["match", "unknown", "unknown"]
        assert other.import_decisions(exported) == Imported(added=0, known=3, older=0)
        assert strip(other.export_decisions()) == strip(exported)


def strip(data: dict[str, Any]) -> list[tuple[Any, ...]]:
    return (
        sorted((one["word"], one["performer_id"], one["created_at"]) for one in data["decisions"])
        if data
        else []
    )


def test_importing_changes_what_images_show_at_once(db: RecommendationsDB, exported: dict[str, Any]) -> None:
    for decision in db.get_image_result("1").faces[1].decisions:
        db.undecide(decision.decision_id)
    assert [one["performer_id"] for one in db.get_image_fingerprint_faces("1")] == ["anna", "berta"]
    db.import_decisions(exported)
    assert [one["performer_id"] for one in db.get_image_fingerprint_faces("1")] == ["anna"]


@pytest.mark.parametrize(
    ("moment", "expected"), [("1999-01-01 00:00:00", "anna"), ("2999-01-01T00:00:00", "zoe")]
)
def test_on_one_face_the_later_word_wins(
    moment: str, expected: str, db: RecommendationsDB, exported: dict[str, Any]
) -> None:
    exported["decisions"][0].update(performer_id="zoe", created_at=moment)
    outcome = db.import_decisions({**exported, "decisions": exported["decisions"][:1]})
    assert (outcome.added, outcome.older) == ((1, 0) if expected == "zoe" else (0, 1))
    assert db.get_image_result("1").faces[0].candidates[0].performer_id == expected


@pytest.mark.parametrize(
    "change",
    [{"word": "maybe"}, {"word": None}, {"word": "apart"}, {"performer_id": ""},
     {"performer_id": 5}, {"box": None}, {"box": {"x": 2, "y": 0, "w": 1, "h": 1}}, {"box": {}},
     {"picture": None}, {"picture": {}}, {"picture": {"fingerprints": []}},
     {"picture": {"fingerprints": {"md5": 1}}}, {"picture": {"place": 5}},
     {"created_at": "yesterday"}, {"created_at": None}, {"name": 5}],
)  # fmt: skip
def test_one_bad_entry_imports_nothing_and_says_which(
    change: dict[str, Any], exported: dict[str, Any], tmp_path: Path
) -> None:
    wrong = copy.deepcopy(exported)
    wrong["decisions"][0].update(change)
    wrong["decisions"].reverse()
    with RecommendationsDB(tmp_path / "other.db") as other:
        with pytest.raises(BadInput, match=r"Decision 2 .* Nothing was imported"):
            other.import_decisions(wrong)
        assert other.export_decisions()["decisions"] == []


def test_a_face_set_apart_leaves_and_comes_back(
    db: RecommendationsDB, face: Any, result: Any, tmp_path: Path
) -> None:
    (face_id,) = db.store_image_result(result("1", face(0.1, "anna"))).face_ids
    db.decide(face_id, "confirmed", "anna")
    db.decide(face_id, "apart")
    exported = json.loads(json.dumps(db.export_decisions()))
    with RecommendationsDB(tmp_path / "other.db") as other:
        assert other.import_decisions(exported) == Imported(added=2, known=0, older=0)
        assert other.import_decisions(exported) == Imported(added=0, known=2, older=0)
        assert strip(other.export_decisions()) == strip(exported)


@pytest.mark.parametrize(
    ("moment", "word"), [("1999-01-01 00:00:00", "ignored"), ("2999-01-01 00:00:00", "apart")]
)
def test_of_ignored_and_apart_the_later_one_stays(
    moment: str, word: str, db: RecommendationsDB, exported: dict[str, Any]
) -> None:
    apart = {**exported["decisions"][2], "word": "apart", "created_at": moment}
    db.import_decisions({**exported, "decisions": [apart]})
    assert [one.word for one in db.get_image_result("1").faces[2].decisions] == [word]


@pytest.mark.parametrize(
    "data", [None, [], "x", {}, {"format": "other/1", "decisions": []}, {"format": "stash-sense-decisions/1"}]
)
def test_what_is_no_export_is_refused(data: Any, db: RecommendationsDB) -> None:
    with pytest.raises(BadInput):
        db.import_decisions(data)

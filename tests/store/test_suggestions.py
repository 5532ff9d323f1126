"""Suggestions follow results, decisions and tags, and what was rejected never comes back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stash_sense.domain.decisions import StoredMatch
from stash_sense.domain.identity import Person, PictureIdentity
from stash_sense.errors import BadInput
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories import suggestion_list
from stash_sense.store.repositories.library_tags import TargetTags
from stash_sense.store.repositories.rematching import FaceMatches
from stash_sense.store.repositories.suggestion_list import SuggestionQuery
from stash_sense.store.repositories.suggestions import SEEN

from .scenes import face as scene_face
from .scenes import frame, run, track
from .suggested import listed, match


def test_who_is_seen_and_not_tagged_is_suggested_until_stash_has_the_tag(
    db: RecommendationsDB, see: Any
) -> None:
    see("1", ("5", 0.2), ("6", 0.3))
    db.record_tags([TargetTags("image", "1", ("6",))])
    assert listed(db) == {("image", "1", "local:5")}
    db.record_tags([TargetTags("image", "1", ("5", "6"))])
    assert listed(db) == set()
    db.record_tags([TargetTags("image", "1", ("6",))])
    assert listed(db) == {("image", "1", "local:5")}


def test_a_target_that_is_gone_is_not_suggested_and_comes_back_with_it(
    db: RecommendationsDB, see: Any
) -> None:
    see("1", ("5", 0.2))
    db.forget_targets("image", ["1"])
    assert listed(db) == set()
    db.record_tags([TargetTags("image", "1", ())])
    assert listed(db) == {("image", "1", "local:5")}
    db.delete_image("1")
    assert listed(db) == set()


def test_a_gallery_needs_two_of_its_pictures_or_a_sure_one(db: RecommendationsDB, see: Any) -> None:
    copy = PictureIdentity.of([("md5", "the same")])
    see("1", ("5", 0.5), ("6", 0.3), galleries=["50"])
    see("2", ("5", 0.5), galleries=["50"])
    see("3", ("7", 0.5), galleries=["50"], picture=copy)
    see("4", ("7", 0.5), galleries=["50"], picture=copy)
    assert {each for each in listed(db) if each[0] == "gallery"} == {
        ("gallery", "50", "local:5"),
        ("gallery", "50", "local:6"),
    }


def test_a_gallery_is_of_the_images_that_stash_says_are_in_it(db: RecommendationsDB, see: Any) -> None:
    see("1", ("5", 0.2), galleries=["50"])
    db.record_tags([TargetTags("image", "1", ("5",), ("51",))])
    assert listed(db) == {("gallery", "51", "local:5")}


def test_gallery_and_images_count_for_each_other_where_asked(db: RecommendationsDB, see: Any) -> None:
    see("1", ("5", 0.2), ("6", 0.2))
    db.record_tags([TargetTags("image", "1", ("6",), ("50",)), TargetTags("gallery", "50", ("5",))])
    assert listed(db) == {("image", "1", "local:5"), ("gallery", "50", "local:6")}
    assert listed(db, inherit=True) == set()
    db.record_tags([TargetTags("gallery", "50", ())])
    assert listed(db, inherit=True) == {("image", "1", "local:5"), ("gallery", "50", "local:5")}


def test_a_scene_is_suggested_with_the_time(db: RecommendationsDB) -> None:
    picture = db.begin_scene(run("9"))
    (ids,) = db.add_scene_frames(picture, run("9").pack, [frame(2.5, scene_face())])
    tracks = [track(list(ids), "local:5")]
    db.store_scene_tracks(picture, tracks, "v1", None, {})
    db.record_tags([TargetTags("scene", "9", ())])
    (group,) = db.list_suggestions(SuggestionQuery(SEEN, 1.0)).groups
    (suggestion,) = group.suggestions
    assert (suggestion.target_type, suggestion.target_id) == ("scene", "9")
    assert [(str(face.face_id), face.time_s) for face in suggestion.faces] == [(f"s{ids[0]}", 2.5)]
    assert suggestion.distance == pytest.approx(0.2)
    db.decide(suggestion.faces[0].face_id, "rejected", "local:5")
    assert listed(db) == set()


def test_the_faces_are_those_of_the_person(db: RecommendationsDB, see: Any) -> None:
    first = see("1", ("6", 0.3), ("5", 0.2), galleries=["50"])
    second = see("2", ("5", 0.1), galleries=["50"])
    page = db.list_suggestions(SuggestionQuery(SEEN, 1.0, performer_id="local:5"))
    faces = {
        (each.target_type, each.target_id): [f.face_id for f in each.faces]
        for each in page.groups[0].suggestions
    }
    assert faces == {
        ("image", "2"): [second[0]],
        ("image", "1"): [first[1]],
        ("gallery", "50"): [second[0], first[1]],
    }


def rematch(db: RecommendationsDB, image: str, faces: Mapping[int, StoredMatch], version: str) -> None:
    matches = [FaceMatches(face_id, "match", "", (each,)) for face_id, each in faces.items()]
    assert db.update_matches("test-pack", version, [image], matches).updated == (image,)


def test_a_rejected_one_never_comes_back(db: RecommendationsDB, see: Any) -> None:
    """Not by matching again, by another face of the picture, by another key, nor by a merge."""
    ids = see("1", ("5", 0.2), ("6", 0.3), galleries=["50"])
    other = see("2", ("5", 0.2))
    db.decide(ids[0], "rejected", "local:5")
    left = {("image", "1", "local:6"), ("gallery", "50", "local:6"), ("image", "2", "local:5")}
    assert listed(db) == left
    see("1", ("5", 0.1), ("6", 0.3), galleries=["50"])
    assert listed(db) == left
    rematch(db, "1", {ids[0]: match("6"), ids[1]: match("5")}, "v2")
    assert ("image", "1", "local:5") not in listed(db)
    merged = Person("stashdb.org:five", "Five", local_id="5")
    db.follow_people(lambda keys: {key: merged for key in keys if key in ("local:5", "local:6")})
    assert listed(db) == {("image", "2", "stashdb.org:five")}
    db.decide(other[0], "rejected", "stashdb.org:five")
    assert listed(db) == set()


def test_a_rejection_that_is_taken_back_brings_the_suggestion_back(db: RecommendationsDB, see: Any) -> None:
    (face_id,) = see("1", ("5", 0.2))
    decision = db.decide(face_id, "rejected", "local:5")
    assert listed(db) == set()
    db.undecide(decision.decision_id)
    assert listed(db) == {("image", "1", "local:5")}


def test_a_gallery_is_rejected_by_its_faces(db: RecommendationsDB, see: Any) -> None:
    faces = [see(str(image), ("5", 0.2), galleries=["50"])[0] for image in range(4)]
    db.decide(faces[0], "rejected", "local:5")
    assert ("gallery", "50", "local:5") in listed(db)
    db.decide_faces(faces[1:], "rejected", "local:5")
    see("9", ("5", 0.2), galleries=["50"])
    assert listed(db) == {("image", "9", "local:5")}


def test_a_dismissed_one_never_comes_back(db: RecommendationsDB, see: Any) -> None:
    see("1", ("5", 0.2))
    (group,) = db.list_suggestions(SuggestionQuery(SEEN, 1.0)).groups
    number = group.suggestions[0].suggestion_id
    assert (db.dismiss_suggestions([number, 999]), db.dismiss_suggestions([number])) == (1, 0)
    see("1", ("5", 0.1))
    merged = Person("stashdb.org:five", "Five", local_id="5")
    db.follow_people(lambda keys: {key: merged for key in keys if key == "local:5"})
    see("1", ("5", 0.15))
    assert listed(db) == set()


def test_a_tag_under_any_id_that_the_person_has_in_stash_settles_it(db: RecommendationsDB, see: Any) -> None:
    see("1", ("5", 0.2))
    db.record_tags([TargetTags("image", "1", ("77",))])
    assert listed(db) == {("image", "1", "local:5")}
    merged = Person("stashdb.org:five", "Five", local_id="77")
    db.follow_people(lambda keys: {key: merged for key in keys if key in ("local:5", "local:77")})
    assert listed(db) == set()


def test_a_person_who_is_deleted_leaves_no_suggestion(
    db: RecommendationsDB, see: Any, path: Path, rows: Any
) -> None:
    see("1", ("5", 0.2))
    see("2", ("5", 0.2))
    page = db.list_suggestions(SuggestionQuery(SEEN, 1.0))
    db.dismiss_suggestions([page.groups[0].suggestions[0].suggestion_id])
    db.delete_person("local:5")
    for table in ("suggestions", "dismissed_suggestions"):
        assert rows(path, f"SELECT * FROM stash_sense_{table}") == []
    assert listed(db) == set()


def test_pages_are_whole_and_each_is_once(db: RecommendationsDB, see: Any) -> None:
    for image in range(30):
        see(str(image), (str(image % 7), 0.1 + image / 100))
    everything = listed(db)
    got: list[Any] = []
    cursor = None
    while True:
        page = db.list_suggestions(SuggestionQuery(SEEN, 1.0, cursor=cursor, limit=2, shown=100))
        got += [(s.target_id, group.person.key) for group in page.groups for s in group.suggestions]
        assert page.total == 30
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(got) == len(set(got)) == len(everything)
    one: list[str] = []
    cursor = None
    while True:
        page = db.list_suggestions(SuggestionQuery(SEEN, 1.0, "local:3", cursor=cursor, limit=2))
        one += [each.target_id for group in page.groups for each in group.suggestions]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert one == ["3", "10", "17", "24"]
    assert listed(db, max_distance=0.155) == {("image", str(n), f"local:{n}") for n in range(6)}


@pytest.mark.parametrize("cursor", ["", "x", "1", "1_", "nan_1", "1_2_3", "_1", "1.2.3_4"])
def test_a_cursor_of_nobody_is_refused(db: RecommendationsDB, cursor: str) -> None:
    with pytest.raises(BadInput, match="next_cursor"):
        db.list_suggestions(SuggestionQuery(SEEN, 1.0, cursor=cursor))


def test_what_the_journal_says_was_written_settles_it_at_once(db: RecommendationsDB, see: Any) -> None:
    see("1", ("5", 0.2))
    db.record_tags([TargetTags("image", "1", ())])
    entry = db.journal_begin("image", ["1"], "5")
    assert listed(db) == {("image", "1", "local:5")}
    db.journal_complete(entry.entry_id, "done", ["1"])
    assert listed(db) == set()
    db.journal_undone(entry.entry_id)
    assert listed(db) == {("image", "1", "local:5")}


def test_a_page_of_a_person_reads_no_more_than_it_shows(
    db: RecommendationsDB, see: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 12):
        see(str(number), ("5", 0.2))
    read: list[Any] = []
    row = suggestion_list._Row
    monkeypatch.setattr(suggestion_list, "_Row", lambda *values: read.append(values) or row(*values))
    page = db.list_suggestions(SuggestionQuery(SEEN, 1.0, "local:5", limit=3))
    assert (len(page.groups[0].suggestions), len(read)) == (3, 4)

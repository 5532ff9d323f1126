"""Decisions on faces of scenes: they hold for the track, outlive runs, and can be listed and undone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stash_sense.domain.faces import SceneFaceId
from stash_sense.errors import NotStored
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.scene_decisions import SceneDecision

from .scenes import OTHER_VIDEO, PACK, RIGHT, VIDEO, face, frame, looks, named, run, store_scene, track
from .schemas import Rows


def ids(numbers: list[int]) -> list[SceneFaceId]:
    return [SceneFaceId(number) for number in numbers]


def decisions_of(db: RecommendationsDB) -> list[SceneDecision]:
    found = db.get_scene("5", VIDEO)
    assert found is not None
    return found[1]


def test_a_scenes_revision_tells_decisions_made_and_taken_back_on_its_video(db: RecommendationsDB) -> None:
    _, anna, _ = store_scene(db)
    _, other, _ = store_scene(db, "6", OTHER_VIDEO)
    first = db.scene_decisions_revision("5")
    db.decide(SceneFaceId(other[0]), "ignored")
    assert db.scene_decisions_revision("5") == first
    decision = db.decide(SceneFaceId(anna[0]), "rejected", "anna")
    assert db.scene_decisions_revision("5") != first
    db.undecide(decision.decision_id)
    assert db.scene_decisions_revision("5") == first
    assert db.scene_decisions_revision("7") == "0.0"


def test_a_confirmation_on_one_face_names_the_whole_track(db: RecommendationsDB) -> None:
    _, _, unknown = store_scene(db)
    db.decide(SceneFaceId(unknown[0]), "confirmed", "local:7", "Clara")
    assert named(db)["local:7"] == (2, None, 0.5)  # a decision has no distance


def test_a_rejection_unnames_the_track_and_undoing_names_it_again(db: RecommendationsDB) -> None:
    _, anna, _ = store_scene(db)
    before = named(db)
    decision = db.decide(SceneFaceId(anna[2]), "rejected", "stashdb.org:anna")
    assert named(db) == {}
    assert decision.time_s == 20.0
    db.undecide(decision.decision_id)
    assert named(db) == before


def test_an_ignored_track_is_nobody(db: RecommendationsDB) -> None:
    _, anna, _ = store_scene(db)
    db.decide(SceneFaceId(anna[0]), "ignored")
    assert named(db) == {}


def test_the_faces_of_one_track_share_one_decision(db: RecommendationsDB) -> None:
    _, anna, unknown = store_scene(db)
    made, missing = db.decide_faces(ids([*anna, *unknown, 999]), "confirmed", "local:7")
    assert len(made) == 2
    assert missing == [SceneFaceId(999)]
    again, _ = db.decide_faces(ids(anna[2:]), "confirmed", "local:7")
    assert again == made[:1]


def test_faces_of_images_and_scenes_are_decided_on_together(
    db: RecommendationsDB, result: Any, face: Any
) -> None:
    _, anna, _ = store_scene(db)
    stored = db.store_image_result(result("1", face(0.1)))
    made, missing = db.decide_faces([stored.face_ids[0], SceneFaceId(anna[0])], "ignored")
    assert (len(made), missing) == (2, [])
    assert [each.time_s for each in made] == [None, 0.0]


def test_a_later_confirmation_replaces_the_former_on_the_track(db: RecommendationsDB) -> None:
    _, anna, _ = store_scene(db)
    db.decide(SceneFaceId(anna[0]), "confirmed", "local:7")
    db.decide(SceneFaceId(anna[3]), "confirmed", "local:8")
    assert [each.decision.performer_id for each in decisions_of(db)] == ["local:8"]
    assert list(named(db)) == ["local:8"]


def test_a_face_apart_leaves_its_track_with_the_tracks_own_decision(db: RecommendationsDB) -> None:
    _, anna, _ = store_scene(db)
    db.decide(SceneFaceId(anna[0]), "confirmed", "local:7")
    db.decide(SceneFaceId(anna[0]), "apart")
    assert named(db) == {"local:7": (3, None, 0.75)}
    db.decide(SceneFaceId(anna[0]), "confirmed", "local:8")
    apart = [each for each in decisions_of(db) if each.decision.kind == "apart"]
    assert [each.face_id for each in apart] == [anna[0]]
    confirmed = {each.decision.performer_id: each.face_id for each in decisions_of(db) if each not in apart}
    assert confirmed["local:8"] == anna[0]
    assert confirmed["local:7"] in anna[1:]


def test_a_decision_knows_what_its_track_looks_like(db: RecommendationsDB) -> None:
    _, _, unknown = store_scene(db)
    db.decide(SceneFaceId(unknown[1]), "ignored")
    (decided,) = decisions_of(db)
    assert decided.face_id == unknown[1]
    assert np.allclose(decided.template["facenet"], looks(2), atol=0.01)


def test_a_decision_waits_while_its_moment_is_not_looked_at_and_moves_to_another(
    db: RecommendationsDB,
) -> None:
    _, anna, _ = store_scene(db)
    db.decide(SceneFaceId(anna[0]), "confirmed", "local:7")
    video = db.begin_scene(run(), restart=True)
    ((new,),) = db.add_scene_frames(video, PACK, [frame(44.0, face(RIGHT))])
    db.end_scene(video, "settled")
    (waiting,) = decisions_of(db)
    assert (waiting.face_id, waiting.decision.time_s) == (None, 0.0)
    moved = {waiting.decision.decision_id: new}
    db.store_scene_tracks(video, [track([new])], "v1", None, moved)
    (found,) = decisions_of(db)
    assert (found.face_id, found.decision.time_s, found.decision.box) == (new, 44.0, RIGHT)
    assert list(named(db)) == ["local:7"]


def test_a_stream_whose_times_differ_a_little_finds_its_decisions(db: RecommendationsDB) -> None:
    _, anna, _ = store_scene(db)
    db.decide(SceneFaceId(anna[1]), "ignored")
    video = db.begin_scene(run(), restart=True)
    ((new,),) = db.add_scene_frames(video, PACK, [frame(10.02, face())])
    db.end_scene(video, "settled")
    assert [each.face_id for each in decisions_of(db)] == [new]


def test_the_list_shows_scene_face_and_moment(db: RecommendationsDB, result: Any, face: Any) -> None:
    _, anna, unknown = store_scene(db)
    stored = db.store_image_result(result("1", face(0.1)))
    db.decide(stored.face_ids[0], "ignored")
    db.decide(SceneFaceId(unknown[1]), "confirmed", "local:7", "Clara")
    in_scene, on_image = db.list_decisions()
    assert (in_scene.stash_scene_id, in_scene.stash_image_id) == ("5", None)
    assert (in_scene.face_id, in_scene.decision.time_s) == (SceneFaceId(unknown[1]), 10.0)
    assert (on_image.stash_scene_id, on_image.stash_image_id) == (None, "1")
    assert db.list_decisions(face_id=SceneFaceId(unknown[0])) == [in_scene]
    assert db.list_decisions(face_id=SceneFaceId(anna[0])) == []
    with pytest.raises(NotStored, match="no face s999"):
        db.list_decisions(face_id=SceneFaceId(999))


def test_a_decision_stays_listed_when_its_scene_shows_another_file(db: RecommendationsDB) -> None:
    _, anna, _ = store_scene(db)
    db.decide(SceneFaceId(anna[0]), "ignored")
    db.begin_scene(run(picture=OTHER_VIDEO))
    (listed,) = db.list_decisions()
    assert (listed.stash_scene_id, listed.decision.time_s) == (None, 0.0)
    db.begin_scene(run())  # and holds again when the file is back
    assert db.list_decisions()[0].stash_scene_id == "5"


def test_undoing_a_tag_takes_the_decisions_on_scenes_back(db: RecommendationsDB) -> None:
    _, anna, _ = store_scene(db)
    entry = db.journal_begin("scene", ["5"], "7")
    db.decide(SceneFaceId(anna[0]), "confirmed", "local:7", entry_id=entry.entry_id)
    db.journal_complete(entry.entry_id, "done", ["5"])
    assert list(named(db)) == ["local:7"]
    db.journal_undone(entry.entry_id)
    assert list(named(db)) == ["stashdb.org:anna"]


def test_a_face_that_is_not_stored_is_named_in_the_refusal(db: RecommendationsDB) -> None:
    with pytest.raises(NotStored, match="no face s7; identify the scene again"):
        db.decide(SceneFaceId(7), "ignored")


def test_templates_go_with_their_decisions(db: RecommendationsDB, path: Path, rows: Rows) -> None:
    _, anna, _ = store_scene(db)
    decision = db.decide(SceneFaceId(anna[0]), "ignored")
    db.undecide(decision.decision_id)
    assert rows(path, "SELECT * FROM stash_sense_decision_templates") == []

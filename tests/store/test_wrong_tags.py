"""A tag is doubted where everybody who is seen is surely another, on images and in scenes."""

from dataclasses import replace
from typing import Any

import pytest

from stash_sense.domain.faces import SceneFaceId
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.library_tags import TargetTags
from stash_sense.store.repositories.suggestion_list import SuggestionQuery
from stash_sense.store.repositories.suggestions import TAGGED

from .scenes import RIGHT, frame, run, track
from .scenes import face as scene_face
from .suggested import listed, match


def test_the_wrong_one_of_two_may_be_tagged(db: RecommendationsDB, see: Any) -> None:
    faces = see("1", ("5", 0.1), ("6", 0.2))
    db.record_tags([TargetTags("image", "1", ("6", "7"))])
    page = db.list_suggestions(SuggestionQuery(TAGGED, 1.0))
    (group,) = page.groups
    assert (group.person.key, group.count) == ("local:7", 1)
    (seen,) = group.suggestions[0].seen
    assert (seen.person.key, [face.face_id for face in seen.faces]) == ("local:5", [faces[0]])
    unknown = db.list_suggestions(SuggestionQuery(TAGGED, 1.0), lambda _: False)
    assert (unknown.groups, unknown.total) == ((), 0)
    db.record_tags([TargetTags("image", "1", ("6",))])
    assert listed(db, TAGGED) == set()


@pytest.mark.parametrize(
    ("people", "tagged"),
    [
        ([], ("7",)),
        ([("5", 0.1)], ("5", "7")),  # the other one may be turned away
        ([("5", 0.1)], ("7", "8")),  # which of the two?
        ([("5", 0.45)], ("7",)),
        ([("5", 0.1), ("6", 0.45)], ("7",)),
    ],
)
def test_a_tag_is_doubted_only_where_everybody_else_is_explained(
    db: RecommendationsDB, see: Any, people: Any, tagged: Any
) -> None:
    see("1", *people)
    db.record_tags([TargetTags("image", "1", tagged)])
    assert listed(db, TAGGED) == set()


@pytest.mark.parametrize(
    "more",
    [
        {"quality": 0.3},
        {"quality": None},
        {"verdict": "unknown", "candidates": ()},
        {"candidates": (match("5", 0.1), match("7", 0.5))},
    ],
)
def test_a_tag_is_not_doubted_where_a_face_may_be_theirs(
    db: RecommendationsDB, face: Any, result: Any, more: Any
) -> None:
    clear = face(0.05, verdict="match", candidates=(match("5", 0.1),), quality=0.9)
    values = {"verdict": "match", "candidates": (match("6", 0.1),), "quality": 0.9} | more
    db.store_image_result(result("1", clear, face(0.5, **values)))
    db.record_tags([TargetTags("image", "1", ("7",))])
    assert listed(db, TAGGED) == set()


@pytest.fixture
def watch(db: RecommendationsDB) -> Any:
    """Stores scene 9, which shows one person all the time, and is tagged as another: its faces."""

    def watch(
        *people: str, stopped: bool = True, stray: bool = False, quality: float = 0.8, **more: Any
    ) -> list[int]:
        video = db.begin_scene(run("9"))
        clear = replace(scene_face(), quality=quality)
        others = [scene_face(RIGHT, 2)] if stray else []
        frames = db.add_scene_frames(
            video, run("9").pack, [frame(0.0, clear), frame(2.5, replace(clear, quality=0.3), *others)]
        )
        if stopped:
            db.end_scene(video, "settled")
        seen = [track([own[0] for own in frames], *people, **more)]
        db.store_scene_tracks(video, seen, "v1", None, {})
        db.record_tags([TargetTags("scene", "9", ("7",))])
        return [own[0] for own in frames]

    return watch


def test_a_scene_may_be_tagged_as_another(db: RecommendationsDB, watch: Any) -> None:
    first, _ = watch("local:5")
    (group,) = db.list_suggestions(SuggestionQuery(TAGGED, 1.0)).groups
    (suggestion,) = group.suggestions
    assert (group.person.key, suggestion.target_type, suggestion.target_id) == ("local:7", "scene", "9")
    (seen,) = suggestion.seen
    assert seen.person.key == "local:5"
    assert [(str(each.face_id), each.time_s) for each in seen.faces] == [(f"s{first}", 0.0)]
    db.decide(SceneFaceId(first), "rejected", "local:5")
    assert listed(db, TAGGED) == set()


@pytest.mark.parametrize(
    ("people", "more"),
    [
        ((), {}),
        (("local:7",), {}),
        (("local:5", "local:7"), {}),  # the second candidate is who is tagged
        (("local:5",), {"stopped": False}),
        (("local:5",), {"stray": True}),
        (("local:5",), {"quality": 0.4}),
        (("local:5",), {"verdict": "ambiguous"}),
        (("local:5",), {"candidates": (match("5", 0.4),)}),
    ],
)
def test_a_scene_is_not_doubted_where_a_face_may_be_theirs(
    db: RecommendationsDB, watch: Any, people: Any, more: Any
) -> None:
    watch(*people, **more)
    assert listed(db, TAGGED) == set()

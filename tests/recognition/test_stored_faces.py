"""Details of stored faces: whatever form another program left them in, the face can be shown."""

import pytest

from stash_sense.domain.faces import Box
from stash_sense.recognition.stored_faces import own_faces, shown_face
from stash_sense.store.repositories.faces import StoredFace
from stash_sense.store.repositories.results import StoredResult

WRONG = [
    None,
    -7,
    "text",
    [],
    [1],
    {"a": 1},
    [[1, 2]],
    [["a", "b", "c", "d", "e"]],
    [None, None, None, None],
    True,
]


def stored_face(details):
    return StoredFace(
        face_id=1,
        stash_image_id="1",
        box=Box(0.1, 0.1, 0.5, 0.5),
        detection_confidence=0.9,
        quality=0.8,
        landmarks=None,
        verdict="unknown",
        reason="",
        candidates=(),
        decisions=(),
        details=details,
    )


@pytest.mark.parametrize("key", ["quality", "reason", "own", "two_nearest", "frame"])
@pytest.mark.parametrize("value", WRONG, ids=str)
def test_details_of_a_wrong_form_count_as_none(key, value):
    face = stored_face({key: value})
    result = StoredResult("1", 1, "pack", "v1", "original", 100, 100, {}, "", (), (face,))
    (own,) = own_faces(result)
    shown = shown_face(face, 100, 100, 3)
    for each in (own, shown):
        assert (each.quality.score, each.quality.size, each.nearest, each.frame) == (0.8, 0.0, (), 0)
        assert each.verdict.status == "unknown"


def test_details_of_the_right_form_are_read():
    nearest = [[3, 0.4, 0.5, 0.3, 7]]
    face = stored_face(
        {"quality": [80, 0.1, 0.2, "blurred"], "two_nearest": nearest, "own": ["match", "", None]}
    )
    result = StoredResult("1", 1, "pack", "v1", "original", 100, 100, {}, "", (), (face,))
    (own,) = own_faces(result)
    assert (own.quality.size, own.quality.reason, own.verdict.status) == (80.0, "blurred", "match")
    assert (own.nearest[0].person, own.nearest[0].reference) == (3, 7)

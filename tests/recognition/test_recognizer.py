"""One picture: every face with who it is and why."""

import numpy as np
import pytest

from stash_sense.domain.faces import Verdict
from stash_sense.domain.identity import Person
from stash_sense.domain.progress import NoProgress
from stash_sense.domain.reasons import Reason, ReasonCode
from stash_sense.enrolment.folder import build_from_folders
from stash_sense.errors import BadDatabase, BadInput, NoDatabase
from stash_sense.facedb.layout import Reference, Slot
from stash_sense.facedb.writer import DatabaseWriter
from stash_sense.media.photo import load_image
from stash_sense.runtime.from_settings import recognizer as open_recognizer


@pytest.fixture(scope="module")
def obama2(samples):
    return load_image(samples / "gallery/obama2.jpg").pixels


def test_somebody_enrolled_is_a_match(real, obama2):
    (face,) = real.recognize_image(obama2)
    assert (face.verdict.status, face.matches[0].name) == ("match", "Barack Obama")
    assert face.matches[0].combined_score == pytest.approx(0.19, abs=0.06)


@pytest.mark.parametrize("photo", ["grace_hopper.jpg", "chelsea.png", "coffee.png"])
def test_nobody_enrolled_is_a_match_for_nobody(real, samples, photo):
    faces = real.recognize_image(load_image(samples / "gallery" / photo).pixels)
    assert all((face.verdict.status, face.matches) == ("unknown", ()) for face in faces)


def test_the_answer_has_every_field_of_the_contract(real, obama2):
    (face,) = real.recognize_image(obama2)
    height, width = obama2.shape[:2]
    assert (face.box >= 0).all()
    assert (face.box <= [width, height, width, height]).all()
    assert 0.5 <= face.confidence <= 1
    assert face.landmarks.shape == (5, 2)
    assert 0 <= face.quality.score <= 1
    assert {slot: vector.shape for slot, vector in face.embeddings.items()} == {
        "arcface": (128,),
        "facenet": (128,),
    }
    match = face.matches[0]
    assert (match.performer_id, match.stashdb_id, match.country, match.image_url) == (
        "Barack Obama",
        None,
        None,
        None,
    )
    assert 0 <= match.facenet_distance <= 2
    assert 0 <= match.arcface_distance <= 2
    assert match.confidence == pytest.approx(1 - match.combined_score)
    assert set(match.diagnostics) == {"arcface", "facenet"}


def test_everybody_is_a_candidate_at_the_largest_distance(real, obama2):
    (face,) = real.recognize_image(obama2, max_distance=2.0)
    assert sorted(match.name for match in face.matches) == ["Barack Obama", "Eileen Collins", "Joe Biden"]
    scores = [match.combined_score for match in face.matches]
    assert scores == sorted(scores)


@pytest.mark.parametrize(("top_k", "count"), [(1, 1), (2, 2), (20, 3)])
def test_at_most_top_k_matches(real, obama2, top_k, count):
    (face,) = real.recognize_image(obama2, top_k=top_k, max_distance=2.0)
    assert len(face.matches) == count


def test_top_k_does_not_change_the_verdict(sees_colours):
    """Yellow is as near to red as to green; the rival is named even where one match is asked for."""
    yellow = np.full((40, 40, 3), (20, 255, 255), np.uint8)
    (face,) = sees_colours.recognize_image(yellow, top_k=1)
    assert (face.verdict.status, len(face.matches)) == ("ambiguous", 1)


def test_no_distance_at_all_is_nobody(real, obama2):
    (face,) = real.recognize_image(obama2, max_distance=0.0)
    assert face.matches == ()
    assert face.verdict.status == "unknown"


def test_a_confidence_that_no_face_reaches_finds_none(real, obama2):
    assert real.recognize_image(obama2, min_face_confidence=1.0) == []


def test_a_picture_without_a_face_is_an_empty_answer(sees_colours):
    assert sees_colours.recognize_image(np.zeros((40, 40, 3), np.uint8)) == []


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((40, 40), np.uint8),
        np.zeros((40, 40, 4), np.uint8),
        np.zeros((40, 40, 3), np.float32),
        np.zeros((0, 40, 3), np.uint8),
    ],
    ids=["grey", "with alpha", "floats", "empty"],
)
def test_an_array_that_is_no_bgr_picture_is_refused(sees_colours, picture):
    with pytest.raises(BadInput, match=r"\(height, width, 3\) uint8 in BGR order is accepted"):
        sees_colours.recognize_image(picture)


def test_an_uncalibrated_pack_never_says_match(build, people, make_pack, place):
    pack = make_pack(calibrated=False)
    build(people, pack=pack)
    with open_recognizer(pack, place) as ready:
        (face,) = ready.recognize_image(np.full((40, 40, 3), (30, 30, 255), np.uint8))
    assert (face.verdict.status, face.matches[0].name) == ("unknown", "Red")


def test_an_empty_database_knows_nobody(build, tmp_path, photo, colours, place):
    photo(tmp_path / "people" / "Nobody" / "1.png", "black")
    build(tmp_path / "people")
    with open_recognizer(colours, place) as ready:
        (face,) = ready.recognize_image(np.full((40, 40, 3), 200, np.uint8))
    assert (face.verdict, face.matches) == (Verdict("unknown", Reason(ReasonCode.NOBODY_ENROLLED)), ())


def test_a_stashdb_key_gives_the_bare_id(colours, place):
    slots = [Slot(name="arcface", dimension=3), Slot(name="facenet", dimension=3)]
    vector = np.array([[0, 0, 1, 0, 0, 1]], np.float32)
    with DatabaseWriter(place, pack="colours", pack_fingerprint="colours-1", slots=slots) as writer:
        ada = Person("stashdb.org:50459d16", "Ada", (), "GB", "https://example.org/a.jpg")
        writer.add_person(ada, [Reference("1.jpg", (0, 0, 1, 1), 1)], vector)
        writer.commit([])
    with open_recognizer(colours, place) as ready:
        (face,) = ready.recognize_image(np.full((40, 40, 3), (20, 20, 255), np.uint8))
    match = face.matches[0]
    assert (match.performer_id, match.stashdb_id, match.country, match.image_url) == (
        "stashdb.org:50459d16",
        "50459d16",
        "GB",
        "https://example.org/a.jpg",
    )


def test_a_database_of_another_pack_is_refused(build, people, make_pack, place):
    build(people)
    with (
        pytest.raises(BadDatabase, match="cannot be compared"),
        open_recognizer(make_pack("colours-2"), place),
    ):
        pass


def test_no_database_says_how_to_build_one(colours, place):
    with pytest.raises(NoDatabase, match="stash-sense database build"), open_recognizer(colours, place):
        pass


def test_a_recognizer_goes_on_while_its_database_is_rebuilt(sees_colours, people, place, photo, colours):
    photo(people / "White" / "1.png", (255, 255, 255))
    build_from_folders([people], place, colours, NoProgress())
    (face,) = sees_colours.recognize_image(np.full((40, 40, 3), (30, 30, 255), np.uint8))
    assert face.matches[0].name == "Red"

"""A folder of photos: who is on each, who is in it altogether, whatever is wrong with some of them."""

import dataclasses
import tracemalloc

import pytest

from stash_sense.domain.progress import NoProgress
from stash_sense.errors import Cancelled
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.media.listing import list_images
from stash_sense.recognition.folder import FolderResult, identify_photos, join_folders, judge_photos
from stash_sense.runtime.from_settings import recognizer as open_recognizer

DEFAULT = MatchOptions()


@pytest.fixture
def identify(sees_colours):
    """Identify photos by their colours."""

    def identify(paths, options=DEFAULT, progress=None):
        return identify_photos(paths, sees_colours, options, progress or NoProgress())

    return identify


@pytest.fixture
def gallery(tmp_path, photo):
    """Photos of these colours, in order."""
    return lambda *colours: [
        photo(tmp_path / "gallery" / f"{i}.png", colour) for i, colour in enumerate(colours)
    ]


@pytest.fixture(scope="session")
def sampled(real, samples) -> FolderResult:
    """The gallery of the samples, identified with the default pack."""
    return identify_photos(list_images(samples / "gallery").images, real, DEFAULT, NoProgress())


def test_the_sample_gallery_lists_exactly_who_is_in_it(sampled):
    found = {one.person.name: [path.name for path in sampled.paths(one.images)] for one in sampled.people}
    assert found == {
        "Barack Obama": ["obama2.jpg", "obama3.jpg", "obama_partial_face.jpg", "obama_partial_face2.jpg"],
        "Eileen Collins": ["astronaut_mirrored.jpg"],
        "Joe Biden": ["biden_lying.jpg"],
    }


def test_the_person_on_most_photos_comes_first(sampled):
    assert sampled.people[0].person.name == "Barack Obama"


@pytest.mark.parametrize(
    "photo", ["obama2.jpg", "obama3.jpg", "obama_partial_face.jpg", "obama_partial_face2.jpg"]
)
def test_each_photo_of_the_president_is_a_match(sampled, photo):
    (face,) = next(one for one in sampled.photos if one.path.name == photo).faces
    assert (face.verdict.status, face.matches[0].name) == ("match", "Barack Obama")


def test_the_unknown_woman_stays_unknown(sampled):
    (face,) = next(one for one in sampled.photos if one.path.name == "grace_hopper.jpg").faces
    assert (face.verdict.status, face.matches) == ("unknown", ())


def test_two_photos_of_somebody_unknown_stay_unknown(real, samples):
    path = samples / "gallery/grace_hopper.jpg"
    result = identify_photos([path, path], real, DEFAULT, NoProgress())
    assert result.people == ()
    assert all(face.verdict.status == "unknown" for photo in result.photos for face in photo.faces)


@pytest.mark.parametrize("evidence", ["plain", "gallery"])
def test_both_rules_agree_on_clear_photos(real, samples, evidence):
    paths = list_images(samples / "gallery").images
    result = identify_photos(paths, real, MatchOptions(evidence=evidence), NoProgress())
    assert sorted(one.person.name for one in result.people) == ["Barack Obama", "Eileen Collins", "Joe Biden"]


def test_photos_keep_the_order_of_their_paths(identify, gallery):
    paths = gallery(*["red", "green", "black", "blue"] * 15)[::-1]
    assert [photo.path for photo in identify(paths).photos] == paths


def test_bad_photos_are_entries_and_the_rest_goes_on(identify, gallery):
    paths = gallery("red", "green", "red", "blue")
    paths[1].write_text("no picture")
    paths[3].unlink()
    result = identify(paths)
    assert [bool(photo.error) for photo in result.photos] == [False, True, False, True]
    assert [one.person.name for one in result.people] == ["Red"]


def test_a_person_on_two_photos_is_listed_with_them(identify, gallery):
    paths = gallery("red", "green", "red")
    result = identify(paths)
    people = {one.person.name: result.paths(one.images) for one in result.people}
    assert people["Red"] == [paths[0], paths[2]]


def test_most_photos_first(identify, gallery):
    result = identify(gallery("green", "red", "red", "blue", "red", "blue"))
    assert [one.person.name for one in result.people] == ["Red", "Blue", "Green"]


def test_confidence_comes_from_the_best_distance(identify, gallery):
    (red,) = identify(gallery("red")).people
    assert red.confidence == pytest.approx(1 - red.best_distance)


def test_a_photo_without_a_face_names_nobody(identify, gallery):
    assert identify(gallery("black", "black")).people == ()


@pytest.mark.parametrize("evidence", ["plain", "gallery"])
def test_an_empty_gallery_is_an_empty_answer(identify, evidence):
    result = identify([], MatchOptions(evidence=evidence))
    assert (result.photos, result.people) == ((), ())


def test_support_by_the_gallery_stands_in_the_matches(identify, gallery):
    """Green is asked out of the way by a small distance; 0.2 beyond it the gallery still takes red."""
    options = MatchOptions(max_distance=0.05)
    reddish = (240, 160, 20)
    photos = identify(gallery("red", "red", reddish), options).photos
    (match,) = photos[2].faces[0].matches
    assert (match.name, match.support) == ("Red", "gallery")
    assert str(photos[2].faces[0].verdict.reason).endswith("with 2 other photos of this person")


def test_plain_evidence_never_supports(identify, gallery):
    options = MatchOptions(max_distance=0.05, evidence="plain")
    photos = identify(gallery("red", "red", (240, 160, 20)), options).photos
    assert photos[2].faces[0].matches == ()


@pytest.mark.parametrize("evidence", ["plain", "gallery"])
@pytest.mark.parametrize("max_distance", [0.0, 2.0])
@pytest.mark.parametrize("top_k", [1, 20])
def test_extreme_options_do_no_harm(identify, gallery, evidence, max_distance, top_k):
    result = identify(
        gallery("red", "green", "black", (200, 200, 20)), MatchOptions(top_k, max_distance, 0.0, evidence)
    )
    assert len(result.photos) == 4
    for photo in result.photos:
        assert all(len(face.matches) <= top_k for face in photo.faces)


def test_an_uncalibrated_pack_falls_back_to_plain(build, people, make_pack, place, gallery):
    pack = make_pack(calibrated=False)
    build(people, pack=pack)
    with open_recognizer(pack, place) as ready:
        result = identify_photos(gallery("red", "red"), ready, DEFAULT, NoProgress())
    assert all(face.verdict.status == "unknown" for photo in result.photos for face in photo.faces)


def test_progress_counts_photos_and_faces(identify, gallery, progress):
    seen = progress()
    identify(gallery("red", "black", "blue"), progress=seen)
    assert (seen.stages, seen.done, seen.faces) == ([("Identifying", 3)], 3, 2)


@pytest.mark.parametrize("error", [Cancelled("stop"), KeyboardInterrupt()])
def test_stopping_stops_soon_and_leaves_no_thread(
    identify, gallery, progress, colours, worker_threads, error
):
    paths = gallery("red") * 3000
    before = colours.engine.pictures
    with pytest.raises(type(error)):
        identify(paths, progress=progress(stop_after=1, error=error))
    assert worker_threads() == []
    assert colours.engine.pictures - before < 100


def test_a_result_keeps_no_pixels(sees_colours, identify, gallery):
    """Memory grows by embeddings and boxes alone."""
    paths = gallery("red") * 200
    identify(paths)
    tracemalloc.start()
    try:
        result = identify(paths)
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(result.photos) == 200
    assert kept / 200 < 6000


def test_judging_again_with_other_options_needs_no_photo(sees_colours, identify, gallery, colours):
    paths = gallery("red", "red", "green")
    first = identify(paths, MatchOptions(evidence="plain"))
    before = colours.engine.pictures
    again = judge_photos(first.photos, sees_colours, MatchOptions(evidence="gallery"))
    assert colours.engine.pictures == before
    assert [one.person.name for one in again.people] == ["Red", "Green"]


def test_galleries_joined_keep_each_persons_photos(identify, gallery):
    paths = gallery("red", "green", "red", "red")
    both = join_folders([identify(paths[:2]), identify(paths[2:])])
    found = {one.person.name: one for one in both.people}
    assert [photo.path for photo in both.photos] == paths
    assert found["Red"].images == [0, 2, 3]
    assert both.paths(found["Red"].images) == [paths[0], paths[2], paths[3]]


def test_a_result_cannot_be_changed(identify, gallery):
    with pytest.raises(dataclasses.FrozenInstanceError):
        identify(gallery("red")).photos = ()

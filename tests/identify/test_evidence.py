"""Who is in a gallery: each face for itself, or the gallery together; by hand-made distances."""

import numpy as np
import pytest

from stash_sense.identify.candidates import candidates
from stash_sense.identify.evidence import SeenFace, plain, together


@pytest.fixture
def seen(candidate):
    """A face on an image with candidates by their distances: seen(0, {3: 0.5, 4: 0.6})."""

    def seen(image, distances):
        near = sorted(
            (candidate(who, distance) for who, distance in distances.items()), key=lambda c: c.combined
        )
        return SeenFace(image, {}, near)

    return seen


def people(present):
    return [one.person for one in present]


def test_one_image_below_the_sure_distance_lists_a_person(seen):
    assert people(plain([seen(0, {7: 0.39})], 0.6)) == [7]


def test_one_image_at_the_sure_distance_does_not(seen):
    assert plain([seen(0, {7: 0.4})], 0.6) == []


def test_two_images_at_the_asked_distance_list_a_person(seen):
    assert people(plain([seen(0, {7: 0.6}), seen(3, {7: 0.6})], 0.6)) == [7]


def test_two_faces_of_one_image_are_one_image(seen):
    assert plain([seen(0, {7: 0.5}), seen(0, {7: 0.55})], 0.6) == []


def test_beyond_the_asked_distance_nothing_counts(seen):
    assert plain([seen(0, {7: 0.61}), seen(1, {7: 0.61})], 0.6) == []


def test_a_smaller_asked_distance_rules_the_sure_distance_too(seen):
    assert plain([seen(0, {7: 0.3})], 0.2) == []


def test_only_the_best_candidate_of_a_face_counts(seen):
    assert people(plain([seen(0, {7: 0.2, 8: 0.21}), seen(1, {7: 0.2, 8: 0.21})], 0.6)) == [7]


def test_a_face_without_candidates_is_nobody(seen):
    assert plain([seen(0, {})], 2.0) == []


def test_no_faces_are_nobody():
    assert plain([], 0.6) == []


def test_the_average_is_over_the_faces(seen):
    (one,) = plain([seen(0, {7: 0.2}), seen(0, {7: 0.5}), seen(1, {7: 0.5})], 0.6)
    assert one.avg_distance == pytest.approx(0.4)


def test_the_best_is_the_nearest_face(seen):
    (one,) = plain([seen(0, {7: 0.5}), seen(1, {7: 0.2}), seen(2, {7: 0.3})], 0.6)
    assert one.best_distance == 0.2


def test_images_are_distinct_and_in_gallery_order(seen):
    (one,) = plain([seen(4, {7: 0.3}), seen(1, {7: 0.3}), seen(4, {7: 0.3}), seen(2, {7: 0.3})], 0.6)
    assert one.images == [1, 2, 4]


def test_most_images_come_first_then_the_nearest(seen):
    faces = [seen(0, {1: 0.1}), seen(0, {2: 0.3}), seen(1, {2: 0.3}), seen(0, {3: 0.05})]
    assert people(plain(faces, 0.6)) == [2, 3, 1]


@pytest.fixture
def world(gallery, scorer, face):
    """Faces of a gallery by image and cosines; (presences, faces) by the together rule."""

    def world(*faces, enrolled=4, count=None, max_distance=0.6, scorer=scorer, change=None):
        database = gallery(enrolled, count)
        if change:
            change(database)
        embeddings = [face(cosines, own) for _, cosines, own in faces]
        near = candidates(embeddings, database, scorer, 2)
        shown = [
            SeenFace(image, own, candidate)
            for (image, _, _), own, candidate in zip(faces, embeddings, near, strict=True)
        ]
        return together(shown, database, scorer, max_distance)

    return world


def on(image, cosines, own=23):
    """A face on an image; `own` is the axis of what it has in common with no reference."""
    return image, cosines, own


def test_a_person_sure_on_two_images_is_supported_beyond_the_asked_distance(world):
    (one,) = world(on(0, {0: 0.5}, 10), on(1, {0: 0.5}, 11), on(2, {0: 0.25}, 12))
    assert one.images == [0, 1, 2]


def test_support_ends_at_the_slack(world):
    (one,) = world(on(0, {0: 0.5}, 10), on(1, {0: 0.5}, 11), on(2, {0: 0.15}, 12))
    assert one.images == [0, 1]


def test_without_slack_there_is_no_support(world, tight_scorer):
    (one,) = world(on(0, {0: 0.5}, 10), on(1, {0: 0.5}, 11), on(2, {0: 0.3}, 12), scorer=tight_scorer)
    assert one.images == [0, 1]


def test_a_face_far_from_the_reference_but_near_the_days_faces_is_supported(world):
    """Axis 9 is what the day's faces share: hair and light."""
    (one,) = world(on(0, {0: 0.6, 9: 0.7}, 10), on(1, {0: 0.6, 9: 0.7}, 11), on(2, {0: 0.1, 9: 0.9}, 12))
    assert one.images == [0, 1, 2]


def test_a_seed_is_not_compared_with_itself(world):
    (one,) = world(on(0, {0: 0.5}, 10), on(1, {0: 0.45}, 11))
    assert [seen.distance for seen in one.appearances] == pytest.approx([0.5, 0.55], abs=1e-6)


def test_one_very_near_image_makes_a_person_sure(world):
    (one,) = world(on(0, {0: 0.66}, 10), on(1, {0: 0.25}, 11))
    assert one.images == [0, 1]


def test_one_image_not_so_near_does_not(world):
    assert world(on(0, {0: 0.64}, 10), on(1, {0: 0.25}, 11)) == []


def test_with_more_people_enrolled_both_bars_rise(world):
    assert world(on(0, {0: 0.66}, 10), count=33_330) == []
    assert world(on(0, {0: 0.5}, 10), on(1, {0: 0.5}, 11), count=33_330) == []
    assert people(world(on(0, {0: 0.86}, 10), count=33_330)) == [0]
    assert people(world(on(0, {0: 0.61}, 10), on(1, {0: 0.61}, 11), count=33_330)) == [0]


def test_two_strangers_alike_to_nobody_stay_out(world):
    assert world(on(0, {0: 0.1}, 10), on(1, {0: 0.1}, 10)) == []


def test_a_person_stands_once_on_an_image_by_the_nearest_face(world):
    (one,) = world(on(0, {0: 0.9}, 10), on(0, {0: 0.8}, 11), on(1, {0: 0.9}, 12))
    assert [(seen.image, seen.face) for seen in one.appearances] == [(0, 0), (1, 2)]


def test_a_face_is_one_person_only(world):
    """The third face is near both who are sure: the nearer takes it."""
    present = world(on(0, {0: 0.9}, 10), on(0, {1: 0.9}, 11), on(1, {0: 0.6, 1: 0.65}, 12))
    assert {one.person: one.images for one in present} == {0: [0], 1: [0, 1]}


def test_what_the_nearest_leaves_free_goes_to_the_next(world):
    """Face 1 is nearest to person 0, whose place on the image is taken; it is near enough to person 1."""
    present = world(
        on(0, {0: 0.95}, 10), on(0, {0: 0.7, 1: 0.6}, 11), on(1, {0: 0.9}, 12), on(2, {1: 0.9}, 13)
    )
    assert {one.person: one.images for one in present} == {0: [0, 1], 1: [0, 2]}


def test_who_is_not_sure_draws_nothing(world):
    """Person 1 is the best candidate of one middling face only."""
    present = world(on(0, {0: 0.9}, 10), on(1, {0: 0.9}, 11), on(2, {1: 0.5}, 12))
    assert people(present) == [0]


def test_who_loses_every_sure_face_to_another_is_not_listed(world):
    """Both seeds of person 1 lie nearer to the middle of person 0's faces; a far face alone names nobody."""
    day, seed = {0: 0.75, 9: 0.6}, {1: 0.45, 0: 0.3, 9: 0.8}
    present = world(
        on(0, day, 10),
        on(1, day, 11),
        on(2, day, 12),
        on(3, seed, 13),
        on(4, seed, 14),
        on(5, {1: 0.25}, 15),
    )
    assert people(present) == [0]
    assert all(one.best_distance <= 0.6 for one in present)


def test_more_references_bridge_more_faces(world, face):
    def second_reference(database):
        database.references[0] = np.stack([face({0: 1.0})["arcface"], face({5: 1.0})["arcface"]])

    (one,) = world(on(0, {0: 0.9}, 10), on(1, {0: 0.9}, 11), on(2, {5: 0.9}, 12), change=second_reference)
    assert one.images == [0, 1, 2]


def test_an_empty_database_names_nobody(world):
    assert world(on(0, {0: 0.9}, 10), enrolled=0) == []


def test_an_empty_gallery_names_nobody(world):
    assert world() == []


def test_a_face_that_is_no_number_harms_no_other(world):
    (one,) = world(on(0, {0: 0.9}, 10), on(1, {0: np.nan}, 11), on(2, {0: 0.9}, 12))
    assert one.images == [0, 2]


@pytest.mark.parametrize(("max_distance", "listed"), [(0.0, []), (2.0, [0, 1])])
def test_the_ends_of_the_asked_distance(world, max_distance, listed):
    faces = (on(0, {0: 0.3}, 10), on(1, {0: 0.3}, 11), on(0, {1: 0.2}, 12), on(1, {1: 0.2}, 13))
    assert people(world(*faces, max_distance=max_distance)) == listed


def test_order_of_the_faces_does_not_matter(world):
    faces = [on(0, {0: 0.9}, 10), on(0, {1: 0.8}, 11), on(1, {0: 0.55}, 12), on(2, {1: 0.5, 0: 0.4}, 13)]
    forward = {one.person: one.images for one in world(*faces)}
    assert {one.person: one.images for one in world(*faces[::-1])} == forward

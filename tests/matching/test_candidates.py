"""Candidates: the nearest people, one entry each, best first."""

import numpy as np
import pytest

from stash_sense.domain.faces import confidence_at
from stash_sense.matching.candidates import MEAN_BEHIND, find_candidates


def test_the_nearest_come_first(face, gallery, scorer):
    (near,) = find_candidates([face({0: 0.2, 1: 0.8, 2: 0.5})], gallery(), scorer, 3)
    assert [one.person for one in near] == [1, 2, 0]
    assert [one.combined for one in near] == pytest.approx([0.2, 0.5, 0.8], abs=1e-6)


def test_a_person_with_many_references_is_one_candidate_by_the_nearest(face, gallery, scorer):
    people = gallery(2)
    people.references[0] = np.stack([face({0: 0.5})["arcface"], face({0: 0.95})["arcface"]])
    (near,) = find_candidates([face({0: 1.0})], people, scorer, 5)
    assert [one.person for one in near] == [0, 1]
    assert near[0].combined == pytest.approx(0.05, abs=1e-6)
    assert near[0].reference == 1


def test_the_slots_own_distances_are_told(face, gallery, scorer):
    apart = face({0: 0.9}) | {"facenet": face({0: 0.5})["facenet"]}
    (near,) = find_candidates([apart], gallery(1), scorer, 1)
    assert (near[0].arcface, near[0].facenet, near[0].combined) == pytest.approx((0.1, 0.5, 0.3), abs=1e-6)
    assert near[0].cosines == pytest.approx({"arcface": 0.9, "facenet": 0.5})


@pytest.mark.parametrize(("top_k", "expected"), [(1, 1), (2, 2), (4, 4), (20, 4)])
def test_at_most_so_many_as_asked_for_and_enrolled(face, gallery, scorer, top_k, expected):
    assert len(find_candidates([face({0: 0.9})], gallery(4), scorer, top_k)[0]) == expected


def test_of_an_empty_database_there_are_none(face, gallery, scorer):
    assert find_candidates([face({0: 1.0})] * 2, gallery(0), scorer, 5) == [[], []]


def test_no_faces_have_no_candidates(gallery, scorer):
    assert find_candidates([], gallery(), scorer, 5) == []


def test_faces_searched_together_are_as_alone(face, gallery, scorer):
    faces = [face({0: 0.9, 1: 0.1}), face({2: 0.6}), face({3: 0.3, 0: 0.4})]
    alone = [find_candidates([one], gallery(), scorer, 4)[0] for one in faces]
    for together, single in zip(find_candidates(faces, gallery(), scorer, 4), alone, strict=True):
        assert [one.person for one in together] == [one.person for one in single]


@pytest.mark.parametrize(("distance", "confidence"), [(0.3, 0.7), (0, 1), (1.4, 0)])
def test_confidence_is_what_the_distance_leaves_of_1(distance, confidence):
    assert confidence_at(distance) == pytest.approx(confidence)


def test_the_mean_of_a_persons_references_may_be_nearer_than_each(face, gallery, scorer):
    people = gallery(3)
    people.references[1] = np.stack([face({1: 0.7}, own)["arcface"] for own in (40, 41)])
    probe = face({0: 0.41, 1: 0.57})
    (near,) = find_candidates([probe], people, scorer, 1)
    mean = people.references[1].mean(axis=0)
    assert [one.person for one in near] == [1]
    expected = 1 - float(probe["arcface"] @ mean / np.linalg.norm(mean)) + 0.2 * MEAN_BEHIND
    assert near[0].combined == pytest.approx(expected, abs=1e-6)
    # What is shown is still a picture.
    assert near[0].reference in people.rows(1)
    assert near[0].cosines["arcface"] < 1 - near[0].combined


def test_a_mean_hides_no_reference(face, gallery, scorer):
    people = gallery(2)
    people.references[0] = np.stack([face({0: 1.0})["arcface"], face({3: 1.0})["arcface"]])
    (near,) = find_candidates([face({0: 0.9})], people, scorer, 1)
    assert near[0].combined == pytest.approx(0.1, abs=1e-6)

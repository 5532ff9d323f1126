"""A track as a whole: its mean, who is nearest to it, and how like its own faces are to one another."""

import numpy as np
import pytest

from stash_sense.matching.templates import build_templates
from stash_sense.matching.tracks import FaceSimilarity, TrackFace

from .world import SIZE, SLOTS, FakeGallery, alike, default_pack, enrolled, faces_of, on, steep


def templates(tracks, *seen, database=None, top_k=5):
    """Templates of tracks given as lists of moments."""
    faces = faces_of(*seen)
    return build_templates(tracks, faces, FaceSimilarity(faces, steep()), database or enrolled(), top_k)


def people(template):
    return [each.person for each in template.candidates]


def unit(vector):
    return vector / np.linalg.norm(vector)


def row(cosines, own):
    """A face's vector, the same in both slots."""
    return faces_of(on(0, cosines, own))[0].embeddings["arcface"]


def test_no_tracks_have_no_templates():
    assert templates([], on(0, {0: 0.8})) == []


def test_nobody_enrolled_is_nobodys_candidate():
    (template,) = templates([[[0], [1]]], on(0, {0: 0.8}), on(1, {0: 0.8}), database=FakeGallery([]))
    assert (template.candidates, template.gap) == ((), None)


def test_faces_are_alike_even_where_nobody_is_enrolled():
    (template,) = templates([[[0], [1]]], on(0, alike(3)), on(1, alike(3)), database=FakeGallery([]))
    assert template.cohesion == pytest.approx(3, abs=1e-4)


def test_a_face_alone_has_neither_cohesion_nor_gap():
    (template,) = templates([[[0]]], on(0, {0: 0.8}))
    assert (template.cohesion, template.gap) == (None, None)


def test_copies_of_one_face_have_neither_cohesion_nor_gap():
    (template,) = templates([[[0, 1]]], on(0, {0: 0.8}, own=40), on(1, {0: 0.8}, own=40))
    assert (template.cohesion, template.gap) == (None, None)


def test_a_face_alone_is_its_own_template():
    (template,) = templates([[[0]]], on(0, {0: 0.8}, own=40))
    assert template.vectors["arcface"] == pytest.approx(row({0: 0.8}, 40))


def test_a_template_is_the_direction_of_the_mean():
    (template,) = templates([[[0], [1]]], on(0, {0: 0.8}, 40), on(1, {1: 0.6}, 41))
    assert template.vectors["facenet"] == pytest.approx(unit(row({0: 0.8}, 40) + row({1: 0.6}, 41)))


def test_a_moment_counts_once():
    seen = on(0, {0: 0.8}, own=40), on(1, {0: 0.8}, own=40), on(2, {1: 0.6}, own=41)
    (template,) = templates([[[0, 1], [2]]], *seen)
    assert template.vectors["arcface"] == pytest.approx(unit(row({0: 0.8}, 40) + row({1: 0.6}, 41)))


def test_a_moment_counts_by_its_first_face():
    seen = on(0, {0: 0.8}, own=40), on(1, {0: 0.7}, own=40)
    (template,) = templates([[[1, 0]]], *seen)
    assert template.vectors["arcface"] == pytest.approx(row({0: 0.7}, 40))


@pytest.mark.parametrize(
    ("quality", "weight"), [(0.25, 0.25), (1.0, 1.0), (0.1, 0.1), (0.05, 0.1), (0.0, 0.1)]
)
def test_a_face_weighs_by_its_quality_but_never_nothing(quality, weight):
    (template,) = templates([[[0], [1]]], on(0, {0: 0.8}, 40), on(1, {1: 0.6}, 41, quality=quality))
    assert template.vectors["arcface"] == pytest.approx(unit(row({0: 0.8}, 40) + weight * row({1: 0.6}, 41)))


def test_candidates_come_best_first():
    (template,) = templates([[[0]]], on(0, {0: 0.3, 1: 0.7, 2: 0.5}))
    assert people(template) == [1, 2, 0, 3]


def test_of_two_as_near_the_one_enrolled_first_comes_first():
    (template,) = templates([[[0]]], on(0, {3: 0.5, 1: 0.5}))
    assert people(template)[:2] == [1, 3]


@pytest.mark.parametrize(("top_k", "expected"), [(1, 2), (2, 2), (3, 3), (20, 4)])
def test_at_least_two_candidates_and_at_most_as_many_as_enrolled(top_k, expected):
    (template,) = templates([[[0]]], on(0, {0: 0.8}), top_k=top_k)
    assert len(template.candidates) == expected


def test_a_candidates_distance_is_the_templates():
    """The mean of two faces is nearer to what they have in common: 0.58 / sqrt((1 + 0.58²) / 2)."""
    (template,) = templates([[[0], [1]]], on(0, {0: 0.58}), on(1, {0: 0.58}))
    cosine = 0.58 / np.sqrt((1 + 0.58**2) / 2)
    assert template.candidates[0].combined == pytest.approx(0.4 * (1 - cosine) / 0.54, abs=1e-4)


def test_the_mean_of_a_persons_references_brings_them_forward():
    """Each of the first person's pictures is 0.56 like the face, their mean 0.79; the second is 0.6."""
    references = {"person_0": [{0: 0.7, 8: 0.7}, {0: 0.7, 8: -0.7}]}
    face = on(0, {0: 0.8, 1: 0.6})
    (one,) = templates([[[0]]], face, database=enrolled())
    (two,) = templates([[[0]]], face, database=enrolled(**references))
    assert (people(one)[0], people(two)[0]) == (0, 0)
    assert two.candidates[0].combined == pytest.approx(one.candidates[0].combined, abs=0.01)


def test_the_mean_brings_one_forward_from_behind_those_asked_for():
    """Five others are nearer than each of the first person's pictures, and further than their mean."""
    database = enrolled(6, person_0=[{0: 0.7, 8: 0.7}, {0: 0.7, 8: -0.7}])
    face = on(0, {0: 0.5} | dict.fromkeys(range(1, 6), 0.36))
    assert people(templates([[[0]]], face, database=database, top_k=2)[0])[0] == 0


def test_without_the_mean_another_would_be_nearer():
    references = [{0: 0.7, 8: 0.7}]
    (one,) = templates([[[0]]], on(0, {0: 0.8, 1: 0.6}), database=enrolled(person_0=references))
    assert people(one)[0] == 1


def test_the_nearest_reference_counts_where_the_mean_is_further():
    near_and_far = [{0: 1.0}, {8: 1.0}]
    (template,) = templates([[[0]]], on(0, {0: 0.8}), database=enrolled(person_0=near_and_far))
    assert template.candidates[0].combined == pytest.approx(0.4 * 0.2 / 0.54, abs=1e-4)


def test_whom_a_face_rejects_is_no_candidate_of_its_track():
    seen = on(0, {0: 0.8}), on(1, {0: 0.8}, rejected=frozenset({0}))
    (template,) = templates([[[0], [1]]], *seen)
    assert people(template) == [1, 2, 3]


def test_whom_a_copy_rejects_is_no_candidate_either():
    seen = on(0, {0: 0.8}, own=40), on(1, {0: 0.8}, own=40, rejected=frozenset({0, 2}))
    (template,) = templates([[[0, 1]]], *seen)
    assert (people(template), template.rejected) == ([1, 3], {0, 2})


def test_the_rejected_do_not_cost_other_candidates_their_place():
    many = on(0, {9: 0.8}, rejected=frozenset(range(8)))
    (template,) = templates([[[0]]], many, database=enrolled(20), top_k=8)
    assert len(template.candidates) == 8


def test_one_tracks_rejected_are_the_others_candidates():
    seen = on(0, {0: 0.8}, rejected=frozenset({0})), on(1, {0: 0.8})
    first, second = templates([[[0]], [[1]]], *seen)
    assert (people(first)[0], people(second)[0]) == (1, 0)


@pytest.mark.parametrize("apart", [False, True])
def test_a_template_says_that_its_face_is_apart(apart):
    assert templates([[[0]]], on(0, {0: 0.8}, apart=apart))[0].apart is apart


def test_many_tracks_are_described_as_each_alone():
    seen = [on(at, {at % 4: 0.5 + at / 500}, own=30 + at % 30) for at in range(150)]
    tracks = [[[at], [at + 75]] for at in range(75)]
    alone = [templates([track], *seen)[0] for track in tracks]
    for one, other in zip(templates(tracks, *seen), alone, strict=True):
        assert (people(one), one.gap) == (people(other), pytest.approx(other.gap, abs=1e-4))


@pytest.fixture
def track():
    """Random faces and references of the default pack: (faces, moments, database)."""
    random = np.random.default_rng(5)
    person, means = random.standard_normal(SIZE), {"arcface": 0.084, "facenet": 0.836}

    def vectors(count, spread):
        rows = person + spread * random.standard_normal((count, SIZE))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def face(at):
        rows = {
            slot: np.append(np.sqrt(1 - mean) * vectors(1, 0.9)[0][1:], np.sqrt(mean))
            for slot, mean in means.items()
        }
        return TrackFace(
            at, {slot: unit(own).astype(np.float32) for slot, own in rows.items()}, 0.5 + at / 20
        )

    references = [vectors(count, spread).astype(np.float32) for count, spread in ((3, 0.8), (2, 3.0))]
    return [face(at) for at in range(8)], [[0, 1], [2], [5, 3, 4], [7], [6]], FakeGallery(references)


def naive(faces, others, scorer):
    """Decades of every pair, one by one."""
    return np.array(
        [
            [
                scorer.decades(
                    sum(
                        scorer.calibration.slots[slot].weight
                        / scorer.calibration.slots[slot].sd
                        * float(np.dot(one[slot], other[slot]))
                        for slot in SLOTS
                    )
                )
                for other in others
            ]
            for one in faces
        ]
    )


def test_cohesion_is_the_mean_over_the_pairs_of_moments(track):
    faces, moments, database = track
    scorer = default_pack()
    (template,) = build_templates([moments], faces, FaceSimilarity(faces, scorer), database, 5)
    leaders = [faces[moment[0]].embeddings for moment in moments]
    pairs = naive(leaders, leaders, scorer)[~np.eye(len(leaders), dtype=bool)]
    assert template.cohesion == pytest.approx(pairs.mean(), abs=1e-3)


def test_the_gap_is_how_much_nearer_the_faces_are_to_the_references(track):
    """To the nearest reference of the first candidate, in the mean over the moments."""
    faces, moments, database = track
    scorer = default_pack()
    (template,) = build_templates([moments], faces, FaceSimilarity(faces, scorer), database, 5)
    references = [dict.fromkeys(SLOTS, own) for own in database.references[template.candidates[0].person]]
    near = naive([faces[moment[0]].embeddings for moment in moments], references, scorer).max(axis=1)
    assert template.gap == pytest.approx(near.mean() - template.cohesion, abs=1e-3)


def test_a_candidate_says_which_reference_is_nearest():
    database = enrolled(person_1=[{8: 1.0}, {1: 1.0}])
    (template,) = templates([[[0]]], on(0, {0: 0.6, 1: 0.6}), database=database)
    assert template.candidate(1, database, steep()).reference == 2


def test_to_a_person_counts_the_nearest_reference_or_the_mean():
    database = enrolled(person_0=[{0: 0.7, 8: 0.7}, {0: 0.7, 8: -0.7}], person_1=[{1: 1.0}, {8: 1.0}])
    (template,) = templates([[[0]]], on(0, {0: 0.6, 1: 0.6}), database=database)
    near = [template.candidate(person, database, steep()) for person in (0, 1)]
    assert [one.person for one in near] == [0, 1]
    decades = [steep().decades_at(one.combined) for one in near]
    assert decades == pytest.approx([(0.594 - 0.4) / 0.06, (0.6 - 0.4) / 0.06], abs=0.01)

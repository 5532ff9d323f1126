"""Which learned faces become references: those that are surely the person's, chosen to differ."""

import numpy as np

from stash_sense.enrolment.selection import choose_to_differ, sure_faces

FAR, NEAR = 1.2, 0.4
COPY = 0.02


def distances(count, **pairs):
    """All far apart but for these pairs, named `a_b`."""
    matrix = np.full((count, count), FAR)
    np.fill_diagonal(matrix, 0.0)
    for pair, distance in pairs.items():
        left, right = map(int, pair.removeprefix("d").split("_"))
        matrix[left, right] = matrix[right, left] = distance
    return matrix


def test_a_learned_face_that_agrees_with_the_portrait_is_sure():
    assert sure_faces(distances(3, d0_1=NEAR), [False, True, True]) == [0, 1]


def test_an_outlier_does_not_get_in_by_agreeing_with_one_other_face():
    agree = distances(4, d0_1=NEAR, d1_2=NEAR, d2_3=NEAR)
    assert sure_faces(agree, [False, True, True, True]) == [0, 1]


def test_a_face_that_several_sure_ones_bear_out_is_sure():
    agree = distances(4, d0_1=NEAR, d0_2=NEAR, d1_3=NEAR, d2_3=NEAR)
    assert sure_faces(agree, [False, True, True, True]) == [0, 1, 2, 3]


def test_copies_of_one_picture_are_no_witnesses():
    copies = distances(4, d1_2=COPY, d1_3=COPY, d2_3=COPY)
    assert sure_faces(copies, [False, True, True, True]) == [0]


def test_pictures_of_another_person_do_not_outvote_the_portrait():
    """A wrong tag on a whole series: the portrait and one picture agree, three others with each other."""
    agree = distances(5, d0_1=NEAR, d2_3=NEAR, d2_4=NEAR, d3_4=NEAR)
    assert sure_faces(agree, [False, True, True, True, True]) == [0, 1]


def test_without_a_portrait_the_faces_that_agree_count():
    agree = distances(4, d0_1=NEAR, d0_2=NEAR, d1_2=NEAR)
    assert sure_faces(agree, [True] * 4) == [0, 1, 2]


def test_where_no_face_agrees_with_another_none_is_sure():
    assert sure_faces(distances(4), [True] * 4) == []


def test_one_or_two_faces_alone_are_taken_since_nothing_tells_which_is_wrong():
    assert sure_faces(distances(2), [True, True]) == [0, 1]


def test_the_chosen_differ_most():
    points = np.array([0.0, 0.01, 0.5, 0.52, 1.0])
    between = np.abs(points[:, None] - points[None])
    assert choose_to_differ(between, [0], [1, 2, 3, 4], 3) == [0, 4, 2]


def test_given_faces_all_stay():
    assert choose_to_differ(distances(4), [0, 1, 2], [3], 2) == [0, 1, 2]

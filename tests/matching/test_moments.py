"""Frames close in time are one moment of a track."""

from dataclasses import replace

import pytest

from stash_sense.matching.moments import MOMENT_S, merge_moments

from .world import alike, faces_of, on


def faces_at(*times, quality=None):
    faces = faces_of(*[on(at, alike(6)) for at in range(len(times))])
    qualities = quality or [1.0] * len(times)
    return [replace(face, time_s=t, quality=q) for face, t, q in zip(faces, times, qualities, strict=True)]


@pytest.mark.parametrize(
    ("times", "moments"),
    [
        ((0.0, 0.5), [[0, 1]]),
        ((0.0, MOMENT_S), [[0], [1]]),
        ((0.0, 0.6, 1.2, 1.8), [[0, 1], [2, 3]]),
        ((None, None), [[0], [1]]),
    ],
)
def test_faces_seen_within_a_second_are_one_moment(times, moments):
    assert merge_moments([[at] for at in range(len(times))], faces_at(*times)) == moments


def test_the_best_face_of_a_moment_stands_for_it():
    assert merge_moments([[0], [1], [2]], faces_at(0.0, 0.4, 0.8, quality=[0.3, 0.9, 0.5])) == [[1, 2, 0]]


def test_a_face_joins_the_moment_nearest_to_it():
    faces = faces_at(0.0, 1.2, 0.7, quality=[0.9, 0.8, 0.1])
    assert merge_moments([[0], [1], [2]], faces) == [[0], [1, 2]]

"""The search gives exactly what comparing with every reference gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stash_sense.facedb.search as room
from stash_sense.facedb.search import search_people


def brute(vectors, starts, queries, top_k):
    """One comparison after another: people, rows, scores as lists, padded."""
    lines = []
    for query in queries:
        line = []
        for person in range(len(starts) - 1):
            rows = range(starts[person], starts[person + 1])
            scores = [float(vectors[row] @ query) for row in rows]
            line.append((-max(scores), person, rows[int(np.argmax(scores))]))
        best = [(person, row, -minus) for minus, person, row in sorted(line)[:top_k]]
        lines.append(best + [(-1, -1, -np.inf)] * (top_k - len(best)))
    return lines


def found(vectors, starts, queries, top_k):
    result = search_people(vectors, starts, queries, top_k)
    lines = zip(result.people.tolist(), result.rows.tolist(), result.scores.tolist(), strict=True)
    return [list(zip(*line, strict=True)) for line in lines]


@settings(deadline=None, max_examples=150)
@given(
    faces=st.lists(st.integers(1, 9), min_size=1, max_size=25),
    queries=st.integers(0, 4),
    top_k=st.integers(1, 30),
    chunk=st.integers(1, 20),
    values=st.integers(0, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_it_equals_brute_force(faces, queries, top_k, chunk, values, seed):
    """Small whole numbers: the arithmetic is exact, and equal scores are common."""
    random = np.random.default_rng(seed)
    starts = np.concatenate([[0], np.cumsum(faces)]).astype(np.int64)
    vectors = random.integers(-values, values + 1, (sum(faces), 3)).astype(np.float32)
    probes = random.integers(-values, values + 1, (queries, 3)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "CHUNK_ROWS", chunk)
        assert found(vectors, starts, probes, top_k) == brute(vectors, starts, probes, top_k)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_the_chunks_do_not_show(chunk, top_k, seed):
    random = np.random.default_rng(seed)
    starts = np.arange(0, 101, 2, dtype=np.int64)
    vectors = random.standard_normal((100, 16), dtype=np.float32)
    probes = random.standard_normal((3, 16), dtype=np.float32)
    whole = search_people(vectors, starts, probes, top_k)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "CHUNK_ROWS", chunk)
        parts = search_people(vectors, starts, probes, top_k)
    assert (whole.people == parts.people).all()
    assert (whole.rows == parts.rows).all()


STARTS = np.array([0, 1, 3, 4], np.int64)
VECTORS = np.array([[1, 0], [0, 1], [0.8, 0.6], [0.6, 0.8]], np.float32)


def test_a_person_counts_once_by_the_nearest_reference():
    assert found(VECTORS, STARTS, np.array([[0, 1]], np.float32), 2)[0] == [
        (1, 1, 1.0),
        (2, 3, pytest.approx(0.8)),
    ]


def test_fewer_people_than_asked_for_are_padded():
    result = search_people(VECTORS, STARTS, np.array([[1, 0]], np.float32), 5)
    assert result.people.tolist() == [[0, 1, 2, -1, -1]]
    assert result.scores[0, 3:].tolist() == [-np.inf, -np.inf]


def test_the_one_enrolled_person_is_found():
    assert found(VECTORS, np.array([0, 4], np.int64), np.array([[1, 0]], np.float32), 1) == [[(0, 0, 1.0)]]


def test_nobody_enrolled_is_nobody_found():
    result = search_people(
        np.zeros((0, 2), np.float32), np.zeros(1, np.int64), np.ones((2, 2), np.float32), 3
    )
    assert result.people.tolist() == [[-1, -1, -1]] * 2


def test_no_queries_are_no_lines():
    assert search_people(VECTORS, STARTS, np.zeros((0, 2), np.float32), 3).people.shape == (0, 3)


@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_of_equals_those_enrolled_first_are_taken(top_k):
    same = np.ones((50, 2), np.float32)
    starts = np.arange(51, dtype=np.int64)
    assert search_people(same, starts, np.ones((1, 2), np.float32), top_k).people.tolist() == [
        list(range(top_k))
    ]


def test_more_faces_of_one_person_than_a_chunk_holds(monkeypatch):
    monkeypatch.setattr(room, "CHUNK_ROWS", 3)
    starts = np.array([0, 10, 11], np.int64)
    vectors = np.eye(11, dtype=np.float32)
    assert found(vectors, starts, vectors[[9, 10]], 1) == [[(0, 9, 1.0)], [(1, 10, 1.0)]]


def test_a_query_that_is_no_number_leaves_the_others_right():
    queries = np.array([[np.nan, 0], [1, 0]], np.float32)
    assert found(VECTORS, STARTS, queries, 2)[1][0] == (0, 0, 1.0)

"""Exact nearest people, batched over mapped vectors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHUNK = 8192
"""Rows a step: small enough that a step's scores stay in the cache, large enough to fill the cores."""


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The best people for each probe, best first; rows of -1 where fewer are enrolled.

    people: (n, k) int64 indices of people; rows: (n, k) int64, the reference that scored;
    scores: (n, k) float32, the query's dot product with that reference.
    """

    people: NDArray[np.int64]
    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


def search(
    vectors: NDArray[np.float32], starts: NDArray[np.int64], queries: NDArray[np.float32], top_k: int
) -> Neighbours:
    """The `top_k` people with the highest-scoring reference, for each query, exactly.

    vectors (faces, d) float32, grouped by person; starts (people + 1,) int64, every person with at
    least one face; queries (n, d) float32. A query's score for a person is the largest dot product
    with the person's references. Ties go to the person enrolled first.
    """
    count, people = len(queries), len(starts) - 1
    k = min(top_k, people)
    best = np.full((count, 0), -np.inf, np.float32)
    who = np.full((count, 0), -1, np.int64)
    for first, last in _steps(starts):
        low, high = int(starts[first]), int(starts[last])
        scores = queries @ vectors[low:high].T
        per_person = np.maximum.reduceat(scores, np.asarray(starts[first:last]) - low, axis=1)
        step_best, step_who = _top(per_person, min(k, last - first))
        best = np.concatenate([best, step_best], axis=1)
        who = np.concatenate([who, step_who + first], axis=1)
        if best.shape[1] > 4 * k:
            best, who = _keep(best, who, k)
    best, who = _keep(best, who, k)
    rows = np.array(
        [
            [_row(vectors, starts, query, person) for person in line]
            for query, line in zip(queries, who, strict=True)
        ],
        np.int64,
    ).reshape(count, k)
    return _padded(Neighbours(who, rows, best), top_k)


def _steps(starts: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Runs of whole people of about CHUNK rows: (first person, past the last)."""
    people, steps, first = len(starts) - 1, [], 0
    while first < people:
        last = int(np.searchsorted(starts, starts[first] + CHUNK, side="right")) - 1
        last = min(max(last, first + 1), people)
        steps.append((first, last))
        first = last
    return steps


def _top(scores: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The k best columns of each line (unordered)."""
    if k >= scores.shape[1]:
        columns = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    elif k == 1:
        columns = scores.argmax(axis=1)[:, None]
    else:
        columns = np.argpartition(scores, -k, axis=1)[:, -k:]
        _settle_ties(scores, columns)
    return np.take_along_axis(scores, columns, axis=1), columns.astype(np.int64)


def _settle_ties(scores: NDArray[np.float32], columns: NDArray[np.intp]) -> None:
    """Where equals stand on both sides of the cut, which argpartition makes anywhere, take the first ones."""
    k = columns.shape[1]
    lowest = np.take_along_axis(scores, columns, axis=1).min(axis=1, keepdims=True)
    for line in np.nonzero(np.count_nonzero(scores >= lowest, axis=1) > k)[0]:
        columns[line] = np.argsort(-scores[line], kind="stable")[:k]


def _keep(
    best: NDArray[np.float32], who: NDArray[np.int64], k: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    order = np.lexsort((who, -best), axis=1)[:, :k]
    return np.take_along_axis(best, order, axis=1), np.take_along_axis(who, order, axis=1)


def _row(
    vectors: NDArray[np.float32], starts: NDArray[np.int64], query: NDArray[np.float32], person: int
) -> int:
    low, high = int(starts[person]), int(starts[person + 1])
    return low + int((vectors[low:high] @ query).argmax())


def _padded(found: Neighbours, top_k: int) -> Neighbours:
    short = top_k - found.people.shape[1]
    if not short:
        return found
    fill = ((0, 0), (0, short))
    return Neighbours(
        np.pad(found.people, fill, constant_values=-1),
        np.pad(found.rows, fill, constant_values=-1),
        np.pad(found.scores, fill, constant_values=-np.inf),
    )

"""Exact search for the nearest people, batched over memory-mapped vectors."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from stash_sense.machine import usable_cores

CHUNK_ROWS = 16384
"""Rows per step: enough that the cost of a step in Python does not matter, few enough for the cache."""
FIRST_CHUNK_ROWS = 256
"""Rows of the first step, doubled from step to step: it only finds the score that others must reach."""
BLOCK_ROWS = 2048
"""Rows per product: two megabytes of vectors stay in a core's cache."""
LIGHT_PRODUCTS = 2**29
"""Multiplications up to which a search stays on the calling thread: about ten milliseconds."""
THREADS = 2
"""For larger searches. OpenBLAS's own threads are off where the networks share the cores."""
SINGLE_THREAD_PRODUCTS = 2**18
"""Multiplications per product up to which OpenBLAS stays on the calling thread. After a larger one its
threads spin for about twenty milliseconds, and take the core from the threads that detect faces."""


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The nearest people for each query, best first; -1 if fewer are enrolled.

    people: (n, k) int64, indices of people. rows: (n, k) int64, each one's best reference.
    scores: (n, k) float32, the query's dot product with that reference.
    """

    people: NDArray[np.int64]
    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


def search_people(
    vectors: NDArray[np.float32], starts: NDArray[np.int64], queries: NDArray[np.float32], top_k: int
) -> Neighbours:
    """The `top_k` people with the highest-scoring reference, for each query, exactly.

    vectors (faces, d) float32, grouped by person; starts (people + 1,) int64, every person with at
    least one face; queries (n, d) float32. A query's score for a person is the largest dot product
    with the person's references. Ties go to the person enrolled first. A query of NaN finds nobody.
    """
    count, k = len(queries), min(top_k, len(starts) - 1)
    best = nobody(count, k)
    across = np.ascontiguousarray(queries.T)
    light = vectors.size * count <= LIGHT_PRODUCTS
    rows_per_product = max(1, SINGLE_THREAD_PRODUCTS // max(queries.size, 1)) if light else BLOCK_ROWS
    for low, high in person_steps(starts) if k else ():
        scores = np.empty((high - low, count), np.float32)
        product = partial(_product, vectors[low:high], across, scores, rows_per_product)
        blocks = range(0, high - low, rows_per_product)
        for _ in map(product, blocks) if light else search_threads().map(product, blocks):
            pass
        # Few rows reach the lowest of the best scores so far; only these are grouped by person.
        rows, lines = np.divmod(np.flatnonzero(scores >= best.scores[:, -1]), max(count, 1))
        best = merge_best(best, starts, lines, rows + low, scores[rows, lines])
    return pad_neighbours(best, top_k)


def _product(
    vectors: NDArray[np.float32],
    across: NDArray[np.float32],
    scores: NDArray[np.float32],
    length: int,
    row: int,
) -> None:
    np.matmul(vectors[row : row + length], across, out=scores[row : row + length])


@cache
def search_threads() -> ThreadPoolExecutor:
    """The threads of all large searches."""
    return ThreadPoolExecutor(min(THREADS, usable_cores()), thread_name_prefix="search")


def person_steps(starts: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Ranges of rows (first, past the last), growing up to CHUNK_ROWS; none divides a person."""
    people, steps, first, size = len(starts) - 1, [], 0, FIRST_CHUNK_ROWS
    while first < people:
        last = int(np.searchsorted(starts, starts[first] + size, side="right")) - 1
        last = min(max(last, first + 1), people)
        steps.append((int(starts[first]), int(starts[last])))
        first, size = last, min(2 * size, CHUNK_ROWS)
    return steps


def nobody(count: int, k: int) -> Neighbours:
    """Before anything is searched: `k` times nobody for each query."""
    return Neighbours(
        np.full((count, k), -1, np.int64),
        np.full((count, k), -1, np.int64),
        np.full((count, k), -np.inf, np.float32),
    )


def merge_best(
    best: Neighbours,
    starts: NDArray[np.int64],
    lines: NDArray[np.int64],
    rows: NDArray[np.int64],
    scores: NDArray[np.float32],
) -> Neighbours:
    """Merge the best people so far with candidates of people who are not among them.

    lines, rows, scores (m,): query, row and score of each candidate; a person's rows in ascending order.
    """
    if not len(rows):
        return best
    count, k = best.people.shape
    people = len(starts) - 1
    pairs = lines * people + np.searchsorted(starts, rows, side="right") - 1
    order = np.lexsort((-scores, pairs))
    pairs = pairs[order]
    heads = np.flatnonzero(np.diff(pairs, prepend=-1))
    line = np.concatenate([np.repeat(np.arange(count), k), pairs[heads] // people])
    person = np.concatenate([best.people.ravel(), pairs[heads] % people])
    row = np.concatenate([best.rows.ravel(), rows[order[heads]]])
    score = np.concatenate([best.scores.ravel(), scores[order[heads]]])
    ranked = np.lexsort((person, -score, line))
    winners = ranked[np.searchsorted(line[ranked], np.arange(count))[:, None] + np.arange(k)]
    return Neighbours(person[winners], row[winners], score[winners])


def pad_neighbours(neighbours: Neighbours, top_k: int) -> Neighbours:
    """Fill up to `top_k` people with nobody."""
    short = top_k - neighbours.people.shape[1]
    if not short:
        return neighbours
    fill = ((0, 0), (0, short))
    return Neighbours(
        np.pad(neighbours.people, fill, constant_values=-1),
        np.pad(neighbours.rows, fill, constant_values=-1),
        np.pad(neighbours.scores, fill, constant_values=-np.inf),
    )

"""Which tracks of a library are near to each other: all are compared; in a large one, those of near cells."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from stash_sense.matching.clusters import Places

T = TypeVar("T")
R = TypeVar("R")

COMPARED_ALL = 150_000
"""Tracks up to which each is compared with every other."""

NEIGHBOURS = 24
"""Pairs kept of each track: the nearest."""

CELL_TRACKS = 1000
CELLS_SEARCHED = 12
"""Each track is in its nearest cell, and compared with the tracks of so many."""

_BLOCK = 1024
_WIDTH = 16_384
_ROUNDS = 4
_SAMPLE_A_CELL = 40


def near_pairs(places: Places, score: float, *, threads: int = 1) -> NDArray[np.int64]:
    """Pairs (m, 2) of rows whose dot product is at least `score`, the lower row first, of each row the
    nearest NEIGHBOURS; places (n, d)."""
    blocks = _all_blocks(len(places)) if len(places) <= COMPARED_ALL else _cell_blocks(places, threads)

    def compare(
        block: tuple[NDArray[np.int64], NDArray[np.int64]],
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        rows, others = block
        dots = places[rows].astype(np.float32) @ places[others].astype(np.float32).T
        line, column = np.nonzero(dots >= score)
        found = np.stack([rows[line], others[column]], axis=1)
        return found, dots[line, column]

    parts = list(in_turn(compare, blocks, threads))
    pairs = np.concatenate([part for part, _ in parts] or [np.empty((0, 2), np.int64)])
    scores = np.concatenate([part for _, part in parts] or [np.empty(0, np.float32)])
    return _nearest(pairs, scores, len(places))


def in_turn(work: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """What `work` returns for each item, in order, few at a time: all results at once might not fit."""
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _all_blocks(count: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    for start in range(0, count, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, count))
        for first in range(start, count, _WIDTH):
            yield rows, np.arange(first, min(first + _WIDTH, count))


def _cell_blocks(places: Places, threads: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    rng = np.random.default_rng(0)
    count = max(CELLS_SEARCHED, len(places) // CELL_TRACKS)
    sample = rng.choice(len(places), min(len(places), count * _SAMPLE_A_CELL), replace=False)
    centres = places[rng.choice(sample, count, replace=False)].astype(np.float32)
    for _ in range(_ROUNDS):
        own = _nearest_cells(places, sample, centres, 1, threads)[:, 0]
        sums = np.zeros_like(centres)
        np.add.at(sums, own, places[sample].astype(np.float32))
        found = np.bincount(own, minlength=count)
        centres = np.where(found[:, None] > 0, sums / np.maximum(found, 1)[:, None], centres)
    cells = _nearest_cells(places, np.arange(len(places)), centres, CELLS_SEARCHED, threads)
    members = np.argsort(cells[:, 0], kind="stable")
    ends = np.cumsum(np.bincount(cells[:, 0], minlength=count))
    searching = np.argsort(cells.ravel(), kind="stable")
    search_ends = np.cumsum(np.bincount(cells.ravel(), minlength=count))
    for cell in range(count):
        here = members[ends[cell - 1] if cell else 0 : ends[cell]]
        rows = searching[search_ends[cell - 1] if cell else 0 : search_ends[cell]] // CELLS_SEARCHED
        for start in range(0, len(rows), _BLOCK):
            for first in range(0, len(here), _WIDTH):
                yield rows[start : start + _BLOCK], here[first : first + _WIDTH]


def _nearest_cells(
    places: Places, rows: NDArray[np.int64], centres: NDArray[np.float32], most: int, threads: int
) -> NDArray[np.int32]:
    """The nearest cells of each row, (rows, most), best first."""
    half = np.square(centres).sum(axis=1) / 2

    def of(start: int) -> NDArray[np.int32]:
        near = places[rows[start : start + _BLOCK]].astype(np.float32) @ centres.T - half
        best = np.argpartition(-near, most - 1, axis=1)[:, :most]
        order = np.argsort(-np.take_along_axis(near, best, axis=1), axis=1)
        return np.asarray(np.take_along_axis(best, order, axis=1), np.int32)

    return np.concatenate(list(in_turn(of, range(0, len(rows), _BLOCK), threads)))


def _nearest(pairs: NDArray[np.int64], scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Each pair of different rows once, where it is among the nearest of one of its rows."""
    low, high = pairs.min(axis=1, initial=count), pairs.max(axis=1, initial=-1)
    different = low < high
    _, unique = np.unique(low[different] * count + high[different], return_index=True)
    low, high, scores = low[different][unique], high[different][unique], scores[different][unique]
    kept = np.zeros(len(low), bool)
    for ends in (low, high):
        order = np.lexsort((-scores, ends))
        counts = np.bincount(ends, minlength=count)
        starts = np.cumsum(counts) - counts
        rank = np.arange(len(ends)) - starts[ends[order]]
        kept[order[rank < NEIGHBOURS]] = True
    return np.stack([low[kept], high[kept]], axis=1)

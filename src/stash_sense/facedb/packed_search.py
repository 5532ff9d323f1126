"""Search over packed vectors: all rows by their upper bits in whole numbers, then a few by all their bits.

What the first look leaves open is bounded, so nobody is missed: the result is that of comparing every row as
it is stored. The products are those of onnxruntime, whose kernels use what each processor has for bytes.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from stash_sense.facedb.packing import FINE_PER_BYTE, MIDDLE
from stash_sense.facedb.search import (
    CHUNK_ROWS,
    THREADS,
    Neighbours,
    merge_best,
    nobody,
    pad_neighbours,
    person_steps,
    search_threads,
)

Array = NDArray[np.float32]

BLOCK_ROWS = 4096
"""Rows per product: four megabytes of bytes, and a result that stays in the cache."""
LENGTHS_TOGETHER = 256
"""Rows whose lengths are taken together: in single precision a block would have four times its size."""
QUERIES_AT_ONCE = 256
"""More queries are searched one group after another: a block's result has four bytes a row and query."""
_UPPER_MIDDLE = MIDDLE // FINE_PER_BYTE
_LOWER_MEAN = (FINE_PER_BYTE - 1) / 2
LARGEST_DIGIT = 63
"""Largest number of a rounded query. Seven bits: of eight, two products overflow the sixteen bits in which
processors without VNNI add them up."""
_ROUNDING = 1.001
"""What a bound is raised by, as it is computed in single precision."""


@dataclass(frozen=True, slots=True, eq=False)
class PackedRows:
    """The rows to search. upper (n, d) uint8, steps (n,) float32; centre, gain (d,) float32.

    lengths (n,) float32: of the upper bits from their middle, times the step. NaN where no search has come by
    yet, which then sets it.
    load: rows (m,) int64 -> their vectors, (m, d) float32.
    """

    upper: NDArray[np.uint8]
    steps: Array
    lengths: Array
    centre: Array
    gain: Array
    load: Callable[[NDArray[np.int64]], Array]


def search_packed(rows: PackedRows, starts: NDArray[np.int64], queries: Array, top_k: int) -> Neighbours:
    """As `search_people` gives it for the vectors as they are stored.

    A query that is not finite finds nobody.
    """
    groups = [
        _search(rows, starts, queries[first : first + QUERIES_AT_ONCE], top_k)
        for first in range(0, max(len(queries), 1), QUERIES_AT_ONCE)
    ]
    return Neighbours(
        np.concatenate([group.people for group in groups]),
        np.concatenate([group.rows for group in groups]),
        np.concatenate([group.scores for group in groups]),
    )


def _search(rows: PackedRows, starts: NDArray[np.int64], queries: Array, top_k: int) -> Neighbours:
    count, k = len(queries), min(top_k, len(starts) - 1)
    rounded = _Rounded.of(queries, rows)
    lowest = nobody(count, k)
    seen = [_Candidates.none()]

    def scan(step: tuple[int, int]) -> _Candidates:
        return _scan(rows, *step, rounded, lowest.scores[:, -1])

    for candidates in _in_order(scan, person_steps(starts) if k and count else []):
        seen.append(candidates)
        better = candidates.where(candidates.lowest > lowest.scores[candidates.lines, -1])
        lowest = merge_best(lowest, starts, better.lines, better.rows, better.lowest)
    if not k:
        return pad_neighbours(lowest, top_k)
    # By all their bits, first those that look best, then the others that may score as much.
    lines, places = np.nonzero(lowest.rows >= 0)
    near = lowest.rows[lines, places]
    best = merge_best(nobody(count, k), starts, lines, near, _scores(rows, near, queries, lines))
    left = _Candidates.joined(seen)
    left = left.where(left.highest >= best.scores[left.lines, -1])
    best = merge_best(
        nobody(count, k), starts, left.lines, left.rows, _scores(rows, left.rows, queries, left.lines)
    )
    return pad_neighbours(best, top_k)


def _in_order(
    scan: Callable[[tuple[int, int]], "_Candidates"], steps: list[tuple[int, int]]
) -> Iterator["_Candidates"]:
    """What `scan` finds in each step. Few are ahead of the caller, whose bounds the next ones then have.

    The first, small steps one after another: each finds the scores that rows of the next must exceed.
    """
    small = sum(last - first < CHUNK_ROWS // 2 for first, last in steps)
    yield from map(scan, steps[:small])
    large, submit = steps[small:], search_threads().submit
    ahead = deque([submit(scan, step) for step in large[: THREADS + 1]])
    for step in large[THREADS + 1 :]:
        yield ahead.popleft().result()
        ahead.append(submit(scan, step))
    for future in ahead:
        yield future.result()


def _scores(rows: PackedRows, near: NDArray[np.int64], queries: Array, lines: NDArray[np.int64]) -> Array:
    """Of each row with its query, by all bits: (m,)."""
    scores = np.empty(len(near), np.float32)
    for begin in range(0, len(near), BLOCK_ROWS):  # a query of zeros is as near to everybody
        part = slice(begin, begin + BLOCK_ROWS)
        scores[part] = np.einsum("nd,nd->n", rows.load(near[part]), queries[lines[part]])
    return scores


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """Rows (m,) int64, the query of each (m,) int64, and between what its score lies, (m,) float32."""

    rows: NDArray[np.int64]
    lines: NDArray[np.int64]
    lowest: Array
    highest: Array

    @classmethod
    def none(cls) -> Self:
        whole, score = np.empty(0, np.int64), np.empty(0, np.float32)
        return cls(whole, whole, score, score)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        columns = zip(*((each.rows, each.lines, each.lowest, each.highest) for each in parts), strict=True)
        return cls(*map(np.concatenate, columns))

    def where(self, chosen: NDArray[np.bool_]) -> "_Candidates":
        return _Candidates(self.rows[chosen], self.lines[chosen], self.lowest[chosen], self.highest[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class _Rounded:
    """Queries (n, d), rounded to `size` times whole numbers.

    numbers (d, n) int8. size (n,) float32, in upper bits; NaN for a query that is not finite. centre (n,)
    float32: what the centre of all rows scores. lower, slack (n,) float32: what the lower bits add to the
    score of a row with a step of one, in the middle and from there. error (n,) float32: how far the score of
    a row whose upper bits are one long may lie from what the rounded query says.
    """

    numbers: NDArray[np.int8]
    size: Array
    centre: Array
    lower: Array
    slack: Array
    error: Array

    @classmethod
    def of(cls, queries: Array, rows: PackedRows) -> Self:
        exact = queries.astype(np.float64)
        unusable = ~np.isfinite(exact).all(axis=1)
        exact[unusable] = 0
        centre = exact @ rows.centre
        exact *= rows.gain
        size = np.abs(exact).max(axis=1, initial=0) / LARGEST_DIGIT
        size[size == 0] = 1
        numbers = np.rint(exact / size[:, None])
        error = np.linalg.norm(exact - numbers * size[:, None], axis=1)
        size[unusable] = np.nan
        figures = (
            FINE_PER_BYTE * size,
            centre,
            _LOWER_MEAN * exact.sum(axis=1),
            _ROUNDING * _LOWER_MEAN * np.abs(exact).sum(axis=1),
            _ROUNDING * FINE_PER_BYTE * error,
        )
        return cls(
            np.ascontiguousarray(numbers.T.astype(np.int8)),
            *(np.asarray(figure, np.float32) for figure in figures),
        )


def _scan(rows: PackedRows, low: int, high: int, queries: _Rounded, least: Array) -> _Candidates:
    """The rows from low to high that may score more than `least` (n,).

    What scores no more is nearer to nobody: of equals, those enrolled first are taken.
    """
    parts = []
    for begin in range(low, high, BLOCK_ROWS):
        block = slice(begin, min(begin + BLOCK_ROWS, high))
        products = byte_products(rows.upper[block], queries.numbers, _UPPER_MIDDLE)
        steps = rows.steps[block]
        scores = np.multiply(products, queries.size, dtype=np.float32)
        scores += queries.lower
        scores *= steps[:, None]
        error = queries.error * _lengths(rows, block).max() + queries.slack * steps.max()
        near, lines = np.divmod(np.flatnonzero(scores > least - queries.centre - error), len(least))
        middle, error = scores[near, lines] + queries.centre[lines], error[lines]
        parts.append(_Candidates(near + begin, lines, middle - error, middle + error))
    return _Candidates.joined(parts)


def _lengths(rows: PackedRows, block: slice) -> Array:
    lengths = rows.lengths[block]
    if np.isnan(lengths).any():
        for begin in range(0, len(lengths), LENGTHS_TOGETHER):
            part = slice(begin, begin + LENGTHS_TOGETHER)
            numbers = rows.upper[block][part].astype(np.float32)
            numbers -= _UPPER_MIDDLE
            lengths[part] = np.sqrt(np.einsum("nd,nd->n", numbers, numbers)) * rows.steps[block][part]
    return lengths


def byte_products(rows: NDArray[np.uint8], queries: NDArray[np.int8], middle: int) -> NDArray[np.int32]:
    """Rows (r, d) less their middle, times queries (d, n) of at most LARGEST_DIGIT: (r, n). One thread."""
    inputs = {"rows": rows, "queries": queries, "middle": np.array(middle, np.uint8)}
    (products,) = _session().run(None, inputs)
    return np.asarray(products, np.int32)


@cache
def _session() -> ort.InferenceSession:
    """Rows (r, d) uint8 less their middle, times queries (d, n) int8: (r, n) int32. One thread a call."""
    from onnx import TensorProto, helper  # noqa: PLC0415 - saves every other command a tenth of a second

    product = helper.make_node("MatMulInteger", ["rows", "queries", "middle"], ["scores"])
    inputs = [
        helper.make_tensor_value_info("rows", TensorProto.UINT8, ["r", "d"]),
        helper.make_tensor_value_info("queries", TensorProto.INT8, ["d", "n"]),
        helper.make_tensor_value_info("middle", TensorProto.UINT8, []),
    ]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.INT32, ["r", "n"])]
    graph = helper.make_graph([product], "search", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

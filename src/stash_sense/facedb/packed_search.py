"""Search over packed vectors: all rows by their upper bits in whole numbers, then a few by all their bits.

What the upper bits leave open is bounded, so nobody is missed: the result is that of comparing every row as
it is stored. The products are those of onnxruntime, whose kernels use what each processor has for bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper

from stash_sense.facedb.packing import FINE_PER_BYTE, HIGHEST, MIDDLE
from stash_sense.facedb.search import (
    Neighbours,
    merge_best,
    pad_neighbours,
    person_steps,
    search_threads,
)

Array = NDArray[np.float32]

BLOCK_ROWS = 4096
"""Rows per product: four megabytes of bytes, and a result that stays in the cache."""
QUERIES_AT_ONCE = 256
"""More queries are searched one group after another: a block's result has eight bytes a row and query."""
_UPPER_MIDDLE = MIDDLE // FINE_PER_BYTE
_LOWER_MEAN = (FINE_PER_BYTE - 1) / 2
_DIGIT = 63
"""Largest digit of a query, which has two. Seven bits: of eight, two products overflow the sixteen bits in
which processors without VNNI add them up."""
_BASE = 2 * _DIGIT + 1


@dataclass(frozen=True, slots=True, eq=False)
class PackedRows:
    """The rows to search. upper (n, d) uint8, steps (n,) float32; centre, gain (d,) float32.

    load: rows (m,) int64 -> their vectors, (m, d) float32.
    """

    upper: NDArray[np.uint8]
    steps: Array
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
    digits = _Digits.of(queries * rows.gain)
    best = np.full((count, k), -np.inf, np.float32)
    who = np.full((count, k), -1, np.int64)
    candidates = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
    for first, last in person_steps(starts) if k and count else ():
        low, high = int(starts[first]), int(starts[last])
        scores = _highest_scores(rows, low, high, digits)
        found, lines = np.divmod(np.flatnonzero(scores >= best[:, -1]), count)
        if len(found):
            order = np.argsort(lines, kind="stable")
            found, lines = found[order], lines[order]
            highest = scores[found, lines]
            candidates.append((found + low, lines, highest))
            owners = np.searchsorted(starts, found + low, side="right") - 1
            lowest = highest - 2 * digits.slack[lines] * rows.steps[found + low]
            best, who = merge_best(best, who, lines, owners, lowest)
    near, lines, highest = (np.concatenate(parts) for parts in zip(*candidates, strict=True))
    if k:
        within = highest >= best[lines, -1]
        near, lines = near[within], lines[within]
    return pad_neighbours(_compared(rows, starts, queries, near, lines, k), top_k)


def _compared(
    rows: PackedRows,
    starts: NDArray[np.int64],
    queries: Array,
    near: NDArray[np.int64],
    lines: NDArray[np.int64],
    k: int,
) -> Neighbours:
    """The nearest people among candidates: row and query of each, (m,)."""
    count = len(queries)
    order = np.lexsort((near, lines))
    near, lines = near[order], lines[order]
    scores = np.empty(len(near), np.float32)
    for begin in range(0, len(near), BLOCK_ROWS):  # a query of zeros is as near to everybody
        part = slice(begin, begin + BLOCK_ROWS)
        scores[part] = np.einsum("nd,nd->n", rows.load(near[part]), queries[lines[part]])
    owners = np.searchsorted(starts, near, side="right") - 1
    best = np.full((count, k), -np.inf, np.float32)
    who = np.full((count, k), -1, np.int64)
    if not len(near):
        return Neighbours(who, who.copy(), best)
    best, who = merge_best(best, who, lines, owners, scores)
    # Of a person's rows, the first with the person's score.
    place = np.full((count, k), -1, np.int64)
    for line, rank in zip(*np.nonzero(who >= 0), strict=True):
        own = slice(*np.searchsorted(lines, [line, line + 1]))
        match = (owners[own] == who[line, rank]) & (scores[own] == best[line, rank])
        place[line, rank] = near[own][match.argmax()]
    return Neighbours(who, place, best)


@dataclass(frozen=True, slots=True, eq=False)
class _Digits:
    """Queries (n, d) as two digits a number: `size * (_BASE * high + low)`.

    both (d, 2 n) int8. total, slack (n,) float32: the sum of a query's numbers, and how far the score of a
    row with a step of one may lie from what the digits and the upper bits say.
    """

    both: NDArray[np.int8]
    size: Array
    total: Array
    slack: Array

    @classmethod
    def of(cls, queries: Array) -> "_Digits":
        numbers = queries.astype(np.float64)
        unusable = ~np.isfinite(numbers).all(axis=1)
        numbers[unusable] = 0
        size = np.abs(numbers).max(axis=1, initial=0) / (_BASE * _DIGIT)
        size[size == 0] = 1
        whole = np.rint(numbers / size[:, None])
        high = np.rint(whole / _BASE)
        low = whole - _BASE * high
        rounded = whole * size[:, None]
        slack = _LOWER_MEAN * np.abs(numbers).sum(axis=1)
        slack += (HIGHEST + 1) * np.abs(numbers - rounded).sum(axis=1)
        slack *= 1.001  # single precision
        slack[unusable] = np.nan
        both = np.ascontiguousarray(np.concatenate([high, low]).T.astype(np.int8))
        return cls(
            both,
            np.asarray(FINE_PER_BYTE * size, np.float32),
            np.asarray(_LOWER_MEAN * rounded.sum(axis=1), np.float32),
            np.asarray(slack, np.float32),
        )


def _highest_scores(rows: PackedRows, low: int, high: int, digits: _Digits) -> Array:
    """What rows may score at most by their upper bits (high - low, n), but for what the centre adds."""
    most = digits.total + digits.slack
    count = len(digits.size)
    scores = np.empty((high - low, count), np.float32)

    def product(begin: int) -> None:
        end = min(begin + BLOCK_ROWS, high)
        (block,) = _session().run(
            None, {"rows": rows.upper[begin:end], "queries": digits.both, "middle": _MIDDLE}
        )
        part = scores[begin - low : end - low]
        np.multiply(block[:, :count], np.float32(_BASE), out=part)
        part += block[:, count:]
        part *= digits.size
        part += most
        part *= rows.steps[begin:end, None]

    for _ in search_threads().map(product, range(low, high, BLOCK_ROWS)):
        pass
    return scores


_MIDDLE = np.array(_UPPER_MIDDLE, np.uint8)


@cache
def _session() -> ort.InferenceSession:
    """Rows (r, d) uint8 less their middle, times queries (d, n) int8: (r, n) int32. One thread a call."""
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

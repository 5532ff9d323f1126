"""Clusters of unknown people over the library: tracks that show one person, by their likeness alone.

A track's place is its embeddings, weighted so that the dot product of two places is the score of a search
(`Scorer.places`). Two clusters are as alike as their tracks are on average, which is the dot product of their
mean places. Pairs that are each other's nearest are joined first, many at a time: for average linkage that
gives the same clusters as joining one pair after another.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stash_sense.matching.calibration import Scorer
from stash_sense.matching.constraints import TrackConstraints

Array = NDArray[np.floating[Any]]
Places = NDArray[np.float16] | NDArray[np.float32]
"""(n, d): a track, or the mean of several, a row."""

SMALL_LIBRARY = 1000
"""Tracks up to which the limit is JOIN_DECADES."""

JOIN_DECADES = -0.2
"""How alike two tracks must be in a small library, in decades of the false-match rate: 0 at distance 0.6."""

TIGHTER = 0.6
"""Decades by which the limit rises with each factor of ten of tracks: there are as many more strangers. With
less, precision falls as a library grows; single links alone would need a whole decade."""

EASED = 1.0
"""Decades by which the limit is lower between large clusters than between two tracks."""

SURE = 0.5
"""Decades more, from which a new track joins a cluster that a person has named, merged, split or hidden."""


def join_decades(tracks: int) -> float:
    """How alike two clusters must be to be joined, in a library of so many tracks."""
    return JOIN_DECADES + TIGHTER * math.log10(max(1.0, tracks / SMALL_LIBRARY))


def least_decades(tracks: int) -> float:
    """How alike two tracks must be for clusters of them to be joined at all."""
    return join_decades(tracks) - EASED


@dataclass(slots=True, eq=False)
class LinkRules:
    """What keeps clusters apart however alike they are, by position.

    decided: named, merged, split or hidden by a person: never joined to another of these, and by a single new
    track alone. exclusive: pictures or moments that show each person once: no two tracks with a common one
    are joined. decisions: what a person said of whom a track shows.
    """

    decided: NDArray[np.bool_]
    exclusive: dict[int, set[int]] = field(default_factory=dict)
    decisions: dict[int, TrackConstraints] = field(default_factory=dict)

    def allow(self, some: int, other: int) -> bool:
        """Whether two clusters may be joined."""
        mine, theirs = self.exclusive.get(some), self.exclusive.get(other)
        if mine and theirs and not mine.isdisjoint(theirs):
            return False
        own, others = self.decisions.get(some), self.decisions.get(other)
        if own is None or others is None:
            return not any(each is not None and each.apart for each in (own, others))
        return own.allow(others)

    def join(self, some: int, other: int) -> None:
        """What holds for both holds for the first from now on."""
        if theirs := self.exclusive.pop(other, None):
            self.exclusive.setdefault(some, set()).update(theirs)
        if (theirs_said := self.decisions.pop(other, None)) is not None:
            said = self.decisions.get(some)
            self.decisions[some] = theirs_said if said is None else said.with_(theirs_said)


def shared_moments(moments: Iterable[tuple[int, int]]) -> dict[int, set[int]]:
    """Position -> its moments, of (position, moment) pairs; only moments that several positions share."""
    pairs = np.array(list(moments), np.int64).reshape(-1, 2)
    _, inverse, counts = np.unique(pairs[:, 1], return_inverse=True, return_counts=True)
    exclusive: dict[int, set[int]] = {}
    for position, moment in pairs[counts[inverse] > 1].tolist():
        exclusive.setdefault(position, set()).add(moment)
    return exclusive


def link_clusters(
    places: Places,
    sizes: NDArray[np.int64],
    pairs: NDArray[np.int64],
    rules: LinkRules,
    scorer: Scorer,
    limit: float,
) -> NDArray[np.int64]:
    """Join clusters; returns (n,), for each the position of the one that it became a part of.

    places (n, d): mean places, overwritten. sizes: tracks of each. pairs (m, 2): positions of those that may
    be near; others are not compared. limit: decades. A decided cluster keeps its position, else
    the first of both.
    """
    root = np.arange(len(places))
    edges = _Edges(places, sizes, scorer)
    some, others = pairs[:, 0], pairs[:, 1]
    scores = edges.decades(some, others)
    while True:
        decided = rules.decided[some].astype(np.int64) + rules.decided[others]
        single = np.minimum(sizes[some], sizes[others]) == 1
        # An average over many pairs of faces strays less than one pair.
        eased = limit - EASED * (1 - 1 / np.sqrt(sizes[some] * sizes[others]))
        allowed = np.where(decided == 0, eased, np.where((decided == 1) & single, eased + SURE, np.inf))
        near = (scores >= allowed) & (some != others)
        some, others, scores = some[near], others[near], scores[near]
        if not len(some):
            return _roots(root)
        first = _nearest_both_ways(some, others, scores, len(places))
        gone = np.zeros(len(some), bool)
        changed = np.zeros(len(places), bool)
        for at in first.tolist():
            keep, join = int(some[at]), int(others[at])
            if (rules.decided[join], -join) > (rules.decided[keep], -keep):
                keep, join = join, keep
            if not rules.allow(keep, join):
                gone[at] = True
                continue
            rules.join(keep, join)
            root[join] = keep
            changed[keep] = True
            edges.join(keep, join)
        some, others, scores = some[~gone], others[~gone], scores[~gone]
        some, others = root[some], root[others]
        low, high = np.minimum(some, others), np.maximum(some, others)
        _, unique = np.unique(low * len(places) + high, return_index=True)
        some, others, scores = low[unique], high[unique], scores[unique]
        stale = changed[some] | changed[others]
        scores[stale] = edges.decades(some[stale], others[stale])


class _Edges:
    """Mean places and sizes of clusters, as they are joined."""

    def __init__(self, places: Places, sizes: NDArray[np.int64], scorer: Scorer) -> None:
        self._places, self._sizes, self._scorer = places, sizes, scorer

    def decades(self, some: NDArray[np.int64], others: NDArray[np.int64]) -> Array:
        """How alike pairs of clusters are."""
        dots = np.empty(len(some), np.float32)
        for start in range(0, len(some), _PAIRS_AT_ONCE):
            part = slice(start, start + _PAIRS_AT_ONCE)
            left = self._places[some[part]].astype(np.float32)
            dots[part] = np.einsum("nd,nd->n", left, self._places[others[part]].astype(np.float32))
        return self._scorer.decades(dots)

    def join(self, keep: int, join: int) -> None:
        """Make one cluster of two."""
        own, other = int(self._sizes[keep]), int(self._sizes[join])
        mean = self._places[keep].astype(np.float32) * own + self._places[join].astype(np.float32) * other
        self._places[keep] = mean / (own + other)
        self._sizes[keep] = own + other


_PAIRS_AT_ONCE = 65_536


def _nearest_both_ways(
    some: NDArray[np.int64], others: NDArray[np.int64], scores: Array, count: int
) -> NDArray[np.int64]:
    """The pairs of which each is the other's nearest."""
    order = np.lexsort((others, some, -scores))
    ends = np.stack([some[order], others[order]], axis=1).ravel()
    best = np.full(count, -1, np.int64)
    positions, at = np.unique(ends, return_index=True)
    best[positions] = order[at // 2]
    return np.flatnonzero((best[some] == best[others]) & (best[some] == np.arange(len(some))))


def _roots(root: NDArray[np.int64]) -> NDArray[np.int64]:
    while True:
        above = root[root]
        if np.array_equal(above, root):
            return root
        root = above


@dataclass(frozen=True, slots=True)
class ClusterDifference:
    """What a full pass would change of the clusters that nobody decided on.

    joined: clusters that become part of others; divided: clusters whose tracks part; tracks: that change
    the company they are in.
    """

    before: int
    after: int
    joined: int
    divided: int
    tracks: int


def compare_clusters(before: Sequence[int], after: Sequence[int]) -> ClusterDifference:
    """The difference of two clusterings of the same tracks, each as one label a track."""
    old, new = np.asarray(before, np.int64), np.asarray(after, np.int64)
    _, old = np.unique(old, return_inverse=True)
    _, new = np.unique(new, return_inverse=True)
    old_count, new_count = int(old.max(initial=-1)) + 1, int(new.max(initial=-1)) + 1
    pairs = np.unique(old * max(1, new_count) + new)
    into = np.bincount(pairs // max(1, new_count), minlength=old_count)
    of = np.bincount(pairs % max(1, new_count), minlength=new_count)
    moved = (into[old] > 1) | (of[new] > 1)
    joined = int((of[of > 1] - 1).sum())
    return ClusterDifference(old_count, new_count, joined, int((into > 1).sum()), int(moved.sum()))

"""Grouping the faces of a gallery into tracks by their similarity alone, enrolled or not.

Average linkage without a matrix of pairs: two tracks are as similar as the dot product of their mean vectors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stash_sense.matching.calibration import Scorer
from stash_sense.matching.candidates import Embeddings, stack_embeddings
from stash_sense.matching.constraints import TrackConstraints

COPY_DISTANCE = 0.1
"""Two faces nearer than this show one moment: the same picture scaled or saved again, or the next frame."""

JOIN_DISTANCE = 0.9
"""Two tracks are joined up to this mean distance of their faces. One pair of strangers in a thousand is as
near."""

COHESION = 2.8
"""Decades by which the faces of two tracks may be less similar than the faces within each of them."""

SHEET_DISTANCE = 0.6
SHEET_QUALITY = 0.5
SHEET_FACES = 2
"""A contact sheet shows one person several times: faces of this quality, this near to each other, one of them
to at least this many others of its picture."""

_BLOCK = 512


@dataclass(frozen=True, slots=True, eq=False)
class TrackFace:
    """A face to be grouped with others. image: its picture's position in the gallery.

    embeddings: slot -> (d,) unit vector; quality: 0 to 1. confirmed, rejected: by a decision, as indices of
    people. apart: by a decision it belongs with no other face.
    """

    image: int
    embeddings: Embeddings
    quality: float = 1.0
    confirmed: int | None = None
    rejected: frozenset[int] = frozenset()
    apart: bool = False
    time_s: float | None = None
    shot: int | None = None

    @property
    def constraints(self) -> TrackConstraints:
        """What decisions say about it."""
        return TrackConstraints(self.confirmed, self.rejected, self.apart)


class FaceSimilarity:
    """The similarity of a gallery's faces to each other, in decades of the false-match rate.

    queries, units: (n, d) float32; the dot product of a query and a unit vector is the score of a search.
    """

    def __init__(self, faces: Sequence[TrackFace], scorer: Scorer) -> None:
        vectors = stack_embeddings([face.embeddings for face in faces], scorer.slots)
        self.scorer = scorer
        self.vectors = vectors
        self.queries = np.ascontiguousarray(scorer.queries(vectors), np.float32)
        self.units = np.concatenate([vectors[slot] for slot in scorer.slots], axis=1)

    def between(self, some: Sequence[int], others: Sequence[int]) -> NDArray[np.floating[Any]]:
        """Decades, (some, others)."""
        return self.scorer.decades(self.queries[list(some)] @ self.units[list(others)].T)


Moments = list[list[int]]
"""The faces of a track by position, those of one moment together, the best of them first."""


def group_faces(faces: Sequence[TrackFace], similarity: FaceSimilarity) -> list[Moments]:
    """The tracks, each a list of moments. The order of the faces makes no difference."""
    if not faces:
        return []
    order = sorted(
        range(len(faces)),
        key=lambda at: (-faces[at].quality, similarity.units[at].tobytes(), faces[at].image),
    )
    groups, constraints = _group_copies(order, faces, similarity)
    joined = _Linkage(groups, constraints, faces, similarity).run()
    return [[groups[group] for group in track] for track in joined]


def _group_copies(
    order: Sequence[int], faces: Sequence[TrackFace], similarity: FaceSimilarity
) -> tuple[Moments, list[TrackConstraints]]:
    """Group the faces that show one moment or one shot. The first of each group represents it."""
    bar = similarity.scorer.decades_at(COPY_DISTANCE)
    groups: list[list[int]] = []
    leaders: list[int] = []
    constraints: list[TrackConstraints] = []
    of_shot: dict[int, int] = {}
    for start in range(0, len(order), _BLOCK):
        block = list(order[start : start + _BLOCK])
        known = len(leaders)
        to_known = similarity.between(block, leaders)
        seen_before = set(np.flatnonzero((to_known >= bar).any(axis=1)).tolist())
        to_block = similarity.between(block, block)
        new: list[int] = []  # places in the block that lead a group
        for place, face in enumerate(block):
            own = faces[face].constraints
            near = np.flatnonzero(to_known[place] >= bar).tolist() if place in seen_before else []
            near += [known + at for at, other in enumerate(new) if to_block[place, other] >= bar]
            shot = faces[face].shot
            if shot in of_shot:
                near.insert(0, of_shot[shot])
            home = next((group for group in near if constraints[group].allow(own)), None)
            if home is None:
                new.append(place)
                leaders.append(face)
                groups.append([face])
                constraints.append(own)
            else:
                groups[home].append(face)
                constraints[home] = constraints[home].with_(own)
            if shot is not None:
                of_shot.setdefault(shot, len(groups) - 1 if home is None else home)
    return groups, constraints


class _Linkage:
    """Average linkage of groups of copies, nearest first.

    Every track remembers its nearest other track from the last search. Joining two tracks brings a third no
    nearer than the nearer of both was, except for those that may be joined only now. So what is remembered is
    at least as near as the truth, and a track is searched again only when it comes first.
    """

    def __init__(
        self,
        groups: Moments,
        constraints: Sequence[TrackConstraints],
        faces: Sequence[TrackFace],
        similarity: FaceSimilarity,
    ) -> None:
        leaders = [group[0] for group in groups]
        self._scorer = similarity.scorer
        self._queries = similarity.queries[leaders].copy()
        self._units = similarity.units[leaders].copy()
        self._own = float((self._queries[0] * self._units[0]).sum())
        count = len(groups)
        self._sizes = np.ones(count, np.float32)
        self._tracks = [[group] for group in range(count)]
        self._home = np.arange(count)
        self._alive = np.ones(count, bool)
        self._cohesion = np.full(count, np.inf)  # a face alone has none
        self._cannot_join = _cannot_join(groups, faces, similarity)
        self._constraints = list(constraints)
        self._by_constraints: dict[TrackConstraints, set[int]] = {}
        for group, own in enumerate(constraints):
            if own:
                self._by_constraints.setdefault(own, set()).add(group)
        self._best = np.full(count, np.inf)
        self._nearest = np.full(count, -1)
        self._is_current = np.zeros(count, bool)
        self._compact()

    def run(self) -> list[list[int]]:
        """The groups of each track."""
        threshold = self._scorer.decades_at(JOIN_DISTANCE)
        for start in range(0, len(self._tracks), _BLOCK):
            self._search(np.arange(start, min(start + _BLOCK, len(self._tracks))))
        while True:
            track = int(self._remaining[self._best[self._remaining].argmax()])
            if self._best[track] < threshold:
                return [groups for groups, alive in zip(self._tracks, self._alive, strict=True) if alive]
            other = int(self._nearest[track])
            if not self._is_current[track]:
                self._search(np.array([track]))
            elif self._sizes[track] >= self._sizes[other]:
                self._join(track, other)
            else:
                self._join(other, track)

    def _search(self, tracks: NDArray[np.int64]) -> NDArray[np.floating[Any]]:
        """Find the nearest track of each. Decades, (tracks, those remaining), -inf if they may not join."""
        means = self._queries[tracks] / self._sizes[tracks, None]
        near = self._scorer.decades(means @ self._means_remaining.T)
        # Much less similar than the faces within each: another person who looks like this one.
        own = np.minimum(self._cohesion[tracks, None], self._cohesion[self._remaining])
        near[near < np.where(np.isfinite(own), own - COHESION, -np.inf)] = -np.inf
        near[:, ~self._alive[self._remaining]] = -np.inf
        for line, track in enumerate(tracks.tolist()):
            others = self._home[
                np.fromiter(self._cannot_join[track], np.int64, len(self._cannot_join[track]))
            ]
            near[line, self._column[others]] = -np.inf
            near[line, self._column[track]] = -np.inf
            self._apply_constraints(near[line], self._constraints[track])
        first = near.argmax(axis=1)
        self._nearest[tracks] = self._remaining[first]
        self._best[tracks] = near[np.arange(len(tracks)), first]
        self._is_current[tracks] = True
        return near

    def _apply_constraints(self, near: NDArray[np.floating[Any]], own: TrackConstraints) -> None:
        """Set the tracks that decisions keep apart from this one to -inf."""
        if own.apart:
            near[:] = -np.inf
        for constraints, tracks in self._by_constraints.items():
            if not own.allow(constraints):
                near[self._column[np.fromiter(tracks, np.int64, len(tracks))]] = -np.inf

    def _join(self, track: int, other: int) -> None:
        self._queries[track] += self._queries[other]
        self._units[track] += self._units[other]
        self._sizes[track] += self._sizes[other]
        self._tracks[track] += self._tracks[other]
        self._home[self._tracks[other]] = track
        self._cannot_join[track] |= self._cannot_join[other]
        size = float(self._sizes[track])
        pairs = (float(self._queries[track] @ self._units[track]) - size * self._own) / (size * (size - 1))
        self._cohesion[track] = float(self._scorer.decades(np.array(pairs)))
        self._join_constraints(track, other)
        self._alive[other] = False
        self._best[other] = -np.inf
        self._is_current[(self._nearest == track) | (self._nearest == other)] = False
        self._means_remaining[self._column[track]] = self._units[track] / self._sizes[track]
        self._gone += 1
        if 4 * self._gone > len(self._remaining):
            self._compact()
        (near,) = self._search(np.array([track]))
        # They could not join one of the two, but may join both together.
        nearer = near > self._best[self._remaining]
        changed = self._remaining[nearer]
        self._best[changed], self._nearest[changed], self._is_current[changed] = near[nearer], track, True

    def _join_constraints(self, track: int, other: int) -> None:
        for each in (track, other):
            self._by_constraints.get(self._constraints[each], set()).discard(each)
        self._constraints[track] = self._constraints[track].with_(self._constraints[other])
        if self._constraints[track]:
            self._by_constraints.setdefault(self._constraints[track], set()).add(track)

    def _compact(self) -> None:
        """Search only the tracks that were not joined to others."""
        self._remaining = np.flatnonzero(self._alive)
        self._means_remaining = self._units[self._remaining] / self._sizes[self._remaining, None]
        self._column = np.zeros(len(self._alive), np.int64)
        self._column[self._remaining] = np.arange(len(self._remaining))
        self._gone = 0


def _cannot_join(
    groups: Sequence[Sequence[int]], faces: Sequence[TrackFace], similarity: FaceSimilarity
) -> list[set[int]]:
    """For each group the others with a face on one of its pictures, which are other people."""
    cannot_join: list[set[int]] = [set() for _ in groups]
    on: dict[int, list[tuple[int, int]]] = {}
    for group, members in enumerate(groups):
        for face in members:
            on.setdefault(faces[face].image, []).append((group, face))
    for there in on.values():
        if len(there) < 2:
            continue
        alike = np.zeros((len(there), len(there)), bool)
        if len(there) > SHEET_FACES:
            alike = _contact_sheet([face for _, face in there], faces, similarity)
        for at, (group, _) in enumerate(there):
            cannot_join[group].update(
                other for to, (other, _) in enumerate(there) if other != group and not alike[at, to]
            )
    return cannot_join


def _contact_sheet(
    members: Sequence[int], faces: Sequence[TrackFace], similarity: FaceSimilarity
) -> NDArray[np.bool_]:
    """Which faces of one picture may be the same person, as on a contact sheet; (n, n) bool."""
    good = np.array([faces[face].quality >= SHEET_QUALITY for face in members])
    alike = similarity.between(members, members) >= similarity.scorer.decades_at(SHEET_DISTANCE)
    alike &= good[:, None] & good[None]
    np.fill_diagonal(alike, val=False)
    often = alike.sum(axis=1) >= SHEET_FACES
    return np.asarray(alike & (often[:, None] | often[None]))

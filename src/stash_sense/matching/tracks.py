from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stash_sense.matching.calibration import Scorer
from stash_sense.matching.candidates import Embeddings, stack_embeddings

COPY_DISTANCE = 0.1
"""Two faces nearer than this show one moment: the same picture, scaled or saved again, or the next frame."""


JOIN_DISTANCE = 0.9
"""Two tracks are joined up to this mean distance of their faces: one pair of strangers in a thousand is as
near."""


COHESION = 2.8
"""Decades by which the faces of two tracks may be less like one another than each track's own faces are."""


SHEET_DISTANCE = 0.6


SHEET_QUALITY = 0.5


SHEET_FACES = 2
"""On a contact sheet one person stands several times: faces of this quality, this near to one another, one of
them to at least so many others of its picture."""


_BLOCK = 512


@dataclass(frozen=True, slots=True, eq=False)
class TrackFace:
    """One face to be put together with others. image: its picture's position in the gallery.

    embeddings: slot -> (d,) unit vector; quality: 0 to 1. confirmed: whom a person said it shows; rejected:
    whom it does not show, as a person said; apart: a person said that it belongs to no other face.
    """

    image: int
    embeddings: Embeddings
    quality: float = 1.0
    confirmed: int | None = None
    rejected: frozenset[int] = frozenset()
    apart: bool = False


class FaceSimilarity:
    """How like the faces of a gallery are to one another, in decades of the false-match rate.

    queries, units: (n, d) float32; a query's dot product with a unit vector is the search's score.
    """

    def __init__(self, faces: Sequence[TrackFace], scorer: Scorer) -> None:
        vectors = stack_embeddings([face.embeddings for face in faces], scorer.slots)
        self.scorer = scorer
        self.vectors = vectors
        self.queries = np.ascontiguousarray(scorer.queries(vectors), np.float32)
        self.units = np.concatenate([vectors[slot] for slot in scorer.slots], axis=1)

    def between(self, some: Sequence[int], others: Sequence[int]) -> NDArray[np.floating[Any]]:
        """(some, others) decades."""
        return self.scorer.decades(self.queries[list(some)] @ self.units[list(others)].T)


Moments = list[list[int]]
"""A track's faces by position: those of one moment together, the best of them first."""


def group_faces(faces: Sequence[TrackFace], likeness: FaceSimilarity) -> list[Moments]:
    """The tracks. The order of the faces does not matter, only what they are."""
    if not faces:
        return []
    order = sorted(
        range(len(faces)), key=lambda at: (-faces[at].quality, likeness.units[at].tobytes(), faces[at].image)
    )
    groups = _copies(order, faces, likeness)
    joined = _Linkage(groups, faces, likeness).run()
    return [[groups[group] for group in track] for track in joined]


def _copies(order: Sequence[int], faces: Sequence[TrackFace], likeness: FaceSimilarity) -> Moments:
    """Faces that show one moment, together; the first of each stands for all of them."""
    bar = likeness.scorer.decades_at(COPY_DISTANCE)
    groups: list[list[int]] = []
    leaders: list[int] = []
    said: list[_Said] = []
    for start in range(0, len(order), _BLOCK):
        block = list(order[start : start + _BLOCK])
        known = len(leaders)
        to_known = likeness.between(block, leaders)
        seen_before = set(np.flatnonzero((to_known >= bar).any(axis=1)).tolist())
        to_block = likeness.between(block, block)
        new: list[int] = []  # places in the block that lead a group
        for place, face in enumerate(block):
            own = _Said.of(faces[face])
            near = np.flatnonzero(to_known[place] >= bar).tolist() if place in seen_before else []
            near += [known + at for at, other in enumerate(new) if to_block[place, other] >= bar]
            home = next((group for group in near if said[group].agrees(own)), None)
            if home is None:
                new.append(place)
                leaders.append(face)
                groups.append([face])
                said.append(own)
            else:
                groups[home].append(face)
                said[home] = said[home].with_(own)
    return groups


@dataclass(frozen=True, slots=True)
class _Said:
    """What a person said of the faces of a track."""

    confirmed: int | None = None
    rejected: frozenset[int] = frozenset()
    apart: bool = False

    @classmethod
    def of(cls, face: TrackFace) -> "_Said":
        return cls(face.confirmed, face.rejected, face.apart)

    def agrees(self, other: "_Said") -> bool:
        """Whether nothing that was said keeps the faces from those of another track."""
        if self.apart or other.apart:
            return False
        if self.confirmed is not None and other.confirmed is not None:
            return self.confirmed == other.confirmed
        return self.confirmed not in other.rejected and other.confirmed not in self.rejected

    def with_(self, other: "_Said") -> "_Said":
        confirmed = other.confirmed if self.confirmed is None else self.confirmed
        return _Said(confirmed, self.rejected | other.rejected, self.apart or other.apart)

    def __bool__(self) -> bool:
        return self.confirmed is not None or bool(self.rejected) or self.apart


class _Linkage:
    """Average linkage of groups of copies, nearest first.

    Every track remembers the nearest other as it was when last looked for. Joining two brings a third no
    nearer than the nearer of both was, but for those that may be joined only now; so what is remembered is at
    least as near as the truth, and is looked at again only when it comes out first.
    """

    def __init__(
        self, groups: Sequence[Sequence[int]], faces: Sequence[TrackFace], likeness: FaceSimilarity
    ) -> None:
        leaders = [group[0] for group in groups]
        self._scorer = likeness.scorer
        self._queries = likeness.queries[leaders].copy()
        self._units = likeness.units[leaders].copy()
        self._own = float((self._queries[0] * self._units[0]).sum())
        count = len(groups)
        self._sizes = np.ones(count, np.float32)
        self._tracks = [[group] for group in range(count)]
        self._home = np.arange(count)
        self._alive = np.ones(count, bool)
        self._cohesion = np.full(count, np.inf)  # of a face alone there is none
        self._foes = _same_picture(groups, faces, likeness)
        self._said = [_said_of(group, faces) for group in groups]
        self._said_by: dict[_Said, set[int]] = {}
        for group, said in enumerate(self._said):
            if said:
                self._said_by.setdefault(said, set()).add(group)
        self._best = np.full(count, np.inf)
        self._nearest = np.full(count, -1)
        self._fresh = np.zeros(count, bool)
        self._compact()

    def run(self) -> list[list[int]]:
        """The groups of each track."""
        cut = self._scorer.decades_at(JOIN_DISTANCE)
        for start in range(0, len(self._tracks), _BLOCK):
            self._look(np.arange(start, min(start + _BLOCK, len(self._tracks))))
        while True:
            one = int(self._left[self._best[self._left].argmax()])
            if self._best[one] < cut:
                return [track for track, alive in zip(self._tracks, self._alive, strict=True) if alive]
            other = int(self._nearest[one])
            if not self._fresh[one]:
                self._look(np.array([one]))
            else:
                self._join(*((one, other) if self._sizes[one] >= self._sizes[other] else (other, one)))

    def _look(self, tracks: NDArray[np.int64]) -> NDArray[np.floating[Any]]:
        """Find the nearest track of each; (tracks, those left) decades, -inf where they may not join."""
        means = self._queries[tracks] / self._sizes[tracks, None]
        near = self._scorer.decades(means @ self._means_left.T)
        # Much less like one another than each one's own faces are: another person who looks like this one.
        own = np.minimum(self._cohesion[tracks, None], self._cohesion[self._left])
        near[near < np.where(np.isfinite(own), own - COHESION, -np.inf)] = -np.inf
        near[:, ~self._alive[self._left]] = -np.inf
        for line, track in enumerate(tracks.tolist()):
            foes = self._home[np.fromiter(self._foes[track], np.int64, len(self._foes[track]))]
            near[line, self._column[foes]] = -np.inf
            near[line, self._column[track]] = -np.inf
            self._bar_said(near[line], self._said[track])
        first = near.argmax(axis=1)
        self._nearest[tracks] = self._left[first]
        self._best[tracks] = near[np.arange(len(tracks)), first]
        self._fresh[tracks] = True
        return near

    def _bar_said(self, near: NDArray[np.floating[Any]], own: "_Said") -> None:
        """Bar the tracks that a person's words keep from this one."""
        if own.apart:
            near[:] = -np.inf
        for said, tracks in self._said_by.items():
            if not own.agrees(said):
                near[self._column[np.fromiter(tracks, np.int64, len(tracks))]] = -np.inf

    def _join(self, one: int, other: int) -> None:
        self._queries[one] += self._queries[other]
        self._units[one] += self._units[other]
        self._sizes[one] += self._sizes[other]
        self._tracks[one] += self._tracks[other]
        self._home[self._tracks[other]] = one
        self._foes[one] |= self._foes[other]
        size = float(self._sizes[one])
        pairs = (float(self._queries[one] @ self._units[one]) - size * self._own) / (size * (size - 1))
        self._cohesion[one] = float(self._scorer.decades(np.array(pairs)))
        self._join_said(one, other)
        self._alive[other] = False
        self._best[other] = -np.inf
        self._fresh[(self._nearest == one) | (self._nearest == other)] = False
        self._means_left[self._column[one]] = self._units[one] / self._sizes[one]
        self._gone += 1
        if 4 * self._gone > len(self._left):
            self._compact()
        (near,) = self._look(np.array([one]))
        nearer = (
            near > self._best[self._left]
        )  # they were kept from one of the two, and are not from both together
        changed = self._left[nearer]
        self._best[changed], self._nearest[changed], self._fresh[changed] = near[nearer], one, True

    def _join_said(self, one: int, other: int) -> None:
        for track in (one, other):
            self._said_by.get(self._said[track], set()).discard(track)
        self._said[one] = self._said[one].with_(self._said[other])
        if self._said[one]:
            self._said_by.setdefault(self._said[one], set()).add(one)

    def _compact(self) -> None:
        """Leave the tracks that were joined to others out of what is searched."""
        self._left = np.flatnonzero(self._alive)
        self._means_left = self._units[self._left] / self._sizes[self._left, None]
        self._column = np.zeros(len(self._alive), np.int64)
        self._column[self._left] = np.arange(len(self._left))
        self._gone = 0


def _said_of(group: Sequence[int], faces: Sequence[TrackFace]) -> _Said:
    said = _Said()
    for face in group:
        said = said.with_(_Said.of(faces[face]))
    return said


def _same_picture(
    groups: Sequence[Sequence[int]], faces: Sequence[TrackFace], likeness: FaceSimilarity
) -> list[set[int]]:
    """For each group the others that have a face on one of its pictures, and so are other people."""
    foes: list[set[int]] = [set() for _ in groups]
    on: dict[int, list[tuple[int, int]]] = {}
    for group, members in enumerate(groups):
        for face in members:
            on.setdefault(faces[face].image, []).append((group, face))
    for there in on.values():
        if len(there) < 2:
            continue
        alike = _contact_sheet([face for _, face in there], faces, likeness)
        for at, (group, _) in enumerate(there):
            foes[group].update(
                other for to, (other, _) in enumerate(there) if other != group and not alike[at, to]
            )
    return foes


def _contact_sheet(
    members: Sequence[int], faces: Sequence[TrackFace], likeness: FaceSimilarity
) -> NDArray[np.bool_]:
    """(n, n): which faces of one picture may be one person several times, as on a contact sheet."""
    good = np.array([faces[face].quality >= SHEET_QUALITY for face in members])
    alike = likeness.between(members, members) >= likeness.scorer.decades_at(SHEET_DISTANCE)
    alike &= good[:, None] & good[None]
    np.fill_diagonal(alike, val=False)
    often = alike.sum(axis=1) >= SHEET_FACES
    return np.asarray(alike & (often[:, None] | often[None]))

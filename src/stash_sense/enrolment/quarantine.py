import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stash_sense.facedb.search import search
from stash_sense.matching.outliers import Doubt, belongs_elsewhere, find_doubtful, trusted_references
from stash_sense.recognition.recognizer import SLOTS, LoadedPack

BATCH = 64
"""Doubtful references searched together."""


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """The references given for somebody. names: of each picture; vectors (n, d): slots side by side."""

    person: str
    names: Sequence[str]
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Doubtful:
    person: int
    name: str
    first: bool
    vector: NDArray[np.float32]
    doubt: Doubt


def quarantine(given: Callable[[], Iterator[Given]], pack: LoadedPack, scratch: Path) -> dict[str, str]:
    """Picture -> why its face is not taken, for those that seem to be of somebody else.

    given: everybody who has a face, read anew at each call, so that the vectors need not fit into memory.
    scratch: a folder with room for all vectors. At least one reference of everybody stays, the first if any
    may. Raises OSError.
    """
    found: list[_Doubtful] = []
    for number, one in enumerate(given()):
        for doubt in find_doubtful(_within(one.vectors, pack)):
            name, vector = one.names[doubt.index], one.vectors[doubt.index]
            found.append(_Doubtful(number, name, doubt.index == 0, vector, doubt))
    if not found:
        return {}
    others = _others(found, given, pack, scratch)
    reasons = {one.name: why for one, other in zip(found, others, strict=True) if (why := _why(one, other))}
    for one in given():
        if all(name in reasons for name in one.names):
            del reasons[one.names[0]]
    return reasons


def _why(one: _Doubtful, other: tuple[str, float] | None) -> str:
    if other and belongs_elsewhere(one.doubt, other[1]):
        return (
            f"nearer to {other[0]} ({other[1]:.2f}) than to the other pictures of this person "
            f"({one.doubt.own:.2f})"
        )
    return f"unlike all other pictures of this person (nearest {one.doubt.own:.2f})" if one.doubt.far else ""


def _others(
    found: Sequence[_Doubtful], given: Callable[[], Iterator[Given]], pack: LoadedPack, scratch: Path
) -> list[tuple[str, float] | None]:
    """Of each doubtful reference: who else is nearest by a trusted one, and how near."""
    starts, people = [0], []
    with tempfile.TemporaryFile(dir=scratch) as file:
        for one in given():
            rows = one.vectors[trusted_references(_within(one.vectors, pack))]
            file.write(np.ascontiguousarray(rows, "<f4").tobytes())
            starts.append(starts[-1] + len(rows))
            people.append(one.person)
        file.flush()
        shape = (starts[-1], len(found[0].vector))
        vectors: NDArray[np.float32] = np.memmap(file, "<f4", mode="r", shape=shape)
        nearest: list[tuple[str, float] | None] = []
        for first in range(0, len(found), BATCH):
            batch = found[first : first + BATCH]
            slots = _slots(np.stack([one.vector for one in batch]), pack)
            near = search(vectors, np.array(starts), pack.scorer.queries(slots), 2)
            distances = pack.scorer.distances(near.scores)
            for doubtful, who, how_near in zip(batch, near.people, distances, strict=True):
                place = next((k for k in range(2) if who[k] not in (-1, doubtful.person)), None)
                nearest.append(None if place is None else (people[who[place]], float(how_near[place])))
    return nearest


def _within(vectors: NDArray[np.float32], pack: LoadedPack) -> NDArray[np.float64]:
    """Distances (n, n) of vectors (n, d) to one another."""
    slots = _slots(vectors, pack)
    return pack.scorer.fused(slots, slots)


def _slots(vectors: NDArray[np.float32], pack: LoadedPack) -> dict[str, NDArray[np.float32]]:
    edges = np.cumsum([pack.dimensions[slot] for slot in SLOTS])[:-1]
    return dict(zip(SLOTS, np.split(vectors, edges, axis=1), strict=True))

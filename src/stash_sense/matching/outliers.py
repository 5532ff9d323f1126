from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAME = 0.6
"""Up to here two faces are taken for one person's: 3 of 100,000 pairs of different people are so near."""

FAR = 1.1046
"""From here on nothing speaks for one person: of 100 pairs of different people 99 lie beyond (ANCHORS)."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reference that none of its person's others bears out.

    index: among the person's references. own: distance to the nearest of the others. far: beyond FAR from
    all of them, while at least two of them agree.
    """

    index: int
    own: float
    far: bool


def find_doubtful(within: NDArray[np.floating]) -> list[Doubt]:
    """The doubtful ones among a person's references.

    within (n, n): distances of the references to one another. One reference alone is never doubtful.
    """
    count = len(within)
    if count < 2:
        return []
    apart = within + np.diag(np.full(count, np.inf))
    own = apart.min(axis=1)
    agreeing = apart <= SAME
    return [
        Doubt(int(index), float(own[index]), bool(own[index] > FAR and agreeing.any()))
        for index in np.flatnonzero(own > SAME)
    ]


def trusted_references(within: NDArray[np.floating]) -> list[int]:
    """The references that may bear witness against those of other people: all but the doubtful, and the
    first in any case, which is the portrait."""
    doubtful = {doubt.index for doubt in find_doubtful(within) if doubt.index}
    return [index for index in range(len(within)) if index not in doubtful]


def belongs_elsewhere(doubt: Doubt, other: float) -> bool:
    """Whether a doubtful reference is another person's; other: distance to the nearest of all others' trusted
    ones."""
    return other <= SAME and other < doubt.own

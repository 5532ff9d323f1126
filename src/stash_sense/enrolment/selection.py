"""Which of a person's learned faces become references: those that are surely theirs, chosen to differ.

A portrait was chosen by a person; the face of an image or a scene is only learned, by a tag. It has to agree
with a portrait, or with several other faces that do.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stash_sense.enrolment.quarantine import SAME_PERSON_DISTANCE
from stash_sense.matching.tracks import COPY_DISTANCE

MOST_REFERENCES = 8
"""References of a person from portraits and learned faces of one source together; portraits all count."""

FEWEST_TO_JUDGE = 3
"""Learned faces from which, without a portrait, they are asked to agree with each other."""

SEVERAL = 2
"""Other learned faces that have to bear a face out. Copies of one picture are one witness."""

LEARNED = ("stash:image/", "stash:scene/")
"""How the paths of learned faces begin. A face that a person confirmed counts like a portrait."""


def sure_faces(distances: NDArray[np.floating], learned: Sequence[bool]) -> list[int]:
    """The faces that are surely the person's: all others than learned ones, and those learned that agree.

    distances: (n, n), of the faces to one another. learned: (n,).
    """
    sure = [index for index, is_learned in enumerate(learned) if not is_learned]
    rest = [index for index, is_learned in enumerate(learned) if is_learned]
    agree = distances <= SAME_PERSON_DISTANCE
    if not sure and len(rest) < FEWEST_TO_JUDGE:
        return rest  # nothing tells which would be wrong
    witnesses = agree & (distances >= COPY_DISTANCE)
    accepted = set(sure)
    accepted |= {index for index in rest if any(agree[index, portrait] for portrait in sure)}
    if accepted == set(sure):
        # No portrait, or one that nothing resembles, a drawing perhaps: the largest agreeing group counts.
        groups = [{index, *(other for other in rest if witnesses[index, other])} for index in rest]
        largest: set[int] = max(groups, key=len, default=set())
        accepted |= largest if len(largest) > SEVERAL - (not sure) else set()
    while True:
        joining = {
            index
            for index in rest
            if index not in accepted and sum(witnesses[index, other] for other in accepted) >= SEVERAL
        }
        if not joining:
            return sorted(accepted)
        accepted |= joining


def choose_to_differ(
    distances: NDArray[np.floating], first: Sequence[int], others: Sequence[int], most: int
) -> list[int]:
    """`first`, and of `others` the one farthest from all chosen, again and again, up to `most` faces.

    Ties go to the earlier one; where nothing is chosen yet, the first of `others` begins.
    """
    chosen = list(first)
    waiting = list(others)
    while waiting and len(chosen) < most:
        apart = distances[np.ix_(waiting, chosen)].min(axis=1) if chosen else np.zeros(len(waiting))
        chosen.append(waiting.pop(int(apart.argmax())))
    return chosen

"""match, ambiguous or unknown, and why."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from stash_sense.identify.candidates import Candidate

Word = Literal["match", "ambiguous", "unknown"]

RIVAL_MARGIN = 0.1
"""A second candidate this near to the first makes a face ambiguous: the first is not even three times
(10 ** (0.1 / 0.2)) less likely to come about by chance."""

CROWD = 3333
"""People enrolled up to which the distance asked for is enough: at 0.6 one unknown face in ten meets
somebody by chance (3333 times 3e-5). With more people the bar rises to keep that chance."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of a face, with a one-line reason for a person."""

    word: Word
    reason: str


def crowd_allowance(people: int) -> float:
    """What to take off a distance so that more enrolled people bring no more chance matches.

    0.2 of distance is a factor of ten in the false-match rate.
    """
    return 0.2 * math.log10(max(1.0, people / CROWD))


def judge(
    matches: Sequence[Candidate],
    nearest: Candidate | None,
    people: int,
    max_distance: float,
    name: Callable[[int], str],
    *,
    calibrated: bool = True,
) -> Verdict:
    """The verdict on one face.

    matches: candidates at or below max_distance, best first; nearest: the best whatever its distance;
    people: how many are enrolled; name: index of a person -> their name.
    """
    if nearest is None:
        return Verdict("unknown", "nobody is enrolled")
    if not matches:
        return Verdict(
            "unknown",
            f"nobody near enough: {name(nearest.person)} at {nearest.combined:.2f}, asked {max_distance:g}",
        )
    best = matches[0]
    if not calibrated:
        return Verdict("unknown", "the model pack is not calibrated: candidates only")
    bar = max_distance - crowd_allowance(people)
    if best.combined > bar:
        chance = f"could be chance among {people:,} people (needs {bar:.2f})"
        return Verdict("unknown", f"{name(best.person)} at {best.combined:.2f} {chance}")
    if len(matches) > 1 and matches[1].combined - best.combined < RIVAL_MARGIN:
        rival = matches[1]
        return Verdict(
            "ambiguous",
            f"{name(best.person)} at {best.combined:.2f}, but {name(rival.person)} at {rival.combined:.2f}",
        )
    return Verdict("match", f"{name(best.person)} at {best.combined:.2f}")

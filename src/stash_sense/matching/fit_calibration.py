"""Fitting a calibration to labelled faces: the scores of impostor pairs."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stash_sense.errors import BadInput
from stash_sense.matching.calibration import ANCHORS, Calibration, Curve, SlotCalibration

FEWEST_PEOPLE = 200
"""Below this, the rates the scale is stated at would be guesswork."""

MOST_FACES = 4000
"""Beyond, every comparison of all with all outgrows the memory; a stated sample is taken."""

TAIL = (2e-3, 1e-5)
"""False-match rates between which log10(rate) is taken to fall in a straight line with the score; the line
is followed to 3e-6, where a folder's own label errors would otherwise decide."""

FEWEST_IN_TAIL = 30
"""Comparisons that a rate must rest on to take part in the line."""

ALL_ALIKE = (
    "the faces of different people score all alike: a calibration needs different faces. "
    "Do the folders hold copies of the same photos?"
)


Vectors = Mapping[str, NDArray[np.float32]]


def fit_calibration(
    probes: Vectors,
    references: Vectors,
    owners: Sequence[str],
    weights: Mapping[str, float],
    gallery_slack: float,
    made_on: str,
) -> Calibration:
    """A calibration on faces of known people.

    probes, references: slot -> (n, d) unit vectors of the same n faces, embedded as each; owners: whose
    they are. Every probe is compared with every other person's reference. Raises BadInput.
    """
    chosen = _sample(owners)
    names = np.unique([owners[i] for i in chosen], return_inverse=True)[1]
    if names.max(initial=-1) + 1 < FEWEST_PEOPLE:
        raise BadInput(
            f"{names.max(initial=-1) + 1} people with a face: a calibration needs at least {FEWEST_PEOPLE}. "
            "Give a folder with more people, one folder each."
        )
    different = names[:, None] != names[None, :]
    slots, fused = {}, np.zeros(int(different.sum()), np.float64)
    perfect = 0.0
    for slot, weight in weights.items():
        cosines = (probes[slot][chosen] @ references[slot][chosen].T)[different].astype(np.float64)
        mean, sd = float(cosines.mean()), float(cosines.std())
        if sd < 1e-6:
            raise BadInput(ALL_ALIKE)
        fused += weight * (cosines - mean) / sd
        perfect += weight * (1 - mean) / sd
        slots[slot] = SlotCalibration(
            mean=round(mean, 6), sd=round(sd, 6), weight=weight, curve=fit_curve(cosines, -1.0, 1.0)
        )
    return Calibration(
        slots=slots,
        curve=fit_curve(fused, -6.0, round(perfect, 4)),
        gallery_slack=gallery_slack,
        made_on=f"{made_on}: {names.max() + 1:,} people, {fused.size:,} comparisons of different people",
    )


def fit_curve(impostors: NDArray[np.float64], worst: float, perfect: float) -> Curve:
    """The way onto the distance scale from different people's scores.

    impostors (n,); worst, perfect: the scores of distance 2 and 0.
    """
    ordered = np.sort(impostors)
    slope, offset = fit_tail(ordered)
    scores, distances = [worst], [2.0]
    for rate, distance in ANCHORS:
        score = score_at_rate(ordered, rate) if rate >= 1e-4 else (np.log10(rate) - offset) / slope
        scores.append(max(float(score), scores[-1] + 1e-4))
        distances.append(distance)
    scores.append(max(perfect, scores[-1] + 1e-4))
    distances.append(0.0)
    return Curve(scores=tuple(round(one, 5) for one in scores), distances=tuple(distances))


def score_at_rate(ordered: NDArray[np.float64], rate: float) -> float:
    """The score that this share of different people's comparisons reaches; ordered (n,), rising."""
    return float(ordered[min(len(ordered) - 1, int(len(ordered) * (1 - rate)))])


def fit_tail(ordered: NDArray[np.float64]) -> tuple[float, float]:
    """(slope, offset) of log10(false-match rate) = slope * score + offset in the tail."""
    lowest = max(TAIL[1], FEWEST_IN_TAIL / len(ordered))
    # Few comparisons do not reach far: then the line is laid through the last factor of ten there is, which
    # errs on the safe side, since the scores of different people fall off faster than a line.
    rates = np.geomspace(max(TAIL[0], 10 * lowest), lowest, 30)
    scores = [score_at_rate(ordered, rate) for rate in rates]
    if scores[-1] - scores[0] < 1e-6:
        raise BadInput(ALL_ALIKE)
    slope, offset = np.polyfit(scores, np.log10(rates), 1)
    return float(slope), float(offset)


def _sample(owners: Sequence[str]) -> NDArray[np.int64]:
    if len(owners) <= MOST_FACES:
        return np.arange(len(owners))
    picked = np.random.default_rng(0).choice(len(owners), MOST_FACES, replace=False)
    return np.sort(picked)

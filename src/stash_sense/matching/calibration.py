"""Calibration: embeddings and scores to distances that mean a false-match rate."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from operator import neg
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stash_sense.errors import BadCalibration

Array = NDArray[np.float32]

Finite = Annotated[float, Field(allow_inf_nan=False)]

ANCHORS: tuple[tuple[float, float], ...] = (
    (0.5, 1.4437),
    (1e-1, 1.3046),
    (1e-2, 1.1046),
    (1e-3, 0.9046),
    (1e-4, 0.7046),
    (3e-5, 0.6),
    (3e-6, 0.4),
)
"""(false-match rate per comparison, distance): the points at which a calibration is stated."""


class Curve(BaseModel):
    """The distance of a score: straight lines between points, worst score first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scores: tuple[Finite, ...] = Field(min_length=2)
    distances: tuple[Finite, ...]

    @model_validator(mode="after")
    def _monotone(self) -> Self:
        if len(self.scores) != len(self.distances):
            raise ValueError("give as many distances as scores")
        if np.any(np.diff(self.scores) <= 0) or np.any(np.diff(self.distances) >= 0):
            raise ValueError("scores must rise and distances fall")
        return self

    def distance(self, scores: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Distances 0 to 2, same shape."""
        on_scale = np.interp(scores, self.scores, self.distances)
        return np.asarray(np.clip(on_scale, 0.0, 2.0), np.float64)

    def score(self, distance: float) -> float:
        """The score at a distance."""
        # Asked for each face, and for a single number NumPy's takes ten times as long.
        distances, scores = self.distances, self.scores
        after = bisect_left(distances, -distance, key=neg)
        if after == 0:
            return scores[0]
        if after == len(distances):
            return scores[-1]
        share = (distance - distances[after]) / (distances[after - 1] - distances[after])
        return scores[after] + share * (scores[after - 1] - scores[after])


class SlotCalibration(BaseModel):
    """One slot: mean and standard deviation of impostor cosines, its weight in the fusion, its own curve."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: Finite
    sd: Finite = Field(gt=0)
    weight: Finite = Field(ge=0)
    curve: Curve


class Calibration(BaseModel):
    """A pack's calibration: how slots are fused, and what distances mean on its stated faces.

    fused score = sum over slots of weight * (cosine - mean) / sd; the weights add up to 1.
    gallery_slack: how far beyond the distance asked for a face still goes to a person named in the gallery.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    slots: dict[str, SlotCalibration] = Field(min_length=1)
    curve: Curve
    gallery_slack: Finite = Field(ge=0, le=1)
    made_on: str
    """The faces and the number of comparisons it was made on, for a person to read."""

    @model_validator(mode="after")
    def _weights(self) -> Self:
        total = sum(slot.weight for slot in self.slots.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the weights add up to {total}, not 1")
        return self

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """A manifest's or a file's mapping. Raises BadCalibration."""
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise BadCalibration(
                f"the pack's calibration cannot be used: {error}. "
                "Calibrate again: `stash-sense models calibrate --people FOLDER`."
            ) from error


def uncalibrated(slots: Sequence[str]) -> Calibration:
    """For a pack without a calibration: ranks by mean cosine; the distances mean nothing more."""
    curve = Curve(scores=(-1.0, 1.0), distances=(2.0, 0.0))
    share = 1 / len(slots)
    return Calibration(
        slots={slot: SlotCalibration(mean=0.0, sd=1.0, weight=share, curve=curve) for slot in slots},
        curve=curve,
        gallery_slack=0.0,
        made_on="not calibrated",
    )


class Scorer:
    """Turns embeddings into queries and scores into distances, by one calibration and one order of slots."""

    def __init__(self, calibration: Calibration, slots: Sequence[str]) -> None:
        missing = set(slots) ^ set(calibration.slots)
        if missing:
            raise BadCalibration(f"calibration and database disagree on the slots {sorted(missing)}")
        self.calibration = calibration
        self.slots = tuple(slots)
        parts = [calibration.slots[slot] for slot in slots]
        self._factors = [np.float32(part.weight / part.sd) for part in parts]
        self._offset = float(sum(part.weight * part.mean / part.sd for part in parts))
        self._zero, self.decade = _scale(calibration.curve)

    def queries(self, embeddings: Mapping[str, Array]) -> Array:
        """Queries (n, all d) for a search over rows of unit vectors, from slot -> (n, d) unit vectors."""
        weighted = [embeddings[slot] * factor for slot, factor in zip(self.slots, self._factors, strict=True)]
        return np.concatenate(weighted, axis=1)

    def places(self, embeddings: Mapping[str, Array]) -> Array:
        """Points (n, all d) whose dot products are the scores of searches, from slot -> (n, d) vectors of any
        length. Unlike queries and rows of a search they are all of one kind, and so may be averaged."""
        parts = []
        for slot, factor in zip(self.slots, self._factors, strict=True):
            lengths = np.linalg.norm(embeddings[slot], axis=1, keepdims=True)
            parts.append(np.sqrt(factor) * embeddings[slot] / np.maximum(lengths, np.float32(1e-9)))
        return np.concatenate(parts, axis=1)

    def distances(self, dot_products: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Fused distances, 0 to 2, of the scores of a search; -inf (nobody) becomes 2."""
        return self.calibration.curve.distance(dot_products - self._offset)

    def fused(self, probes: Mapping[str, Array], references: Mapping[str, Array]) -> NDArray[np.float64]:
        """Fused distances (n, m) between every probe and every reference."""
        total = sum(
            factor * (probes[slot] @ references[slot].T)
            for slot, factor in zip(self.slots, self._factors, strict=True)
        )
        return self.distances(np.asarray(total))

    def slot_distances(self, slot: str, cosines: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """One slot's own distances, 0 to 2, same shape."""
        return self.calibration.slots[slot].curve.distance(cosines)

    def decades(self, dot_products: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """The scores of a search in decades of the false-match rate: 0 at distance 0.6, 1 at 0.4, linear.

        Unlike distances they add up: a lead of one decade means the same everywhere.
        """
        return np.asarray((dot_products - np.float32(self._offset + self._zero)) / np.float32(self.decade))

    def decades_at(self, distance: float) -> float:
        """Decades at a fused distance."""
        return (self.calibration.curve.score(distance) - self._zero) / self.decade

    def score_at(self, decades: float) -> float:
        """The score of a search at this many decades."""
        return decades * self.decade + self._zero + self._offset

    def distance_at(self, decades: float) -> float:
        """The fused distance, 0 to 2, at this many decades."""
        return float(self.calibration.curve.distance(np.array([decades * self.decade + self._zero]))[0])

    @property
    def second_slot(self) -> str | None:
        """The slot with less weight in the fusion, which is evidence of its own; None with a single slot."""
        if len(self.slots) < 2:
            return None
        return min(self.slots, key=lambda slot: (self.calibration.slots[slot].weight, slot != "facenet"))

    def slot_decades_at(self, slot: str, distance: float) -> float:
        """Decades of a slot's own false-match rate at its own distance."""
        curve = self.calibration.slots[slot].curve
        zero, decade = _scale(curve)
        return (curve.score(distance) - zero) / decade


def _scale(curve: Curve) -> tuple[float, float]:
    """The score at distance 0.6, and the difference to the score at 0.4, which is one decade."""
    zero = curve.score(0.6)
    return zero, curve.score(0.4) - zero

"""Synthetic embeddings whose scores lie where measured ones do, for databases larger than any we have.

A face is a step along the network's common direction (its cone) plus a step off it, which is partly the
person's own and partly noise. Four measured figures a slot fix the sizes of these parts and their spread.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scores:
    """Cosines of one slot: means and standard deviations, same person and different people."""

    genuine: float
    genuine_sd: float
    impostor: float
    impostor_sd: float

    def rounded(self) -> dict[str, float]:
        """For tables and files."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def measured(probes: Array, references: Array, owners: NDArray[np.int64]) -> Scores:
    """Scores of labelled faces, as probes and as references (n, d); a face is not its own reference."""
    cosines = probes @ references.T
    same = owners[:, None] == owners[None, :]
    different = ~same
    np.fill_diagonal(same, val=False)
    genuine, impostor = cosines[same], cosines[different]
    return Scores(
        *(float(value) for value in (genuine.mean(), genuine.std(), impostor.mean(), impostor.std()))
    )


class Population:
    """People of one slot: faces are drawn from it, a person's being alike."""

    def __init__(self, scores: Scores, dimension: int, people: int, rng: np.random.Generator) -> None:
        off = 1 - scores.impostor
        # Random directions in n dimensions have cosines with a standard deviation of 1 / sqrt(n).
        self._active = int(np.clip(round((off / scores.impostor_sd) ** 2), 2, dimension - 1))
        self._scores, self._dimension, self._rng = scores, dimension, rng
        self._own = _unit(rng.standard_normal((people, self._active), np.float32))
        share = (scores.genuine - scores.impostor) / off
        self._likeness = float(np.sqrt(share))
        noise = (1 - share) * off / np.sqrt(self._active)
        rest = max(0.0, scores.genuine_sd**2 - noise**2)
        self._likeness_sd = float(np.sqrt(rest / 2) / (off * self._likeness))

    def faces(self, people: NDArray[np.int64]) -> Array:
        """One face for each index of a person: (n, d) unit vectors."""
        likeness = self._rng.normal(self._likeness, self._likeness_sd, (len(people), 1))
        likeness = np.clip(likeness, 0.0, 0.999).astype(np.float32)
        noise = _unit(self._rng.standard_normal((len(people), self._active), np.float32))
        return self._in_cone(_unit(likeness * self._own[people] + np.sqrt(1 - likeness**2) * noise))

    def strangers(self, count: int) -> Array:
        """Faces of people who are not in the population."""
        return self._in_cone(_unit(self._rng.standard_normal((count, self._active), np.float32)))

    def _in_cone(self, off: Array) -> Array:
        vectors = np.zeros((len(off), self._dimension), np.float32)
        vectors[:, 0] = np.sqrt(self._scores.impostor)
        vectors[:, 1 : self._active + 1] = np.float32(np.sqrt(1 - self._scores.impostor)) * off
        return vectors


def _unit(vectors: NDArray[np.floating[Any]]) -> Array:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stash_sense.matching.calibration import Scorer


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person considered for a face.

    person: index in the face database. combined, facenet, arcface: calibrated distances, 0 to 2.
    reference: row of the nearest reference face. support: "gallery" where only the rest of the
    gallery makes this candidate count, else empty. cosines: raw, for diagnostics only.
    """

    person: int
    combined: float
    facenet: float
    arcface: float
    reference: int
    support: str = ""
    cosines: dict[str, float] = field(default_factory=dict, compare=False)

    @property
    def confidence(self) -> float:
        """1 - distance, 0 to 1."""
        return min(1.0, max(0.0, 1.0 - self.combined))


class Nearest(Protocol):
    """What a search gives back: people, rows (n, k) and scores (n, k), best first, -1 where none."""

    @property
    def people(self) -> NDArray[np.int64]: ...
    @property
    def rows(self) -> NDArray[np.int64]: ...
    @property
    def scores(self) -> NDArray[np.float32]: ...


class ReferenceIndex(Protocol):
    """The part of a face database that identification reads."""

    @property
    def people(self) -> int: ...
    def search(self, queries: NDArray[np.float32], top_k: int) -> Nearest: ...
    def rows(self, person: int) -> range: ...
    def vectors(self, rows: range | NDArray[np.int64]) -> dict[str, NDArray[np.float32]]: ...


Embeddings = dict[str, NDArray[np.float32]]
"""Slot -> (d,) unit vector of one face."""


def stacked(faces: Sequence[Embeddings], slots: Sequence[str]) -> Embeddings:
    """Faces' embeddings side by side: slot -> (n, d) float32."""
    return {slot: np.stack([face[slot] for face in faces]).astype(np.float32, copy=False) for slot in slots}


def candidates(
    faces: Sequence[Embeddings], database: ReferenceIndex, scorer: Scorer, top_k: int
) -> list[list[Candidate]]:
    """The `top_k` nearest people of each face, best first, however far away.

    Faces are searched together: a batch reads the reference vectors once.
    """
    if not faces or not database.people:
        return [[] for _ in faces]
    probes = stacked(faces, scorer.slots)
    found = database.search(scorer.queries(probes), top_k)
    distances = scorer.distances(found.scores)
    line, place = np.nonzero(found.people >= 0)
    rows = found.rows[line, place]
    references = database.vectors(rows)
    cosines = {slot: np.einsum("nd,nd->n", probes[slot][line], references[slot]) for slot in scorer.slots}
    result: list[list[Candidate]] = [[] for _ in faces]
    for i, candidate in zip(
        line.tolist(),
        described(found.people[line, place], distances[line, place], cosines, rows, scorer),
        strict=True,
    ):
        result[i].append(candidate)
    return result


def described(
    people: NDArray[np.int64],
    distances: NDArray[np.float64],
    cosines: Mapping[str, NDArray[np.float32]],
    rows: NDArray[np.int64],
    scorer: Scorer,
    support: str = "",
) -> list[Candidate]:
    """Candidates with their slots' own distances. people, distances, rows (n,); cosines: slot -> (n,)."""
    apart = {slot: scorer.slot_distances(slot, line).tolist() for slot, line in cosines.items()}
    raw = {slot: line.tolist() for slot, line in cosines.items()}
    fused = distances.tolist()
    return [
        Candidate(
            person,
            fused[i],
            apart.get("facenet", fused)[i],
            apart.get("arcface", fused)[i],
            row,
            support,
            {slot: line[i] for slot, line in raw.items()},
        )
        for i, (person, row) in enumerate(zip(people.tolist(), rows.tolist(), strict=True))
    ]

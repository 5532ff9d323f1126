"""The people nearest to a face, by the distance of fused embeddings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import Candidate
from stash_sense.domain.identity import Person
from stash_sense.facedb.search import Neighbours
from stash_sense.matching.calibration import Scorer


class ReferenceIndex(Protocol):
    """The part of a face database that matching reads."""

    @property
    def people(self) -> int: ...
    def person(self, index: int) -> Person: ...
    def find(self, keys: Iterable[str]) -> dict[str, int]: ...
    def search(self, queries: NDArray[np.float32], top_k: int) -> Neighbours: ...
    def rows(self, person: int) -> range: ...
    def vectors(self, rows: range | NDArray[np.int64]) -> dict[str, NDArray[np.float32]]: ...


Embeddings = Mapping[str, NDArray[np.float32]]
"""Slot -> (d,) unit vector of one face."""


def stack_embeddings(faces: Sequence[Embeddings], slots: Sequence[str]) -> Embeddings:
    """The embeddings of several faces as one block a slot: slot -> (n, d) float32."""
    return {slot: np.stack([face[slot] for face in faces]).astype(np.float32, copy=False) for slot in slots}


def find_candidates(
    faces: Sequence[Embeddings], database: ReferenceIndex, scorer: Scorer, top_k: int
) -> list[list[Candidate]]:
    """The `top_k` people nearest to each face, best first, however far away.

    One search serves all faces: it reads the reference vectors once.
    """
    if not faces or not database.people:
        return [[] for _ in faces]
    probes = stack_embeddings(faces, scorer.slots)
    neighbours = database.search(scorer.queries(probes), top_k)
    distances = scorer.distances(neighbours.scores)
    line, place = np.nonzero(neighbours.people >= 0)
    rows = neighbours.rows[line, place]
    references = database.vectors(rows)
    cosines = {slot: np.einsum("nd,nd->n", probes[slot][line], references[slot]) for slot in scorer.slots}
    result: list[list[Candidate]] = [[] for _ in faces]
    for i, candidate in zip(
        line.tolist(),
        build_candidates(neighbours.people[line, place], distances[line, place], cosines, rows, scorer),
        strict=True,
    ):
        result[i].append(candidate)
    return result


def build_candidates(
    people: NDArray[np.int64],
    distances: NDArray[np.float64],
    cosines: Mapping[str, NDArray[np.float32]],
    rows: NDArray[np.int64],
    scorer: Scorer,
    support: str = "",
) -> list[Candidate]:
    """Candidates with each slot's own distance. people, distances, rows (n,); cosines: slot -> (n,)."""
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

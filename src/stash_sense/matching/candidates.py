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


SPARE = 6
"""People searched for beyond those needed: the mean of a person's references may move one forward."""


MEAN_BEHIND = 0.2
"""Decades by which the mean counts as further away for a face alone: so much does one more comparison raise
the false-match rate of a person (docs/accuracy.md). The thresholds of tracks were chosen without it."""


def stack_embeddings(faces: Sequence[Embeddings], slots: Sequence[str]) -> Embeddings:
    """The embeddings of several faces as one block a slot: slot -> (n, d) float32."""
    return {slot: np.stack([face[slot] for face in faces]).astype(np.float32, copy=False) for slot in slots}


def find_candidates(
    faces: Sequence[Embeddings], database: ReferenceIndex, scorer: Scorer, top_k: int
) -> list[list[Candidate]]:
    """The `top_k` people nearest to each face, best first, however far away.

    One search serves all faces: it reads the reference vectors once.
    """
    if not faces:
        return []
    probes = stack_embeddings(faces, scorer.slots)
    return find_nearest_people(probes, database, scorer, top_k, mean_behind=MEAN_BEHIND)


def find_nearest_people(
    probes: Embeddings, database: ReferenceIndex, scorer: Scorer, top_k: int, *, mean_behind: float = 0.0
) -> list[list[Candidate]]:
    """The `top_k` people nearest to each probe, best first, however far away. probes: slot -> (n, d).

    A person is as near as their nearest reference or the mean of their references, whichever is nearer. The
    row of a candidate is that of the nearest reference: a mean is no picture that could be shown.
    mean_behind: decades by which the mean counts as further away than it is.
    """
    queries = scorer.queries(probes)
    result: list[list[Candidate]] = [[] for _ in queries]
    if not database.people:
        return result
    neighbours = database.search(queries, top_k + SPARE)
    line, place = np.nonzero(neighbours.people >= 0)
    people, rows = neighbours.people[line, place], neighbours.rows[line, place]
    by_mean = _scores_of_means(queries, line, people, database, scorer) - np.float32(
        mean_behind * scorer.decade
    )
    scores = np.maximum(neighbours.scores[line, place], by_mean)
    order = np.lexsort((people, -scores, line))
    rank = np.arange(len(order)) - np.searchsorted(line, line)
    order = order[rank < top_k]
    line, people, rows, scores = line[order], people[order], rows[order], scores[order]
    references = database.vectors(rows)
    cosines = {slot: np.einsum("nd,nd->n", probes[slot][line], references[slot]) for slot in scorer.slots}
    candidates = build_candidates(people, scorer.distances(scores), cosines, rows, scorer)
    for i, candidate in zip(line.tolist(), candidates, strict=True):
        result[i].append(candidate)
    return result


def _scores_of_means(
    queries: NDArray[np.float32],
    line: NDArray[np.int64],
    people: NDArray[np.int64],
    database: ReferenceIndex,
    scorer: Scorer,
) -> NDArray[np.float32]:
    """The score of each query at `line` with the mean of the references of its person; (n,).

    -inf for a person with a single reference.
    """
    scores = np.full(len(people), -np.inf, np.float32)
    distinct, index = np.unique(people, return_inverse=True)
    ranges = [database.rows(person) for person in distinct.tolist()]
    several = np.array([len(own) > 1 for own in ranges], np.bool_)
    if several.any():
        own = [np.asarray(each) for each in ranges if len(each) > 1]
        starts = np.cumsum([0, *map(len, own)])[:-1]
        means = mean_references(database.vectors(np.concatenate(own)), starts, scorer)
        at = several[index]
        place = np.cumsum(several) - 1
        scores[at] = np.einsum("nd,nd->n", queries[line[at]], means[place[index[at]]])
    return scores


def mean_references(references: Embeddings, starts: NDArray[np.int64], scorer: Scorer) -> NDArray[np.float32]:
    """The mean of each person's references, (people, all d), each slot's part a unit vector.

    references: slot -> (n, d), grouped by person. starts: (people,), where each person's begin.
    """
    means = []
    for slot in scorer.slots:
        sums = np.add.reduceat(references[slot], starts, axis=0)
        means.append(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12))
    return np.concatenate(means, axis=1).astype(np.float32, copy=False)


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

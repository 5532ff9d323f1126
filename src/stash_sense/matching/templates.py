"""Templates of tracks: one embedding for all faces of a track, and the people nearest to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import Candidate
from stash_sense.matching.calibration import Scorer
from stash_sense.matching.candidates import (
    Embeddings,
    ReferenceIndex,
    build_candidates,
    find_nearest_people,
    mean_references,
)
from stash_sense.matching.tracks import FaceSimilarity, Moments, TrackFace

LEAST_WEIGHT = 0.1
"""The least weight of a face in its track's template; otherwise its quality is its weight."""

MOMENT_FACES = 8
"""A moment of a scene counts with the mean of so many of its best faces: their noise differs from frame to
frame. A gallery's copies share theirs."""

_BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """One embedding for a track.

    vectors: slot -> (d,) unit vector, the mean of its faces weighted by quality. candidates: people by their
    nearest reference or the mean of their references, whichever is nearer, best first, without rejected
    people. cohesion: mean decades of its faces to each other. gap: mean decades of its faces to the first
    candidate's references, minus the cohesion. Both are None for a single face. apart: by a decision its face
    belongs with no other.
    """

    vectors: Embeddings
    candidates: tuple[Candidate, ...]
    cohesion: float | None
    gap: float | None
    rejected: frozenset[int]
    apart: bool = False

    def candidate(self, person: int, database: ReferenceIndex, scorer: Scorer) -> Candidate:
        """An enrolled person as a candidate for this template."""
        rows = database.rows(person)
        references = database.vectors(rows)
        query = scorer.queries({slot: self.vectors[slot][None] for slot in scorer.slots})[0]
        scores = concatenate_slots(references, scorer) @ query
        nearest = int(scores.argmax())
        best = np.array([scores[nearest]])
        if len(rows) > 1:
            best = np.maximum(best, mean_references(references, np.zeros(1, np.int64), scorer) @ query)
        cosines = {slot: references[slot][[nearest]] @ self.vectors[slot] for slot in scorer.slots}
        row = np.array([rows[nearest]])
        (candidate,) = build_candidates(np.array([person]), scorer.distances(best), cosines, row, scorer)
        return candidate


def build_templates(
    tracks: Sequence[Moments],
    faces: Sequence[TrackFace],
    similarity: FaceSimilarity,
    database: ReferenceIndex,
    top_k: int,
) -> list[Template]:
    """The template of each track. A moment counts once, with its best face."""
    scorer = similarity.scorer
    result: list[Template] = []
    for start in range(0, len(tracks), _BATCH):
        batch = tracks[start : start + _BATCH]
        leaders = [[moment[0] for moment in moments] for moments in batch]
        weighted = [_weighted_faces(moments, faces) for moments in batch]
        vectors = {
            slot: np.stack([_mean(similarity.vectors[slot][own], weights) for own, weights in weighted])
            for slot in scorer.slots
        }
        rejected = [
            frozenset().union(*(faces[face].rejected for moment in moments for face in moment))
            for moments in batch
        ]
        count = max(top_k, 2) + max(len(each) for each in rejected)
        candidates = find_nearest_people(vectors, database, scorer, count)
        for at, own in enumerate(leaders):
            vector = {slot: vectors[slot][at] for slot in scorer.slots}
            allowed = (each for each in candidates[at] if each.person not in rejected[at])
            near = tuple(islice(allowed, max(top_k, 2)))
            cohesion = _cohesion(own, similarity)
            gap = None
            if cohesion is not None and near:
                gap = _to_references(own, near[0].person, similarity, database) - cohesion
            apart = any(faces[face].apart for face in own)
            result.append(Template(vector, near, cohesion, gap, rejected[at], apart))
    return result


def _weighted_faces(moments: Moments, faces: Sequence[TrackFace]) -> tuple[list[int], NDArray[np.float32]]:
    """The faces of a template and their weights: each moment as heavy as its best face."""
    own: list[int] = []
    weights: list[float] = []
    for moment in moments:
        heavy = max(faces[moment[0]].quality, LEAST_WEIGHT)
        if faces[moment[0]].time_s is None:
            own.append(moment[0])
            weights.append(heavy)
            continue
        best = sorted(moment, key=lambda face: -faces[face].quality)[:MOMENT_FACES]
        shares = [max(faces[face].quality, LEAST_WEIGHT) for face in best]
        own += best
        weights += [heavy * share / sum(shares) for share in shares]
    return own, np.array(weights, np.float32)


def _mean(vectors: NDArray[np.float32], weights: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    mean = vectors.mean(axis=0) if weights is None else np.average(vectors, axis=0, weights=weights)
    return np.asarray(mean / max(float(np.sqrt(mean @ mean)), 1e-12), np.float32)


def concatenate_slots(references: Embeddings, scorer: Scorer) -> NDArray[np.float32]:
    """The slots' unit vectors side by side: slot -> (n, d) becomes (n, all d)."""
    return np.concatenate([references[slot] for slot in scorer.slots], axis=1)


def _cohesion(leaders: Sequence[int], similarity: FaceSimilarity) -> float | None:
    """Mean decades of all pairs of these faces, without computing each pair."""
    count = len(leaders)
    if count < 2:
        return None
    queries, units = similarity.queries[leaders], similarity.units[leaders]
    own = float((queries * units).sum(dtype=np.float64))
    every = float(queries.sum(axis=0, dtype=np.float64) @ units.sum(axis=0, dtype=np.float64))
    return float(similarity.scorer.decades(np.array((every - own) / (count * (count - 1)))))


def _to_references(
    leaders: Sequence[int], person: int, similarity: FaceSimilarity, database: ReferenceIndex
) -> float:
    references = database.vectors(database.rows(person))
    units = concatenate_slots(references, similarity.scorer)
    return float(similarity.scorer.decades(similarity.queries[leaders] @ units.T).max(axis=1).mean())

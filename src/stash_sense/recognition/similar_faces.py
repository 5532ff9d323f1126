"""The faces of the library that look most like one: exact, a block of embeddings at a time."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stash_sense.domain.faces import FaceId, SceneFaceId
from stash_sense.matching.calibration import Scorer
from stash_sense.recognition.crops import stored_face_id
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.library_faces import FaceBlock, FacePlaceInLibrary

BLOCK = 8192
"""Faces compared at a time: some megabytes, however many are stored."""
COPIES = 4
"""So many times as many are kept as asked for, since copies of one picture count once."""


@dataclass(frozen=True, slots=True)
class SimilarFace:
    """A face of the library and its fused distance, 0 to 2."""

    place: FacePlaceInLibrary
    distance: float


class _Nearest:
    """The nearest so far: of images as face ids, of scenes as track ids."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.ids = np.empty(0, np.int64)
        self.distances = np.empty(0, np.float64)

    def add(self, ids: npt.NDArray[np.int64], distances: npt.NDArray[np.float64]) -> None:
        ids, distances = np.concatenate([self.ids, ids]), np.concatenate([self.distances, distances])
        best = np.argsort(distances, kind="stable")[: self._most]
        self.ids, self.distances = ids[best], distances[best]


def similar_faces(
    face_id: str, limit: int, state: RecommendationsDB, scorer: Scorer, pack: str
) -> list[SimilarFace]:
    """At most `limit`, nearest first, one of each other picture or track. Blocks.

    pack: whose embeddings are compared. Raises NotStored.
    """
    probe = stored_face_id(face_id)
    vectors = state.face_vectors(probe, pack)
    own = state.places_of_faces([probe]).get(probe)
    query = scorer.queries(dict(zip(("facenet", "arcface"), vectors, strict=True)))[0]
    most = COPIES * limit + 1
    images, tracks = _Nearest(most), _Nearest(most)
    for nearest, of_scenes in ((images, False), (tracks, True)):
        after = 0
        while (block := state.read_face_block(pack, after, BLOCK, of_scenes=of_scenes)) is not None:
            nearest.add(block.ids, scorer.distances(_rows(block, scorer) @ query))
            after = block.last
    shown = state.best_faces_of_tracks(tracks.ids.tolist())
    pairs: list[tuple[FaceId, float]] = [*zip(images.ids.tolist(), images.distances.tolist(), strict=True)]
    for track, distance in zip(tracks.ids.tolist(), tracks.distances.tolist(), strict=True):
        if track in shown:
            pairs.append((shown[track], distance))
    places = state.places_of_faces([face for face, _ in pairs])
    pictures = set() if own is None else {own.picture_id}
    found = []
    for face, distance in sorted(pairs, key=lambda pair: pair[1]):
        place = places.get(face)
        if place is None or place.picture_id in pictures:
            continue
        if not isinstance(face, SceneFaceId):
            pictures.add(place.picture_id)
        found.append(SimilarFace(place, distance))
    return found[:limit]


def _rows(block: FaceBlock, scorer: Scorer) -> npt.NDArray[np.float32]:
    slots = {"facenet": block.facenet, "arcface": block.arcface}
    return np.concatenate([slots[slot] for slot in scorer.slots], axis=1)

"""Following faces from frame to frame: in one place and alike, they are one person in one shot."""

from collections.abc import Sequence
from itertools import count, pairwise

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import EmbeddedFace
from stash_sense.matching.calibration import Scorer
from stash_sense.matching.candidates import stack_embeddings
from stash_sense.matching.tracks import JOIN_DISTANCE

FOLLOW_S = 5.0
"""Faces are followed between two frames that are not further apart."""

FOLLOW_OVERLAP = 0.3
"""Intersection over union of the boxes of a face on two frames of a shot, at least."""


def follow_faces(frames: Sequence[tuple[float, Sequence[EmbeddedFace]]], scorer: Scorer) -> list[list[int]]:
    """The shot of each face of each frame, as a number: faces that were followed share it.

    frames: in the order of time, each with its time in seconds and its faces.
    """
    numbers = count()
    shots = [[next(numbers) for _ in faces] for _, faces in frames]
    places = _FacesOfFrames([faces for _, faces in frames], scorer)
    for at, ((before_s, before), (after_s, after)) in enumerate(pairwise(frames)):
        if after_s - before_s > FOLLOW_S or not before or not after:
            continue
        overlaps = places.overlaps(at, at + 1)
        if overlaps.max() < FOLLOW_OVERLAP:
            continue
        overlaps[~places.alike(at, at + 1)] = 0.0
        while overlaps.max() >= FOLLOW_OVERLAP:
            one, other = np.unravel_index(int(overlaps.argmax()), overlaps.shape)
            shots[at + 1][other] = shots[at][one]
            overlaps[one], overlaps[:, other] = 0.0, 0.0
    return shots


class _FacesOfFrames:
    """All faces of some frames, stacked once: for single frames NumPy's calls take longer than the work."""

    def __init__(self, frames: Sequence[Sequence[EmbeddedFace]], scorer: Scorer) -> None:
        faces = [face for own in frames for face in own]
        ends = np.cumsum([0, *(len(own) for own in frames)]).tolist()
        self._own = [slice(first, end) for first, end in pairwise(ends)]
        self._scorer = scorer
        self._bar = scorer.decades_at(JOIN_DISTANCE)
        if faces:
            vectors = stack_embeddings([face.embeddings for face in faces], scorer.slots)
            self._queries = scorer.queries(vectors)
            self._units = np.concatenate([vectors[slot] for slot in scorer.slots], axis=1)
            self._boxes = np.stack([face.box for face in faces])
            self._areas = np.clip(self._boxes[:, 2:] - self._boxes[:, :2], 0, None).prod(axis=1)

    def alike(self, frame: int, other: int) -> NDArray[np.bool_]:
        """Whether faces may be one person, (frame, other): a place is not enough, there may be a cut."""
        scores = self._queries[self._own[frame]] @ self._units[self._own[other]].T
        return np.asarray(self._scorer.decades(scores) >= self._bar)

    def overlaps(self, frame: int, other: int) -> NDArray[np.float32]:
        """Intersection over union, (frame, other)."""
        one, two = self._own[frame], self._own[other]
        some, others = self._boxes[one, None], self._boxes[None, two]
        sides = np.minimum(some[..., 2:], others[..., 2:]) - np.maximum(some[..., :2], others[..., :2])
        shared = np.maximum(sides, 0).prod(axis=2)
        together = self._areas[one, None] + self._areas[None, two] - shared
        return np.asarray(shared / np.maximum(together, 1e-9), np.float32)

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
    for at, ((before_s, before), (after_s, after)) in enumerate(pairwise(frames)):
        if after_s - before_s > FOLLOW_S or not before or not after:
            continue
        overlaps = _overlaps(before, after)
        overlaps[~_alike(before, after, scorer)] = 0.0
        while overlaps.max() >= FOLLOW_OVERLAP:
            one, other = np.unravel_index(int(overlaps.argmax()), overlaps.shape)
            shots[at + 1][other] = shots[at][one]
            overlaps[one], overlaps[:, other] = 0.0, 0.0
    return shots


def _alike(
    before: Sequence[EmbeddedFace], after: Sequence[EmbeddedFace], scorer: Scorer
) -> NDArray[np.bool_]:
    """Whether faces may be one person, (before, after): a place alone is not enough, there may be a cut."""
    some, others = (
        stack_embeddings([face.embeddings for face in faces], scorer.slots) for faces in (before, after)
    )
    return np.asarray(scorer.fused(some, others) <= JOIN_DISTANCE)


def _overlaps(before: Sequence[EmbeddedFace], after: Sequence[EmbeddedFace]) -> NDArray[np.float32]:
    """Intersection over union, (before, after)."""
    some, others = (np.stack([face.box for face in faces]) for faces in (before, after))
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1) for boxes in (some, others)]
    return np.asarray(shared / np.maximum(areas[0][:, None] + areas[1] - shared, 1e-9), np.float32)

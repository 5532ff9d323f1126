"""From landmarks to an embedding: the face is aligned, warped and run through an embedding network."""

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import Pixels, Vectors
from stash_sense.errors import BadLandmarks
from stash_sense.faces.detect import halve_down_to
from stash_sense.faces.session import Array, Session

MAX_WARP_SIDE_PX = 32_000
"""OpenCV's warp accepts no picture with a side of 2**15."""


def similarity_transform(source: Vectors, target: Vectors) -> NDArray[np.float64]:
    """The least-squares rotation, uniform scale and shift that take source to target.

    source, target (n, 2) pixels; returns (2, 3). Raises BadLandmarks.
    Source: Umeyama, "Least-squares estimation of transformation parameters" (1991), equations 40 to 42. In
    the plane its singular value decomposition reduces to one complex number: rotation and scale.
    """
    # For five points plain numbers take a tenth of the time of arrays.
    a, b = [complex(*point) for point in source.tolist()], [complex(*point) for point in target.tolist()]
    if not all(map(cmath.isfinite, a)):
        raise BadLandmarks("the landmarks of a face are not numbers")
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    from_a = [point - mean_a for point in a]
    spread = sum(abs(point) ** 2 for point in from_a)
    if spread / len(a) < 1e-6:
        raise BadLandmarks("the landmarks of a face are all in one place")
    turn = sum(p.conjugate() * (q - mean_b) for p, q in zip(from_a, b, strict=True)) / spread
    shift = mean_b - turn * mean_a
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def align_face(image: Pixels, landmarks: Vectors, template: Vectors, side: int) -> Pixels:
    """Move a face's `landmarks` (5, 2) onto `template` (5, 2): (side, side, 3) uint8, black outside.

    Faces far larger than the crop are first halved by area averaging: a warp alone samples only four pixels
    for each of its own, and aliases.
    """
    transform = similarity_transform(landmarks, template)
    shrink = math.hypot(transform[0, 0], transform[1, 0])
    if shrink < 0.5 or max(image.shape) > MAX_WARP_SIDE_PX:
        image, transform = _patch(image, landmarks, template, shrink)
    warped = cv2.warpAffine(image, transform, (side, side), flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0))
    return np.asarray(warped, np.uint8)


def _patch(
    image: Pixels, landmarks: Vectors, template: Vectors, shrink: float
) -> tuple[Pixels, NDArray[np.float64]]:
    """The patch around a face, halved as often as `shrink` allows, and its transform onto the template."""
    reach = 2 * float(np.ptp(landmarks, axis=0).max())
    bounds = [image.shape[1], image.shape[0]]
    low = np.clip(np.floor(landmarks.min(axis=0) - reach), 0, bounds).astype(int)
    high = np.clip(np.ceil(landmarks.max(axis=0) + reach), 0, bounds).astype(int)
    if (high <= low).any():
        raise BadLandmarks("the landmarks of a face are outside the picture")
    patch = image[low[1] : high[1], low[0] : high[0]]
    small = halve_down_to(patch, shrink)
    scale = np.array([small.shape[1] / patch.shape[1], small.shape[0] / patch.shape[0]])
    return small, similarity_transform(((landmarks - low) * scale).astype(np.float32), template)


@dataclass(frozen=True, slots=True)
class EmbedderSpec:
    """The input of one network.

    crop_side: side of the aligned crop, pixels. template: (5, 2), the landmarks' places in it.
    side: side of the network's input, pixels; the crop is resized if they differ.
    colour, layout, mean, scale: channel order, axis order, and value = (pixel - mean) / scale.
    mirror: whether references only, or all faces, are averaged with the embedding of their mirror image.
    """

    crop_side: int
    template: NDArray[np.float32]
    side: int
    colour: Literal["RGB", "BGR"]
    layout: Literal["NCHW", "NHWC"]
    mean: float
    scale: float
    dimension: int
    mirror: Literal["references", "always"] = "references"


class Embedder:
    """One embedding network."""

    def __init__(self, session: Session, spec: EmbedderSpec) -> None:
        self._session = session
        self.spec = spec

    def crop(self, image: Pixels, landmarks: Vectors) -> Pixels:
        """The face at `landmarks` (5, 2) as this network's crop, uint8 BGR. Raises BadLandmarks."""
        return align_face(image, landmarks, self.spec.template, self.spec.crop_side)

    def embed(self, crops: Sequence[Pixels], *, reference: bool) -> Vectors:
        """Crops of references or of probes -> (n, d) float32 unit vectors.

        The mirror image doubles the time. It pays for references, which are embedded once; for the default
        pack's probes it did not (docs/accuracy.md).
        """
        if not crops:
            return np.zeros((0, self.spec.dimension), np.float32)
        blob = self._to_input(np.stack(crops))
        vectors = unit_rows(self._run(blob))
        if reference or self.spec.mirror == "always":
            across = 3 if self.spec.layout == "NCHW" else 2
            flipped = np.ascontiguousarray(np.flip(blob, axis=across))
            vectors = unit_rows(vectors + unit_rows(self._run(flipped)))
        return vectors

    def _run(self, blob: Array) -> Array:
        (output,) = self._session.run({self._session.input_name: blob}).values()
        return output.reshape(len(blob), -1)

    def _to_input(self, crops: Pixels) -> Array:
        spec = self.spec
        if spec.side != spec.crop_side:
            size = (spec.side, spec.side)
            crops = np.stack([cv2.resize(crop, size, interpolation=cv2.INTER_LINEAR) for crop in crops])
        if spec.colour == "RGB":
            crops = crops[..., ::-1]
        if spec.layout == "NCHW":
            crops = crops.transpose(0, 3, 1, 2)
        blob = np.empty(crops.shape, np.float32)
        for target, crop in zip(blob, crops, strict=True):
            target[...] = crop  # one by one: all at once takes twice as long
        if (spec.mean, spec.scale) != (0.0, 1.0):
            blob -= np.float32(spec.mean)
            blob /= np.float32(spec.scale)
        return blob


def unit_rows(vectors: Array) -> Vectors:
    """Rows (n, d) scaled to length 1; a row of zeros stays."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), np.float32)

"""From landmarks to an embedding: the face is aligned and run through an embedding network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import Pixels, Vectors
from stash_sense.faces.align import align_face
from stash_sense.faces.session import Array, Session


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

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.progress import Progress
from stash_sense.enrolment.reference_face import prominent_face
from stash_sense.errors import BadInput
from stash_sense.matching.calibration import Calibration
from stash_sense.matching.fit_calibration import fit_calibration
from stash_sense.media.folder import list_images
from stash_sense.recognition.analysis import analyze_photos
from stash_sense.recognition.recognizer import SLOTS, LoadedPack

GALLERY_SLACK = 0.15
"""A factor of nearly six in the false-match rate: what the few people sure in a gallery can well afford
against the thousands enrolled. From 0.1 to 0.25 the F1 changes by 0.003 (docs/accuracy.md)."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """One face a photo, embedded both ways. probes, references: slot -> (n, d); owners: n names."""

    probes: dict[str, NDArray[np.float32]]
    references: dict[str, NDArray[np.float32]]
    owners: list[str]


def embed_labelled(folder: Path, pack: LoadedPack, progress: Progress) -> LabelledFaces:
    """The prominent face of every photo below `folder`, which holds one folder per person."""
    paths = [path for path in list_images(folder).images if len(path.relative_to(folder).parts) > 1]
    progress.start("Embedding", 2 * len(paths))
    done = seen_faces = 0
    sides: list[dict[Path, Mapping[str, NDArray[np.float32]]]] = []
    for reference in (False, True):
        faces: dict[Path, Mapping[str, NDArray[np.float32]]] = {}
        with closing(analyze_photos(paths, pack.engine, min_confidence=0.5, reference=reference)) as read:
            for photo in read:
                done, seen_faces = done + 1, seen_faces + len(photo.faces)
                progress.update(done, faces=seen_faces)
                face = prominent_face(photo.faces, photo.width, photo.height)
                if face is not None:
                    faces[photo.path] = face.embeddings
        sides.append(faces)
    seen = [path for path in sides[0] if path in sides[1]]  # a photo may vanish between the two
    if not seen:
        raise BadInput(
            f"{folder}: no photo with a face in it. Give a folder with one folder of photos per person."
        )
    probes, references = (_stacked(side, seen) for side in sides)
    return LabelledFaces(probes, references, [path.relative_to(folder).parts[0] for path in seen])


def _stacked(
    side: Mapping[Path, Mapping[str, NDArray[np.float32]]], paths: Sequence[Path]
) -> dict[str, NDArray[np.float32]]:
    return {slot: np.stack([side[path][slot] for path in paths]) for slot in SLOTS}


def calibrate(
    folders: Sequence[Path], pack: LoadedPack, progress: Progress, weights: Mapping[str, float] | None = None
) -> Calibration:
    """A calibration of the pack on the people of `folders`; equal weights where none are given."""
    parts = [embed_labelled(folder, pack, progress) for folder in folders]
    return fit_calibration(
        {slot: np.concatenate([part.probes[slot] for part in parts]) for slot in SLOTS},
        {slot: np.concatenate([part.references[slot] for part in parts]) for slot in SLOTS},
        [owner for part in parts for owner in part.owners],
        weights or dict.fromkeys(SLOTS, 1 / len(SLOTS)),
        GALLERY_SLACK,
        f"{sum(len(part.owners) for part in parts):,} faces",
    )

"""Calibrating a model pack on known people: their photos or their references, and the fit of the scale."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.progress import Progress
from stash_sense.enrolment.references import prominent_face
from stash_sense.errors import BadInput
from stash_sense.facedb.database import FaceDatabase
from stash_sense.matching.calibration import ANCHORS, Calibration, Curve, SlotCalibration
from stash_sense.media.listing import list_images
from stash_sense.recognition.analysis import analyze_photos
from stash_sense.recognition.recognizer import LoadedPack

GALLERY_SLACK = 0.15
"""A factor of nearly six in the false-match rate, which the few people confirmed in a gallery can afford
compared with the thousands enrolled. From 0.1 to 0.25 the F1 changes by 0.003 (docs/accuracy.md)."""

FEWEST_PEOPLE = 200
"""With fewer, the rates that the scale states would be guesswork."""

MOST_FACES = 4000
"""Of more, a sample is taken: comparing all with all would not fit into memory."""

TAIL = (2e-3, 1e-5)
"""False-match rates between which log10(rate) is fitted as a straight line over the score. The line is
extended to 3e-6, where label errors of the folder would otherwise decide."""

FEWEST_IN_TAIL = 30
"""Comparisons that a rate must be based on to be part of the line."""

ALL_ALIKE = (
    "the faces of different people all score the same; a calibration needs different faces. "
    "Do the folders contain copies of the same photos?"
)

Vectors = Mapping[str, NDArray[np.float32]]


def fit_calibration(
    probes: Vectors,
    references: Vectors,
    owners: Sequence[str],
    weights: Mapping[str, float],
    gallery_slack: float,
    made_on: str,
) -> Calibration:
    """Fit a calibration to faces of known people.

    probes, references: slot -> (n, d) unit vectors of the same n faces, embedded as each. owners: their n
    people. Every probe is compared with every other person's references. Raises BadInput.
    """
    sample = _sample(owners)
    names = np.unique([owners[i] for i in sample], return_inverse=True)[1]
    if names.max(initial=-1) + 1 < FEWEST_PEOPLE:
        raise BadInput(
            f"{names.max(initial=-1) + 1} people with a face: a calibration needs at least {FEWEST_PEOPLE}. "
            "Give a folder with more people, one folder each."
        )
    different = names[:, None] != names[None, :]
    slots, fused = {}, np.zeros(int(different.sum()), np.float64)
    perfect = 0.0
    for slot, weight in weights.items():
        cosines = (probes[slot][sample] @ references[slot][sample].T)[different].astype(np.float64)
        mean, sd = float(cosines.mean()), float(cosines.std())
        if sd < 1e-6:
            raise BadInput(ALL_ALIKE)
        fused += weight * (cosines - mean) / sd
        perfect += weight * (1 - mean) / sd
        slots[slot] = SlotCalibration(
            mean=round(mean, 6), sd=round(sd, 6), weight=weight, curve=fit_curve(cosines, -1.0, 1.0)
        )
    return Calibration(
        slots=slots,
        curve=fit_curve(fused, -6.0, round(perfect, 4)),
        gallery_slack=gallery_slack,
        made_on=f"{made_on}: {names.max() + 1:,} people, {fused.size:,} comparisons of different people",
    )


def fit_curve(impostors: NDArray[np.float64], worst: float, perfect: float) -> Curve:
    """Fit the curve from scores to distances to the scores of different people.

    impostors: (n,) scores. worst, perfect: the scores of distance 2 and 0.
    """
    ordered = np.sort(impostors)
    slope, offset = fit_tail(ordered)
    scores, distances = [worst], [2.0]
    for rate, distance in ANCHORS:
        score = score_at_rate(ordered, rate) if rate >= 1e-4 else (np.log10(rate) - offset) / slope
        scores.append(max(float(score), scores[-1] + 1e-4))
        distances.append(distance)
    scores.append(max(perfect, scores[-1] + 1e-4))
    distances.append(0.0)
    return Curve(scores=tuple(round(score, 5) for score in scores), distances=tuple(distances))


def score_at_rate(ordered: NDArray[np.float64], rate: float) -> float:
    """The score that this share of the comparisons of different people reaches. ordered: (n,), ascending."""
    return float(ordered[min(len(ordered) - 1, int(len(ordered) * (1 - rate)))])


def fit_tail(ordered: NDArray[np.float64]) -> tuple[float, float]:
    """(slope, offset) of log10(false-match rate) = slope * score + offset in the tail."""
    lowest = max(TAIL[1], FEWEST_IN_TAIL / len(ordered))
    # With few comparisons the line is fitted to the last factor of ten that there is. This errs on the safe
    # side, since the scores of different people fall off faster than a line.
    rates = np.geomspace(max(TAIL[0], 10 * lowest), lowest, 30)
    scores = [score_at_rate(ordered, rate) for rate in rates]
    if scores[-1] - scores[0] < 1e-6:
        raise BadInput(ALL_ALIKE)
    slope, offset = np.polyfit(scores, np.log10(rates), 1)
    return float(slope), float(offset)


def _sample(owners: Sequence[str]) -> NDArray[np.int64]:
    if len(owners) <= MOST_FACES:
        return np.arange(len(owners))
    picked = np.random.default_rng(0).choice(len(owners), MOST_FACES, replace=False)
    return np.sort(picked)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """One face per photo, embedded both as probe and as reference.

    probes, references: slot -> (n, d) float32 unit vectors. owners: the n people's names.
    """

    probes: dict[str, NDArray[np.float32]]
    references: dict[str, NDArray[np.float32]]
    owners: list[str]


def embed_labelled(folder: Path, pack: LoadedPack, progress: Progress, workers: int = 0) -> LabelledFaces:
    """The prominent face of every photo below `folder`, which holds one folder per person.

    workers: threads; 0: one for each core.
    """
    paths = [path for path in list_images(folder).images if len(path.relative_to(folder).parts) > 1]
    progress.start("Embedding", 2 * len(paths))
    done = face_count = 0
    sides: list[dict[Path, Mapping[str, NDArray[np.float32]]]] = []
    for reference in (False, True):
        faces: dict[Path, Mapping[str, NDArray[np.float32]]] = {}
        analyzed = analyze_photos(
            paths, pack.engine, min_confidence=0.5, reference=reference, workers=workers
        )
        with closing(analyzed) as read:
            for path, photo in zip(paths, read, strict=True):
                done, face_count = done + 1, face_count + len(photo.faces)
                progress.update(done, faces=face_count)
                face = prominent_face(photo.faces, photo.width, photo.height)
                if face is not None:
                    faces[path] = face.embeddings
        sides.append(faces)
    embedded = [path for path in sides[0] if path in sides[1]]  # a photo may vanish between the two passes
    if not embedded:
        raise BadInput(
            f"{folder}: no photo with a face in it. Give a folder with one folder of photos per person."
        )
    probes, references = (_stacked(side, embedded) for side in sides)
    return LabelledFaces(probes, references, [path.relative_to(folder).parts[0] for path in embedded])


def _stacked(
    side: Mapping[Path, Mapping[str, NDArray[np.float32]]], paths: Sequence[Path]
) -> dict[str, NDArray[np.float32]]:
    return {slot: np.stack([side[path][slot] for path in paths]) for slot in side[paths[0]]}


def enrolled_faces(database: FaceDatabase, pack: LoadedPack) -> LabelledFaces:
    """References of a face database of this pack, at most MOST_FACES, as probes and as references.

    Raises BadInput for a database of another pack.
    """
    if database.manifest.pack_fingerprint != pack.fingerprint:
        raise BadInput(
            f"The face database was built with the pack {database.manifest.pack}, not with {pack.id}. "
            "Build it with this pack first (`stash-sense database build`), or give --people FOLDER."
        )
    owners = [str(index) for index in range(database.people) for _ in database.rows(index)]
    rows = _sample(owners)
    vectors = database.vectors(rows)
    return LabelledFaces(vectors, vectors, [owners[row] for row in rows])


def calibrate(
    parts: Sequence[LabelledFaces], pack: LoadedPack, weights: Mapping[str, float] | None = None
) -> Calibration:
    """Calibrate the pack on known people, with equal weights for its slots by default. Raises BadInput."""
    slots = pack.scorer.slots
    return fit_calibration(
        {slot: np.concatenate([part.probes[slot] for part in parts]) for slot in slots},
        {slot: np.concatenate([part.references[slot] for part in parts]) for slot in slots},
        [owner for part in parts for owner in part.owners],
        weights or dict.fromkeys(slots, 1 / len(slots)),
        GALLERY_SLACK,
        f"{sum(len(part.owners) for part in parts):,} faces",
    )

"""More than one reference a person: how many more are found, and what the references are reduced to.

python benchmarks/more_references.py [--data FOLDER]
The known are the people of dev/enrol; their faces are those photos and their labelled faces in the
galleries. Of everybody with more faces than `count`, `count` are enrolled and the others are probes, in
seeded draws; the rest of the 182 are enrolled with what they have, and half of the crowd with its one photo.
The other half of the crowd are the strangers. References pass the quality gate, probes need not.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lab
import one_to_many
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.calibrate import LabelledFaces, embed_labelled
from stash_sense.faces.boxes import iou
from stash_sense.recognition.analysis import analyze_photos
from stash_sense.recognition.recognizer import LoadedPack

COUNTS = (1, 2, 3, 5, 8)
"""References a person."""
DRAWS = 12
OVERLAP = 0.3
"""From which a found face is the labelled one."""

Array = NDArray[np.float64]
Faces = Mapping[str, NDArray[np.float32]]
Score = Callable[[Faces, Faces], Array]
"""Probes and references -> similarities (n, m), higher is nearer."""
Template = Callable[[Faces, Faces, NDArray[np.int64], Score], Array]
"""Probes, references, where each person's references begin (and the end), score -> (n, people) scores."""


@dataclass(frozen=True, slots=True, eq=False)
class KnownFaces:
    """Every labelled face of the known. good: (n,) which may be a reference."""

    faces: LabelledFaces
    good: NDArray[np.bool_]


def nearest(probes: Faces, references: Faces, starts: NDArray[np.int64], score: Score) -> Array:
    """The best of a person's references."""
    return np.maximum.reduceat(score(probes, references), starts[:-1], axis=1)


def mean(probes: Faces, references: Faces, starts: NDArray[np.int64], score: Score) -> Array:
    """One vector a person, the mean of the references."""
    centres = {}
    for slot, vectors in references.items():
        sums = np.add.reduceat(vectors, starts[:-1], axis=0)
        centres[slot] = (sums / np.linalg.norm(sums, axis=1, keepdims=True)).astype(np.float32)
    return score(probes, centres)


def nearest_or_mean(probes: Faces, references: Faces, starts: NDArray[np.int64], score: Score) -> Array:
    """The mean as one more reference, which so cannot hide the best."""
    return np.maximum(nearest(probes, references, starts, score), mean(probes, references, starts, score))


def best_two(probes: Faces, references: Faces, starts: NDArray[np.int64], score: Score) -> Array:
    """The mean of a person's two best scores, of the only one where there is one reference."""
    scores = score(probes, references)
    columns = []
    for first, last in pairwise(starts.tolist()):
        columns.append(np.sort(scores[:, first:last], axis=1)[:, -2:].mean(axis=1))
    return np.stack(columns, axis=1)


TEMPLATES: Mapping[str, Template] = {
    "nearest": nearest,
    "mean": mean,
    "nearest or mean (in use)": nearest_or_mean,
    "mean of the best two": best_two,
}


def gallery_faces(data: lab.FaceData, pack: LoadedPack) -> KnownFaces:
    """The galleries' faces whose names are among those of dev/enrol."""
    details = json.loads((data.root / "dev" / "truth_details.json").read_text("utf-8"))["galleries"]
    paths = [path for photos in data.galleries().values() for path in photos]
    sides: list[dict[tuple[str, str], Any]] = []
    for reference in (False, True):
        found = {}
        analyzed = analyze_photos(paths, pack.engine, min_confidence=0.5, reference=reference)
        with closing(analyzed) as read:
            for path, photo in zip(paths, read, strict=True):
                for label in details[path.parent.name]["photos"].get(path.name, {}).get("faces", ()):
                    if photo.faces and (data.enrol / str(label.get("name"))).is_dir():
                        x, y, width, height = label["box"]
                        box = np.array([x, y, x + width, y + height], np.float32)
                        overlaps = iou(box, np.stack([face.box for face in photo.faces]))
                        if overlaps.max() >= OVERLAP:
                            found[f"{path.parent.name}/{path.name}", label["name"]] = photo.faces[
                                int(overlaps.argmax())
                            ]
        sides.append(found)
    both = [key for key in sides[0] if key in sides[1]]
    probes, references = (_stacked([side[key].embeddings for key in both]) for side in sides)
    good = np.array([not sides[1][key].quality.reason for key in both])
    return KnownFaces(LabelledFaces(probes, references, [name for _, name in both]), good)


def all_known(enrolled: LabelledFaces, galleries: KnownFaces) -> KnownFaces:
    """The faces of dev/enrol and of the galleries as one set."""
    parts = (enrolled, galleries.faces)
    probes = {slot: np.concatenate([part.probes[slot] for part in parts]) for slot in enrolled.probes}
    references = {slot: np.concatenate([part.references[slot] for part in parts]) for slot in probes}
    owners = [*enrolled.owners, *galleries.faces.owners]
    return KnownFaces(
        LabelledFaces(probes, references, owners),
        np.concatenate([np.ones(len(enrolled.owners), np.bool_), galleries.good]),
    )


def draws(
    known: KnownFaces, count: int, fewest: int
) -> Iterator[tuple[list[list[int]], list[int], list[int]]]:
    """(rows of each person's references, rows of the probes, each probe's person) of each draw.

    fewest: faces that a person must have for the others to be probes.
    """
    owners = np.array(known.faces.owners)
    for seed in range(DRAWS):
        random = np.random.default_rng(seed)
        enrolled, probes, people = [], [], []
        for number, owner in enumerate(dict.fromkeys(known.faces.owners)):
            rows = random.permutation(np.flatnonzero(owners == owner))
            good = [int(row) for row in rows if known.good[row]]
            enrolled.append(good[:count])
            if len(rows) > fewest and len(good) >= count:
                rest = [int(row) for row in rows if row not in good[:count]]
                probes += rest
                people += [number] * len(rest)
        yield enrolled, probes, people


def search(
    known: KnownFaces, crowd: LabelledFaces, score: Score, template: Template, count: int, fewest: int
) -> tuple[Array, Array]:
    """(best scores of the known where right, else -inf; of the strangers) over all draws."""
    genuine, strangers = [], []
    half = np.arange(len(crowd.owners)) % 2
    for number, (enrolled, probes, people) in enumerate(draws(known, count, fewest)):
        side = number % 2
        others = np.flatnonzero(half == side)
        rows = [row for own in enrolled for row in own]
        references = {
            slot: np.concatenate([vectors[rows], crowd.references[slot][others]])
            for slot, vectors in known.faces.references.items()
        }
        starts = np.cumsum([0, *map(len, enrolled), *([1] * len(others))])
        scores = template(_picked(known.faces.probes, probes), references, starts, score)
        right = scores.argmax(axis=1) == np.array(people)
        genuine.append(np.where(right, scores.max(axis=1), -np.inf))
        strange = _picked(crowd.probes, np.flatnonzero(half != side).tolist())
        strangers.append(template(strange, references, starts, score).max(axis=1))
    return np.concatenate(genuine), np.concatenate(strangers)


def _picked(faces: Faces, rows: Sequence[int]) -> dict[str, NDArray[np.float32]]:
    return {slot: vectors[list(rows)] for slot, vectors in faces.items()}


def _stacked(faces: Sequence[Faces]) -> dict[str, NDArray[np.float32]]:
    return {slot: np.stack([face[slot] for face in faces]) for slot in faces[0]}


def main() -> None:
    data = lab.face_data(lab.parser(__doc__).parse_args().data)
    pack = lab.default_pack()
    enrolled, crowd = (embed_labelled(folder, pack, NoProgress()) for folder in (data.enrol, data.crowd))
    report(enrolled, crowd, gallery_faces(data, pack))


def report(enrolled: LabelledFaces, crowd: LabelledFaces, galleries: KnownFaces) -> None:
    """Print and save the tables: portraits alone, and with the galleries' faces."""
    score = one_to_many.weighted({"arcface": 2 / 3, "facenet": 1 / 3}, one_to_many.moments(crowd))
    portraits = KnownFaces(enrolled, np.ones(len(enrolled.owners), np.bool_))
    figures = {}
    for title, known, counts in (
        ("dev/enrol, people with three photos", portraits, COUNTS[:2]),
        ("dev/enrol and galleries", all_known(enrolled, galleries), COUNTS),
    ):
        rows = []
        for count in counts:
            fewest = counts[-1] if known is portraits else count
            made = {}
            for name, template in TEMPLATES.items():
                genuine, strangers = search(known, crowd, score, template, count, fewest)
                made[name] = one_to_many.Trials(genuine, strangers)
                probes = len(genuine) // DRAWS
            figures[f"{title}, {count}"] = {
                name: (one.found(0.01), one.found(0.001)) for name, one in made.items()
            }
            shown = (f"{one.found(0.01):.3f}; {one.found(0.001):.3f}" for one in made.values())
            rows.append([str(count), probes, *shown])
        head = ("references", "probes", *TEMPLATES)
        lab.table(f"TPIR at FPIR 1 %; at 0.1 % ({title})", head, rows)
    lab.save("more_references", {"tpir_at_fpir_0.01_and_0.001": figures})


if __name__ == "__main__":
    main()

"""Who was named and who was offered on each photo, counted against who is there."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import lab
from splits import Variant
from stash_sense.matching.gallery_people import Evidence, MatchOptions
from stash_sense.recognition.folder import FolderResult, RecognizedPhoto, judge_photos
from stash_sense.recognition.recognizer import FaceRecognizer
from trials import Trials

Names = dict[str, set[str]]
"""Photo -> names."""
Way = Literal["gallery", "plain", "single image"]
RESAMPLES = 2000


@dataclass(slots=True)
class Answers:
    """Of one gallery. offered: who stands first on an ambiguous card, or beside an ambiguous face."""

    named: Names = field(default_factory=dict)
    offered: Names = field(default_factory=dict)


def of_gallery(result: FolderResult) -> Answers:
    """What the gallery's people and its cards say."""
    answers = Answers()
    for person in result.people:
        for path in result.paths(person.images):
            answers.named.setdefault(path.name, set()).add(person.person.name)
    for track in result.unknown:
        if track.status == "ambiguous" and track.nearest:
            for path in result.paths(track.images):
                answers.offered.setdefault(path.name, set()).add(track.nearest[0].name)
    return answers


def of_single_images(photos: Sequence[RecognizedPhoto], ready: FaceRecognizer) -> Answers:
    """What each face says by itself, as on the page of a single image."""
    answers = Answers()
    # Named again: a benchmark may have changed a constant since.
    faces = iter(ready.recognize([face for photo in photos for face in photo.faces]))
    for photo in photos:
        for _ in photo.faces:
            face = next(faces)
            if face.named is not None:
                answers.named.setdefault(photo.path.name, set()).add(face.named.name)
            elif face.verdict.status == "ambiguous":
                answers.offered.setdefault(photo.path.name, set()).add(face.matches[0].name)
    return answers


def answered(photos: Sequence[RecognizedPhoto], ready: FaceRecognizer, way: Way) -> Answers:
    """The answers for one gallery's photos."""
    if way == "single image":
        return of_single_images(photos, ready)
    evidence: Evidence = way
    return of_gallery(judge_photos(photos, ready, MatchOptions(evidence=evidence)))


@dataclass(slots=True)
class Tally:
    """Counts over splits and galleries.

    photos: (gallery, photo) -> right names, wrong names, missed, people named or offered; splits: the first
    three of each split; strangers: for each gallery of each split, people named, and people named or offered,
    who are on none of its photos; missed: (gallery, photo, person) -> splits.
    """

    photos: dict[tuple[str, str], NDArray[np.int64]] = field(default_factory=dict)
    splits: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    strangers: list[tuple[int, int]] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)
    missed: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add(self, gallery: str, split: int, wanted: Mapping[str, Collection[str]], answers: Answers) -> None:
        everybody = {name for names in wanted.values() for name in names}
        named: set[str] = set()
        offered: set[str] = set()
        for photo, names in wanted.items():
            want, got = set(names), answers.named.get(photo, set())
            asked = got | answers.offered.get(photo, set())
            named |= got - everybody
            offered |= asked - everybody
            counts = np.array([len(want & got), len(got - want), len(want - got), len(want & asked)])
            none = np.zeros(4, np.int64)
            self.photos[gallery, photo] = self.photos.get((gallery, photo), none) + counts
            self.splits[split] = self.splits.get(split, none[:3]) + counts[:3]
            self.wrong.update(f"{gallery} {name}" for name in got - want)
            self.missed.update((gallery, photo, name) for name in want - got)
        self.strangers.append((len(named), len(offered)))

    def counts(self, galleries: Collection[str] | None = None) -> NDArray[np.int64]:
        """(photos, 4), of these galleries only."""
        rows = [row for (gallery, _), row in self.photos.items() if galleries is None or gallery in galleries]
        return np.array(rows).reshape(-1, 4)

    def figures(self, galleries: Collection[str] | None = None) -> dict[str, Any]:
        """Precision, recall, f1 and offered, with intervals in `..._95`; NaN where nobody is enrolled."""
        counts = self.counts(galleries)
        hit, wrong, missed, _ = counts.sum(axis=0).tolist()
        random = np.random.default_rng(0)
        drawn = counts[random.integers(0, len(counts), (RESAMPLES, len(counts)))].sum(axis=1)
        somebody = hit + missed > 0
        whole = {name: rate(counts.sum(axis=0)) if somebody else float("nan") for name, rate in RATES.items()}
        spans = {f"{name}_95": lab.interval(map(rate, drawn)) for name, rate in RATES.items() if somebody}
        strangers = np.array(self.strangers)
        return {
            **whole,
            **spans,
            "right": hit,
            "wrong": wrong,
            "missed": missed,
            "wrong_people": int(strangers[:, 0].sum()),
            "offered_wrong_mean": float(strangers[:, 1].mean()),
            "offered_wrong_most": int(strangers[:, 1].max()),
        }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


RATES: dict[str, Callable[[NDArray[Any]], float]] = {
    "precision": lambda row: _share(row[0], row[0] + row[1]),
    "recall": lambda row: _share(row[0], row[0] + row[2]),
    "f1": lambda row: _share(2 * row[0], 2 * row[0] + row[1] + row[2]),
    "offered": lambda row: _share(row[3], row[0] + row[2]),
}
"""Of right, wrong, missed, named or offered."""


def tally(given: Trials, variant: Variant, way: Way = "gallery") -> Tally:
    """All splits of a variant."""
    result = Tally()
    for split in variant.splits:
        ready, photos = given.recognized(variant, split)
        for gallery, wanted in given.wanted(variant, split).items():
            result.add(gallery, split, wanted, answered(photos[gallery], ready, way))
    return result

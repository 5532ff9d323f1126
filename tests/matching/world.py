"""Galleries and face databases by hand: a face is its cosines to axes, one axis for each person or series.

Two calibrations, the same in both slots. Plain: distance = 1 - cosine, a decade is 0.2 of cosine. Steep, with
the default pack's room for decades: cosine = 0.4 + 0.06 * decades; strangers are at -6.7, a copy is at 10.
"""

from dataclasses import dataclass

import numpy as np

from stash_sense.facedb.search import Neighbours, search_people
from stash_sense.matching.calibration import Calibration, Curve, Scorer, SlotCalibration
from stash_sense.matching.naming import Track, name_tracks
from stash_sense.matching.tracks import TrackFace
from stash_sense.models.manifest import load_manifest

SLOTS = ("arcface", "facenet")
SIZE = 64
"""Numbers a slot: people stand on the axes from 0, series from 10, what a face has of its own from OWN."""
OWN = 24

PLAIN = Curve(scores=(-1.0, 1.0), distances=(2.0, 0.0))
STEEP = Curve(scores=(-1.0, 0.31, 0.4, 0.46, 1.0), distances=(2.0, 0.9, 0.6, 0.4, 0.0))


def scorer_of(curve: Curve, slack: float) -> Scorer:
    slot = SlotCalibration(mean=0.0, sd=1.0, weight=0.5, curve=curve)
    made = Calibration(
        slots=dict.fromkeys(SLOTS, slot), curve=curve, gallery_slack=slack, made_on="a test's own axes"
    )
    return Scorer(made, SLOTS)


def steep(slack: float = 0.15) -> Scorer:
    return scorer_of(STEEP, slack)


def default_pack() -> Scorer:
    return Scorer(Calibration.read(load_manifest("stash-sense-default").calibration), SLOTS)


def cosine(decades: float) -> float:
    """The cosine of two faces so many decades alike, by the steep calibration."""
    return 0.4 + 0.06 * decades


def embedding(cosines: dict[int, float], own: int = SIZE - 1) -> dict[str, np.ndarray]:
    """A face by its cosines to axes: {0: 0.9, 5: 0.1}; what is missing to length 1 goes to `own`."""
    vector = np.zeros(SIZE, np.float32)
    for axis, value in cosines.items():
        vector[axis] = value
    vector[own] += np.sqrt(max(0.0, 1 - float(vector @ vector)))
    return dict.fromkeys(SLOTS, vector)


def on(image: int, cosines: dict[int, float], own: int | None = None, **decided: object) -> tuple:
    """A face on an image. Those with the same cosines and the same `own` are copies. decided: decisions."""
    return image, cosines, own, decided


def faces_of(*seen: tuple) -> list[TrackFace]:
    """Faces described by `on`, each with an axis to itself unless it names one."""
    return [
        TrackFace(image, embedding(cosines, OWN + at if own is None else own), **decided)
        for at, (image, cosines, own, decided) in enumerate(seen)
    ]


def alike(decades: float, axis: int = 10) -> dict[int, float]:
    """Cosines of faces that are so many decades like one another, and like nobody else."""
    return {axis: float(np.sqrt(cosine(decades)))}


@dataclass
class FakeGallery:
    """People on an axis each, one reference a person where nothing else is given. `count` may say more."""

    references: list[np.ndarray]
    count: int | None = None

    @property
    def people(self) -> int:
        return len(self.references) if self.count is None else self.count

    @property
    def starts(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum([len(own) for own in self.references])]).astype(np.int64)

    def rows(self, person: int) -> range:
        return range(int(self.starts[person]), int(self.starts[person + 1]))

    def vectors(self, rows) -> dict[str, np.ndarray]:
        block = np.concatenate(self.references)[list(rows)]
        return dict.fromkeys(SLOTS, block)

    def search(self, queries: np.ndarray, top_k: int) -> Neighbours:
        block = np.concatenate(self.references) if self.references else np.zeros((0, SIZE), np.float32)
        return search_people(np.concatenate([block, block], axis=1), self.starts, queries, top_k)


def enrolled(people: int = 4, count: int | None = None, **references: list[dict[int, float]]) -> FakeGallery:
    """People on the first axes; person_2=[{2: 0.9}, ...] gives one of them other references."""
    axes = np.eye(SIZE, dtype=np.float32)
    made, spare = [axes[i : i + 1] for i in range(people)], SIZE
    for name, own in references.items():
        spare -= len(own)
        made[int(name.removeprefix("person_"))] = np.stack(
            [embedding(cosines, spare + at)["arcface"] for at, cosines in enumerate(own)]
        )
    return FakeGallery(made, count)


def named(
    *seen: tuple,
    database: FakeGallery | None = None,
    max_distance: float = 0.6,
    top_k: int = 5,
    scorer: Scorer | None = None,
) -> list[Track]:
    """The tracks of faces described by `on`, by the steep calibration unless another is given."""
    database = enrolled() if database is None else database
    return name_tracks(faces_of(*seen), database, scorer or steep(), max_distance, top_k)


def names(tracks: list[Track]) -> dict[tuple[int, ...], int | None]:
    """Faces of each track -> whom it was named."""
    return {track.faces: track.person for track in tracks}

"""A world in which distances are made by hand: with this calibration, distance = 1 - cosine in every slot."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from stash_sense.facedb.search import Neighbours, search
from stash_sense.identify.calibration import Calibration, Curve, Scorer, SlotCalibration
from stash_sense.identify.candidates import Candidate

SLOTS = ("arcface", "facenet")
SIZE = 24
"""Numbers a slot: room for many people at right angles to one another."""


def _calibration(slack: float = 0.2) -> Calibration:
    curve = Curve(scores=(-1.0, 1.0), distances=(2.0, 0.0))
    slot = SlotCalibration(mean=0.0, sd=1.0, weight=0.5, curve=curve)
    return Calibration(
        slots=dict.fromkeys(SLOTS, slot), curve=curve, gallery_slack=slack, made_on="a test's own axes"
    )


@pytest.fixture
def scorer() -> Scorer:
    return Scorer(_calibration(), SLOTS)


@pytest.fixture
def tight_scorer() -> Scorer:
    """Without any slack for galleries."""
    return Scorer(_calibration(0.0), SLOTS)


@pytest.fixture
def face() -> Callable[..., dict[str, np.ndarray]]:
    """A face by its cosines to axes: face({0: 0.9, 5: 0.1}); what is missing to length 1 goes to `own`."""

    def face(cosines: dict[int, float], own: int = SIZE - 1) -> dict[str, np.ndarray]:
        vector = np.zeros(SIZE, np.float32)
        for axis, cosine in cosines.items():
            vector[axis] = cosine
        vector[own] += np.sqrt(max(0.0, 1 - float(vector @ vector)))
        return dict.fromkeys(SLOTS, vector)

    return face


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
        return search(np.concatenate([block, block], axis=1), self.starts, queries, top_k)


@pytest.fixture
def gallery() -> Callable[..., FakeGallery]:
    def gallery(people: int = 4, count: int | None = None) -> FakeGallery:
        axes = np.eye(SIZE, dtype=np.float32)
        return FakeGallery([axes[i : i + 1] for i in range(people)], count)

    return gallery


@pytest.fixture
def candidate() -> Callable[..., Candidate]:
    def candidate(person: int, distance: float) -> Candidate:
        return Candidate(person, distance, distance, distance, person)

    return candidate

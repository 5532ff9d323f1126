"""A world in which distances are made by hand: with this calibration, distance = 1 - cosine in every slot."""

from collections.abc import Callable

import numpy as np
import pytest

from stash_sense.domain.faces import Candidate
from stash_sense.matching.calibration import Scorer

from .world import PLAIN, FakeGallery, embedding, enrolled, scorer_of


@pytest.fixture
def scorer() -> Scorer:
    return scorer_of(PLAIN, 0.2)


@pytest.fixture
def face() -> Callable[..., dict[str, np.ndarray]]:
    """A face by its cosines to axes: face({0: 0.9, 5: 0.1})."""
    return embedding


@pytest.fixture
def gallery() -> Callable[..., FakeGallery]:
    """People on an axis each: gallery(4)."""
    return enrolled


@pytest.fixture
def candidate() -> Callable[..., Candidate]:
    def candidate(person: int, distance: float) -> Candidate:
        return Candidate(person, distance, distance, distance, person)

    return candidate

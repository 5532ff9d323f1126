"""Networks without weights: they record what they see, and answer as told."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from stash_sense.domain.faces import Detection

Respond = Callable[[np.ndarray], dict[str, np.ndarray]]


class FakeSession:
    """A network that keeps what it was given; `respond` makes its outputs from the input."""

    input_name = "input"

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self.seen: list[np.ndarray] = []

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        (blob,) = inputs.values()
        self.seen.append(blob.copy())
        return self._respond(blob)


@pytest.fixture(scope="session")
def fake_session() -> Callable[[Respond], FakeSession]:
    return FakeSession


@pytest.fixture(scope="session")
def template() -> np.ndarray:
    """SFace's: where the five landmarks go in 112 x 112 px."""
    return np.array(
        [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
        np.float32,
    )


@pytest.fixture(scope="session")
def detection(template) -> Callable[..., Detection]:
    """A found face: a square of `side` px at (x, y), its landmarks where a frontal face has them."""

    def detection(x: float, y: float, side: float, score: float = 0.9) -> Detection:
        corner = np.array([x, y], np.float32)
        box = np.concatenate([corner, corner + side]).astype(np.float32)
        return Detection(box, score, (template / 112 * side + corner).astype(np.float32))

    return detection

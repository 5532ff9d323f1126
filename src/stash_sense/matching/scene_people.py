"""Who is in a scene and when: the faces of its frames, track by track, by the same solver as a gallery's."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import Match, VerdictStatus
from stash_sense.domain.reasons import Reason

SceneFace = tuple[int, int]
"""A face of a scene: the position of its frame among those looked at, and its own among the frame's faces."""


@dataclass(frozen=True, slots=True, eq=False)
class SceneTrack:
    """All faces of one person in a scene; tracks that get one person's name are one.

    faces: in the order of time. match: whom the track shows, for a match. matches: whom it may show, best
    first. spans: (from, to) in seconds while the person is on screen. proportion: of the frames looked at, 0
    to 1. best: the face that shows the person best; best_faces: up to eight, best first, each of another
    moment. template: slot -> (d,) unit vector. index: of the person in the face database; None without a
    name, negative for a person who was confirmed and is not enrolled.
    """

    faces: tuple[SceneFace, ...]
    status: VerdictStatus
    reason: Reason
    match: Match | None
    matches: tuple[Match, ...]
    spans: tuple[tuple[float, float], ...]
    proportion: float
    best: SceneFace
    best_faces: tuple[SceneFace, ...]
    template: Mapping[str, NDArray[np.float32]]
    index: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SceneEvidence:
    """The people of a scene, and the tracks without a name; those seen longest first."""

    persons: tuple[SceneTrack, ...]
    unknown: tuple[SceneTrack, ...]

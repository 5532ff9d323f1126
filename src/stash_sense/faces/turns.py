"""Which way up a face is: a doubtful one is cut out, turned, and searched again at every turn.

The detector half-recognises a face that lies or stands on its head: it finds the box, with a low score, and
puts the landmarks as if the face were upright. Embedded by these it may be taken for another person. Turned
upright, the same face scores as any other.

Turns are counted in eighths, counter-clockwise: the picture turned by so many shows the face upright.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import Detection, Pixels
from stash_sense.errors import BadLandmarks
from stash_sense.faces.align import align_face, similarity_transform
from stash_sense.faces.session import DetectionNetwork

SURE_SCORE = 0.905
"""Raw score from which a face is upright: hardly any other reaches it, and four in five upright ones do."""
SURE_ROLL = 20.0
"""Degrees up to which a face with such a score is aligned well."""
CANDIDATE_SCORE = 0.2
"""Raw score from which a box may be a face that lies: nine in ten of these have it."""
MAX_CANDIDATES = 8
"""Boxes below the operating point that are looked at again in one picture: textures have such scores too."""
MIN_CANDIDATE_PX = 32.0
MARGIN = 0.05
"""How much surer a face must be turned than as it is. Upright faces hardly ever gain so much."""

GLANCE_SIDE = 64
"""Pixels of the cut that tells cheaply whether a turn may help: its quarter turns side by side."""
LEAD = 0.08
STRAIGHT = 10.0
"""An upright face leans by fewer degrees, and is so much surer at a glance than at any quarter turn; others
are hardly ever both."""
HOPELESS = 0.5
"""A candidate that is no surer at any quarter turn is no face, if another face of the picture is upright."""
LEAST_SHARE = 0.25
"""Least size of a candidate as a share of the largest upright face's."""
LOOK_SIDE = 96
"""Pixels of the cut in which all turns are judged."""
FINE_SIDE = 192
"""Pixels of the cut in which the landmarks of a turned face are found."""
REACH = 2.0
"""Side of a cut, in longer sides of the face's box."""


@dataclass(frozen=True, slots=True)
class TurnedFace:
    """A face and the turn that sets it upright. detection: in pixels of the picture as it was given."""

    detection: Detection
    eighths: int


class FaceTurner:
    """Decides for each face of a picture which way up it is."""

    def __init__(self, network: DetectionNetwork, turned_score: float, operating_point: float) -> None:
        """turned_score, operating_point: see DetectorSpec."""
        self._network = network
        self._turned_score = turned_score
        self._operating_point = operating_point

    def set_upright(self, image: Pixels, faces: Sequence[Detection], min_score: float) -> list[TurnedFace]:
        """Faces with at least `min_score`, each by the turn at which it is surest.

        image (H, W, 3) uint8 BGR; faces: best first, from CANDIDATE_SCORE on, in pixels of `image`.
        """
        sure = [face for face in faces if face.score >= min_score and _surely_upright(face)]
        least = _Least.beside(sure)
        upright = [TurnedFace(face, 0) for face in sure]
        candidates = 0
        for face in faces:
            if face.score >= min_score and _surely_upright(face):
                continue
            turned = None
            if face.score >= self._operating_point:
                turned = self._turned(image, face, 0.0)
            elif candidates < MAX_CANDIDATES and face.size >= least.size:
                candidates += 1
                turned = self._turned(image, face, least.glance)
            if turned is None:
                turned = TurnedFace(face, 0)
            if turned.detection.score >= min_score:
                upright.append(turned)
        return upright

    def _turned(self, image: Pixels, face: Detection, least: float) -> TurnedFace | None:
        """The face at the turn that suits it better than none; None if there is none.

        least: the score that it must have at a quarter turn at a glance.
        """
        try:
            upright, *others = self._scores(image, face, (0, 2, 4, 6), GLANCE_SIDE)
            best = max(others)
            if best < least or (upright > best + LEAD and abs(_estimate_roll(face)) < STRAIGHT):
                return None
            scores = self._scores(image, face, range(8), LOOK_SIDE)
            best = max(scores)
            if best < max(self._turned_score, scores[0] + MARGIN):
                return None
            return self._closely(image, face, scores.index(best))
        except BadLandmarks:  # the box lies outside the picture
            return None

    def _scores(self, image: Pixels, face: Detection, turns: Sequence[int], side: int) -> list[float]:
        """How sure the face is at each of these turns, in eighths, side by side in one picture."""
        cuts = {part: _Cut.of(image, face, part, side).pixels for part in {turn % 2 for turn in turns}}
        row = np.concatenate([np.rot90(cuts[turn % 2], turn // 2) for turn in turns], axis=1)
        scores = [0.0] * len(turns)
        for found in self._network.find(row, CANDIDATE_SCORE):
            index = min(len(turns) - 1, int(found.box[[0, 2]].mean() // side))
            if _is_in_the_middle(found, side, index * side):
                scores[index] = max(scores[index], found.score)
        return scores

    def _closely(self, image: Pixels, face: Detection, eighths: int) -> TurnedFace | None:
        """The face as it is found in a larger cut, turned; None if it is not found there."""
        cut = _Cut.of(image, face, eighths, FINE_SIDE)
        for found in self._network.find(cut.pixels, self._turned_score):
            if _is_in_the_middle(found, FINE_SIDE):
                return TurnedFace(cut.in_picture(found), eighths)
        return None


@dataclass(frozen=True, slots=True)
class _Least:
    """What a candidate must have to be looked at again: size in pixels, and score at a glance."""

    size: float
    glance: float

    @classmethod
    def beside(cls, upright: Sequence[Detection]) -> "_Least":
        """In a picture that shows these faces, which are upright for sure."""
        if not upright:
            return cls(MIN_CANDIDATE_PX, CANDIDATE_SCORE)
        largest = max(face.size for face in upright)
        return cls(max(MIN_CANDIDATE_PX, LEAST_SHARE * largest), HOPELESS)


def _surely_upright(face: Detection) -> bool:
    return face.score >= SURE_SCORE and abs(_estimate_roll(face)) <= SURE_ROLL


def _estimate_roll(face: Detection) -> float:
    """Degrees by which the line from the eyes to the mouth leans from the vertical, -180 to 180."""
    landmarks = face.landmarks
    x, y = (landmarks[3:].mean(axis=0) - landmarks[:2].mean(axis=0)).tolist()
    return math.degrees(math.atan2(-x, y))


def _is_in_the_middle(face: Detection, side: int, left: float = 0) -> bool:
    """Whether a face in a cut is the one that it was cut around, not a neighbour."""
    middle = (face.box[:2] + face.box[2:]) / 2 - [left + side / 2, side / 2]
    return bool(np.abs(middle).max() < side / 5) and 0.25 * side < face.size < 0.85 * side


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """A square around a face, turned. to_picture: (2, 3), from its pixels to those of the picture."""

    pixels: Pixels
    to_picture: NDArray[np.float64]

    @classmethod
    def of(cls, image: Pixels, face: Detection, eighths: int, side: int) -> "_Cut":
        """Raises BadLandmarks for a face outside the picture."""
        middle = (face.box[:2] + face.box[2:]) / 2
        reach = REACH / 2 * float((face.box[2:] - face.box[:2]).max())
        angle = math.pi / 4 * eighths
        right = np.array([math.cos(angle), math.sin(angle)]) * reach
        down = np.array([-right[1], right[0]])
        corners = np.stack([middle - right - down, middle + right - down, middle + right + down])
        # Warps count from the middles of pixels.
        source = (corners - 0.5).astype(np.float32)
        target = np.array([[0, 0], [side, 0], [side, side]], np.float32)
        pixels = align_face(image, source, target - np.float32(0.5), side)
        return cls(pixels, similarity_transform(target, corners.astype(np.float32)))

    def in_picture(self, face: Detection) -> Detection:
        """The face in pixels of the picture; its box is the one around the ellipse in the turned box."""
        turn, shift = self.to_picture[:, :2], self.to_picture[:, 2]
        middle = turn @ ((face.box[:2] + face.box[2:]) / 2) + shift
        half = np.hypot(*(turn * (face.box[2:] - face.box[:2]) / 2).T)
        box = np.concatenate([middle - half, middle + half]).astype(np.float32)
        return Detection(box, face.score, (face.landmarks @ turn.T + shift).astype(np.float32))

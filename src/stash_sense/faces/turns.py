"""Which way up a face is: a doubtful one is cut out, turned, and searched again at every turn.

The detector half-recognises a face that lies or stands on its head: it finds the box, with a low score, and
puts the landmarks as if the face were upright. Embedded by these it may be taken for another person. Turned
upright, the same face scores as any other.

Turns are counted in eighths, counter-clockwise: the picture turned by so many shows the face upright.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import Detection, Pixels
from stash_sense.faces.session import DetectionNetwork
from stash_sense.faces.shrink import halve_down_to

SURE_SCORE = 0.905
"""Raw score from which a face is upright: hardly any other reaches it, and four in five upright ones do."""
SURE_ROLL = 20.0
"""Degrees up to which a face with such a score is aligned well."""
NARROW = 1.5
"""Height by width of a box from which a doubtful face is an upright profile; turned ones are wider."""
LYING_SCORE = 0.3
"""Raw score from which a box may be a face that lies: nineteen in twenty of these have it."""
MAX_CANDIDATES = 8
"""Boxes below the operating point that are looked at again in one picture: textures have such scores too."""
MIN_CANDIDATE_PX = 32.0
LEAST_SHARE = 0.25
"""Least size of a candidate as a share of the largest upright face's."""
MIN_TURNED_PX = 20.0
"""Smaller faces are left as they are, since they are too small to be recognised whichever way up."""

GLANCE_SIDE = 64
"""Pixels of the cuts that tell cheaply which turn may help."""
QUARTERS = (cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)
GLANCE_BATCH = 16
"""Faces glanced at in one call: their turns side by side, one face below the other."""
GLANCE_SCORE = 0.4
"""A face that lies or leans has as much at one of its quarter turns."""
HOPELESS = 0.5
"""A candidate that has less is no face, if another face of the picture is upright."""
LEAD = 0.1
"""An upright face is so much surer at a glance than at any quarter turn."""
LIKELY_FACE = 0.5
CONFIRMED = 0.8
"""A face with LIKELY_FACE that has less upright at a glance may lean, also if no quarter turn suits it, and
so may one whose landmarks lean by more than SURE_ROLL."""
PROMISING = 0.7
"""A turned face has as much at a glance at its own turn."""
LOOK_SIDE = 96
"""Pixels of the cuts in which that turn is judged."""
HALF_THE_DOUBT = 0.5
LESS_DOUBT = 0.75
"""A face is turned if this lowers its doubt, 1 - score, to a half, or to three quarters with SURE_SCORE or if
it is no face as it is. Scores crowd below 0.94, so that their differences say little; upright faces hardly
ever gain so much."""
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

        image (H, W, 3) uint8 BGR; faces: best first, in pixels of `image`, with those below `min_score`.
        """
        sure = [face for face in faces if face.score >= min_score and _surely_upright(face)]
        least = _Least.beside(sure)
        doubtful, as_they_are = list[Detection](), list(sure)
        candidates = 0
        for face in faces:
            if face.score >= min_score and _surely_upright(face):
                continue
            if face.score >= self._operating_point:
                looked_at = face.size >= MIN_TURNED_PX and not _is_narrow(face)
            else:
                may_lie = face.score >= LYING_SCORE and face.size >= least.size and not _is_narrow(face)
                looked_at = may_lie and candidates < MAX_CANDIDATES
                candidates += looked_at
            (doubtful if looked_at else as_they_are).append(face)
        upright = [TurnedFace(face, 0) for face in as_they_are]
        for face, eighths in zip(doubtful, self._likely_turns(image, doubtful, least), strict=True):
            turned = self._turned(image, face, eighths) if eighths else None
            upright.append(turned or TurnedFace(face, 0))
        return [face for face in upright if face.detection.score >= min_score]

    def _likely_turns(self, image: Pixels, faces: Sequence[Detection], least: "_Least") -> list[int]:
        """The turn, in eighths, that suits each face best at a glance; 0 if that needs no closer look."""
        quarters = self._glance(image, faces, 0)
        turns = [0] * len(faces)
        open_ones = [
            index
            for index, (face, scores) in enumerate(zip(faces, quarters, strict=True))
            if _may_be_turned(face, scores, least.glance if face.score < self._operating_point else 0.0)
        ]
        between = self._glance(image, [faces[index] for index in open_ones], 1)
        for index, scores in zip(open_ones, between, strict=True):
            by_turn = [score for pair in zip(quarters[index], scores, strict=True) for score in pair]
            best = max(by_turn)
            turns[index] = by_turn.index(best) if best >= PROMISING else 0
        return turns

    def _glance(self, image: Pixels, faces: Sequence[Detection], eighths: int) -> list[list[float]]:
        """How sure each face is at the four quarter turns, each so many eighths further."""
        scores = list[list[float]]()
        for first in range(0, len(faces), GLANCE_BATCH):
            batch = faces[first : first + GLANCE_BATCH]
            cuts = [_Cut.of(image, face, eighths, GLANCE_SIDE).pixels for face in batch]
            scores += self._scores([_quarter_turns(cut) for cut in cuts])
        return scores

    def _turned(self, image: Pixels, face: Detection, eighths: int) -> TurnedFace | None:
        """The face turned by so many eighths; None if that suits it no better than none."""
        cuts = [_Cut.of(image, face, turn, LOOK_SIDE).pixels for turn in (0, eighths)]
        ((as_it_is, turned),) = self._scores([cuts])
        clear = turned >= SURE_SCORE or face.score < self._operating_point
        most_doubt = (LESS_DOUBT if clear else HALF_THE_DOUBT) * (1 - as_it_is)
        if turned < self._turned_score or 1 - turned > most_doubt:
            return None
        cut = _Cut.of(image, face, eighths, FINE_SIDE)
        for found in self._network.find(cut.pixels, self._turned_score):
            if _is_in_the_middle(found, FINE_SIDE):
                return TurnedFace(cut.in_picture(found), eighths)
        return None

    def _scores(self, cuts: Sequence[Sequence[Pixels]]) -> list[list[float]]:
        """How sure the face of each square cut is; all are searched as one picture of rows and columns."""
        side = len(cuts[0][0])
        sheet = np.asarray(cv2.vconcat([cv2.hconcat(row) for row in cuts]), np.uint8)
        scores = [[0.0] * len(row) for row in cuts]
        for found in self._network.find(sheet, LYING_SCORE):
            left, top = (side * ((found.box[:2] + found.box[2:]) // (2 * side))).tolist()
            if _is_in_the_middle(found, side, left, top):
                line, column = scores[int(top) // side], int(left) // side
                line[column] = max(line[column], found.score)
        return scores


@dataclass(frozen=True, slots=True)
class _Least:
    """What a candidate must have to be looked at again: size in pixels, and score at a glance."""

    size: float
    glance: float

    @classmethod
    def beside(cls, upright: Sequence[Detection]) -> "_Least":
        """In a picture that shows these faces, which are upright for sure."""
        if not upright:
            return cls(MIN_CANDIDATE_PX, 0.0)
        largest = max(face.size for face in upright)
        return cls(max(MIN_CANDIDATE_PX, LEAST_SHARE * largest), HOPELESS)


def _quarter_turns(cut: Pixels) -> list[Pixels]:
    return [cut, *(np.asarray(cv2.rotate(cut, way), np.uint8) for way in QUARTERS)]


def _may_be_turned(face: Detection, quarters: Sequence[float], least: float) -> bool:
    """Whether a glance, the scores at the quarter turns, leaves it open which way up the face is."""
    upright, best = quarters[0], max(quarters[1:])
    if face.score >= LIKELY_FACE and (upright < CONFIRMED or abs(_estimate_roll(face)) > SURE_ROLL):
        return True
    return best >= max(GLANCE_SCORE, least, upright - LEAD)


def _is_narrow(face: Detection) -> bool:
    width, height = (face.box[2:] - face.box[:2]).tolist()
    return bool(height > NARROW * width)


def _surely_upright(face: Detection) -> bool:
    return face.score >= SURE_SCORE and abs(_estimate_roll(face)) <= SURE_ROLL


def _estimate_roll(face: Detection) -> float:
    """Degrees by which the line from the eyes to the mouth leans from the vertical, -180 to 180."""
    landmarks = face.landmarks
    x, y = (landmarks[3:].mean(axis=0) - landmarks[:2].mean(axis=0)).tolist()
    return math.degrees(math.atan2(-x, y))


def _is_in_the_middle(face: Detection, side: int, left: int = 0, top: int = 0) -> bool:
    """Whether a face in a cut is the one it was cut around, not a neighbour. left, top: of the cut."""
    x, y = ((face.box[:2] + face.box[2:]) / 2).tolist()
    near = max(abs(x - left - side / 2), abs(y - top - side / 2)) < side / 5
    return near and 0.25 * side < face.size < 0.85 * side


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """A square around a face, turned. to_picture: (2, 3), from its pixels to those of the picture."""

    pixels: Pixels
    to_picture: NDArray[np.float64]

    @classmethod
    def of(cls, image: Pixels, face: Detection, eighths: int, side: int) -> "_Cut":
        """Black where the picture ends, or all of it if the box has no place in one."""
        left, top, right, bottom = face.box.tolist()
        x, y, reach = (left + right) / 2, (top + bottom) / 2, REACH / 2 * max(right - left, bottom - top)
        if not (math.isfinite(x + y) and 0 < reach < math.inf):
            return cls(np.zeros((side, side, 3), np.uint8), np.zeros((2, 3)))
        scale = side / (2 * reach)
        angle = math.pi / 4 * eighths
        cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
        to_picture = np.array([[cos, -sin, x], [sin, cos, y]])
        to_picture[:, 2] -= to_picture[:, :2].sum(axis=1) * side / 2
        around = math.ceil(reach * (math.sqrt(2) if eighths % 2 else 1)) + 1
        left, top = max(0, int(x) - around), max(0, int(y) - around)
        part = image[top : max(0, int(y) + around + 1), left : max(0, int(x) + around + 1)]
        if not part.size:
            return cls(np.zeros((side, side, 3), np.uint8), to_picture)
        small = halve_down_to(part, scale)
        halved = round(max(part.shape) / max(small.shape))
        # Warps count from the middles of pixels.
        from_cut = to_picture / halved
        from_cut[:, 2] += from_cut[:, :2].sum(axis=1) / 2 - [left / halved + 0.5, top / halved + 0.5]
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cls(
            np.asarray(cv2.warpAffine(small, from_cut, (side, side), flags=flags), np.uint8), to_picture
        )

    def in_picture(self, face: Detection) -> Detection:
        """The face in pixels of the picture; its box is the one around the ellipse in the turned box."""
        turn, shift = self.to_picture[:, :2], self.to_picture[:, 2]
        middle = turn @ ((face.box[:2] + face.box[2:]) / 2) + shift
        half = np.hypot(*(turn * (face.box[2:] - face.box[:2]) / 2).T)
        box = np.concatenate([middle - half, middle + half]).astype(np.float32)
        return Detection(box, face.score, (face.landmarks @ turn.T + shift).astype(np.float32))

from collections.abc import Sequence

import numpy as np

from stash_sense.domain.faces import EmbeddedFace

NO_FACE = "no face found"


PROMINENT = 1.3
"""How much a portrait's first face must outweigh its second: two equal ones are two people's picture."""


def prominent(faces: Sequence[EmbeddedFace], width: int, height: int) -> EmbeddedFace | None:
    """The face that a picture (width, height pixels) of one person is of: large and near the middle."""
    return max(faces, key=lambda face: _weight(face, width, height), default=None)


def portrait_face(faces: Sequence[EmbeddedFace], width: int, height: int) -> EmbeddedFace | str:
    """The face that a portrait shows, or why it is not taken."""
    ranked = sorted(faces, key=lambda face: _weight(face, width, height), reverse=True)
    if not ranked:
        return NO_FACE
    if len(ranked) > 1:
        first, second = (_weight(face, width, height) for face in ranked[:2])
        if first < PROMINENT * second:
            return f"{len(ranked)} faces, none of them clearly the person's"
    return _good_enough(ranked[0])


def only_face(faces: Sequence[EmbeddedFace]) -> EmbeddedFace | str:
    """The one face of a picture on which one person is tagged, or why it is not taken."""
    if not faces:
        return NO_FACE
    if len(faces) > 1:
        return f"{len(faces)} faces, and one person tagged"
    return _good_enough(faces[0])


def _good_enough(face: EmbeddedFace) -> EmbeddedFace | str:
    return f"the face is {face.quality.reason}" if face.quality.reason else face


def _weight(face: EmbeddedFace, width: int, height: int) -> float:
    x1, y1, x2, y2 = (float(side) for side in face.box)
    off = abs((x1 + x2) / 2 / width - 0.5) + abs((y1 + y2) / 2 / height - 0.5)
    return float(np.sqrt(max(0.0, (x2 - x1) * (y2 - y1))) * (1.0 - off) ** 2)

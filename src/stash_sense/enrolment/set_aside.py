"""Why no reference is taken from a photo: sentences for people, and their codes for programs.

A database stores the sentence; the code follows from it, also for databases of older versions.
"""

import re

from stash_sense.domain.faces import confidence_at
from stash_sense.domain.reasons import percent

NO_FACE = "no face found"
NO_PORTRAIT = "no portrait in Stash"
NO_BOX_PICTURE = "no picture at the stash-box"
SHARED_PICTURE = "also a picture of another person at the stash-box"
UPSIDE_DOWN = "the face is upside down; turn the picture"
DUPLICATE = "the same picture as another of this person"
SPARE = "other references of this person show more"
NOT_BORNE_OUT = "too unlike the portrait and the other pictures of this person to be sure"


def poor_face(fault: str) -> str:
    """fault: as `Quality.reason` words it."""
    return f"the face is {fault}"


def several_faces(count: int) -> str:
    """count: the faces of which any may be the person's."""
    return f"{count} faces, and no other photo of this person shows which one is theirs"


def one_person_tagged(count: int) -> str:
    """count: the faces of an image on which one person is tagged."""
    return f"{count} faces, and one person tagged"


def faces_that_differ(count: int) -> str:
    """count: the faces of a scene on which one person is tagged, and which show several people."""
    return f"{count} faces that differ, and one person tagged"


def nearer_to_other(name: str, distance: float, own: float) -> str:
    """distance: to the other person of that name; own: to the nearest other picture of this person."""
    return (
        f"more like {name} ({percent(confidence_at(distance))}) than like the other pictures of this person "
        f"({percent(confidence_at(own))})"
    )


def unlike_others(own: float) -> str:
    """own: distance to the nearest other picture of this person."""
    return f"unlike all other pictures of this person ({percent(confidence_at(own))} like the nearest)"


def disagreeing(own: float) -> str:
    """own: distance to the nearest other picture of this person."""
    return (
        f"unlike the other pictures of this person ({percent(confidence_at(own))}); one shows another person"
    )


SET_ASIDE = "set aside by hand"
NEARER_TO_DELETED = "more like a person who was deleted than like the other pictures of this person"

_CODES = (
    ("no-face", re.escape(NO_FACE)),
    ("no-portrait", f"{re.escape(NO_PORTRAIT)}|{re.escape(NO_BOX_PICTURE)}"),
    ("several-faces", re.escape(SHARED_PICTURE)),
    ("copy", re.escape(DUPLICATE)),
    ("spare", re.escape(SPARE)),
    ("not-sure", re.escape(NOT_BORNE_OUT)),
    ("several-faces", r"\d+ faces(,| that differ,) "),
    ("upside-down", r"the face is upside down"),
    ("poor-face", r"the face is "),
    ("by-hand", re.escape(SET_ASIDE)),
    ("other-person", r"(nearer to|more like|unlike all|unlike the other) "),
)
UNREADABLE = "unreadable"
"""Code of every other reason: the picture could not be fetched or decoded, and the sentence says why."""


def reason_code(reason: str) -> str:
    """The code of a reason for which a photo was set aside."""
    return next((code for code, pattern in _CODES if re.match(pattern, reason, re.DOTALL)), UNREADABLE)


def is_left_out(reason: str) -> bool:
    """Whether the picture shows a usable face, which another build may take."""
    return reason_code(reason) in ("copy", "spare", "not-sure", "other-person")

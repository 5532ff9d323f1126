"""Plain evidence: who is in a gallery when each face stands for itself.

evidence.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from stash_sense.matching.calibration import Scorer
from stash_sense.matching.candidates import Candidate, stacked
from stash_sense.matching.tracks import COPY_DISTANCE, TrackFace
from stash_sense.matching.verdict import bar_at, evidence_for

SURE_ALONE = 0.4
"""On one image only a person is listed below this distance, on two at the distance asked for."""


SURE_EVIDENCE = 4.3
"""Either way one of the faces must bear the name out alone, by this many decades: a look-alike of somebody
who is not enrolled comes near on many images, but on none of them this near and alone."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """A face taken for a person. face: its position among the gallery's faces."""

    face: int
    image: int
    person: int
    distance: float


@dataclass(frozen=True, slots=True)
class Presence:
    """A person found in a gallery, with every appearance, in gallery order.

    alone: how many of the faces are the person's each by itself; confirmed: a person said so.
    """

    person: int
    appearances: tuple[Appearance, ...]
    alone: int = 0
    confirmed: bool = False

    @property
    def images(self) -> list[int]:
        """Distinct positions of the images, in gallery order."""
        return sorted({seen.image for seen in self.appearances})

    @property
    def best_distance(self) -> float:
        """The nearest of the person's faces."""
        return min(seen.distance for seen in self.appearances)

    @property
    def avg_distance(self) -> float:
        """Mean over the person's faces."""
        return sum(seen.distance for seen in self.appearances) / len(self.appearances)


@dataclass(frozen=True, slots=True, eq=False)
class SeenFace:
    """A face of a gallery and the people nearest to it, best first, however far."""

    face: TrackFace
    near: Sequence[Candidate]


def plain(faces: Sequence[SeenFace], scorer: Scorer, people: int, max_distance: float) -> list[Presence]:
    """Only the best candidate of each face counts, whatever its verdict; copies of one picture are one image.

    Listed is whom a person confirmed, and who is seen on two images, or on one below SURE_ALONE, and is borne
    out by one face alone.
    """
    by_person: dict[int, list[int]] = {}
    for position, seen in enumerate(faces):
        confirmed = seen.face.confirmed
        if confirmed is not None:
            by_person.setdefault(confirmed, []).append(position)
        elif seen.near and seen.near[0].combined <= max_distance:
            by_person.setdefault(seen.near[0].person, []).append(position)
    bar = bar_at(max_distance, people, scorer) + SURE_EVIDENCE
    present = []
    for person, positions in by_person.items():
        said = any(faces[at].face.confirmed is not None for at in positions)
        if said or _is_listed([faces[at] for at in positions], scorer, bar):
            appearances = [_appearance(at, person, faces[at]) for at in positions]
            present.append(Presence(person, tuple(appearances), len(appearances), said))
    return by_images(present)


def by_images(present: Iterable[Presence]) -> list[Presence]:
    """Most images first, then the nearest."""
    return sorted(present, key=lambda one: (-len(one.images), one.best_distance, one.person))


def _appearance(position: int, person: int, seen: SeenFace) -> Appearance:
    near = next((one for one in seen.near if one.person == person), None)
    return Appearance(position, seen.face.image, person, near.combined if near else 0.0)


def _is_listed(seen: Sequence[SeenFace], scorer: Scorer, bar: float) -> bool:
    near_enough = any(one.near[0].combined < SURE_ALONE for one in seen) or _pictures(seen, scorer) >= 2
    return near_enough and any(evidence_for(one.near, scorer) >= bar for one in seen)


def _pictures(seen: Sequence[SeenFace], scorer: Scorer) -> int:
    """On how many images, up to two; an image with a face that the first image shows too is its copy."""
    vectors = stacked([one.face.embeddings for one in seen], scorer.slots)
    images = np.array([one.face.image for one in seen])
    first = images == images[0]
    near = scorer.fused(vectors, {slot: rows[first] for slot, rows in vectors.items()}).min(axis=1)
    copies = {int(image) for image in images[near < COPY_DISTANCE]}
    return 2 if set(images.tolist()) - copies else 1

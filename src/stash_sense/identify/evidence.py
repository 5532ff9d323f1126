"""From the faces of a gallery to the people in it: one face alone (plain), or the gallery together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stash_sense.identify.calibration import Scorer
from stash_sense.identify.candidates import Candidate, Embeddings, Gallery, stacked
from stash_sense.identify.verdict import crowd_allowance

SURE_ALONE = 0.4
"""Plain: on one image only a person is listed below this distance, on two at the distance asked for."""
SEED_ALONE = 0.35
"""Together: who is sure by one image alone draws further faces, so that one chance likeness would bring a
stranger's whole series along. Among 3,333 people about one unknown face in a thousand meets somebody here,
against one in a hundred at 0.4."""


COPY = 0.1
"""Two faces nearer than this are of one picture, scaled or compressed anew, or of one moment."""
MOST_COMPARED = 50


@dataclass(frozen=True, slots=True, eq=False)
class SeenFace:
    """One face of a gallery. image: its position in the gallery; candidates: best first, however far.

    said: somebody said that it is the first candidate, so no distance argues with it.
    barred: people whom it is not, as somebody said; they are not among the candidates either.
    """

    image: int
    embeddings: Embeddings
    candidates: Sequence[Candidate]
    said: bool = False
    barred: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Appearance:
    """A face taken for a person. face: its position among the gallery's faces."""

    face: int
    image: int
    person: int
    distance: float


@dataclass(frozen=True, slots=True)
class Presence:
    """A person found in a gallery, with every appearance, in gallery order."""

    person: int
    appearances: tuple[Appearance, ...]

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


def plain(faces: Sequence[SeenFace], max_distance: float) -> list[Presence]:
    """Only the best candidate of each face counts; on two images, or below SURE_ALONE, it is listed."""
    return _listed(_best(faces, max_distance), SURE_ALONE, _said(faces))


def together(
    faces: Sequence[SeenFace], database: Gallery, scorer: Scorer, max_distance: float
) -> list[Presence]:
    """The gallery's faces support one another.

    A person who is sure (on two images that are not copies of one, or on one below SEED_ALONE; with more
    people enrolled both bars rise) is looked for again among all faces of the gallery, up to the
    calibration's `gallery_slack` beyond max_distance, by the nearer of two distances: to the nearest
    reference, and to the middle of the references and the faces already taken for that person. The handful
    of people sure in a gallery are few chances for a false match against thousands enrolled, and the same
    day's faces bridge the years between reference and gallery.
    A person stands once on an image, and a face for one person: the nearest pairs are taken first. Who
    loses every near face to somebody nearer is no longer sure, and is not listed.
    """
    allowance = crowd_allowance(database.people)
    said = _said(faces)
    listed = _listed(_best(faces, max_distance - allowance), SEED_ALONE - allowance, said)
    sure = [
        one
        for one in listed
        if one.best_distance < SEED_ALONE - allowance
        or _holds(one, said)
        or not _one_picture(one, faces, scorer)
    ]
    if not sure:
        return []
    distances = _distances(faces, sure, database, scorer)
    limit = max_distance + scorer.calibration.gallery_slack
    taken = _assign(distances, faces, [one.person for one in sure], limit)
    return [one for one in _gathered(taken) if one.best_distance <= max_distance or _holds(one, said)]


def _said(faces: Sequence[SeenFace]) -> set[int]:
    return {position for position, face in enumerate(faces) if face.said}


def _holds(one: Presence, faces: set[int]) -> bool:
    return any(seen.face in faces for seen in one.appearances)


def _best(faces: Sequence[SeenFace], max_distance: float) -> list[Appearance]:
    return [
        Appearance(position, face.image, face.candidates[0].person, face.candidates[0].combined)
        for position, face in enumerate(faces)
        if face.candidates and (face.said or face.candidates[0].combined <= max_distance)
    ]


def _gathered(appearances: Iterable[Appearance]) -> list[Presence]:
    """Appearances by person; most images first, then the nearest."""
    people: dict[int, list[Appearance]] = {}
    for seen in appearances:
        people.setdefault(seen.person, []).append(seen)
    present = [
        Presence(person, tuple(sorted(seen, key=lambda one: (one.image, one.face))))
        for person, seen in people.items()
    ]
    return sorted(present, key=lambda one: (-len(one.images), one.best_distance, one.person))


def _listed(appearances: Sequence[Appearance], sure_alone: float, said: set[int]) -> list[Presence]:
    return [
        one
        for one in _gathered(appearances)
        if len(one.images) >= 2 or one.best_distance < sure_alone or _holds(one, said)
    ]


def _one_picture(one: Presence, faces: Sequence[SeenFace], scorer: Scorer) -> bool:
    """Whether a person's images are all copies of one: two copies are no second witness."""
    few = _one_an_image(one.appearances)[:MOST_COMPARED]
    vectors = stacked([faces[face].embeddings for face in few], scorer.slots)
    return bool(scorer.fused(vectors, vectors).max() < COPY)


def _distances(
    faces: Sequence[SeenFace], sure: Sequence[Presence], database: Gallery, scorer: Scorer
) -> NDArray[np.float64]:
    """(faces, people): the nearer of reference and middle.

    A face already taken is judged by reference alone, or it would be compared with itself.
    """
    probes = stacked([face.embeddings for face in faces], scorer.slots)
    columns = []
    for one in sure:
        references = database.vectors(database.rows(one.person))
        by_reference = scorer.fused(probes, references).min(axis=1)
        anchors = _one_an_image(one.appearances)
        middle = {
            slot: _middle(np.concatenate([references[slot], probes[slot][anchors]])) for slot in scorer.slots
        }
        by_middle = scorer.fused(probes, middle)[:, 0]
        by_middle[anchors] = by_reference[anchors]
        distance = np.minimum(by_reference, by_middle)
        distance[[one.person in face.barred for face in faces]] = np.inf
        columns.append(distance)
    return np.stack(columns, axis=1)


def _one_an_image(appearances: Sequence[Appearance]) -> list[int]:
    best: dict[int, Appearance] = {}
    for seen in appearances:
        if seen.image not in best or seen.distance < best[seen.image].distance:
            best[seen.image] = seen
    return [seen.face for seen in best.values()]


def _middle(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    mean = vectors.mean(axis=0, keepdims=True)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)


def _assign(
    distances: NDArray[np.float64], faces: Sequence[SeenFace], people: Sequence[int], limit: float
) -> list[Appearance]:
    """What somebody said first, then the nearest pairs; a face for one person, a person once an image."""
    taken = [seen for seen in _best(faces, limit) if faces[seen.face].said]
    used_faces = {seen.face for seen in taken}
    used_people = {(seen.image, seen.person) for seen in taken}
    face_index, column = np.nonzero(distances <= limit)
    order = np.lexsort((column, face_index, distances[face_index, column]))
    for face, who in zip(face_index[order].tolist(), column[order].tolist(), strict=True):
        image = faces[face].image
        if face in used_faces or (image, people[who]) in used_people:
            continue
        used_faces.add(face)
        used_people.add((image, people[who]))
        taken.append(Appearance(face, image, people[who], float(distances[face, who])))
    return taken

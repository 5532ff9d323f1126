"""A gallery of photos: who is in each, who is in it altogether."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from stash_sense.facedb import Person
from stash_sense.identify.candidates import Candidate, described
from stash_sense.identify.evidence import Appearance, Presence, SeenFace, plain, together
from stash_sense.identify.verdict import Verdict
from stash_sense.jobs import Progress
from stash_sense.workflows.reading import PhotoFaces, read_faces
from stash_sense.workflows.recognizer import FaceRecognizer, RecognizedFace

Evidence = Literal["plain", "gallery"]


@dataclass(frozen=True, slots=True)
class Knobs:
    """What a person may turn. Distances 0 to 2, confidence 0 to 1."""

    top_k: int = 5
    max_distance: float = 0.6
    min_face_confidence: float = 0.5
    evidence: Evidence = "gallery"


@dataclass(frozen=True, slots=True, eq=False)
class NamedPhoto:
    """One photo of a gallery. error: why it could not be read, else empty."""

    path: Path
    width: int
    height: int
    faces: tuple[RecognizedFace, ...]
    error: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class PersonFound:
    """Somebody found in a gallery, with the photos they stand on."""

    person: Person
    presence: Presence
    photos: tuple[Path, ...]

    @property
    def confidence(self) -> float:
        """Of the nearest face, 0 to 1."""
        return min(1.0, max(0.0, 1.0 - self.presence.best_distance))


@dataclass(frozen=True, slots=True, eq=False)
class GalleryResult:
    """A gallery's photos in order, and the people in it, most photos first."""

    photos: tuple[NamedPhoto, ...]
    people: tuple[PersonFound, ...]


def identify_photos(
    paths: Sequence[Path], recognizer: FaceRecognizer, knobs: Knobs, progress: Progress
) -> GalleryResult:
    """Name the people of the photos, taken as one gallery. Cancelled by way of `progress`."""
    (result,) = identify_galleries([paths], recognizer, knobs, progress)
    return result


def identify_galleries(
    galleries: Sequence[Sequence[Path]], recognizer: FaceRecognizer, knobs: Knobs, progress: Progress
) -> list[GalleryResult]:
    """Each gallery's result. All are read in one go, so that no core waits for the end of a small one."""
    paths = [path for gallery in galleries for path in gallery]
    progress.start("Identifying", len(paths))
    engine = recognizer.pack.engine
    with closing(read_faces(paths, engine, min_confidence=knobs.min_face_confidence)) as read:
        named = _named(_ticking(read, progress), recognizer, knobs)
        return [gather(list(islice(named, len(gallery))), recognizer, knobs) for gallery in galleries]


def gather(photos: Sequence[NamedPhoto], recognizer: FaceRecognizer, knobs: Knobs) -> GalleryResult:
    """The people of already named photos, by the evidence asked for; faces' verdicts follow it."""
    seen = [
        SeenFace(position, dict(face.embeddings), face.nearest)
        for position, photo in enumerate(photos)
        for face in photo.faces
    ]
    if knobs.evidence == "plain" or not recognizer.pack.calibrated:
        present = plain(seen, knobs.max_distance)
    else:
        present = together(seen, recognizer.database, recognizer.pack.scorer, knobs.max_distance)
        photos = _supported(photos, present, recognizer, knobs)
    people = tuple(
        PersonFound(
            recognizer.database.person(one.person),
            one,
            tuple(photos[position].path for position in one.images),
        )
        for one in present
    )
    return GalleryResult(tuple(photos), people)


def _ticking(read: Iterable[PhotoFaces], progress: Progress) -> Iterator[PhotoFaces]:
    for photo in read:
        progress.tick(faces=len(photo.faces))
        yield photo


NAME_BATCH = 16
"""Photos named together: a search reads all references once a batch."""


def _named(read: Iterable[PhotoFaces], recognizer: FaceRecognizer, knobs: Knobs) -> Iterator[NamedPhoto]:
    batch: list[PhotoFaces] = []
    for photo in read:
        batch.append(photo)
        if len(batch) == NAME_BATCH:
            yield from _name_batch(batch, recognizer, knobs)
            batch = []
    yield from _name_batch(batch, recognizer, knobs)


def _name_batch(
    batch: Sequence[PhotoFaces], recognizer: FaceRecognizer, knobs: Knobs
) -> Iterator[NamedPhoto]:
    faces = [face for photo in batch for face in photo.faces]
    named = iter(recognizer.name(faces, knobs.top_k, knobs.max_distance))
    for photo in batch:
        own = tuple(next(named) for _ in photo.faces)
        yield NamedPhoto(photo.path, photo.width, photo.height, own, photo.error)


def _supported(
    photos: Sequence[NamedPhoto], present: Sequence[Presence], recognizer: FaceRecognizer, knobs: Knobs
) -> list[NamedPhoto]:
    """Photos whose faces say what the gallery made of them."""
    taken = {seen.face: (seen, one) for one in present for seen in one.appearances}
    in_gallery = {one.person for one in present}
    result, position = [], 0
    for photo in photos:
        mine = range(position, position + len(photo.faces))
        here = {taken[one][0].person for one in mine if one in taken}
        faces = []
        for face in photo.faces:
            if position in taken:
                faces.append(_taken(face, *taken[position], recognizer, knobs))
            else:
                faces.append(_left_over(face, here, in_gallery, len(photos)))
            position += 1
        result.append(replace(photo, faces=tuple(faces)))
    return result


def _taken(
    face: RecognizedFace, seen: Appearance, one: Presence, recognizer: FaceRecognizer, knobs: Knobs
) -> RecognizedFace:
    person = recognizer.database.person(seen.person)
    others = len(one.images) - 1
    sure = f", sure on {others} other photo{'s' if others != 1 else ''} here" if others else ""
    verdict = Verdict("match", f"{person.name} at {seen.distance:.2f}{sure}")
    own = next((match for match in face.matches if match.performer_id == person.key), None)
    if own is not None:
        return replace(face, verdict=verdict, named=own)
    match = recognizer.match(_by_gallery(face, seen, recognizer))
    kept = sorted((match, *face.matches[: knobs.top_k - 1]), key=lambda each: each.combined_score)
    return replace(face, verdict=verdict, matches=tuple(kept), named=match)


def _by_gallery(face: RecognizedFace, seen: Appearance, recognizer: FaceRecognizer) -> Candidate:
    """The candidate that only the gallery makes count: its nearest reference, at the gallery's distance."""
    scorer, rows = recognizer.pack.scorer, recognizer.database.rows(seen.person)
    references = recognizer.database.vectors(rows)
    probe = {slot: face.embeddings[slot][None] for slot in scorer.slots}
    nearest = [int(scorer.fused(probe, references)[0].argmin())]
    cosines = {slot: references[slot][nearest] @ face.embeddings[slot] for slot in scorer.slots}
    (candidate,) = described(
        np.array([seen.person]),
        np.array([seen.distance]),
        cosines,
        np.array([rows[nearest[0]]]),
        scorer,
        "gallery",
    )
    return candidate


def _left_over(
    face: RecognizedFace, people_here: set[int], people_in_gallery: set[int], photos: int
) -> RecognizedFace:
    """A face that the gallery took for nobody, although by itself it may be near somebody."""
    if face.verdict.word == "unknown":
        return face
    best = face.nearest[0]
    name = face.matches[0].name
    if best.person in people_here:
        said = Verdict("ambiguous", f"like {name}, who is another face on this photo")
    elif best.person not in people_in_gallery and photos > 1 and face.verdict.word == "match":
        said = Verdict("unknown", f"like {name} ({best.combined:.2f}), but on this photo alone")
    else:
        return face
    return replace(face, verdict=said, named=None)


def joined(results: Sequence[GalleryResult]) -> GalleryResult:
    """Several galleries' results as one: photos one after another, a person's appearances together."""
    photos: list[NamedPhoto] = []
    people: dict[int, PersonFound] = {}
    faces = 0
    for result in results:
        for found in result.people:
            moved = tuple(
                replace(seen, image=seen.image + len(photos), face=seen.face + faces)
                for seen in found.presence.appearances
            )
            before = people.get(found.presence.person)
            seen_before = before.presence.appearances if before else ()
            photos_before = before.photos if before else ()
            presence = Presence(found.presence.person, seen_before + moved)
            people[presence.person] = PersonFound(found.person, presence, photos_before + found.photos)
        photos += result.photos
        faces += sum(len(photo.faces) for photo in result.photos)
    order = sorted(people.values(), key=lambda one: (-len(one.photos), one.presence.best_distance))
    return GalleryResult(tuple(photos), tuple(order))

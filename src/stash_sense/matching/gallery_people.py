"""Who is in several pictures taken together: each face for itself (plain), or track by track (gallery)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from stash_sense.domain.decisions import NO_DECISIONS, FaceDecisions
from stash_sense.domain.faces import Candidate, Match, RecognizedFace, confidence_at
from stash_sense.domain.identity import Person
from stash_sense.domain.reasons import Reason
from stash_sense.matching.calibration import Scorer
from stash_sense.matching.candidates import ReferenceIndex, find_candidates, stack_embeddings
from stash_sense.matching.naming import Track, name_tracks
from stash_sense.matching.track_verdicts import KnownPeople, TrackVerdicts
from stash_sense.matching.tracks import COPY_DISTANCE, TrackFace
from stash_sense.matching.verdict import bar_at, evidence_for

SURE_ALONE = 0.4
"""Plain: a person on one image is listed below this distance, on two images at the distance asked for."""

SURE_EVIDENCE = 4.3
"""Plain: in both cases one of the faces must support the name alone, by this many decades. A look-alike of a
person who is not enrolled comes near on many images, but on none of them this near and alone."""

Evidence = Literal["plain", "gallery"]

PictureFaces = tuple[RecognizedFace, ...]
"""All faces of one picture."""


@dataclass(frozen=True, slots=True)
class MatchOptions:
    """The options of a match that a caller may set. Distances 0 to 2, confidence 0 to 1."""

    top_k: int = 5
    max_distance: float = 0.6
    min_face_confidence: float = 0.5
    evidence: Evidence = "gallery"


@dataclass(frozen=True, slots=True)
class PersonFace:
    """A face taken for a person. face, image: positions among all faces and pictures. distance: 0 to 2."""

    face: int
    image: int
    distance: float


@dataclass(frozen=True, slots=True, eq=False)
class GalleryPerson:
    """A person found in the pictures.

    index: in the face database; negative for a person who was confirmed and is not enrolled. faces: in
    gallery order. alone: how many of the faces are near enough each by itself. confirmed: by a decision on
    one of the faces. tracks: positions of the faces of each track; none with plain evidence.
    """

    person: Person
    index: int
    faces: tuple[PersonFace, ...]
    alone: int = 0
    confirmed: bool = False
    tracks: tuple[tuple[int, ...], ...] = ()

    @property
    def images(self) -> list[int]:
        """Distinct positions of the pictures, in gallery order."""
        return sorted({face.image for face in self.faces})

    @property
    def best_distance(self) -> float:
        """Of the nearest face."""
        return min(face.distance for face in self.faces)

    @property
    def avg_distance(self) -> float:
        """Mean over the faces."""
        return sum(face.distance for face in self.faces) / len(self.faces)

    @property
    def confidence(self) -> float:
        """Of the nearest face, 0 to 1."""
        return confidence_at(self.best_distance)


@dataclass(frozen=True, slots=True, eq=False)
class UnknownTrack:
    """A track without a name. faces: positions among all faces; images: distinct, in gallery order.

    nearest: whom it may show, best first: both people if it is ambiguous between two, often nobody if it is
    unknown.
    """

    faces: tuple[int, ...]
    images: tuple[int, ...]
    status: Literal["ambiguous", "unknown"]
    reason: Reason
    nearest: tuple[Match, ...]


@dataclass(frozen=True, slots=True, eq=False)
class GalleryEvidence:
    """The pictures' faces with the verdicts of the evidence, the people, and the tracks without a name.

    People and tracks on most pictures come first.
    """

    pictures: tuple[PictureFaces, ...]
    people: tuple[GalleryPerson, ...]
    unknown: tuple[UnknownTrack, ...] = ()


def find_people(
    pictures: Sequence[PictureFaces],
    database: ReferenceIndex,
    scorer: Scorer,
    options: MatchOptions,
    decisions: Mapping[int, FaceDecisions] | None = None,
    *,
    calibrated: bool = True,
) -> GalleryEvidence:
    """Who is in these pictures, taken as one gallery. Without a calibrated pack the evidence is plain.

    decisions: by the face's position among all faces. A decided face counts as decided, but keeps its own
    verdict here; `apply_decisions` changes it when the face is shown.
    """
    decisions = decisions or {}
    known = KnownPeople(database, decisions)
    faces, positions = _track_faces(pictures, known, decisions)
    if options.evidence == "plain" or not calibrated:
        every = [face for own in pictures for face in own]
        nearest = [
            _without_rejected(face, database, scorer) if face.rejected else every[position].nearest
            for face, position in zip(faces, positions, strict=True)
        ]
        people = plain_people(faces, nearest, scorer, database.people, options.max_distance, known.person)
        return GalleryEvidence(tuple(pictures), tuple(_at_positions(person, positions) for person in people))
    tracks = [
        replace(track, faces=tuple(positions[face] for face in track.faces))
        for track in name_tracks(faces, database, scorer, options.max_distance, options.top_k)
    ]
    verdicts = TrackVerdicts(pictures, tracks, known, options.max_distance, options.top_k)
    confirmed = {position for position, each in decisions.items() if each.confirmed is not None}
    return GalleryEvidence(
        tuple(verdicts.faces(confirmed)),
        tuple(_people_of_tracks(tracks, verdicts, known)),
        tuple(_unknown_tracks(tracks, verdicts)),
    )


def _track_faces(
    pictures: Sequence[PictureFaces], known: KnownPeople, decisions: Mapping[int, FaceDecisions]
) -> tuple[list[TrackFace], list[int]]:
    """The faces that count, and their positions among all."""
    faces, positions = [], []
    every = [(image, face) for image, own in enumerate(pictures) for face in own]
    for position, (image, face) in enumerate(every):
        decided = decisions.get(position, NO_DECISIONS)
        # A NaN in a vector is like nothing, and would make its whole track like nothing.
        if decided.ignored or not all(np.isfinite(vector).all() for vector in face.embeddings.values()):
            continue
        faces.append(
            TrackFace(
                image,
                face.embeddings,
                face.quality.score,
                known.confirmed(decided),
                known.indices(decided.rejected),
                decided.apart,
            )
        )
        positions.append(position)
    return faces, positions


def _people_of_tracks(
    tracks: Sequence[Track], verdicts: TrackVerdicts, known: KnownPeople
) -> list[GalleryPerson]:
    by_person: dict[int, list[Track]] = {}
    for track in tracks:
        if track.person is not None:
            by_person.setdefault(track.person, []).append(track)
    return _most_images_first(
        GalleryPerson(
            known.person(index),
            index,
            tuple(
                PersonFace(face, image, distance)
                for image, face, distance in sorted(
                    (verdicts.image_of(face), face, distance)
                    for track in own
                    for face, distance in zip(track.faces, track.distances, strict=True)
                )
            ),
            sum(track.alone for track in own),
            any(track.why == "confirmed" for track in own),
            tuple(track.faces for track in own),
        )
        for index, own in by_person.items()
    )


def _unknown_tracks(tracks: Sequence[Track], verdicts: TrackVerdicts) -> list[UnknownTrack]:
    unknown = [
        UnknownTrack(
            track.faces,
            verdicts.images(track),
            "ambiguous" if track.status == "ambiguous" else "unknown",
            verdicts.reason(track),
            verdicts.nearest(track),
        )
        for track in tracks
        if track.person is None
    ]
    return sorted(unknown, key=lambda track: (-len(track.images), track.faces))


def _most_images_first(people: Iterable[GalleryPerson]) -> list[GalleryPerson]:
    return sorted(people, key=lambda person: (-len(person.images), person.best_distance, person.index))


def plain_people(
    faces: Sequence[TrackFace],
    nearest: Sequence[Sequence[Candidate]],
    scorer: Scorer,
    enrolled: int,
    max_distance: float,
    person: Callable[[int], Person],
) -> list[GalleryPerson]:
    """The people by plain evidence: only the best candidate of each face counts, whatever its verdict.

    nearest: the people nearest to each face, best first, however far. enrolled: how many people are. person:
    index -> the person. Listed are people who were confirmed, and those who are seen on two images (copies of
    one picture are one image), or on one below SURE_ALONE, if one of the faces supports the name alone.
    """
    by_person: dict[int, list[int]] = {}
    for position, (face, near) in enumerate(zip(faces, nearest, strict=True)):
        if face.confirmed is not None:
            by_person.setdefault(face.confirmed, []).append(position)
        elif near and near[0].combined <= max_distance:
            by_person.setdefault(near[0].person, []).append(position)
    bar = bar_at(max_distance, enrolled, scorer) + SURE_EVIDENCE
    people = []
    for index, positions in by_person.items():
        own = [faces[at] for at in positions]
        confirmed = any(face.confirmed is not None for face in own)
        if confirmed or _is_listed(own, [nearest[at] for at in positions], scorer, bar):
            seen = tuple(PersonFace(at, faces[at].image, _distance(nearest[at], index)) for at in positions)
            people.append(GalleryPerson(person(index), index, seen, len(seen), confirmed))
    return _most_images_first(people)


def _distance(near: Sequence[Candidate], person: int) -> float:
    return next((candidate.combined for candidate in near if candidate.person == person), 0.0)


def _is_listed(
    faces: Sequence[TrackFace], nearest: Sequence[Sequence[Candidate]], scorer: Scorer, bar: float
) -> bool:
    near_enough = any(near[0].combined < SURE_ALONE for near in nearest) or _on_two_images(faces, scorer)
    return near_enough and any(evidence_for(near, scorer) >= bar for near in nearest)


def _on_two_images(faces: Sequence[TrackFace], scorer: Scorer) -> bool:
    """Whether the faces are on two images; one that shows a face of the first image again is its copy."""
    vectors = stack_embeddings([face.embeddings for face in faces], scorer.slots)
    images = np.array([face.image for face in faces])
    first = images == images[0]
    near = scorer.fused(vectors, {slot: rows[first] for slot, rows in vectors.items()}).min(axis=1)
    copies = {int(image) for image in images[near < COPY_DISTANCE]}
    return bool(set(images.tolist()) - copies)


def _without_rejected(face: TrackFace, database: ReferenceIndex, scorer: Scorer) -> list[Candidate]:
    """The two nearest people who were not rejected on the face: the second counts against the first."""
    (near,) = find_candidates([face.embeddings], database, scorer, 2 + len(face.rejected))
    return [candidate for candidate in near if candidate.person not in face.rejected]


def _at_positions(person: GalleryPerson, positions: Sequence[int]) -> GalleryPerson:
    """With the faces' positions among all faces, not only among those that counted."""
    return replace(person, faces=tuple(replace(face, face=positions[face.face]) for face in person.faces))

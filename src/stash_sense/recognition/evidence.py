"""The people of several pictures taken together, by the evidence asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from stash_sense.domain.people import Person
from stash_sense.matching.candidates import Candidate, candidates
from stash_sense.matching.evidence import Presence, SeenFace, plain
from stash_sense.matching.naming import name_tracks
from stash_sense.matching.tracks import TrackFace
from stash_sense.recognition.recognizer import FaceRecognizer, Match, RecognizedFace
from stash_sense.recognition.track_verdicts import NOTHING_SAID, KnownPeople, Said, TrackVerdicts

Evidence = Literal["plain", "gallery"]


Faces = tuple[RecognizedFace, ...]


@dataclass(frozen=True, slots=True)
class MatchOptions:
    """What a person may turn. Distances 0 to 2, confidence 0 to 1."""

    top_k: int = 5
    max_distance: float = 0.6
    min_face_confidence: float = 0.5
    evidence: Evidence = "gallery"


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Somebody found in the pictures, and where. tracks: positions of the faces of each of their tracks."""

    person: Person
    presence: Presence
    tracks: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Unnamed:
    """A track that was given no name. faces: positions among all faces; images: distinct, in gallery order.

    nearest: whom it may be, best first: two people for one that is ambiguous between them, often none for one
    that is unknown.
    """

    faces: tuple[int, ...]
    images: tuple[int, ...]
    status: Literal["ambiguous", "unknown"]
    reason: str
    nearest: tuple[Match, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """The pictures' faces with the verdicts of the evidence. The people, and the tracks without a name: those
    on most pictures first."""

    pictures: tuple[Faces, ...]
    people: tuple[Found, ...]
    unnamed: tuple[Unnamed, ...] = ()


def weigh(
    pictures: Sequence[Faces],
    recognizer: FaceRecognizer,
    knobs: MatchOptions,
    said: Mapping[int, Said] | None = None,
) -> Weighed:
    """Who is in these pictures, taken as one gallery.

    said: what somebody said of a face, by its position among all faces. Such a face counts as it was said. It
    keeps its own verdict; what was said is put over that where the face is shown.
    """
    said = said or {}
    people = KnownPeople(recognizer.database, said)
    faces, positions = _counted(pictures, people, said)
    if knobs.evidence == "plain" or not recognizer.pack.calibrated:
        return Weighed(tuple(pictures), tuple(_plain(pictures, faces, positions, people, recognizer, knobs)))
    tracks = name_tracks(faces, recognizer.database, recognizer.pack.scorer, knobs.max_distance, knobs.top_k)
    tracks = [replace(track, faces=tuple(positions[face] for face in track.faces)) for track in tracks]
    verdicts = TrackVerdicts(pictures, tracks, people, recognizer, knobs.max_distance, knobs.top_k)
    found = [Found(people.person(presence.person), presence, own) for presence, own in verdicts.people()]
    unnamed = [
        Unnamed(
            track.faces,
            verdicts.images(track),
            "ambiguous" if track.status == "ambiguous" else "unknown",
            verdicts.reason(track),
            verdicts.nearest(track),
        )
        for track in verdicts.unnamed()
    ]
    decided = {position for position, one in said.items() if one.confirmed is not None}
    return Weighed(tuple(verdicts.faces(decided)), tuple(found), tuple(unnamed))


def _counted(
    pictures: Sequence[Faces], people: KnownPeople, said: Mapping[int, Said]
) -> tuple[list[TrackFace], list[int]]:
    """The faces that count, and their positions among all."""
    counted, positions = [], []
    everything = [(image, face) for image, own in enumerate(pictures) for face in own]
    for position, (image, face) in enumerate(everything):
        one = said.get(position, NOTHING_SAID)
        # A vector that is no number is like nothing, and would make its track like nothing.
        if one.ignored or not all(np.isfinite(vector).all() for vector in face.embeddings.values()):
            continue
        counted.append(
            TrackFace(
                image,
                dict(face.embeddings),
                face.quality.score,
                people.confirmed(one),
                people.indices(one.rejected),
                one.apart,
            )
        )
        positions.append(position)
    return counted, positions


def _plain(
    pictures: Sequence[Faces],
    faces: Sequence[TrackFace],
    positions: Sequence[int],
    people: KnownPeople,
    recognizer: FaceRecognizer,
    knobs: MatchOptions,
) -> list[Found]:
    everything = [face for own in pictures for face in own]
    seen = [
        SeenFace(face, _not_rejected(face, recognizer) if face.rejected else everything[at].nearest)
        for face, at in zip(faces, positions, strict=True)
    ]
    present = plain(seen, recognizer.pack.scorer, recognizer.database.people, knobs.max_distance)
    return [Found(people.person(one.person), _at(one, positions)) for one in present]


def _not_rejected(face: TrackFace, recognizer: FaceRecognizer) -> list[Candidate]:
    """The two people nearest to a face who were not rejected on it: the second counts against the first."""
    (near,) = candidates(
        [face.embeddings], recognizer.database, recognizer.pack.scorer, 2 + len(face.rejected)
    )
    return [one for one in near if one.person not in face.rejected]


def _at(one: Presence, positions: Sequence[int]) -> Presence:
    """The presence with its faces' positions among all faces, not only among those that counted."""
    seen = tuple(replace(each, face=positions[each.face]) for each in one.appearances)
    return replace(one, appearances=seen)

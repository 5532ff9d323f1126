"""Named faces of several pictures -> the people in them together, by the evidence asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from stash_sense.facedb import Person
from stash_sense.identify.candidates import Candidate, described
from stash_sense.identify.evidence import Appearance, Presence, SeenFace, plain, together
from stash_sense.identify.verdict import Verdict
from stash_sense.workflows.recognizer import FaceRecognizer, Match, RecognizedFace

Evidence = Literal["plain", "gallery"]
Faces = tuple[RecognizedFace, ...]

NOBODY_ENROLLED = -1
"""In place of a person's index, for somebody who was confirmed by hand and is not in the face database."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """What a person may turn. Distances 0 to 2, confidence 0 to 1."""

    top_k: int = 5
    max_distance: float = 0.6
    min_face_confidence: float = 0.5
    evidence: Evidence = "gallery"


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said of a face: whom it shows, whom it does not, or that it does not matter."""

    confirmed: str | None = None
    name: str | None = None
    rejected: frozenset[str] = frozenset()
    ignored: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Somebody found in the pictures, and where."""

    person: Person
    presence: Presence


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """The pictures' faces with the verdicts that the evidence gives them; people on most pictures first."""

    pictures: tuple[Faces, ...]
    people: tuple[Found, ...]


def weigh(
    pictures: Sequence[Faces],
    recognizer: FaceRecognizer,
    knobs: Knobs,
    said: Mapping[int, Said] | None = None,
) -> Weighed:
    """Who is in these pictures, taken as one gallery.

    said: what somebody said of a face, by its position among all faces. Such a face counts as it was said,
    and keeps its own verdict, over which whoever shows it puts what was said.
    """
    words = _Words(said or {})
    seen, positions = words.heard(pictures, recognizer)
    if knobs.evidence == "plain" or not recognizer.pack.calibrated:
        present = plain(seen, knobs.max_distance)
    else:
        present = together(seen, recognizer.database, recognizer.pack.scorer, knobs.max_distance)
    present = [_at(one, positions) for one in present]
    people = [Found(recognizer.database.person(one.person), one) for one in present]
    if knobs.evidence == "gallery" and recognizer.pack.calibrated:
        pictures = _supported(pictures, present, recognizer, knobs, words.said)
    everybody = sorted(
        (*people, *words.strangers(pictures)),
        key=lambda one: (-len(one.presence.images), one.presence.best_distance),
    )
    return Weighed(tuple(pictures), tuple(everybody))


def _at(one: Presence, positions: Sequence[int]) -> Presence:
    """The presence with its faces' positions among all faces, not only among those that counted."""
    return replace(
        one, appearances=tuple(replace(seen, face=positions[seen.face]) for seen in one.appearances)
    )


@dataclass(slots=True)
class _Words:
    said: Mapping[int, Said]
    _apart: dict[str, list[tuple[int, int, Said]]] = field(default_factory=dict)

    def heard(
        self, pictures: Sequence[Faces], recognizer: FaceRecognizer
    ) -> tuple[list[SeenFace], list[int]]:
        """The faces that count, and their positions among all."""
        known = self._enrolled(pictures, recognizer)
        seen, positions, position = [], [], -1
        for image, faces in enumerate(pictures):
            for face in faces:
                position += 1
                word = self.said.get(position)
                heard: SeenFace | None = SeenFace(image, dict(face.embeddings), face.nearest)
                if word is not None:
                    heard = self._heard(image, position, face, word, known)
                if heard is not None:
                    seen.append(heard)
                    positions.append(position)
        return seen, positions

    def strangers(self, pictures: Sequence[Faces]) -> list[Found]:
        """The people confirmed by hand whom the face database does not know, or not near any face."""
        everything = [face for faces in pictures for face in faces]
        found = []
        for key, places in self._apart.items():
            appearances, person = [], Person(key, places[0][2].name or key)
            for image, position, _ in places:
                match = next((one for one in everything[position].matches if one.performer_id == key), None)
                person = _person(match) if match else person
                distance = match.combined_score if match else 0.0
                appearances.append(Appearance(position, image, NOBODY_ENROLLED, distance))
            found.append(Found(person, Presence(NOBODY_ENROLLED, tuple(appearances))))
        return found

    def _enrolled(self, pictures: Sequence[Faces], recognizer: FaceRecognizer) -> dict[str, int]:
        """Keys and aliases of all people who are nearest to some face -> their index."""
        if not self.said:
            return {}
        near = {face.nearest[0].person for faces in pictures for face in faces if face.nearest}
        people = {index: recognizer.database.person(index) for index in sorted(near)}
        return {key: index for index, one in people.items() for key in (one.key, *one.aliases)}

    def _heard(
        self, image: int, position: int, face: RecognizedFace, word: Said, known: Mapping[str, int]
    ) -> SeenFace | None:
        if word.ignored:
            return None
        barred = frozenset(known[key] for key in word.rejected if key in known)
        candidates = [one for one in face.nearest if one.person not in barred]
        embeddings = dict(face.embeddings)
        if word.confirmed is None:
            return SeenFace(image, embeddings, candidates, barred=barred)
        index = known.get(word.confirmed)
        if index is None:
            self._apart.setdefault(word.confirmed, []).append((image, position, word))
            return None
        own = next((one for one in candidates if one.person == index), None)
        first = own or Candidate(index, 0.0, 0.0, 0.0, -1, "decision")
        return SeenFace(image, embeddings, [first], said=True, barred=barred)


def _person(match: Match) -> Person:
    return Person(
        match.performer_id,
        match.name,
        country=match.country,
        image_url=match.image_url,
        stash_ids=match.stash_ids,
        local_id=match.local_id,
    )


def _supported(
    pictures: Sequence[Faces],
    present: Sequence[Presence],
    recognizer: FaceRecognizer,
    knobs: Knobs,
    said: Mapping[int, Said],
) -> list[Faces]:
    """Pictures whose faces say what the gallery made of them."""
    taken = {seen.face: (seen, one) for one in present for seen in one.appearances}
    in_gallery = {one.person for one in present}
    result, position = [], 0
    for own in pictures:
        mine = range(position, position + len(own))
        here = {taken[one][0].person for one in mine if one in taken}
        faces = []
        for face in own:
            if position in said:
                faces.append(face)
            elif position in taken:
                faces.append(_taken(face, *taken[position], recognizer, knobs))
            else:
                faces.append(_left_over(face, here, in_gallery, len(pictures)))
            position += 1
        result.append(tuple(faces))
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
    person, row = np.array([seen.person]), np.array([rows[nearest[0]]])
    (candidate,) = described(person, np.array([seen.distance]), cosines, row, scorer, "gallery")
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

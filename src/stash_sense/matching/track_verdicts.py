"""Verdicts of faces by their tracks: whom each face shows once its track is judged, and why."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from stash_sense.domain.decisions import FaceDecisions
from stash_sense.domain.faces import Candidate, Match, RecognizedFace, Verdict
from stash_sense.domain.identity import Person, person_from_facts
from stash_sense.domain.reasons import Reason, ReasonCode
from stash_sense.matching.candidates import ReferenceIndex
from stash_sense.matching.naming import Track
from stash_sense.matching.verdict import candidate_in_reason, reason_for_match, reason_for_nobody


class KnownPeople:
    """The people that faces may show, by index: from 0 on those of the face database; negative ones were
    confirmed by hand and are not enrolled."""

    def __init__(self, database: ReferenceIndex, decisions: Mapping[int, FaceDecisions]) -> None:
        self._database = database
        self._by_hand: list[Person] = []
        confirmed = {each.confirmed: each for each in decisions.values() if each.confirmed is not None}
        rejected = [key for each in decisions.values() for key in each.rejected]
        self._index = database.find(dict.fromkeys((*confirmed, *rejected)))
        for key, decided in confirmed.items():
            if key not in self._index:
                self._by_hand.append(person_from_facts(key, decided.name, decided.facts))
                self._index[key] = -len(self._by_hand)

    def person(self, index: int) -> Person:
        """The person at an index."""
        return self._database.person(index) if index >= 0 else self._by_hand[-index - 1]

    def confirmed(self, decisions: FaceDecisions) -> int | None:
        """The index of the person confirmed on a face."""
        return None if decisions.confirmed is None else self._index[decisions.confirmed]

    def indices(self, keys: Iterable[str]) -> frozenset[int]:
        """The indices of those keys that stand for a known person."""
        return frozenset(self._index[key] for key in keys if key in self._index)


BY_GALLERY = "gallery"
"""The `support` of a match that only the face's track gives it."""


class TrackVerdicts:
    """What the tracks of a gallery say of its faces. Faces are positions among all faces of the pictures."""

    def __init__(
        self,
        pictures: Sequence[Sequence[RecognizedFace]],
        tracks: Sequence[Track],
        people: KnownPeople,
        max_distance: float,
        top_k: int,
    ) -> None:
        self._pictures = pictures
        self._tracks = tracks
        self._people = people
        self._max_distance = max_distance
        self._top_k = top_k
        self._image_of = [image for image, own in enumerate(pictures) for _ in own]
        self._images_of = {
            id(track): tuple(sorted({self._image_of[face] for face in track.faces})) for track in tracks
        }

    def image_of(self, face: int) -> int:
        """The picture that a face is on."""
        return self._image_of[face]

    def images(self, track: Track) -> tuple[int, ...]:
        """The pictures that a track is on, in order."""
        return self._images_of[id(track)]

    def nearest(self, track: Track) -> tuple[Match, ...]:
        """The people that a track without a name may show."""
        return tuple(self._as_match(candidate) for candidate in self._candidates(track))

    def reason(self, track: Track) -> Reason:
        """Why a track has no name."""
        return reason_without_name(track, self._people.person)

    def faces(self, confirmed: Collection[int] = ()) -> Iterator[tuple[RecognizedFace, ...]]:
        """The pictures' faces with the verdicts of their tracks; confirmed faces keep their own."""
        place_of = {face: (track, at) for track in self._tracks for at, face in enumerate(track.faces)}
        position = 0
        for own in self._pictures:
            faces = []
            for face in own:
                in_track = position in place_of and position not in confirmed
                faces.append(self._judged(face, *place_of[position]) if in_track else face)
                position += 1
            yield tuple(faces)

    def _candidates(self, track: Track) -> list[Candidate]:
        """The people a track may show: as near as was asked for, and both of two that are equally near."""
        near = [candidate for candidate in track.candidates if candidate.combined <= self._max_distance]
        most = max(self._top_k, 2) if track.why == "rival" else self._top_k
        if track.why == "rival" and len(near) < 2:
            near = list(track.candidates[:2])
        return near[:most]

    def _judged(self, face: RecognizedFace, track: Track, at: int) -> RecognizedFace:
        if track.person is None:
            matches = face.matches
            if track.status == "ambiguous":
                matches = self._with(face, [self._by_track(each) for each in self._candidates(track)[:2]])
            return replace(face, verdict=self._unnamed(face, track), matches=matches, named=None)
        match = self._match(face, track, at)
        verdict = Verdict("match", self._reason_for_name(track, match))
        return replace(face, verdict=verdict, matches=self._with(face, [match]), named=match)

    def _unnamed(self, face: RecognizedFace, track: Track) -> Verdict:
        if track.status == face.verdict.status == "unknown":
            return face.verdict
        return Verdict(track.status, self.reason(track))

    def _reason_for_name(self, track: Track, match: Match) -> Reason:
        if track.why == "confirmed":
            return Reason(ReasonCode.CONFIRMED_ELSEWHERE, (match.in_reason,))
        others = len(self.images(track)) - 1
        if others:
            return Reason(ReasonCode.TOGETHER, (match.in_reason,), others)
        # The face's own confidence, as in its match: the track may be nearer.
        reason = reason_for_match(track.candidates, self._max_distance, self._people.person)
        return reason.with_confidence(match.confidence)

    def _match(self, face: RecognizedFace, track: Track, at: int) -> Match:
        """The face's own match for the person of its track; the track's if the face has none."""
        assert track.person is not None
        person = self._people.person(track.person)
        own = next((match for match in face.matches if match.performer_id == person.key), None)
        if own is not None:
            return own
        if track.person < 0:
            return Match.of(Candidate(track.person, 0.0, 0.0, 0.0, -1, BY_GALLERY), person)
        return self._by_track(replace(track.candidates[0], combined=track.distances[at]))

    def _by_track(self, candidate: Candidate) -> Match:
        return self._as_match(replace(candidate, support=BY_GALLERY, cosines={}))

    def _as_match(self, candidate: Candidate) -> Match:
        return Match.of(candidate, self._people.person(candidate.person))

    def _with(self, face: RecognizedFace, meant: Sequence[Match]) -> tuple[Match, ...]:
        """The face's matches, best first, at most `top_k`, always with those that its verdict means."""
        own = {match.performer_id: match for match in face.matches}
        first = [own.get(match.performer_id, match) for match in meant][: self._top_k]
        keys = {match.performer_id for match in first}
        others = [match for match in face.matches if match.performer_id not in keys]
        matches = [*first, *others[: self._top_k - len(first)]]
        return tuple(sorted(matches, key=lambda match: match.combined_score))


def reason_without_name(track: Track, person: Callable[[int], Person]) -> Reason:
    """Why a track has no name. person: index -> the person."""
    if not track.candidates:
        return Reason(ReasonCode.NOBODY_ENROLLED)
    people = tuple(candidate_in_reason(each, person) for each in track.candidates[:2])
    if track.why == "rival" and len(people) > 1:
        return Reason(ReasonCode.RIVAL, people)
    if track.why == "far":
        return reason_for_nobody(people[0])
    code = {
        "look-alike": ReasonCode.LOOK_ALIKE,
        "taken": ReasonCode.TAKEN,
        "weak": ReasonCode.WEAK if track.status == "unknown" else ReasonCode.UNSURE,
    }.get(track.why, ReasonCode.UNSURE)
    return Reason(code, people[:1])

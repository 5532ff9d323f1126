from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from stash_sense.domain.people import Person
from stash_sense.facedb.database import FaceDatabase
from stash_sense.matching.candidates import Candidate
from stash_sense.matching.evidence import Appearance, Presence, by_images
from stash_sense.matching.naming import Track
from stash_sense.matching.verdict import Verdict
from stash_sense.recognition.recognizer import FaceRecognizer, Match, RecognizedFace


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said of a face: whom it shows, whom it does not, that it does not matter, or that it is
    not the person of the faces it was grouped with."""

    confirmed: str | None = None
    name: str | None = None
    rejected: frozenset[str] = frozenset()
    ignored: bool = False
    apart: bool = False


NOTHING_SAID = Said()


class KnownPeople:
    """Indices from 0 on are the face database's; negative ones are of people who were confirmed by hand and
    are not enrolled."""

    def __init__(self, database: FaceDatabase, said: Mapping[int, Said]) -> None:
        self._database = database
        self._by_hand: list[Person] = []
        confirmed = {one.confirmed: one.name for one in said.values() if one.confirmed is not None}
        rejected = [key for one in said.values() for key in one.rejected]
        self._index = database.find(dict.fromkeys((*confirmed, *rejected)))
        for key, name in confirmed.items():
            if key not in self._index:
                self._by_hand.append(Person(key, name or key))
                self._index[key] = -len(self._by_hand)

    def person(self, index: int) -> Person:
        """The person at an index."""
        return self._database.person(index) if index >= 0 else self._by_hand[-index - 1]

    def name(self, index: int) -> str:
        """Their name."""
        return self.person(index).name

    def confirmed(self, said: Said) -> int | None:
        """Whom a face was said to show."""
        return None if said.confirmed is None else self._index[said.confirmed]

    def indices(self, keys: Iterable[str]) -> frozenset[int]:
        """Those of the people who are known here by these keys."""
        return frozenset(self._index[key] for key in keys if key in self._index)


BY_GALLERY = "gallery"


class TrackVerdicts:
    """The verdicts of a gallery's tracks, whose faces are positions among all faces of the pictures."""

    def __init__(
        self,
        pictures: Sequence[Sequence[RecognizedFace]],
        tracks: Sequence[Track],
        people: KnownPeople,
        recognizer: FaceRecognizer,
        max_distance: float,
        top_k: int,
    ) -> None:
        self._pictures = pictures
        self._tracks = tracks
        self._people = people
        self._recognizer = recognizer
        self._max_distance = max_distance
        self._top_k = top_k
        self._image_of = [image for image, own in enumerate(pictures) for _ in own]
        self._images_of = {
            id(track): tuple(sorted({self._image_of[face] for face in track.faces})) for track in tracks
        }

    def people(self) -> Iterator[tuple[Presence, tuple[tuple[int, ...], ...]]]:
        """Who was named, on most pictures first, and the faces of each of their tracks."""
        by_person: dict[int, list[Track]] = {}
        for track in self._tracks:
            if track.person is not None:
                by_person.setdefault(track.person, []).append(track)
        for presence in by_images(self._presence(*each) for each in by_person.items()):
            yield presence, tuple(track.faces for track in by_person[presence.person])

    def unnamed(self) -> list[Track]:
        """The tracks that were given no name, on most pictures first."""
        left = [track for track in self._tracks if track.person is None]
        return sorted(left, key=lambda track: (-len(self.images(track)), track.faces))

    def images(self, track: Track) -> tuple[int, ...]:
        """The pictures that the track is on, in order."""
        return self._images_of[id(track)]

    def nearest(self, track: Track) -> tuple[Match, ...]:
        """The people that a track without a name may be."""
        return tuple(self._recognizer.match(one) for one in self._candidates(track))

    def reason(self, track: Track) -> str:
        """Why a track was given no name, in one line."""
        return reason_of(track, self._people.name)

    def faces(self, decided: Collection[int] = ()) -> Iterator[tuple[RecognizedFace, ...]]:
        """The pictures' faces as their tracks have them, but for those that a person decided on."""
        place_of = {face: (track, at) for track in self._tracks for at, face in enumerate(track.faces)}
        position = 0
        for own in self._pictures:
            told = []
            for face in own:
                known = position in place_of and position not in decided
                told.append(self._told(face, *place_of[position]) if known else face)
                position += 1
            yield tuple(told)

    def _presence(self, person: int, tracks: Sequence[Track]) -> Presence:
        seen = sorted(
            (self._image_of[face], face, distance)
            for track in tracks
            for face, distance in zip(track.faces, track.distances, strict=True)
        )
        return Presence(
            person,
            tuple(Appearance(face, image, person, distance) for image, face, distance in seen),
            sum(track.alone for track in tracks),
            any(track.why == "confirmed" for track in tracks),
        )

    def _candidates(self, track: Track) -> list[Candidate]:
        """The people a track may be: as near as was asked for, and both of two that are equally near."""
        near = [one for one in track.candidates if one.combined <= self._max_distance]
        most = max(self._top_k, 2) if track.why == "rival" else self._top_k
        if track.why == "rival" and len(near) < 2:
            near = list(track.candidates[:2])
        return near[:most]

    def _told(self, face: RecognizedFace, track: Track, at: int) -> RecognizedFace:
        if track.person is None:
            matches = face.matches
            if track.status == "ambiguous":
                matches = self._with(face, [self._by_track(one) for one in self._candidates(track)[:2]])
            return replace(face, verdict=self._not_named(face, track), matches=matches, named=None)
        match = self._match(face, track, at)
        verdict = Verdict("match", self._why_named(track, at))
        return replace(face, verdict=verdict, matches=self._with(face, [match]), named=match)

    def _not_named(self, face: RecognizedFace, track: Track) -> Verdict:
        if track.status == face.verdict.word == "unknown":
            return face.verdict
        return Verdict(track.status, self.reason(track))

    def _why_named(self, track: Track, at: int) -> str:
        assert track.person is not None
        who = self._people.name(track.person)
        if track.why == "confirmed":
            return f"{who}, confirmed on another face of the same person here"
        others = len(self.images(track)) - 1
        together = f", together with {others} other photo{'s' if others != 1 else ''} here" if others else ""
        return f"{who} at {track.distances[at]:.2f}{together}"

    def _match(self, face: RecognizedFace, track: Track, at: int) -> Match:
        """The person of the track as this face's own match, else as only the track makes them one."""
        assert track.person is not None
        person = self._people.person(track.person)
        own = next((match for match in face.matches if match.performer_id == person.key), None)
        if own is not None:
            return own
        if track.person < 0:
            return Match(person.key, person.name, 0.0, 0.0, 0.0, support=BY_GALLERY)
        return self._by_track(replace(track.candidates[0], combined=track.distances[at]))

    def _by_track(self, candidate: Candidate) -> Match:
        return self._recognizer.match(replace(candidate, support=BY_GALLERY, cosines={}))

    def _with(self, face: RecognizedFace, meant: Sequence[Match]) -> tuple[Match, ...]:
        """The face's matches, best first, at most `top_k`, with those among them that its verdict means."""
        own = {match.performer_id: match for match in face.matches}
        wanted = [own.get(match.performer_id, match) for match in meant][: self._top_k]
        keys = {match.performer_id for match in wanted}
        others = [match for match in face.matches if match.performer_id not in keys]
        kept = [*wanted, *others[: self._top_k - len(wanted)]]
        return tuple(sorted(kept, key=lambda match: match.combined_score))


def reason_of(track: Track, name: Callable[[int], str]) -> str:
    """Why a track was given no name, in one line for a person. name: index of a person -> their name."""
    if not track.candidates:
        return "nobody is enrolled who was not rejected"
    best, *others = track.candidates
    first = f"{name(best.person)} at {best.combined:.2f}"
    if track.why == "weak" and track.status == "unknown":
        return f"{first}, as near as a stranger may come"
    these = "these faces" if len(track.faces) > 1 else "this face"
    return {
        "rival": f"{first}, but {name(others[0].person)} at {others[0].combined:.2f}" if others else first,
        "look-alike": f"{first}, but less like them than these faces are like one another",
        "taken": f"like {name(best.person)}, who is another face on the same photo",
        "weak": f"{first}, which is not enough to be sure",
        "far": f"nobody is near enough to {these}: {first}",
    }[track.why]

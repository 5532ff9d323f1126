import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from stash_sense.domain.people import Person
from stash_sense.enrolment.quarantine import Given, quarantine
from stash_sense.enrolment.stash_people import StashPerson
from stash_sense.enrolment.stash_pictures import PREFIX, Pictures, witness
from stash_sense.enrolment.versions import add_person
from stash_sense.errors import Cancelled
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo, Reference
from stash_sense.facedb.writer import DatabaseWriter

log = logging.getLogger(__name__)


SOURCE = "stash"
"""What stands as the source of a database built from Stash."""


COPY = "the same picture as another of this person"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A person, and the paths of all their pictures, portraits first."""

    person: StashPerson
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A picture that was not taken. picture: `performer/12` or `image/34`, as in Stash's addresses."""

    performer_id: str
    name: str
    local_id: str
    picture: str
    why: str


@dataclass(frozen=True, slots=True)
class StashBuild:
    """What a build from Stash did.

    embedded: pictures looked at anew; reused: those known already. without_portrait: performers of whom
    Stash has a placeholder only. not_enrolled: people of whom no picture could be taken.
    skipped: pictures without a face to know the person by, or that could not be had. quarantined: pictures
    whose face seems to be somebody else's.
    """

    version: str
    people: int
    faces: int
    embedded: int
    reused: int
    without_portrait: int
    not_enrolled: int
    skipped: tuple[LeftOut, ...]
    quarantined: tuple[LeftOut, ...]

    def as_json(self, most: int | None = None) -> dict[str, Any]:
        """With at most so many pictures a list, and how many there are."""
        cut = replace(self, skipped=self.skipped[:most], quarantined=self.quarantined[:most])
        counts = {"skipped_count": len(self.skipped), "quarantined_count": len(self.quarantined)}
        return {**asdict(cut), **counts}


def write_people(
    enrolments: Sequence[Enrolment],
    pictures: Pictures,
    writer: DatabaseWriter,
    current: FaceDatabase | None,
    place: Path,
    stop: Event,
    *,
    without_portrait: int,
) -> StashBuild:
    """Judge the references, write the version, and say what was done. Raises Cancelled once `stop` is set."""
    people = _People(enrolments, pictures, stop)
    reasons: dict[str, str] = {}
    if pictures.pack.calibrated:
        reasons = quarantine(people.given, pictures.pack, place)
    aside = people.copies | reasons
    same = current is not None and not pictures.embedded and people.are_in(current, aside)
    if same and current is not None:
        version = current.manifest.version
    else:
        for enrolment in people:
            _write_person(writer, enrolment, pictures, aside)
        version = writer.commit([SOURCE])
        # Set aside, not forgotten: another portrait may change what is thought of them.
        with suppress(OSError):
            pictures.spool.keep_only([pictures.seen[path].load() for path in aside])
    return _report(version, people, aside, reasons, without_portrait)


def _write_person(
    writer: DatabaseWriter, enrolment: Enrolment, pictures: Pictures, aside: dict[str, str]
) -> None:
    person = enrolment.person.person
    paths = [path for path in enrolment.paths if path in pictures.seen]
    add_person(writer, person, [pictures.seen[path].load() for path in paths if path not in aside])
    for path in paths:
        known = pictures.seen[path]
        writer.add_photo(Photo(path, known.stamp, person.key, aside.get(path, known.skipped)))


class _People:
    """The people to be written; iterating raises Cancelled once the build is to stop."""

    def __init__(self, enrolments: Sequence[Enrolment], pictures: Pictures, stop: Event) -> None:
        self._enrolments = enrolments
        self._stop = stop
        self.pictures = pictures
        self.copies = dict.fromkeys(self._copies(), COPY)

    def __iter__(self) -> Iterator[Enrolment]:
        for enrolment in self._enrolments:
            if self._stop.is_set():
                raise Cancelled("the build was stopped")
            yield enrolment

    def given(self) -> Iterator[Given]:
        """Everybody of whom a face was seen."""
        for enrolment in self:
            paths = self.taken(enrolment, self.copies)
            vectors = [self.pictures.seen[path].load().vector for path in paths]
            if paths:
                yield Given(
                    enrolment.person.person.name, paths, np.stack([one for one in vectors if one is not None])
                )

    def taken(self, enrolment: Enrolment, aside: dict[str, str]) -> list[str]:
        """The pictures whose face is taken."""
        seen = self.pictures.seen
        return [
            path for path in enrolment.paths if path in seen and not seen[path].skipped and path not in aside
        ]

    def are_in(self, database: FaceDatabase, aside: dict[str, str]) -> bool:
        """Whether that database holds just these people, faces and photos."""
        if database.manifest.pack_fingerprint != self.pictures.pack.fingerprint:
            return False
        if database.manifest.sources != (SOURCE,):
            return False
        return _equal(self._facts(aside), _facts(database)) and _equal(
            self._photos(aside), map(_lasting, database.photos())
        )

    def _facts(self, aside: dict[str, str]) -> Iterator[tuple[Person, list[Reference | None]]]:
        for enrolment in self:
            references = [self.pictures.seen[path].load().reference for path in self.taken(enrolment, aside)]
            if references:
                yield enrolment.person.person, references

    def _photos(self, aside: dict[str, str]) -> Iterator[tuple[str, ...]]:
        for enrolment in self:
            for path in enrolment.paths:
                if known := self.pictures.seen.get(path):
                    why = aside.get(path, known.skipped)
                    yield _lasting(Photo(path, known.stamp, enrolment.person.person.key, why))

    def _copies(self) -> Iterator[str]:
        """Pictures that are the same as an earlier one of their person."""
        for enrolment in self:
            met: set[str] = set()
            for path in self.taken(enrolment, {}):
                copy_of = witness(self.pictures.seen[path])
                if copy_of in met:
                    yield path
                met.add(copy_of)


def _facts(database: FaceDatabase) -> Iterator[tuple[Person, list[Reference | None]]]:
    for number in range(database.people):
        yield database.person(number), [database.reference(row) for row in database.rows(number)]


def _lasting(photo: Photo) -> tuple[str, ...]:
    """A photo without the time of the performer's last edit."""
    return photo.path, photo.stamp.rpartition("|")[2], photo.owner, photo.skipped


def _equal(left: Iterable[object], right: Iterable[object]) -> bool:
    return all(one == other for one, other in zip_longest(left, right))


def _report(
    version: str, people: _People, aside: dict[str, str], reasons: dict[str, str], without_portrait: int
) -> StashBuild:
    pictures = people.pictures
    skipped: list[LeftOut] = []
    quarantined: list[LeftOut] = []
    enrolled = faces = 0
    for enrolment in people:
        person = enrolment.person.person
        taken = len(people.taken(enrolment, aside))
        enrolled, faces = enrolled + bool(taken), faces + taken
        for path in enrolment.paths:
            known: str = pictures.seen[path].skipped if path in pictures.seen else ""
            why = pictures.failed.get(path) or aside.get(path) or known
            if why:
                one = LeftOut(person.key, person.name, person.local_id or "", path.removeprefix(PREFIX), why)
                (quarantined if path in reasons else skipped).append(one)
    looked_at = sum(len(enrolment.paths) for enrolment in people)
    return StashBuild(
        version=version,
        people=enrolled,
        faces=faces,
        embedded=pictures.embedded,
        reused=looked_at - pictures.embedded - len(pictures.failed),
        without_portrait=without_portrait,
        not_enrolled=len(list(people)) - enrolled,
        skipped=tuple(skipped),
        quarantined=tuple(quarantined),
    )

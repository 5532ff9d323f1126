"""Hygiene of a face database: every reference compared with its person's others and with everybody else.

Uses the measures by which a build quarantines, and lists what a build is not sure enough of to leave out.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Self, TypeGuard, get_args

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.identity import Person
from stash_sense.domain.progress import Progress
from stash_sense.enrolment.quarantine import (
    SAME_PERSON_DISTANCE,
    belongs_elsewhere,
    find_disagreeing,
    find_doubtful,
    reference_distances,
    split_slots,
)
from stash_sense.enrolment.quarantine_list import photo_id
from stash_sense.enrolment.set_aside import (
    SET_ASIDE,
    disagreeing,
    nearer_to_other,
    reason_code,
    unlike_others,
)
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo
from stash_sense.recognition.recognizer import LoadedPack

LOOK_ALIKE_DISTANCE = SAME_PERSON_DISTANCE
"""Two people with references so near look alike, or are one person twice: 3 in 100,000 pairs are as near."""

SEARCH_BATCH = 256
"""References compared with everybody else's at once."""

PEOPLE_BATCH = 1000
"""After so many people it is looked again whether to stop."""

FindingCode = Literal["other-person", "several-faces", "poor-face", "upside-down", "by-hand"]
"""other-person: seems to show another person. The others: why a build, or its owner, set a photo aside."""


@dataclass(frozen=True, slots=True)
class ReferenceFinding:
    """A photo of a person that deserves a look.

    reference: its id for `database quarantine` and `restore`. row: of its face in the database, -1 where it
    is set aside. reason: for a person, in one line. like: whom it resembles more, where that is why.
    """

    reference: str
    person: Person
    photo: str
    row: int
    code: FindingCode
    reason: str
    like: Person | None = None

    @property
    def in_use(self) -> bool:
        """Whether faces are compared with it."""
        return self.row >= 0


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """Two people who have references nearer than LOOK_ALIKE_DISTANCE.

    rows, references: of the nearest two, each in the order of `people`; a reference is empty where the
    database lists no photo that could be set aside.
    """

    people: tuple[Person, Person]
    rows: tuple[int, int]
    references: tuple[str, str]
    distance: float


@dataclass(frozen=True, slots=True)
class HygieneReport:
    """version: of the database. references: how many were scored. look_alikes: nearest first."""

    version: str
    references: int
    findings: tuple[ReferenceFinding, ...] = ()
    look_alikes: tuple[LookAlikes, ...] = field(default=())

    def setting_aside(self, photos: Sequence[Photo], rows: Sequence[int], version: str) -> Self:
        """What is left to see once references were set aside, without comparing everybody again.

        rows: of their faces, which `version` no longer has; the other faces move up.
        """
        gone = sorted(rows)
        by_id = {photo_id(photo): photo for photo in photos}
        people = {finding.reference: finding.person for finding in self.findings}
        for pair in self.look_alikes:
            people |= zip(pair.references, pair.people, strict=True)
        aside = [
            ReferenceFinding(reference, people[reference], photo.path, -1, "by-hand", SET_ASIDE)
            for reference, photo in by_id.items()
            if reference in people
        ]

        def moved(row: int) -> int:
            return row if row < 0 else row - bisect_left(gone, row)

        return replace(
            self,
            version=version,
            references=self.references - len(gone),
            findings=tuple(
                replace(finding, row=moved(finding.row))
                for finding in self.findings
                if finding.reference not in by_id
            )
            + tuple(aside),
            look_alikes=tuple(
                replace(pair, rows=(moved(pair.rows[0]), moved(pair.rows[1])))
                for pair in self.look_alikes
                if not {*pair.rows}.intersection(gone)
            ),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Nearest:
    """Of each reference, the nearest person other than its own: index, their row, and the distance."""

    people: NDArray[np.int64]
    rows: NDArray[np.int64]
    distances: NDArray[np.float64]


def inspect_references(database: FaceDatabase, pack: LoadedPack, progress: Progress) -> HygieneReport:
    """Score every reference of a database, which must be of this pack.

    Compares each with all others: a second for 3,000 references, minutes for 100,000. Raises Cancelled from
    `progress`.
    """
    nearest = _nearest_others(database, pack, progress)
    photos = {photo.path: photo for photo in database.photos()}
    findings: list[ReferenceFinding] = []
    for index in range(database.people):
        if index % PEOPLE_BATCH == 0:
            progress.update(database.manifest.faces)  # asks whether to stop
        findings += _findings_of(database, index, pack, nearest, photos)
    findings += _set_aside(database, photos)
    return HygieneReport(
        database.manifest.version,
        database.manifest.faces,
        tuple(findings),
        tuple(_look_alikes(database, nearest, photos)),
    )


def _findings_of(
    database: FaceDatabase, index: int, pack: LoadedPack, nearest: _Nearest, photos: Mapping[str, Photo]
) -> Iterator[ReferenceFinding]:
    """The references of a person that seem to show another one."""
    rows = database.rows(index)
    if len(rows) < 2:
        return  # nothing contradicts an only reference
    distances = reference_distances(database.row_vectors(rows), pack)
    references = [database.reference(row) for row in rows]
    reasons: dict[int, str] = {}
    like: dict[int, Person] = {}
    for doubt in find_doubtful(distances):
        row = rows[doubt.index]
        other = float(nearest.distances[row])
        if belongs_elsewhere(doubt, other):
            person = database.person(int(nearest.people[row]))
            like[doubt.index] = person
            reasons[doubt.index] = nearer_to_other(person.full_name, other, doubt.own)
        elif doubt.far:
            reasons[doubt.index] = unlike_others(doubt.own)
    left = [place for place in range(len(rows)) if place not in reasons]
    rest = distances[np.ix_(left, left)]
    for place in find_disagreeing(rest, [references[each].quality for each in left]):
        own = np.delete(rest[place], place).min()
        reasons[left[place]] = disagreeing(float(own))
    person = database.person(index)
    for place, reason in sorted(reasons.items()):
        photo = photos.get(references[place].photo)
        if photo is not None:
            yield ReferenceFinding(
                photo_id(photo),
                person,
                photo.path,
                rows[place],
                "other-person",
                reason,
                like.get(place),
            )


def _set_aside(database: FaceDatabase, photos: Mapping[str, Photo]) -> Iterator[ReferenceFinding]:
    """What builds or a person set aside."""
    coded = [(photo, reason_code(photo.skipped)) for photo in photos.values() if photo.skipped]
    owners = database.find({photo.owner for photo, code in coded if _is_listed(code)})
    for photo, code in coded:
        if _is_listed(code):
            index = owners.get(photo.owner)
            person = Person(photo.owner, photo.owner) if index is None else database.person(index)
            yield ReferenceFinding(photo_id(photo), person, photo.path, -1, code, photo.skipped)


def _is_listed(code: str) -> TypeGuard[FindingCode]:
    return code in get_args(FindingCode)


def _look_alikes(database: FaceDatabase, nearest: _Nearest, photos: Mapping[str, Photo]) -> list[LookAlikes]:
    pairs: dict[tuple[int, int], tuple[float, int, int]] = {}
    for index in range(database.people):
        for row in database.rows(index):
            other, distance = int(nearest.people[row]), float(nearest.distances[row])
            if other >= 0 and distance <= LOOK_ALIKE_DISTANCE:
                key = (min(index, other), max(index, other))
                pairs[key] = min(pairs.get(key, (np.inf, -1, -1)), (distance, row, index))

    def reference(row: int) -> str:
        photo = photos.get(database.reference(row).photo)
        return photo_id(photo) if photo else ""

    return [
        LookAlikes(
            (database.person(index), database.person(second if index == first else first)),
            (row, int(nearest.rows[row])),
            (reference(row), reference(int(nearest.rows[row]))),
            distance,
        )
        for (first, second), (distance, row, index) in sorted(pairs.items(), key=lambda pair: pair[1])
    ]


def _nearest_others(database: FaceDatabase, pack: LoadedPack, progress: Progress) -> _Nearest:
    count = database.manifest.faces
    found = _Nearest(
        np.full(count, -1, np.int64), np.full(count, -1, np.int64), np.full(count, 2.0, np.float64)
    )
    owners = np.repeat(
        np.arange(database.people), [len(database.rows(index)) for index in range(database.people)]
    )
    progress.start("Comparing", count)
    for first in range(0, count, SEARCH_BATCH):
        rows = range(first, min(first + SEARCH_BATCH, count))
        queries = pack.scorer.queries(split_slots(database.row_vectors(rows), pack))
        neighbours = database.search(queries, 2)
        distances = pack.scorer.distances(neighbours.scores)
        # The nearest person is a reference's own, but for those that are another's.
        own = neighbours.people[:, 0] == owners[first : rows.stop]
        column = own.astype(np.int64)
        line = np.arange(len(rows))
        found.people[first : rows.stop] = neighbours.people[line, column]
        found.rows[first : rows.stop] = neighbours.rows[line, column]
        found.distances[first : rows.stop] = distances[line, column]
        progress.update(rows.stop)
    return found

"""Hygiene of a face database: every reference compared with its person's others and with everybody else.

Uses the measures by which a build quarantines, and lists what a build is not sure enough of to leave out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeGuard, get_args

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.identity import Person
from stash_sense.domain.progress import Progress
from stash_sense.enrolment.quarantine import (
    SAME_PERSON_DISTANCE,
    Doubt,
    belongs_elsewhere,
    find_disagreeing,
    find_doubtful,
    reference_distances,
    split_slots,
)
from stash_sense.enrolment.quarantine_list import photo_id
from stash_sense.enrolment.set_aside import disagreeing, nearer_to_other, reason_code, unlike_others
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo
from stash_sense.recognition.recognizer import LoadedPack

LOOK_ALIKE_DISTANCE = SAME_PERSON_DISTANCE
"""Two people with references so near look alike, or are one person twice: 3 in 100,000 pairs are as near."""

SEARCH_BATCH = 256
"""References compared with everybody else's at once."""

FindingCode = Literal["other-person", "several-faces", "poor-face", "upside-down", "by-hand"]
"""other-person: seems to show another person. The others: why a build, or its owner, set a photo aside."""


@dataclass(frozen=True, slots=True)
class ReferenceFinding:
    """A photo of a person that deserves a look.

    reference: its id for `database quarantine` and `restore`. row: of its face in the database, -1 where it
    is set aside. reason: for a person, in one line.
    """

    reference: str
    person: Person
    photo: str
    row: int
    code: FindingCode
    reason: str

    @property
    def in_use(self) -> bool:
        """Whether faces are compared with it."""
        return self.row >= 0


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """Two people who have references nearer than LOOK_ALIKE_DISTANCE. rows: of the nearest two."""

    people: tuple[Person, Person]
    rows: tuple[int, int]
    distance: float


@dataclass(frozen=True, slots=True)
class HygieneReport:
    """version: of the database. references: how many were scored. look_alikes: nearest first."""

    version: str
    references: int
    findings: tuple[ReferenceFinding, ...] = ()
    look_alikes: tuple[LookAlikes, ...] = field(default=())


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
        findings += _findings_of(database, index, pack, nearest, photos)
    findings += _set_aside(database, photos)
    return HygieneReport(
        database.manifest.version,
        database.manifest.faces,
        tuple(findings),
        tuple(_look_alikes(database, nearest)),
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
    for doubt in find_doubtful(distances):
        row = rows[doubt.index]
        if reason := _doubt_reason(doubt, database, nearest, row):
            reasons[doubt.index] = reason
    left = [place for place in range(len(rows)) if place not in reasons]
    rest = distances[np.ix_(left, left)]
    for place in find_disagreeing(rest, [references[each].quality for each in left]):
        own = np.delete(rest[place], place).min()
        reasons[left[place]] = disagreeing(float(own))
    person = database.person(index)
    for place, reason in sorted(reasons.items()):
        photo = photos.get(references[place].photo)
        if photo is not None:
            yield ReferenceFinding(photo_id(photo), person, photo.path, rows[place], "other-person", reason)


def _doubt_reason(doubt: Doubt, database: FaceDatabase, nearest: _Nearest, row: int) -> str:
    other = float(nearest.distances[row])
    if belongs_elsewhere(doubt, other):
        return nearer_to_other(database.person(int(nearest.people[row])).full_name, other, doubt.own)
    return unlike_others(doubt.own) if doubt.far else ""


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


def _look_alikes(database: FaceDatabase, nearest: _Nearest) -> list[LookAlikes]:
    pairs: dict[tuple[int, int], tuple[float, int]] = {}
    for index in range(database.people):
        for row in database.rows(index):
            other, distance = int(nearest.people[row]), float(nearest.distances[row])
            if other >= 0 and distance <= LOOK_ALIKE_DISTANCE:
                key = (min(index, other), max(index, other))
                pairs[key] = min(pairs.get(key, (np.inf, -1)), (distance, row))
    return [
        LookAlikes((database.person(first), database.person(second)), (row, int(nearest.rows[row])), distance)
        for (first, second), (distance, row) in sorted(pairs.items(), key=lambda pair: pair[1])
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

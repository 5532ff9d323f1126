"""What a build leaves as it is: the people and photos that the database has from other sources."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.identity import Person
from stash_sense.enrolment.merge import Contribution, MergedPerson
from stash_sense.enrolment.report import CarriedSource
from stash_sense.enrolment.source_ids import lead_order, path_beginning, source_of
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import PHOTOS, Photo, Reference
from stash_sense.facedb.records import PersonPart
from stash_sense.facedb.writer import DatabaseWriter, named_sources

Faces = list[tuple[Reference, NDArray[np.float32], bytes]]
"""References with their vectors (d,) float32 and their crops."""


FacesOf = Callable[[Contribution], Faces]
"""Reads the references of a contribution of the build."""


@dataclass(slots=True, eq=False)
class CarriedSources:
    """The sources of a version but those that are built again. beginnings: of the paths of these."""

    database: FaceDatabase
    built: Sequence[str]
    _inferred: set[int] = field(default_factory=set)
    _parts: dict[int, tuple[PersonPart, ...]] = field(default_factory=dict)

    @property
    def beginnings(self) -> tuple[str, ...]:
        """How the paths of the photos begin that are not carried over."""
        return tuple(map(path_beginning, self.built))

    @property
    def names(self) -> list[str]:
        """The sources that stay, as the manifest names them."""
        gone = named_sources(self.built)
        inside = tuple(map(path_beginning, gone))
        return [
            source
            for source in self.database.manifest.sources
            if source not in gone and not path_beginning(source).startswith(inside)
        ]

    def contributions(self) -> Iterator[Contribution]:
        """What the sources that stay bring to each person, in the order of the version."""
        names = set(self.names)
        for index in range(self.database.people):
            row = self.database.rows(index).start
            for part in self.parts(index):
                if part.source in names:
                    yield Contribution(part, index, row)
                row += part.faces

    def replaced(self) -> Iterator[PersonPart]:
        """What the sources that are built again said of each person."""
        names = set(self.names)
        for index in range(self.database.people):
            yield from (part for part in self.parts(index) if part.source not in names)

    def at_stake(self) -> Iterator[Person]:
        """The people whom the version knows from the sources that are built again, and from no other."""
        names = set(self.names)
        for index in range(self.database.people):
            parts = [part for part in self.parts(index) if part.faces]
            if not any(part.source in names for part in parts):
                yield from (part.person for part in parts)

    def parts(self, index: int) -> tuple[PersonPart, ...]:
        """What each source says of the person at `index`, also in a version that does not list it."""
        if index not in self._parts:  # read once: there may be a hundred thousand
            self._parts[index] = self.database.parts(index) or self._inferred_parts(index)
        return self._parts[index]

    def _inferred_parts(self, index: int) -> tuple[PersonPart, ...]:
        self._inferred.add(index)
        person, sources = self.database.person(index), self.database.manifest.sources or ("",)
        paths = (self.database.reference(row).photo for row in self.database.rows(index))
        faces: list[tuple[str, int]] = []
        for source in (source_of(path, sources) for path in paths):
            count = faces.pop()[1] if faces and faces[-1][0] == source else 0
            faces.append((source, count + 1))
        return tuple(PersonPart(source, person, count) for source, count in faces)

    def holds(self, people: Iterable[MergedPerson], faces_of: FacesOf) -> bool:
        """Whether the version has just these people, with these references."""
        count = 0
        for index, merged in enumerate(people):
            count += 1
            if index >= self.database.people:
                return False
            if self.is_whole(merged) and merged.contributions[0].index == index:
                continue
            if (self.database.person(index), self.database.parts(index)) != (merged.person, merged.parts):
                return False
            row = self.database.rows(index).start
            for contribution in merged.contributions:
                rows = range(row, row + contribution.part.faces)
                row = rows.stop
                if contribution.carried:
                    same = contribution.row == rows.start
                else:
                    same = list(map(self.database.reference, rows)) == [
                        reference for reference, _, _ in faces_of(contribution)
                    ]
                if not same:
                    return False
        return count == self.database.people

    def lists(self, photos: Iterable[Photo]) -> bool:
        """Whether the version lists just these photos of the sources that are built again."""
        listed = map(_content, self.database.photos(self.beginnings))
        return all(a == b for a, b in zip_longest(map(_content, photos), listed))

    def is_whole(self, merged: MergedPerson) -> bool:
        """Whether a person is just as in the version, so that all of them can be copied."""
        index = merged.contributions[0].index
        parts = self._parts.get(index, ())
        if (
            not all(each.carried and each.index == index for each in merged.contributions)
            or index in self._inferred
            or len(merged.contributions) != len(parts)
        ):
            return False
        # A person of one source is described by it alone.
        return merged.person == (parts[0].person if len(parts) == 1 else self.database.person(index))

    def faces(self, contribution: Contribution) -> Faces:
        """The references of a contribution that is carried over."""
        rows = range(contribution.row, contribution.row + contribution.part.faces)
        vectors = self.database.row_vectors(rows)
        return [
            (self.database.reference(row), vector, self.database.crop(row))
            for row, vector in zip(rows, vectors, strict=True)
        ]

    def copy_photos(self, writer: DatabaseWriter) -> None:
        """Copy the list of the photos of the sources that stay."""
        stay = ~self.database.lines[PHOTOS].beginning("path", self.beginnings)
        for first, last in _runs(np.flatnonzero(stay).tolist()):
            writer.copy_photos(self.database, range(first, last))


def write_people(
    writer: DatabaseWriter,
    people: Iterable[MergedPerson],
    carried: CarriedSources | None,
    faces_of: FacesOf,
) -> None:
    """Write everybody, those who are just as before in blocks. faces_of: a contribution of the build."""
    run = range(0)
    for merged in people:
        if carried and carried.is_whole(merged):
            index = merged.contributions[0].index
            if run and run.stop == index:
                run = range(run.start, index + 1)
                continue
            _copy(writer, carried, run)
            run = range(index, index + 1)
            continue
        _copy(writer, carried, run)
        run = range(0)
        faces: Faces = []
        for contribution in merged.contributions:
            faces += (
                carried.faces(contribution) if carried and contribution.carried else faces_of(contribution)
            )
        references, vectors, crops = zip(*faces, strict=True)
        writer.add_person(merged.person, references, np.stack(vectors), crops, merged.parts)
    _copy(writer, carried, run)


def carried_sources(people: Iterable[MergedPerson]) -> tuple[CarriedSource, ...]:
    """How much the people have from each source that was carried over."""
    counts: dict[str, list[int]] = {}
    for merged in people:
        for contribution in merged.contributions:
            if contribution.carried:
                count = counts.setdefault(contribution.part.source, [0, 0])
                count[0] += 1
                count[1] += contribution.part.faces
    return tuple(CarriedSource(source, *counts[source]) for source in sorted(counts, key=lead_order))


def _content(photo: Photo) -> tuple[str, ...]:
    return photo.path, photo.content_stamp, photo.owner, photo.skipped


def _copy(writer: DatabaseWriter, carried: CarriedSources | None, people: range) -> None:
    if carried and people:
        writer.copy_people(carried.database, people)


def _runs(indices: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(first, past the last) of each run of consecutive indices."""
    first = last = 0
    for index in indices:
        if index != last:
            if first != last:
                yield first, last
            first = index
        last = index + 1
    if first != last:
        yield first, last

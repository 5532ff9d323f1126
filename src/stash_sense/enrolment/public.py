"""Imports a release of a public face database, in place of the one before or as a change to it."""

import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from stash_sense.domain.identity import Person, person_keys
from stash_sense.domain.progress import Progress
from stash_sense.enrolment.carry import CarriedSources, Faces, carried_sources, write_people
from stash_sense.enrolment.forgotten import ForgottenPeople
from stash_sense.enrolment.merge import Contribution, MergedPerson, SourceConflict, merge_people
from stash_sense.enrolment.public_release import ImportingPack, PublicRelease, open_release
from stash_sense.enrolment.report import CarriedSource
from stash_sense.enrolment.source_ids import lead_order, path_beginning
from stash_sense.errors import BadInput, PeopleVanished
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo, Reference, Slot
from stash_sense.facedb.records import PersonPart
from stash_sense.facedb.writer import BUILDING, DatabaseWriter

log = logging.getLogger(__name__)

NO_BOX = (0.0, 0.0, 1.0, 1.0)
"""A release says nothing of the picture that a face is from."""
SAME_WITHIN = 0.01
"""Difference of a number up to which a vector is the one before: they are kept to about a thousandth."""
FORGOTTEN = "people who were deleted for good"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. version: of the face database; release: of the public one, `name version`.

    people, faces: what the database now has from this source. gone: names of people whom the source no longer
    has. refused: why -> how many faces or people were not taken. changed: whether there is a new version.
    """

    version: str
    source: str
    release: str
    base: str | None
    changed: bool
    people: int
    faces: int
    added: int = 0
    updated: int = 0
    gone: tuple[str, ...] = ()
    refused: dict[str, int] = field(default_factory=dict)
    carried: tuple[CarriedSource, ...] = ()
    conflicts: tuple[SourceConflict, ...] = ()
    problems: tuple[str, ...] = ()


def import_release(
    path: Path, place: Path, pack: ImportingPack, progress: Progress, *, allow_empty: bool = False
) -> ImportReport:
    """Import the release at `path`, a zip file or a folder, into the face database at `place`.

    People of other sources stay. allow_empty: also where the release has less than half of the people that
    the database has of it. Raises BadInput where the release cannot be imported, PeopleVanished, NoSpace,
    WriteFailed, BadDatabase, OSError; the database then stays as it was.
    """
    slots = [Slot(name=slot, dimension=count) for slot, count in pack.dimensions.items()]
    writer = DatabaseWriter(place, pack=pack.id, pack_fingerprint=pack.fingerprint, slots=slots)
    with writer, ExitStack() as stack:
        # The name of a build's leftover: if this one is killed, the next build removes it.
        work = place / f"{BUILDING}import-{uuid.uuid4().hex[:8]}"
        release = stack.enter_context(open_release(path, pack, work, progress))
        current = FaceDatabase.open_usable(place)
        if current:
            stack.enter_context(current)
        usable = current if current and current.manifest.pack_fingerprint == pack.fingerprint else None
        run = _Import(release, usable, ForgottenPeople.read(place))
        if usable and run.is_there():
            return run.report(usable.manifest.version, changed=False)
        run.check_base()
        if not allow_empty:
            run.check_vanished(path)
        merged, conflicts = run.merged()
        write_people(writer, _counted(merged, progress), run.carried, run.faces_of)
        if run.others:
            run.others.copy_photos(writer)
        writer.add_photo(Photo(run.marker, f"{release.version}|{release.digest}", run.source))
        names = {run.source, *(run.others.names if run.others else ())}
        version = writer.commit(sorted(names, key=lead_order))
        return run.report(
            version, changed=True, merged=merged, conflicts=conflicts, lost=_lost(current, usable)
        )


def import_release_json(report: ImportReport) -> dict[str, Any]:
    """The report as `database import --json` prints it."""
    return {
        "version": report.version,
        "source": report.source,
        "release": report.release,
        "base": report.base,
        "changed": report.changed,
        "people": report.people,
        "faces": report.faces,
        "added": report.added,
        "updated": report.updated,
        "gone": list(report.gone),
        "refused": report.refused,
        "carried": {each.source: each.people for each in report.carried},
        "conflicts": [
            {"code": each.code, "performer_id": each.person.key, "name": each.name, "decision": each.decision}
            for each in report.conflicts
        ],
        "problems": list(report.problems),
    }


class _Import:
    """One import. carried: what the database keeps, for a delta also of this source; others: of others."""

    def __init__(
        self, release: PublicRelease, current: FaceDatabase | None, forgotten: ForgottenPeople
    ) -> None:
        self.release = release
        self.source = f"public:{release.name}"
        self.marker = path_beginning(self.source)
        self.others = CarriedSources(current, [self.source]) if current else None
        self.carried = CarriedSources(current, []) if current and release.base else self.others
        self._before = dict(self._parts_before(current)) if current else {}
        listed = current.photos([self.marker]) if current else iter(())
        self._stamp = next((photo.stamp for photo in listed if photo.path == self.marker), "|")
        self._forgotten = forgotten
        self._refused = Counter(release.refused)
        self._updated = 0
        self._added = 0

    def _parts_before(self, current: FaceDatabase) -> Iterator[tuple[str, tuple[PersonPart, int]]]:
        """Key -> what this source says of the person in the current version, and the first face's row."""
        parts_of = CarriedSources(current, []).parts
        for index in range(current.people):
            row = current.rows(index).start
            for part in parts_of(index):
                if part.source == self.source:
                    yield part.person.key, (part, row)
                row += part.faces

    def is_there(self) -> bool:
        """Whether the database has just this release already."""
        return self._stamp == f"{self.release.version}|{self.release.digest}"

    def check_base(self) -> None:
        """Raise BadInput where a delta is to another version than the database has."""
        base, version = self.release.base, self._stamp.rpartition("|")[0]
        if base and base != version:
            has = f"has version {version}" if version else f"has nothing of {self.release.name}"
            raise BadInput(
                f"This release of {self.release.name} only changes version {base}, and the face database "
                f"{has}. Import the releases between them, or a whole one. Nothing was changed."
            )

    def check_vanished(self, path: Path) -> None:
        """Raise PeopleVanished where a whole release has lost most of its people."""
        if not self.release.people and not self.release.base:
            raise BadInput(f"{path.name}: nobody in it can be taken. Nothing was changed.")
        if not self.release.base and 2 * len(self.release.people) < len(self._before):
            raise PeopleVanished(
                f"{path.name}: has {len(self.release.people):,} people, and the face database has "
                f"{len(self._before):,} of {self.release.name}. Nothing was changed. To import it all the "
                "same: `stash-sense database import --allow-empty`."
            )

    def merged(self) -> tuple[list[MergedPerson], list[SourceConflict]]:
        """Everybody of all sources."""
        taken = {
            key: person
            for key, person in self.release.people.items()
            if not self._forgotten.covers(person.person)
        }
        if left_out := len(self.release.people) - len(taken):
            self._refused[FORGOTTEN] += left_out
        new = [
            Contribution(
                PersonPart(self.source, each.person, len(self.release.faces[key]), each.names), index
            )
            for index, (key, each) in enumerate(taken.items())
        ]
        replaced = {key for each in taken.values() for key in person_keys(each.person)} | self.release.removed
        stay = self.carried.contributions() if self.carried else ()
        kept = (each for each in stay if not self._is_replaced(each, replaced))
        return merge_people([*new, *kept], [self.source])

    def _is_replaced(self, contribution: Contribution, replaced: set[str]) -> bool:
        part = contribution.part
        return part.source == self.source and not replaced.isdisjoint(person_keys(part.person))

    def faces_of(self, contribution: Contribution) -> Faces:
        """The references of a person of the release."""
        part = contribution.part
        vectors = self.release.vectors(part.person.key)
        before, row = self._before.get(part.person.key, (None, 0))
        if before is None:
            self._added += 1
        elif before != part or not self._are_stored(vectors, row):
            self._updated += 1
        numbers = self.release.faces[part.person.key].tolist()
        return [
            (Reference(f"{self.marker}{number}", NO_BOX, 1.0), vector, b"")
            for number, vector in zip(numbers, vectors, strict=True)
        ]

    def _are_stored(self, vectors: np.ndarray[Any, np.dtype[np.float32]], row: int) -> bool:
        if self.others is None:
            return False
        stored = self.others.database.row_vectors(range(row, row + len(vectors)))
        return bool(np.abs(stored - vectors).max() <= SAME_WITHIN)

    def report(
        self,
        version: str,
        *,
        changed: bool,
        merged: Iterable[MergedPerson] = (),
        conflicts: Iterable[SourceConflict] = (),
        lost: tuple[str, ...] = (),
    ) -> ImportReport:
        """What was done."""
        people = list(merged)
        own = [part for each in people for part in each.parts if part.source == self.source]
        if not changed:
            own = [part for part, _ in self._before.values()]
        there = {key for part in own for key in person_keys(part.person)}
        return ImportReport(
            version=version,
            source=self.source,
            release=f"{self.release.name} {self.release.version}",
            base=self.release.base,
            changed=changed,
            people=len(own),
            faces=sum(part.faces for part in own),
            added=self._added,
            updated=self._updated,
            gone=tuple(_gone((part.person for part, _ in self._before.values()), there)),
            refused=dict(self._refused),
            carried=tuple(each for each in carried_sources(people) if each.source != self.source),
            conflicts=tuple(conflicts),
            problems=lost,
        )


def _gone(before: Iterable[Person], there: set[str]) -> Iterator[str]:
    return (person.name for person in before if there.isdisjoint(person_keys(person)))


def _lost(current: FaceDatabase | None, usable: FaceDatabase | None) -> tuple[str, ...]:
    """What cannot be carried over, as a problem for the report."""
    if current is None or usable is not None or not current.manifest.sources:
        return ()
    sources = ", ".join(current.manifest.sources)
    return (f"{sources}: embedded with another model pack. Build the face database from there again.",)


def _counted(people: list[MergedPerson], progress: Progress) -> Iterator[MergedPerson]:
    progress.start("Importing", len(people))
    for done, person in enumerate(people):
        yield person
        if done % 100 == 0:
            progress.update(done)
    progress.update(len(people), people=len(people))

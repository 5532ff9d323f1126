"""One build of a face database, whatever the source: reuse, analyze, quarantine, write, report."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

from stash_sense.domain.identity import Person, person_keys
from stash_sense.enrolment.carry import CarriedSources, carried_sources, write_people
from stash_sense.enrolment.collected import CollectedPhotos
from stash_sense.enrolment.forgotten import ForgottenPeople
from stash_sense.enrolment.merge import MergedPerson, merge_people
from stash_sense.enrolment.quarantine import quarantine
from stash_sense.enrolment.quarantine_list import QuarantineList
from stash_sense.enrolment.references import NewPhoto, cut_crop, reference_photo
from stash_sense.enrolment.report import BuildReport, EnrolledPerson
from stash_sense.enrolment.source_ids import lead_order, path_beginning
from stash_sense.enrolment.vanished import names_gone, refuse_vanished
from stash_sense.errors import Cancelled, StashSenseError
from stash_sense.facedb.analyzed_photos import ReferencePhoto, Spool, StoredPhoto, stored_photos
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo, Slot
from stash_sense.facedb.writer import DatabaseWriter, named_sources
from stash_sense.media.formats import DEFAULT_LIMITS, MediaLimits
from stash_sense.recognition.analysis import AnalyzedPicture, analyze_pictures
from stash_sense.recognition.recognizer import LoadedPack

MIN_CONFIDENCE = 0.5
"""Detection confidence from which a face may be a reference."""


def database_writer(place: Path, pack: LoadedPack, *, wait: bool = True) -> DatabaseWriter:
    """A writer of a new version with this pack's embeddings. wait: for another build, or raise Busy."""
    slots = [Slot(name=slot, dimension=pack.dimensions[slot]) for slot in pack.scorer.slots]
    return DatabaseWriter(place, pack=pack.id, pack_fingerprint=pack.fingerprint, slots=slots, wait=wait)


@contextmanager
def open_build(
    place: Path,
    pack: LoadedPack,
    sources: Sequence[str],
    *,
    reuse: Iterable[FaceDatabase] = (),
    only: Collection[str] | None = None,
    limits: MediaLimits = DEFAULT_LIMITS,
    wait: bool = True,
) -> Iterator["DatabaseBuild"]:
    """Begin a build of these sources at `place`; leaving the block without `finish` keeps the old database.

    sources: ids as in `enrolment.source_ids`; what the database has from others is carried over as it is.
    reuse: further databases to take analyzed photos from. only: paths of the photos of this build, if known.
    wait: wait for another build at the place, or raise Busy. Raises WriteFailed.
    """
    with database_writer(place, pack, wait=wait) as writer, ExitStack() as stack:
        current = FaceDatabase.open_usable(place)
        if current:
            stack.enter_context(current)
        spool = stack.enter_context(Spool(place, pack.fingerprint))
        databases = [*([current] if current else []), *reuse]
        beginnings = tuple(map(path_beginning, sources))
        stored = stored_photos(databases, pack.fingerprint, beginnings, only)
        stored |= {path: photo for path, photo in spool.stored.items() if path.startswith(beginnings)}
        same_pack = current is not None and current.manifest.pack_fingerprint == pack.fingerprint
        carried = CarriedSources(current, sources) if current and same_pack else None
        forgotten = ForgottenPeople.read(place)
        yield DatabaseBuild(place, pack, sources, limits, writer, spool, current, carried, stored, forgotten)


@dataclass(slots=True, eq=False)
class DatabaseBuild:
    """A build in progress. Sources put each of their photos into `photos` or `failed`, then call `finish`.

    stored: path -> what earlier builds know. forgotten: whom no build enrols; sources leave them out early.
    photos: path -> what is known now. failed: path -> why the photo
    could not be read. analyzed: how many were analyzed in this build. stop: set from any thread to end the
    build without a new version.
    """

    place: Path
    pack: LoadedPack
    sources: Sequence[str]
    limits: MediaLimits
    _writer: DatabaseWriter
    _spool: Spool
    _current: FaceDatabase | None
    _carried: CarriedSources | None
    stored: Mapping[str, StoredPhoto]
    forgotten: ForgottenPeople
    photos: dict[str, StoredPhoto] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    analyzed: int = 0
    stop: Event = field(default_factory=Event)

    def analyze(self, batch: Sequence[NewPhoto]) -> list[StoredPhoto | StashSenseError]:
        """Analyze a few photos together and spool them; an error where a file could not be read.

        For worker threads: the results count only once `record` has taken them.
        Raises Cancelled where the build has ended, OSError where the spool cannot be written.
        """
        pictures = analyze_pictures(
            [new.content for new in batch],
            self.pack.engine,
            min_confidence=MIN_CONFIDENCE,
            reference=True,
            limits=self.limits,
            cut=cut_crop,
        )
        return [self._analyzed(new, picture) for new, picture in zip(batch, pictures, strict=True)]

    def record(self, path: str, result: StoredPhoto | StashSenseError) -> None:
        """Take a result of `analyze` into the build."""
        if isinstance(result, StashSenseError):
            self.fail(path, str(result))
        else:
            self.photos[path] = result
            self.analyzed += 1

    def note(self, photo: Photo) -> None:
        """Take a photo into the build that says why it gives no reference. Raises Cancelled, OSError."""
        self.photos[photo.path] = self._spooled(ReferencePhoto(photo))

    def add(self, photo: ReferencePhoto) -> None:
        """Take a photo with its reference into the build. Raises Cancelled, OSError."""
        self.record(photo.photo.path, self._spooled(photo))

    def fail(self, path: str, why: str) -> None:
        """Take a photo that cannot be read now into the build.

        It keeps the face that earlier builds took from it, and the next build reads it again.
        """
        self.failed[path] = why
        if stored := self.stored.get(path):
            self.photos[path] = stored

    def refuse_vanished(self, sources: Mapping[str, int]) -> None:
        """Raise PeopleVanished where a source holds less than half of the people that the database has of it.

        sources: how the paths of each source's photos begin -> how many people it holds now.
        """
        if self._current:
            refuse_vanished(self._current, sources)

    def enrolled(self) -> Iterator[Person]:
        """The people of the current database as the sources of this build had them, if it can be reused."""
        if self._carried:
            yield from (part.person for part in self._carried.replaced())

    def known_below(self, folder: str) -> dict[str, StoredPhoto]:
        """Path -> what the current database knows of the photos below a folder."""
        if self._current is None:
            return {}
        return stored_photos([self._current], self.pack.fingerprint, [folder])

    def finish(
        self,
        people: Sequence[EnrolledPerson],
        duplicates: Mapping[str, str] | None = None,
        *,
        faceless: Sequence[Photo] = (),
        others: Sequence[EnrolledPerson] = (),
    ) -> BuildReport:
        """Set doubtful references aside and write a new version, unless the current one already holds all.

        duplicates: path -> why its face is left out, for photos that their source found to be copies.
        faceless: further photos to be listed in the database, each with its reason. others: people of whom
        the source has no picture, whom another source's faces may show.
        Raises Cancelled once `stop` is set, and WriteFailed; the old database then stays in use.
        """
        people = [person for person in people if not self.forgotten.covers(person.person)]
        collected = CollectedPhotos(
            people,
            [person for person in others if not self.forgotten.covers(person.person)],
            self.sources,
            self.photos,
            self.failed,
            [photo for photo in faceless if not self.forgotten.covers_key(photo.owner)],
            dict(duplicates or {}),
            self.stop,
        )
        decided = QuarantineList.read(self.place)
        collected.leave_out_guesses(self.pack)
        collected.left_out = decided.apply(self.photos, collected.left_out)
        if self.pack.calibrated:
            doubtful = quarantine(lambda: collected.references(collected.each(people)), self.pack, self.place)
            collected.quarantined = decided.apply(self.photos, doubtful)
        collected.left_out |= collected.quarantined
        collected.choose(self.pack)
        added, updated = self._changes(collected)
        carried = self._carried
        others_bring = carried.contributions() if carried else ()
        merged, conflicts = merge_people([*collected.contributions(), *others_bring], self.sources)
        gone: tuple[str, ...] = ()
        if carried and not self.analyzed and self._is_in(carried, merged, collected):
            version = carried.database.manifest.version
        else:
            gone = names_gone(self._before(), (person.person for person in merged))
            version = self._write(merged, collected)
        return replace(
            collected.report(version, self.analyzed),
            added=added,
            updated=updated,
            gone=gone,
            conflicts=tuple(conflicts),
            carried=carried_sources(merged),
            problems=self._lost(),
        )

    def _changes(self, collected: CollectedPhotos) -> tuple[int, int]:
        """How many people of the build had no face in the current version, and how many have a new one."""
        beginnings = tuple(map(path_beginning, self.sources))
        used = (
            [photo for photo in self._current.photos(beginnings) if not photo.skipped]
            if self._current
            else []
        )
        owners, paths = {photo.owner for photo in used}, {photo.path for photo in used}
        added = updated = 0
        for person in collected.people:
            usable = {stored.photo.path for stored in collected.usable(person)}
            if usable and owners.isdisjoint(person_keys(person.person)):
                added += 1
            elif usable - paths:
                updated += 1
        return added, updated

    def _write(self, merged: Sequence[MergedPerson], collected: CollectedPhotos) -> str:
        """Write a new version and return its name."""
        write_people(self._writer, collected.each(merged), self._carried, collected.faces)
        if self._carried:
            self._carried.copy_photos(self._writer)
        for photo in collected.listed():
            self._writer.add_photo(photo)
        version = self._writer.commit(self._all_sources())
        # Left out, not forgotten: the next build may judge them differently. And other sources' builds may
        # have been interrupted.
        beginnings = tuple(map(path_beginning, self.sources))
        waiting = (photo for path, photo in self._spool.stored.items() if not path.startswith(beginnings))
        with suppress(OSError):
            self._spool.keep_only(
                [photo.load() for photo in (*waiting, *(self.photos[path] for path in collected.left_out))]
            )
        return version

    def _analyzed(
        self, new: NewPhoto, picture: AnalyzedPicture | StashSenseError
    ) -> StoredPhoto | StashSenseError:
        if isinstance(picture, StashSenseError):
            if isinstance(new.content, Path):
                return picture  # a permission or a share may come back; bytes stay as unreadable as they are
            photo = ReferencePhoto(replace(new.photo, skipped=str(picture)))
        else:
            photo = reference_photo(new, picture, self.limits)
        return self._spooled(photo)

    def _spooled(self, photo: ReferencePhoto) -> StoredPhoto:
        stored = self._spool.add(photo)
        if stored is None:
            raise Cancelled("the build has ended")
        return stored

    def _all_sources(self) -> list[str]:
        others = self._carried.names if self._carried else []
        return sorted({*others, *self.sources}, key=lead_order)

    def _lost(self) -> tuple[str, ...]:
        """What cannot be carried over, as a problem for the report."""
        if self._current is None or self._carried:
            return ()
        lost = [
            source for source in self._current.manifest.sources if source not in named_sources(self.sources)
        ]
        if not lost:
            return ()
        problem = "embedded with another model pack. Build the face database from there again."
        return (f"{', '.join(lost)}: {problem}",)

    def _before(self) -> Iterator[Person]:
        """The people of whom the current version has a face that this build may drop."""
        if self._carried:
            yield from self._carried.at_stake()
        elif self._current:
            yield from map(self._current.person, range(self._current.people))

    def _is_in(
        self, carried: CarriedSources, merged: Sequence[MergedPerson], collected: CollectedPhotos
    ) -> bool:
        """Whether the current version holds just these people with these references, and these photos."""
        return (
            carried.database.manifest.sources == named_sources(self._all_sources())
            and carried.holds(collected.each(merged), collected.faces)
            and carried.lists(collected.listed())
        )

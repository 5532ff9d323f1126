"""One build of a face database, whatever the source: reuse, analyze, quarantine, write, report."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from threading import Event

import numpy as np

from stash_sense.domain.identity import Person
from stash_sense.enrolment.forgotten import ForgottenPeople
from stash_sense.enrolment.quarantine import PersonReferences, quarantine, unconfirmed_guesses
from stash_sense.enrolment.references import FACES, NewPhoto, cut_crop, reference_photo
from stash_sense.enrolment.report import BuildReport, EnrolledPerson, SkippedPhoto
from stash_sense.enrolment.set_aside import several_faces
from stash_sense.enrolment.vanished import names_gone, refuse_vanished
from stash_sense.errors import Cancelled, StashSenseError
from stash_sense.facedb.analyzed_photos import ReferencePhoto, Spool, StoredPhoto, stored_photos
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo, Slot
from stash_sense.facedb.writer import DatabaseWriter, named_sources
from stash_sense.media.formats import DEFAULT_LIMITS, MediaLimits
from stash_sense.recognition.analysis import AnalyzedPicture, analyze_pictures
from stash_sense.recognition.recognizer import SLOTS, LoadedPack

MIN_CONFIDENCE = 0.5
"""Detection confidence from which a face may be a reference."""


def database_writer(place: Path, pack: LoadedPack, *, wait: bool = True) -> DatabaseWriter:
    """A writer of a new version with this pack's embeddings. wait: for another build, or raise Busy."""
    slots = [Slot(name=slot, dimension=pack.dimensions[slot]) for slot in SLOTS]
    return DatabaseWriter(place, pack=pack.id, pack_fingerprint=pack.fingerprint, slots=slots, wait=wait)


@contextmanager
def open_build(
    place: Path,
    pack: LoadedPack,
    *,
    reuse: Iterable[FaceDatabase] = (),
    only: Collection[str] | None = None,
    limits: MediaLimits = DEFAULT_LIMITS,
    wait: bool = True,
) -> Iterator["DatabaseBuild"]:
    """Begin a build at `place`; leaving the block without `finish` keeps the old database.

    reuse: further databases to take analyzed photos from. only: paths of the photos of this build, if known.
    wait: wait for another build at the place, or raise Busy. Raises WriteFailed.
    """
    with database_writer(place, pack, wait=wait) as writer, ExitStack() as stack:
        current = FaceDatabase.open_usable(place)
        if current:
            stack.enter_context(current)
        spool = stack.enter_context(Spool(place, pack.fingerprint))
        databases = [*([current] if current else []), *reuse]
        stored = stored_photos(databases, pack.fingerprint, only) | spool.stored
        forgotten = ForgottenPeople.read(place)
        yield DatabaseBuild(place, pack, limits, writer, spool, current, stored, forgotten)


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
    limits: MediaLimits
    _writer: DatabaseWriter
    _spool: Spool
    _current: FaceDatabase | None
    stored: Mapping[str, StoredPhoto]
    forgotten: ForgottenPeople
    photos: dict[str, StoredPhoto] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    analyzed: int = 0
    stop: Event = field(default_factory=Event)
    _left_out: dict[str, str] = field(default_factory=dict)
    _faceless: Sequence[Photo] = ()

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
        """The people of the current database, if it can be reused."""
        if self._current and self._current.manifest.pack_fingerprint == self.pack.fingerprint:
            yield from map(self._current.person, range(self._current.people))

    def known_below(self, folder: str) -> dict[str, StoredPhoto]:
        """Path -> what the current database knows of the photos below a folder."""
        if self._current is None:
            return {}
        stored = stored_photos([self._current], self.pack.fingerprint)
        return {path: photo for path, photo in stored.items() if path.startswith(folder)}

    def finish(
        self,
        people: Sequence[EnrolledPerson],
        sources: Sequence[str],
        duplicates: Mapping[str, str] | None = None,
        *,
        faceless: Sequence[Photo] = (),
    ) -> BuildReport:
        """Set doubtful references aside and write a new version, unless the current one already holds all.

        duplicates: path -> why its face is left out, for photos that their source found to be copies.
        faceless: further photos to be listed in the database, each with its reason.
        Raises Cancelled once `stop` is set, and WriteFailed; the old database then stays in use.
        """
        people = [person for person in people if not self.forgotten.covers(person.person)]
        self._left_out = dict(duplicates or {})
        self._faceless = [photo for photo in faceless if not self.forgotten.covers_key(photo.owner)]
        for references in self._references(self._guessed(people)):
            for path in unconfirmed_guesses(references, self.pack):
                self._left_out[path] = several_faces(self.photos[path].details[FACES])
        quarantined: dict[str, str] = {}
        if self.pack.calibrated:
            quarantined = quarantine(lambda: self._references(people), self.pack, self.place)
        self._left_out |= quarantined
        if self._current and not self.analyzed and self._is_in(self._current, people, sources):
            return self._report(self._current.manifest.version, people, quarantined)
        gone: tuple[str, ...] = ()
        if self._current:
            gone = names_gone(self._current, (person.person for person in people if self._usable(person)))
        for person in self._each(people):
            self._write_person(person)
        for photo in self._faceless:
            self._writer.add_photo(photo)
        version = self._writer.commit(sources)
        # Left out, not forgotten: the next build may judge them differently.
        with suppress(OSError):
            self._spool.keep_only([self.photos[path].load() for path in self._left_out])
        return replace(self._report(version, people, quarantined), gone=gone)

    def _analyzed(
        self, new: NewPhoto, picture: AnalyzedPicture | StashSenseError
    ) -> StoredPhoto | StashSenseError:
        if isinstance(picture, StashSenseError):
            if isinstance(new.content, Path):
                return picture  # a permission or a share may come back; bytes stay as unreadable as they are
            photo = ReferencePhoto(replace(new.photo, skipped=str(picture)))
        else:
            photo = reference_photo(new, picture, self.limits)
        stored = self._spool.add(photo)
        if stored is None:
            raise Cancelled("the build has ended")
        return stored

    def _each(self, people: Iterable[EnrolledPerson]) -> Iterator[EnrolledPerson]:
        for person in people:
            if self.stop.is_set():
                raise Cancelled("the build was stopped")
            yield person

    def _usable(self, person: EnrolledPerson) -> list[StoredPhoto]:
        """The person's photos from which a reference is taken."""
        photos = (self.photos[path] for path in person.photos if path in self.photos)
        return [
            stored
            for stored in photos
            if not stored.photo.skipped and stored.photo.path not in self._left_out
        ]

    def _photos_of(self, person: EnrolledPerson) -> Iterator[Photo]:
        """The person's photos as a database lists them."""
        for path in person.photos:
            if stored := self.photos.get(path):
                skipped = self._left_out.get(path, stored.photo.skipped)
                yield replace(stored.photo, owner=person.person.key, skipped=skipped)

    def _references(self, people: Iterable[EnrolledPerson]) -> Iterator[PersonReferences]:
        for person in self._each(people):
            loaded = ((stored.photo.path, stored.load_vector()) for stored in self._usable(person))
            vectors = {path: vector for path, vector in loaded if vector is not None}
            if vectors:
                guessed = frozenset(path for path in vectors if FACES in self.photos[path].details)
                stacked = np.stack(list(vectors.values()))
                yield PersonReferences(person.person.name, list(vectors), stacked, guessed)

    def _guessed(self, people: Iterable[EnrolledPerson]) -> Iterator[EnrolledPerson]:
        """The people of whom at least one face was guessed among several."""
        for person in people:
            if any(FACES in stored.details for stored in self._usable(person)):
                yield person

    def _is_in(
        self, database: FaceDatabase, people: Sequence[EnrolledPerson], sources: Sequence[str]
    ) -> bool:
        manifest = database.manifest
        if (manifest.pack_fingerprint, manifest.sources) != (self.pack.fingerprint, named_sources(sources)):
            return False
        listed = (photo for person in self._each(people) for photo in self._photos_of(person))
        photos = chain(listed, self._faceless)
        references = (
            (person.person, [stored.load().reference for stored in usable])
            for person in self._each(people)
            if (usable := self._usable(person))
        )
        return database.holds(references, photos)

    def _write_person(self, person: EnrolledPerson) -> None:
        photos = [stored.load() for stored in self._usable(person)]
        faces = [
            (photo.reference, photo.vector, photo.crop)
            for photo in photos
            if photo.reference is not None and photo.vector is not None
        ]
        if faces:
            references, vectors, crops = zip(*faces, strict=True)
            self._writer.add_person(person.person, references, np.stack(vectors), crops)
        for photo in self._photos_of(person):
            self._writer.add_photo(photo)

    def _report(
        self, version: str, people: Sequence[EnrolledPerson], quarantined: Collection[str]
    ) -> BuildReport:
        faces = [len(self._usable(person)) for person in people]
        skipped = []
        for person in people:
            reasons = {photo.path: photo.skipped for photo in self._photos_of(person)}
            skipped += [
                SkippedPhoto(person.person, path, reason)
                for path in person.photos
                if (reason := self.failed.get(path) or reasons.get(path))
            ]
        return BuildReport(
            version=version,
            people=sum(map(bool, faces)),
            faces=sum(faces),
            analyzed=self.analyzed,
            reused=sum(len(person.photos) for person in people) - self.analyzed - len(self.failed),
            faceless=tuple(
                person.person.name for person, count in zip(people, faces, strict=True) if not count
            ),
            skipped=tuple(photo for photo in skipped if photo.path not in quarantined),
            quarantined=tuple(photo for photo in skipped if photo.path in quarantined),
        )

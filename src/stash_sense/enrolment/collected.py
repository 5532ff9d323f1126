"""The photos that a build has collected: which of them give a reference, and why the others do not."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Event
from typing import TypeVar

import numpy as np

from stash_sense.enrolment.carry import Faces
from stash_sense.enrolment.merge import Contribution
from stash_sense.enrolment.quarantine import PersonReferences, reference_distances, unconfirmed_guesses
from stash_sense.enrolment.references import FACES
from stash_sense.enrolment.report import BuildReport, EnrolledPerson, SkippedPhoto
from stash_sense.enrolment.selection import LEARNED, MOST_REFERENCES, choose_to_differ, sure_faces
from stash_sense.enrolment.set_aside import NOT_BORNE_OUT, SPARE, several_faces
from stash_sense.enrolment.source_ids import source_kind, source_of
from stash_sense.errors import Cancelled
from stash_sense.facedb.analyzed_photos import StoredPhoto
from stash_sense.facedb.layout import Photo
from stash_sense.facedb.records import PersonPart
from stash_sense.recognition.recognizer import LoadedPack

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class CollectedPhotos:
    """The people of a build of `sources` and their photos.

    others: people of whom there is no photo. photos, failed: as of `DatabaseBuild`. faceless: further photos
    to list. left_out: path -> why no reference is taken from it although it shows a face; quarantined: those
    of them that show another person. stop: set to end whatever goes through the people.
    """

    people: Sequence[EnrolledPerson]
    others: Sequence[EnrolledPerson]
    sources: Sequence[str]
    photos: Mapping[str, StoredPhoto]
    failed: Mapping[str, str]
    faceless: Sequence[Photo]
    left_out: dict[str, str]
    stop: Event
    quarantined: Mapping[str, str] = field(default_factory=dict)

    def each(self, people: Iterable[T]) -> Iterator[T]:
        """The people, until the build is stopped. Raises Cancelled."""
        for person in people:
            if self.stop.is_set():
                raise Cancelled("the build was stopped")
            yield person

    def leave_out_guesses(self, pack: LoadedPack) -> None:
        """Leave out faces that were guessed among several and that nothing else bears out."""
        guessed = (
            person
            for person in self.each(self.people)
            if any(FACES in stored.details for stored in self.usable(person))
        )
        for references in self.references(guessed):
            for path in unconfirmed_guesses(references, pack):
                self.left_out[path] = several_faces(self.photos[path].details[FACES])

    def choose(self, pack: LoadedPack) -> None:
        """Keep the learned faces that are surely their person's, and of these the most different."""
        for person in self.each(self.people):
            usable = self.usable(person)
            learned = [stored.photo.path.startswith(LEARNED) for stored in usable]
            if not any(learned):
                continue
            vectors = [stored.load_vector() for stored in usable]
            distances = np.zeros((len(usable), len(usable)))
            sure = list(range(len(usable)))
            if pack.calibrated:
                stacked = np.stack([vector for vector in vectors if vector is not None])
                distances = reference_distances(stacked, pack)
                sure = sure_faces(distances, learned)
            given = [index for index in sure if not learned[index]]
            others = [index for index in sure if learned[index]]
            chosen = choose_to_differ(distances, given, others, max(MOST_REFERENCES, len(given)))
            for index, stored in enumerate(usable):
                if index not in chosen:
                    self.left_out[stored.photo.path] = SPARE if index in sure else NOT_BORNE_OUT

    def usable(self, person: EnrolledPerson) -> list[StoredPhoto]:
        """The person's photos from which a reference is taken."""
        photos = (self.photos[path] for path in person.photos if path in self.photos)
        return [
            stored for stored in photos if not stored.photo.skipped and stored.photo.path not in self.left_out
        ]

    def references(self, people: Iterable[EnrolledPerson]) -> Iterator[PersonReferences]:
        """The embeddings of the people's references."""
        for person in people:
            loaded = ((stored.photo.path, stored.load_vector()) for stored in self.usable(person))
            vectors = {path: vector for path, vector in loaded if vector is not None}
            if vectors:
                guessed = frozenset(path for path in vectors if FACES in self.photos[path].details)
                stacked = np.stack(list(vectors.values()))
                yield PersonReferences(person.person.name, list(vectors), stacked, guessed)

    def contributions(self) -> Iterator[Contribution]:
        """What the build brings to each person: a part for each source that has a face of them."""
        for index, person in enumerate(self.each((*self.people, *self.others))):
            counts = Counter(source_of(stored.photo.path, self.sources) for stored in self.usable(person))
            # A folder without a usable photo says nothing of anybody; a performer without one has keys.
            for source in counts or (source for source in self.sources if source_kind(source) != "folder"):
                yield Contribution(PersonPart(source, person.person, counts[source], person.names), index)

    def faces(self, contribution: Contribution) -> Faces:
        """The references of a contribution of this build."""
        if not contribution.part.faces:
            return []
        source = contribution.part.source
        usable = self.usable(self.people[contribution.index])
        photos = (stored.load() for stored in usable if source_of(stored.photo.path, self.sources) == source)
        return [
            (photo.reference, photo.vector, photo.crop)
            for photo in photos
            if photo.reference is not None and photo.vector is not None
        ]

    def listed(self) -> Iterator[Photo]:
        """The photos as a database lists them."""
        yield from (photo for person in self.each(self.people) for photo in self._photos_of(person))
        yield from self.faceless

    def report(self, version: str, analyzed: int) -> BuildReport:
        """What the build did. analyzed: photos analyzed in it."""
        faces = [len(self.usable(person)) for person in self.people]
        skipped = []
        for person in self.people:
            reasons = {photo.path: photo.skipped for photo in self._photos_of(person)}
            skipped += [
                SkippedPhoto(person.person, path, reason)
                for path in person.photos
                if (reason := self.failed.get(path) or reasons.get(path)) and reason != SPARE
            ]
        return BuildReport(
            version=version,
            people=sum(map(bool, faces)),
            faces=sum(faces),
            analyzed=analyzed,
            reused=sum(len(person.photos) for person in self.people) - analyzed - len(self.failed),
            faceless=tuple(
                person.person.name for person, count in zip(self.people, faces, strict=True) if not count
            ),
            skipped=tuple(photo for photo in skipped if photo.path not in self.quarantined),
            quarantined=tuple(photo for photo in skipped if photo.path in self.quarantined),
        )

    def _photos_of(self, person: EnrolledPerson) -> Iterator[Photo]:
        for path in person.photos:
            if stored := self.photos.get(path):
                skipped = self.left_out.get(path, stored.photo.skipped)
                yield replace(stored.photo, owner=person.person.key, skipped=skipped)

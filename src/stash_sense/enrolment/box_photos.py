"""A stash-box's pictures of people, taken into a build. Each is fetched once: an id never shows another."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain

from stash_sense.domain.identity import Person, person_keys
from stash_sense.enrolment.box_people import BoxPerson, ids_on_box
from stash_sense.enrolment.build import DatabaseBuild
from stash_sense.enrolment.references import NewPhoto, picture_digest, portrait_face
from stash_sense.enrolment.set_aside import NO_BOX_PICTURE, SHARED_PICTURE
from stash_sense.enrolment.source_ids import path_beginning
from stash_sense.errors import (
    BoxImageGone,
    StashBoxError,
    StashBoxKeyRefused,
    StashBoxLimited,
    StashBoxUnreachable,
)
from stash_sense.facedb.layout import Photo
from stash_sense.jobs.workers import Lane, WorkPool
from stash_sense.stashbox.address import is_box_id
from stash_sense.stashbox.client import StashBoxClient
from stash_sense.stashbox.types import BoxImage

IMAGES_PER_PERSON = 5
FAILURES_IN_A_ROW = 20
"""After so many pictures that could not be had one after another, the box is taken to be out of order."""
_PERFORMER = "performer/"
_GONE = "gone"


@dataclass(slots=True, eq=False)
class BoxPhotos:
    """Takes the pictures of people into a build. shared: those that show several of them.

    A photo's stamp: when its person was edited, and a digest of the picture. In place of the digest: `gone`
    where the box has it no more, which is asked for again once the person was edited; nothing where it
    failed, and is asked for again.
    """

    box: StashBoxClient
    pool: WorkPool
    build: DatabaseBuild
    source: str
    shared: Collection[BoxImage] = ()
    _failures: int = 0
    _refused: dict[str, Photo] = field(default_factory=dict)

    async def take(self, person: BoxPerson) -> list[str]:
        """The paths of the person's first pictures, each taken into the build or refused with a reason.

        Raises a StashBoxError that concerns not only one picture.
        """
        beginning = path_beginning(self.source)
        shared = [image for image in person.images if image in self.shared]
        own = [image for image in person.images if image not in self.shared]
        for image in own[:IMAGES_PER_PERSON]:
            await self._take(beginning + image.id, image, person)
        for image in shared[:IMAGES_PER_PERSON]:
            self.build.failed[beginning + image.id] = SHARED_PICTURE
        return [beginning + image.id for image in (*own[:IMAGES_PER_PERSON], *shared[:IMAGES_PER_PERSON])]

    def listed(self, people: Iterable[tuple[BoxPerson, Sequence[str]]]) -> Iterator[Photo]:
        """What the database is to list besides: pictures that could not be had, and people without any.

        people: with the paths of their pictures.
        """
        for person, paths in people:
            key = person.person.key
            if not paths:
                path = f"{path_beginning(self.source)}{_PERFORMER}{key}"
                yield Photo(path, _stamp(person, ""), key, NO_BOX_PICTURE)
            yield from (self._refused[path] for path in paths if path in self._refused)

    async def _take(self, path: str, image: BoxImage, person: BoxPerson) -> None:
        stored = self.build.stored.get(path)
        content = stored.photo.content_stamp if stored else ""
        if stored and content and (content != _GONE or stored.photo.stamp == _stamp(person, _GONE)):
            self.build.photos[path] = replace(
                stored, photo=replace(stored.photo, stamp=_stamp(person, content))
            )
            return
        try:
            data = await self.box.image(image)
        except (StashBoxKeyRefused, StashBoxLimited, StashBoxUnreachable):
            raise
        except StashBoxError as error:
            self._failures += 1
            if self._failures >= FAILURES_IN_A_ROW:
                raise
            self.build.failed[path] = str(error)
            self._refused[path] = Photo(
                path,
                _stamp(person, _GONE if isinstance(error, BoxImageGone) else ""),
                person.person.key,
                str(error),
            )
            return
        self._failures = 0
        photo = Photo(path, _stamp(person, picture_digest(data)), person.person.key)
        new = NewPhoto(photo, data, portrait_face)
        (result,) = await self.pool.run(partial(self.build.analyze, [new]), Lane.BACKGROUND)
        self.build.record(path, result)


def _stamp(person: BoxPerson, content: str) -> str:
    return f"{person.updated}|{content}"


@dataclass(frozen=True, slots=True)
class KnownBoxPeople:
    """Whom the last build had from the box, those too of whom it has no face.

    ids: of their entries. keys: of those of whom it has a face; faces: paths of the pictures with one.
    watermark: when the last edited of them was, UTC.
    """

    people: Sequence[BoxPerson]
    ids: Mapping[str, BoxPerson]
    keys: frozenset[str]
    faces: frozenset[str]
    watermark: str

    @classmethod
    def of(cls, build: DatabaseBuild, source: str, host: str) -> "KnownBoxPeople":
        """What the database knows; what an interrupted build has fetched says nothing of who was listed."""
        beginning = path_beginning(source)
        images: dict[str, list[BoxImage]] = {}
        edited: dict[str, str] = {}
        faces: dict[str, str] = {}
        for path, stored in build.known_below(beginning).items():
            owner, image = stored.photo.owner, path.removeprefix(beginning)
            own = images.setdefault(owner, [])
            if not image.startswith(_PERFORMER):
                own.append(BoxImage(image))
            edited[owner] = max(edited.get(owner, ""), stored.photo.stamp.partition("|")[0])
            if not stored.photo.skipped:
                faces[path] = owner
        enrolled = {person.key: person for person in build.enrolled()}
        people = [
            BoxPerson(enrolled.get(key) or Person(key, key), tuple(own), edited[key])
            for key, own in images.items()
        ]
        ids = {
            box_id: person
            for person in people
            for box_id in ids_on_box(person.person, host) or [person.person.key.removeprefix(f"{host}:")]
            if is_box_id(box_id)
        }
        shown = (enrolled[owner] for owner in set(faces.values()) if owner in enrolled)
        keys = frozenset(chain.from_iterable(map(person_keys, shown)))
        return cls(people, ids, keys, frozenset(faces), max(edited.values(), default=""))

"""Stash's pictures of people, taken into a build: portraits, and images of a person alone."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from stash_sense.domain.identity import picture_stamp
from stash_sense.enrolment.build import DatabaseBuild
from stash_sense.enrolment.known_faces import PHOTO_PREFIX, SCENE, KnownFaces
from stash_sense.enrolment.performers import StashPerson
from stash_sense.enrolment.references import FaceChooser, NewPhoto, only_face, picture_digest, portrait_face
from stash_sense.enrolment.set_aside import NO_PORTRAIT, is_left_out
from stash_sense.enrolment.stash_scenes import StashScenes
from stash_sense.errors import StashError, StashKeyRefused, StashTooSlow, StashUnreachable
from stash_sense.facedb.analyzed_photos import StoredPhoto
from stash_sense.facedb.layout import Photo
from stash_sense.jobs.workers import Lane, WorkPool
from stash_sense.stash.client import StashClient
from stash_sense.stash.types import Media, Performer, StashImage, VisualFile

ImageUse = bool | Literal["unlearned"] | Collection[str]
"""Whether people are learned from images too; unlearned: those of whom no portrait shows a face; a collection
of performer ids: only these of them."""
_IMAGE = f"{PHOTO_PREFIX}image/"
_PORTRAIT = f"{PHOTO_PREFIX}performer/"
IMAGES_PER_PERSON = 16
"""Images looked at besides the portraits, the oldest first: twice as many as may become references, and each
costs as much as a portrait. The oldest, so that new images do not replace others at each build."""
RETRY_S = 5.0
"""How long to retry asking Stash for its status after a picture could not be fetched."""


def portrait_path(performer: Performer) -> str:
    """The path by which a build and its database know a performer's portrait."""
    return _PORTRAIT + performer.id


@dataclass(frozen=True, slots=True, eq=False)
class StashPhotos:
    """Takes Stash's pictures of people into a build. known: from the last one. on_outage: see StashScenes.

    A picture that cannot be fetched keeps the face that earlier builds took from it, and is fetched again
    by the next build.
    """

    client: StashClient
    pool: WorkPool
    build: DatabaseBuild
    known: KnownFaces
    on_outage: Callable[[str], None]

    async def all_of(
        self, person: StashPerson, with_images: ImageUse, *, with_scenes: bool
    ) -> AsyncIterator[str]:
        """The paths of the person's portraits, images and frames of scenes, each taken into the build."""
        learned = False
        async for path in self.portraits(person):
            stored = self.build.photos.get(path)
            learned = learned or (stored is not None and not stored.photo.skipped)
            yield path
        known = self.known.photos_of(person)
        by_images, by_scenes = (
            any(stored.photo.path.startswith(beginning) for stored in known) for beginning in (_IMAGE, SCENE)
        )
        if with_images is True or by_images or (not learned and _is_to_be_learned(with_images, person)):
            async for path in self.images(person):
                yield path
        if (with_scenes or by_scenes) and self.build.pack.calibrated:
            scenes = StashScenes(
                self.client, self.pool, self.build, self.known.scenes, self.guarded, self.on_outage
            )
            for path in await scenes.frames_of(person):
                yield path
        if not person.portraits:
            for stored in known:
                if stored.photo.path.startswith(_PORTRAIT):
                    self.build.photos[stored.photo.path] = self._restamped(stored, person)
                    yield stored.photo.path

    async def portraits(self, person: StashPerson) -> AsyncIterator[str]:
        """The paths of the person's portraits, each taken into the build."""
        for performer in person.portraits:
            path = portrait_path(performer)
            await self.guarded(path, self._portrait(path, person.person.key, performer))
            yield path

    async def images(self, person: StashPerson) -> AsyncIterator[str]:
        """The paths of images on which the person alone is tagged, each taken into the build."""
        ids = [performer.id for performer in person.performers]
        alone = {
            "performers": {"value": ids, "modifier": "INCLUDES"},
            "performer_count": {"value": 1, "modifier": "EQUALS"},
        }
        for image in await self.client.first_images(alone, IMAGES_PER_PERSON):
            file = image.primary_file
            if image.is_video or file is None:
                continue
            path = f"{_IMAGE}{image.id}"
            await self.guarded(path, self._image(path, person.person.key, image, file))
            yield path

    @staticmethod
    def _restamped(stored: StoredPhoto, person: StashPerson) -> StoredPhoto:
        """The photo of a performer who has none any more, with the time of their last edit."""
        for performer in person.performers:
            if portrait_path(performer) == stored.photo.path:
                return _with_stamp(stored, f"{performer.updated_at}|{stored.photo.content_stamp}")
        return stored

    async def guarded(self, path: str, taken: Awaitable[None]) -> None:
        """Take a picture into the build, or note why it cannot be had now. Raises if all of Stash is away."""
        try:
            await taken
        except (StashUnreachable, StashTooSlow, StashKeyRefused) as error:
            # Raises if all of Stash is away rather than this one picture, which was waited for already.
            limits = self.client.limits
            await self.client.with_limits(replace(limits, retry_s=min(limits.retry_s, RETRY_S))).status()
            self.build.fail(path, str(error))
        except StashError as error:
            self.build.fail(path, str(error))

    async def _portrait(self, path: str, owner: str, performer: Performer) -> None:
        stored = self.build.stored.get(path)
        if stored and stored.photo.skipped == NO_PORTRAIT:
            stored = None
        if stored and stored.photo.stamp.partition("|")[0] == performer.updated_at:
            self.build.photos[path] = stored
            return
        media = await self.client.portrait(performer)
        photo = Photo(path, f"{performer.updated_at}|{picture_digest(media.data)}", owner)
        if stored and stored.photo.content_stamp == photo.content_stamp:
            # Something else about the performer was edited.
            self.build.photos[path] = _with_stamp(stored, photo.stamp)
        else:
            await self._analyze(photo, media, portrait_face)

    async def _image(self, path: str, owner: str, image: StashImage, file: VisualFile) -> None:
        stored = self.build.stored.get(path)
        fingerprints = [(fingerprint.type, fingerprint.value) for fingerprint in file.fingerprints]
        photo = Photo(path, picture_stamp(fingerprints, file.path, file.size, file.mod_time), owner)
        if stored and stored.photo.stamp == photo.stamp and not is_left_out(stored.photo.skipped):
            self.build.photos[path] = stored
        else:
            await self._analyze(photo, await self.client.original(image), only_face)

    async def _analyze(self, photo: Photo, media: Media, choose_face: FaceChooser) -> None:
        new = NewPhoto(photo, media.data, choose_face)
        (result,) = await self.pool.run(partial(self.build.analyze, [new]), Lane.BACKGROUND)
        self.build.record(photo.path, result)


def _is_to_be_learned(with_images: ImageUse, person: StashPerson) -> bool:
    if isinstance(with_images, bool | str):
        return with_images == "unlearned"
    return any(performer.id in with_images for performer in person.performers)


def _with_stamp(stored: StoredPhoto, stamp: str) -> StoredPhoto:
    return replace(stored, photo=replace(stored.photo, stamp=stamp))


async def fetch_pictures(client: StashClient, paths: Sequence[str]) -> dict[str, bytes]:
    """The pictures at these paths of a build from Stash, as far as they can be had."""
    pictures = {}
    performers = {performer.id: performer for performer in await client.performers()} if paths else {}
    for path in paths:
        with suppress(StashError):
            if path.startswith(_PORTRAIT):
                performer = performers.get(path.removeprefix(_PORTRAIT))
                if performer:
                    pictures[path] = (await client.portrait(performer)).data
            elif path.startswith(_IMAGE):
                image = await client.get_image_by_id(path.removeprefix(_IMAGE))
                pictures[path] = (await client.thumbnail(image)).data
    return pictures

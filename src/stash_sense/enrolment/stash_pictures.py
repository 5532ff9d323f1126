import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from stash_sense.domain.faces import EmbeddedFace
from stash_sense.domain.images import picture_stamp
from stash_sense.enrolment.known import Known
from stash_sense.enrolment.portraits import only_face, portrait_face
from stash_sense.enrolment.stash_people import StashPerson
from stash_sense.enrolment.versions import looked_at
from stash_sense.errors import (
    Cancelled,
    StashError,
    StashKeyRefused,
    StashSenseError,
    StashTooSlow,
    StashUnreachable,
)
from stash_sense.facedb.layout import Photo
from stash_sense.facedb.spool import Looked, Spool
from stash_sense.jobs.workers import Lane, WorkPool
from stash_sense.media.limits import MediaLimits
from stash_sense.media.photo import load_image
from stash_sense.recognition.analysis import scale_faces
from stash_sense.recognition.crops import face_jpeg
from stash_sense.recognition.recognizer import LoadedPack
from stash_sense.stash.client import StashClient
from stash_sense.stash.types import Image, Media, Performer, VisualFile

log = logging.getLogger(__name__)


PREFIX = "stash:"
"""What a reference's photo begins with where it lies in Stash: `stash:performer/12`, `stash:image/34`."""


IMAGES_A_PERSON = 10
"""Images looked at beside the portraits, the oldest first: more add little, and each costs as much as a
portrait. The oldest, so that new images do not bring others in at each build."""


AGAIN_S = 5.0
"""How long Stash is asked again when a picture could not be had in the time of a patient client."""


KEPT_SIDE = 192


KEPT_QUALITY = 80
"""Of the crops kept in the database: some 8 kB each."""


_Choose = Callable[[Sequence[EmbeddedFace], int, int], EmbeddedFace | str]


@dataclass(slots=True, eq=False)
class Pictures:
    """Looks at pictures. `seen`: path -> what is known now; `failed`: path -> why it could not be had.

    A picture that cannot be had keeps the face that is known of it, if any, and is asked for again next time.
    """

    client: StashClient
    pool: WorkPool
    pack: LoadedPack
    spool: Spool
    known: Mapping[str, Known]
    limits: MediaLimits
    seen: dict[str, Known] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    embedded: int = 0

    async def portraits(self, person: StashPerson) -> AsyncIterator[str]:
        """The paths of the person's portraits, each looked at."""
        for performer in person.portraits:
            path = f"{PREFIX}performer/{performer.id}"
            await self._guarded(path, self._portrait(path, person.person.key, performer))
            yield path

    async def images(self, person: StashPerson) -> AsyncIterator[str]:
        """The paths of images on which the person alone is tagged, each looked at."""
        ids = [performer.id for performer in person.performers]
        alone = {
            "performers": {"value": ids, "modifier": "INCLUDES"},
            "performer_count": {"value": 1, "modifier": "EQUALS"},
        }
        for image in await self.client.first_images(alone, IMAGES_A_PERSON):
            file = image.primary_file
            if image.is_video or file is None:
                continue
            path = f"{PREFIX}image/{image.id}"
            await self._guarded(path, self._image(path, person.person.key, image, file))
            yield path

    async def _guarded(self, path: str, look: Coroutine[Any, Any, Known]) -> None:
        try:
            self.seen[path] = await look
        except (StashUnreachable, StashTooSlow, StashKeyRefused) as error:
            # Raises where it is Stash that is away, and not this one picture; that was waited for already.
            limits = self.client.limits
            await self.client.with_limits(replace(limits, retry_s=min(limits.retry_s, AGAIN_S))).status()
            self._fail(path, error)
        except StashError as error:
            self._fail(path, error)

    def _fail(self, path: str, error: StashError) -> None:
        self.failed[path] = str(error)
        if path in self.known:
            self.seen[path] = self.known[path]

    async def _portrait(self, path: str, owner: str, performer: Performer) -> Known:
        known = self.known.get(path)
        edited, _, digest = known.stamp.partition("|") if known else ("", "", "")
        if known and edited == performer.updated_at:
            return known
        media = await self.client.portrait(performer)
        now = _digest(media.data)
        stamp = f"{performer.updated_at}|{now}"
        if known and digest == now:  # something else about the performer was edited
            return replace(known, stamp=stamp)
        return await self._look(Photo(path, stamp, owner), media, portrait_face)

    async def _image(self, path: str, owner: str, image: Image, file: VisualFile) -> Known:
        known = self.known.get(path)
        fingerprints = [(each.type, each.value) for each in file.fingerprints]
        stamp = picture_stamp(fingerprints, file.path, file.size, file.mod_time)
        if known and known.stamp == stamp:
            return known
        media = await self.client.original(image)
        return await self._look(Photo(path, stamp, owner), media, lambda faces, *_: only_face(faces))

    async def _look(self, photo: Photo, media: Media, choose: _Choose) -> Known:
        found = await self.pool.run(partial(self._face, photo, media.data, choose), Lane.BACKGROUND)
        self.embedded += 1
        return found

    def _face(self, photo: Photo, data: bytes, choose: _Choose) -> Known:
        """On a worker's thread: the picture's face goes into the spool."""
        try:
            looked = _looked(photo, data, choose, self.pack, self.limits)
        except StashSenseError as error:  # the same bytes will be as unreadable next time
            looked = Looked(replace(photo, skipped=str(error)))
        start = self.spool.add(looked)
        if start is None:
            raise Cancelled("the build has ended")
        return Known(photo.stamp, looked.photo.skipped, partial(self.spool.at, start))


def _looked(photo: Photo, data: bytes, choose: _Choose, pack: LoadedPack, limits: MediaLimits) -> Looked:
    image = load_image(data, limits=limits)
    (faces,) = pack.engine.analyze([image.pixels], reference=True)
    height, width = image.pixels.shape[:2]
    face = choose(faces, width, height)
    if isinstance(face, str):
        return Looked(replace(photo, skipped=face))
    x1, y1, x2, y2 = (float(side) for side in face.box)
    crop = face_jpeg(image.pixels, (x1, y1, x2, y2), KEPT_SIDE, KEPT_QUALITY)
    (placed,) = scale_faces([face], np.array(image.scale, np.float32), image.width, image.height)
    return looked_at(photo, placed, crop)


def witness(known: Known) -> str:
    """What two copies of one picture have in common: they are one witness for a face."""
    return known.stamp.rpartition("|")[2]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]

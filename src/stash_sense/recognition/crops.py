"""Face crops as JPEGs: of a stored face, cut from its image in Stash, and of a reference face."""

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import cv2

from stash_sense.domain.faces import Box, EmbeddedFace, FaceId, Pixels, SceneFaceId
from stash_sense.errors import (
    BadInput,
    ImageTooLarge,
    MediaError,
    MediaTooLarge,
    NoCrop,
    NoPicture,
    NoSuchReference,
    NotInStash,
    NotStored,
    StashSenseError,
    StashTooSlow,
    UnreadableImage,
)
from stash_sense.facedb.database import FaceDatabase
from stash_sense.faces.shrink import shrink_to_fit
from stash_sense.jobs.workers import WorkPool
from stash_sense.media.decode import DecodedImage
from stash_sense.media.formats import MediaLimits
from stash_sense.media.photo import WANTED_SIDE, load_image
from stash_sense.recognition.parameters import picture_of
from stash_sense.stash.client import StashClient
from stash_sense.stash.types import Media, StashImage
from stash_sense.store.database import RecommendationsDB

T = TypeVar("T")

CROP_SIDE = 320
"""The longest side of a crop, pixels."""

AROUND = 0.7
"""How far a crop reaches from the middle of its face, in sides of the box."""

QUALITY = 88
"""JPEG quality of a crop."""


_LONGEST_ROW = 12
"""Digits."""


class StateRunner(Protocol):
    """The open state, for coroutines."""

    async def run(self, work: Callable[[RecommendationsDB], T]) -> T:
        """The result of `work`, which runs in a thread."""
        ...


def reference_id(database: FaceDatabase, row: int) -> str | None:
    """The public id of a reference face. It names the version, since other versions have other rows."""
    return f"{database.manifest.version}.{row}" if row >= 0 else None


def reference_crop(database: FaceDatabase, reference_id: str, performer_id: str | None = None) -> bytes:
    """The reference face as a JPEG, stored in the database or cut from its photo.

    For an id of an older version: the reference of the same person from the same photo, else their first,
    else that version's own, as long as its files are there. performer_id: of that person, if known.
    Raises NoSuchReference.
    """
    version, _, text = reference_id.rpartition(".")
    row = int(text) if text.isascii() and text.isdigit() and len(text) < _LONGEST_ROW else -1
    if version == database.manifest.version and row < database.manifest.faces:
        performer_id = None
        if row >= 0:
            return _crop_at(database, row)
    older = database.sibling(version)
    if older is not None:
        with older:
            keys = list(older.keys_at(row))
            photo = older.reference(row).photo if keys else ""
            if newest := _newest_reference(
                database, [*keys, *([performer_id] if performer_id else ())], photo
            ):
                return newest
            if keys:
                return _crop_at(older, row)
    elif performer_id and (newest := _newest_reference(database, [performer_id])):
        return newest
    raise NoSuchReference(
        "The face database in use has no such reference face; it may have been rebuilt since. "
        "Identify the picture again."
    )


def _newest_reference(database: FaceDatabase, keys: Sequence[str], photo: str = "") -> bytes | None:
    """That from this photo of the person with one of these keys, else the first, which is the portrait."""
    people = database.find(keys)
    index = next((people[key] for key in keys if key in people), None)
    if index is None:
        return None
    rows = database.rows(index)
    same = (row for row in rows if photo and database.reference(row).photo == photo)
    return _crop_at(database, next(same, rows[0]))


def _crop_at(database: FaceDatabase, row: int) -> bytes:
    stored = database.crop(row)
    if stored:
        return stored
    reference = database.reference(row)
    image = _load_reference(Path(reference.photo))
    across, down = image.scale
    x1, y1, x2, y2 = reference.box
    return face_jpeg(image.pixels, (x1 / across, y1 / down, x2 / across, y2 / down))


def photo_jpeg(photo: Path) -> bytes:
    """A whole photo of a people folder, at most CROP_SIDE px wide and high. Raises NoSuchReference."""
    pixels = _load_reference(photo, CROP_SIDE).pixels
    return face_jpeg(pixels, (0, 0, pixels.shape[1], pixels.shape[0]))


def _load_reference(photo: Path, wanted_side: int = WANTED_SIDE) -> DecodedImage:
    try:
        return load_image(photo, wanted_side=wanted_side)
    except (StashSenseError, ValueError):
        raise NoSuchReference(
            "The photo that this reference face was taken from is gone or cannot be read any more. "
            "Build the face database again."
        ) from None


def face_jpeg(
    pixels: Pixels,
    box: tuple[float, float, float, float],
    longest_side: int = CROP_SIDE,
    quality: int = QUALITY,
) -> bytes:
    """A face with its surroundings. pixels (H, W, 3) BGR; box x1, y1, x2, y2 in these pixels."""
    height, width = pixels.shape[:2]
    x1, y1, x2, y2 = box
    reach = max(1.0, AROUND * max(x2 - x1, y2 - y1))
    middle_x, middle_y = (x1 + x2) / 2, (y1 + y2) / 2
    left, top = max(0, int(middle_x - reach)), max(0, int(middle_y - reach))
    right, bottom = min(width, int(middle_x + reach) + 1), min(height, int(middle_y + reach) + 1)
    if left >= right or top >= bottom:
        raise NoSuchReference("The photo has changed since its face was enrolled. Build the database again.")
    crop = shrink_to_fit(pixels[top:bottom, left:right], longest_side)
    _, encoded = cv2.imencode(".jpg", crop, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return encoded.tobytes()


def face_crops(pixels: Pixels, faces: Iterable[EmbeddedFace]) -> tuple[bytes, ...]:
    """A JPEG of each face of a picture; boxes are in these pixels."""
    boxes = (face.box.tolist() for face in faces)
    return tuple(face_jpeg(pixels, (x1, y1, x2, y2)) for x1, y1, x2, y2 in boxes)


LONGEST_S = 25.0
"""For the whole call: the plugin waits 30 s at most."""

ENOUGH = 160
"""Pixels across from which a face cut from the thumbnail is good enough."""

_THUMBNAIL_SIDE = 640

_SAME_SHAPE = 0.02

_LONGEST_ID = 18


def stored_face_id(face_id: str) -> FaceId:
    """The state's id of a public face id. Raises NotStored for the id of a face that is not stored."""
    number = face_id.removeprefix("s")
    if number.isascii() and number.isdigit() and len(number) <= _LONGEST_ID:
        return int(number) if number == face_id else SceneFaceId(int(number))
    raise NotStored(
        "There is no stored face with this id. Only faces of images and scenes in Stash are stored: identify "
        "the image or scene by its id in Stash, and use the face ids of that answer."
    )


async def face_crop(
    face_id: str, state: StateRunner, stash: StashClient, pool: WorkPool, limits: MediaLimits
) -> bytes:
    """The stored face as a JPEG, at most CROP_SIDE px wide and high.

    Of a face of an image it is cut from the image as Stash has it now; of a scene's it was kept.
    Raises NotStored, NoCrop, NotInStash, MediaTooLarge, ImageTooLarge, StateErrors and StashErrors.
    """
    stored_id = stored_face_id(face_id)
    if isinstance(stored_id, SceneFaceId):
        kept = await state.run(lambda store: store.get_scene_crop(stored_id.number))
        if kept is None:
            raise NoCrop("Of a scene only the best faces of each person are kept as pictures.")
        return kept
    try:
        async with asyncio.timeout(LONGEST_S):
            return await _cut_out(stored_id, state, stash, pool, limits)
    except TimeoutError:
        raise StashTooSlow(
            f"The face's image could not be had from Stash within {LONGEST_S:g} s. Try again later."
        ) from None


async def _cut_out(
    face_id: int, state: StateRunner, stash: StashClient, pool: WorkPool, limits: MediaLimits
) -> bytes:
    face = await state.run(lambda store: store.get_face(face_id))
    image = await stash.get_image_by_id(face.stash_image_id)
    try:
        picture = picture_of(image)
    except NoPicture as error:
        raise NoCrop(str(error)) from error
    if not await state.run(lambda store: store.image_shows_picture(face.stash_image_id, picture)):
        raise NoCrop(
            f"Image {image.id} now shows another picture than the one with this face. Identify it again."
        )
    # A thumbnail shows the first frame of an animation.
    if not face.frame and _thumbnail_is_enough(image, face.box):
        with suppress(MediaError, NotInStash, BadInput):  # the original may still be there
            thumbnail = await stash.thumbnail(image)
            return await pool.run(partial(_jpeg, thumbnail, face.box, limits, _shape(image)))
    try:
        original = await stash.original(image)
        return await pool.run(partial(_jpeg, original, face.box, limits, None, face.frame))
    except (MediaTooLarge, ImageTooLarge):
        raise
    except (MediaError, BadInput) as error:
        raise NoCrop(f"The picture this face is on cannot be shown any more. {error}") from error


def _thumbnail_is_enough(image: StashImage, box: Box) -> bool:
    width, height = _shape(image)
    longer = max(width, height)
    across = 2 * AROUND * max(box.w * width, box.h * height)
    return longer > 0 and across * min(1.0, _THUMBNAIL_SIDE / longer) >= ENOUGH


def _shape(image: StashImage) -> tuple[int, int]:
    file = image.primary_file
    return (file.width, file.height) if file else (0, 0)


def _jpeg(
    media: Media, box: Box, limits: MediaLimits, shape: tuple[int, int] | None, frame: int = 0
) -> bytes:
    """shape: width and height whose ratio a thumbnail must have; a box in fractions fits no other.

    frame: of an animation, that the face was found in.
    """
    # Decode no more than the crop needs: a JPEG in halves, quarters or eighths.
    needed = math.ceil(CROP_SIDE / (2 * AROUND * max(box.w, box.h)))
    picture = load_image(media.data, limits=limits, wanted_side=max(1, needed), frame=frame)
    if shape and abs(picture.width * shape[1] / (picture.height * shape[0]) - 1) > _SAME_SHAPE:
        raise UnreadableImage("The thumbnail has another shape than its picture.")
    height, width = picture.pixels.shape[:2]
    return face_jpeg(
        picture.pixels,
        (box.x * width, box.y * height, (box.x + box.w) * width, (box.y + box.h) * height),
    )

"""A stored face, cut out of its image as Stash has it now."""

import asyncio
import math
from contextlib import suppress
from functools import partial

from stash_sense.errors import BadInput, StashSenseError
from stash_sense.jobs import WorkPool
from stash_sense.media import ImageTooLarge, MediaLimits, UnreadableImage, load_image
from stash_sense.stash import (
    Image,
    Media,
    MediaError,
    MediaTooLarge,
    NoPicture,
    NotInStash,
    StashClient,
    StashTooSlow,
)
from stash_sense.store import Box, NotStored
from stash_sense.workflows.library.wanted import picture_of
from stash_sense.workflows.pictures import AROUND, CROP_SIDE, face_jpeg
from stash_sense.workflows.state_in_use import StateInUse

LONGEST_S = 25.0
"""For all of it; whoever looks at the page in Stash waits 30 s at most."""
ENOUGH = 160
"""Pixels across, from which on a face cut out of the thumbnail is good enough to be shown."""
_THUMBNAIL_SIDE = 640
_SAME_SHAPE = 0.02
_LONGEST_ID = 18


class NoCrop(StashSenseError):
    """The face is stored, but its image is gone, cannot be read, or is another picture by now."""

    code = "no-crop"


def stored_face_id(wanted: str) -> int:
    """The state's number for a face id from outside. Raises NotStored where nothing is stored of it."""
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= _LONGEST_ID:
        return int(wanted)
    raise NotStored(
        "There is no stored face with this id. Only faces of images in Stash are stored: identify the image "
        "by its id in Stash, and use the face ids of that answer."
    )


async def face_crop(
    wanted: str, state: StateInUse, stash: StashClient, pool: WorkPool, limits: MediaLimits
) -> bytes:
    """The stored face as a JPEG, at most CROP_SIDE px wide and high.

    Raises NotStored, NoCrop, NotInStash, MediaTooLarge, ImageTooLarge, what keeps the state from being read,
    and what keeps Stash from being asked.
    """
    face_id = stored_face_id(wanted)
    try:
        async with asyncio.timeout(LONGEST_S):
            return await _cut_out(face_id, state, stash, pool, limits)
    except TimeoutError:
        raise StashTooSlow(
            f"The face's image could not be had from Stash within {LONGEST_S:g} s. Try again later."
        ) from None


async def _cut_out(
    face_id: int, state: StateInUse, stash: StashClient, pool: WorkPool, limits: MediaLimits
) -> bytes:
    face = await state.run(lambda store: store.get_face(face_id))
    image = await stash.get_image_by_id(face.stash_image_id)
    try:
        picture = picture_of(image)
    except NoPicture as error:
        raise NoCrop(str(error)) from error
    if not await state.run(lambda store: store.shows_picture(face.stash_image_id, picture)):
        raise NoCrop(
            f"image {image.id} shows another picture than the one this face was found in. Identify it again."
        )
    if _thumbnail_is_enough(image, face.box):
        with suppress(MediaError, NotInStash, BadInput):  # the original may still be there
            thumbnail = await stash.thumbnail(image)
            return await pool.run(partial(_jpeg, thumbnail, face.box, limits, _shape(image)))
    try:
        original = await stash.original(image)
        return await pool.run(partial(_jpeg, original, face.box, limits, None))
    except (MediaTooLarge, ImageTooLarge):
        raise
    except (MediaError, BadInput) as error:
        raise NoCrop(f"The picture this face is on cannot be shown any more. {error}") from error


def _thumbnail_is_enough(image: Image, box: Box) -> bool:
    width, height = _shape(image)
    longer = max(width, height)
    across = 2 * AROUND * max(box.w * width, box.h * height)
    return longer > 0 and across * min(1.0, _THUMBNAIL_SIDE / longer) >= ENOUGH


def _shape(image: Image) -> tuple[int, int]:
    file = image.primary_file
    return (file.width, file.height) if file else (0, 0)


def _jpeg(media: Media, box: Box, limits: MediaLimits, shape: tuple[int, int] | None) -> bytes:
    """shape: width and height that a thumbnail must be in the ratio of; a box in fractions fits no other."""
    # No more is decoded than the crop needs: a JPEG in halves, quarters, eighths.
    needed = math.ceil(CROP_SIDE / (2 * AROUND * max(box.w, box.h)))
    picture = load_image(media.data, limits=limits, wanted_side=max(1, needed))
    if shape and abs(picture.width * shape[1] / (picture.height * shape[0]) - 1) > _SAME_SHAPE:
        raise UnreadableImage("The thumbnail has another shape than its picture.")
    height, width = picture.pixels.shape[:2]
    return face_jpeg(
        picture.pixels,
        (box.x * width, box.y * height, (box.x + box.w) * width, (box.y + box.h) * height),
    )

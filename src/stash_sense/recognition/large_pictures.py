"""Long pictures and contact sheets, decoded finely enough that their small faces can be found."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from stash_sense.domain.faces import Pixels
from stash_sense.domain.pictures import SHEET_PIXELS, fine_side, is_long
from stash_sense.errors import StashSenseError
from stash_sense.faces.detect import PixelSource
from stash_sense.media.decode import DecodedImage

Decode = Callable[..., AbstractContextManager[DecodedImage]]
"""`media.photo.decoded_image` of one source; takes `wanted_side`."""


@contextmanager
def decoded_to_search(decode: Decode) -> Iterator[DecodedImage]:
    """The picture as usual, and a long one with as many pixels as FINE_PIXELS allow.

    A strip of 600 x 24,000 px would usually be reduced to 75 x 3,000. What cannot be had so finely, within
    the limits on memory, is given as usual. Raises what `decode` raises.
    """
    with ExitStack() as memory:
        image = memory.enter_context(decode())
        side = fine_side(image.width, image.height)
        if is_long(image.width, image.height) and side > max(image.pixels.shape):
            del image
            memory.close()
            try:
                image = memory.enter_context(decode(wanted_side=side))
            except StashSenseError:
                image = memory.enter_context(decode())
        yield image


def finer_pixels(image: DecodedImage, decode: Decode, memory: ExitStack) -> PixelSource | None:
    """What decodes a very large picture with as many pixels as FINE_PIXELS allow; None if it is none.

    image: as it was decoded by `decode`. The pixels are held until `memory` closes; None instead of them if
    they would take too much memory.
    """
    side = fine_side(image.width, image.height)
    if image.width * image.height < SHEET_PIXELS or side <= max(image.pixels.shape):
        return None

    def decode_finely() -> Pixels | None:
        try:
            return memory.enter_context(decode(wanted_side=side)).pixels
        except StashSenseError:
            return None

    return decode_finely

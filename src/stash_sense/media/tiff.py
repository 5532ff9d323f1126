"""Which kinds of TIFF are read: those that Pillow was seen to read right, layout by layout.

A TIFF may hold samples of any depth, order and meaning. Pillow refuses some of these layouts in words of its
own and reads others as noise or as a negative, so each is either in the table below or refused as its kind.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from PIL import TiffImagePlugin

from stash_sense.errors import NotAnImage
from stash_sense.media.formats import ACCEPTED_FORMATS

# Pillow's own reader of what is not compressed takes 16-bit channels in planes for 8-bit ones. The choice is
# one for the whole process, in which nobody else reads TIFFs.
TiffImagePlugin.READ_LIBTIFF = True

_Kind = Literal["unsigned", "signed", "floating-point", "undefined"]

_WHITE_IS_ZERO, _GREY, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6

_CHANNELS = {_WHITE_IS_ZERO: 1, _GREY: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3}

_FAX = frozenset({2, 3, 4})

_JPEG = 7

_COMPRESSIONS = frozenset({1, 5, _JPEG, 8, 32773, 32946}) | _FAX

_OTHER_COMPRESSIONS = {
    6: "JPEG of the old style",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}

_NOTHING, _PREMULTIPLIED, _ALPHA = 0, 1, 2

# Meaning, depth and kind of the samples -> what one channel after the colours may be.
_READ: Mapping[tuple[int, int, _Kind], frozenset[int]] = {
    **{(_WHITE_IS_ZERO, bits, "unsigned"): frozenset() for bits in (1, 2, 4, 8, 16)},
    **{(_GREY, bits, "unsigned"): frozenset() for bits in (1, 2, 4, 12, 16)},
    (_GREY, 8, "unsigned"): frozenset({_NOTHING, _ALPHA}),
    (_GREY, 32, "signed"): frozenset(),
    (_GREY, 32, "floating-point"): frozenset(),
    (_RGB, 8, "unsigned"): frozenset({_NOTHING, _PREMULTIPLIED, _ALPHA}),
    (_RGB, 16, "unsigned"): frozenset({_NOTHING, _PREMULTIPLIED, _ALPHA}),
    **{(_PALETTE, bits, "unsigned"): frozenset() for bits in (1, 2, 4)},
    (_PALETTE, 8, "unsigned"): frozenset({_NOTHING, _ALPHA}),
    (_CMYK, 8, "unsigned"): frozenset({_NOTHING}),
    (_CMYK, 16, "unsigned"): frozenset(),
    (_YCBCR, 8, "unsigned"): frozenset(),
}

_LITTLE_ENDIAN_ONLY = frozenset({(_WHITE_IS_ZERO, 16), (_GREY, 12), (_GREY, 32)})

_TYPES = {1: "B", 3: "H", 4: "I", 16: "Q"}  # of the tags that matter here

_MOST_VALUES = 32  # channels of a picture

_THUMBNAIL = 1


@dataclass(frozen=True, slots=True)
class TiffLayout:
    """How the first picture of a TIFF is stored. depths, kinds: of the samples, each value once."""

    little_endian: bool
    is_big_tiff: bool
    meaning: int
    channels: int
    depths: frozenset[int]
    kinds: frozenset[_Kind]
    extra: tuple[int, ...]
    compression: int
    in_planes: bool
    bits_reversed: bool
    is_camera_raw: bool

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read the tags of the first picture. Raises struct.error if they are damaged."""
        tags = _read_tags(data)
        names: Mapping[int, _Kind] = {1: "unsigned", 2: "signed", 3: "floating-point"}
        return cls(
            little_endian=data.startswith(b"II"),
            is_big_tiff=_is_big_tiff(data),
            meaning=tags.get(262, (_WHITE_IS_ZERO,))[0],
            channels=tags.get(277, (1,))[0],
            depths=frozenset(tags.get(258, (1,))),
            kinds=frozenset(names.get(kind, "undefined") for kind in tags.get(339, (1,))),
            extra=tags.get(338, ()),
            compression=tags.get(259, (1,))[0],
            in_planes=tags.get(284, (1,))[0] == 2,
            bits_reversed=tags.get(266, (1,))[0] == 2,
            is_camera_raw=50706 in tags or tags.get(254, (0,))[0] == _THUMBNAIL,
        )

    @property
    def is_negative(self) -> bool:
        """Whether Pillow gives dark for bright."""
        return self.meaning == _WHITE_IS_ZERO and self.depths == {16}

    @property
    def unread(self) -> str:
        """What about it is not read, in a few words; "" if all is."""
        depth, kind = max(self.depths), max(self.kinds)
        readable = _READ.get((self.meaning, depth, kind))
        if self.compression not in _COMPRESSIONS:
            other = f"compression {self.compression}"
            return f"{_OTHER_COMPRESSIONS.get(self.compression, other)} inside"
        if readable is None or len(self.depths) > 1 or len(self.kinds) > 1:
            return f"{kind} samples of {depth} bits, colours of kind {self.meaning}"
        unmarked = (
            self.meaning == _RGB and self.channels == 4 and not self.extra
        )  # alpha, as it is said nowhere
        further = len(self.extra) > 1 or not readable.issuperset(self.extra)
        if further or self.channels != _CHANNELS[self.meaning] + len(self.extra) + unmarked:
            return f"{self.channels} channels"
        return self._unread_packing(depth)

    def _unread_packing(self, depth: int) -> str:
        several = self.channels > 1
        if self.in_planes and self.meaning != _RGB and _ALPHA in self.extra:
            return "transparency as a plane"
        if self.bits_reversed and (depth > 8 or several):
            return "reversed bits"
        if not self.little_endian and (self.is_big_tiff or (self.meaning, depth) in _LITTLE_ENDIAN_ONLY):
            return f"big-endian {'BigTIFF' if self.is_big_tiff else f'samples of {depth} bits'}"
        if self.compression in _FAX and (depth > 1 or several):
            return "fax compression of more than black and white"
        if self.compression == _JPEG and (depth != 8 or self.in_planes or self.extra):
            return "an unusual JPEG inside"
        return "YCbCr samples" if self.meaning == _YCBCR and self.compression != _JPEG else ""


def check_tiff(name: str, data: bytes) -> TiffLayout:
    """The layout of a TIFF of a kind that is read. Raises NotAnImage, and struct.error if it is damaged."""
    layout = TiffLayout.read(data)
    if layout.is_camera_raw:
        raise NotAnImage(
            f"{name}: is a camera's raw file, or begins with a thumbnail; {ACCEPTED_FORMATS}. "
            "Export it as a JPEG and send that."
        )
    if layout.unread:
        raise NotAnImage(
            f"{name}: this kind of TIFF is not read ({layout.unread}); export it as JPEG and send that."
        )
    return layout


def _is_big_tiff(data: bytes) -> bool:
    return 43 in data[2:4]


def _read_tags(data: bytes) -> dict[int, tuple[int, ...]]:
    """The whole numbers of the first directory, at most _MOST_VALUES of each tag."""
    order = "<" if data.startswith(b"II") else ">"
    long, short_count, inline = ("Q", "Q", 8) if _is_big_tiff(data) else ("I", "H", 4)
    (start,) = struct.unpack_from(order + long, data, inline)
    (count,) = struct.unpack_from(order + short_count, data, start)
    position = start + struct.calcsize(order + short_count)
    tags: dict[int, tuple[int, ...]] = {}
    for _ in range(min(count, 65_535)):
        tag, kind, values = struct.unpack_from(order + "HH" + long, data, position)
        position += 4 + inline
        if kind in _TYPES and values:
            size = struct.calcsize(order + _TYPES[kind])
            place = (
                position if size * values <= inline else struct.unpack_from(order + long, data, position)[0]
            )
            layout = f"{order}{min(values, _MOST_VALUES)}{_TYPES[kind]}"
            tags.setdefault(tag, struct.unpack_from(layout, data, place))  # of two, Pillow takes the first
        position += inline
    return tags

"""What Pillow does not tell about an AVIF: the size that is really coded, and the crop to its clean aperture.

libavif scales what it decodes to the size that the container states, however small that is; so a few hundred
bytes could take the memory of a picture far above the limits. Boxes: ISO/IEC 14496-12 and 23008-12; AV1's
sequence header: the AV1 specification, 5.5.
"""

import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from math import prod

Crop = tuple[int, int, int, int]
"""Left, upper, right, lower, in pixels of the picture before it is rotated."""

_FULL_BOX = 4  # version and flags

_MOST_BOXES = 1_000

_MOST_ITEMS = 1_000

_MOST_OBUS = 64

_SEQUENCE_HEADER, _FRAME = 1, 6


@dataclass(frozen=True, slots=True)
class AvifHeader:
    """coded: width and height of the largest picture that is decoded; (0, 0) if unknown.

    aperture: the values of the first picture's `clap` box, else empty.
    """

    coded: tuple[int, int]
    aperture: tuple[int, ...]

    def crop(self, width: int, height: int) -> Crop | None:
        """The clean aperture of a picture of this size; None if it is whole, or makes no sense."""
        if not self.aperture or not all(self.aperture[1::2]):
            return None
        across, down, right, lower = (Fraction(*self.aperture[i : i + 2]) for i in (0, 2, 4, 6))
        left, upper = (width - across) / 2 + right, (height - down) / 2 + lower
        crop = (int(left), int(upper), int(left + across), int(upper + down))
        fits = 0 <= left < left + across <= width and 0 <= upper < upper + down <= height
        return crop if fits and crop != (0, 0, width, height) else None


def read_avif_header(data: bytes) -> AvifHeader:
    """Read the boxes as far as they make sense; the decoder refuses what does not."""
    coded, aperture = [(0, 0)], tuple[int, ...]()
    top = dict(_boxes(data, 0, len(data)))
    start, end = top.get(b"meta", (0, 0))
    meta = dict(_boxes(data, start + _FULL_BOX, end))
    for sizes in (_coded_in_tracks(data, top), _coded_in_items(data, meta)):
        with suppress(struct.error, IndexError):
            coded += sizes
    with suppress(struct.error, IndexError):
        aperture = _aperture(data, meta)
    return AvifHeader(max(coded, key=prod), aperture)


_Places = Mapping[bytes, tuple[int, int]]


def _boxes(data: bytes, position: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Kind, and beginning and end of the content, of each box."""
    for _ in range(_MOST_BOXES):
        if position + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, position)
        start = position + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        stop = end if size == 0 else min(position + size, end)
        if stop < start:
            return
        yield kind, (start, stop)
        position = stop


def _aperture(data: bytes, meta: _Places) -> tuple[int, ...]:
    start, end = meta.get(b"iprp", (0, 0))
    parts = dict(_boxes(data, start, end))
    properties = list(_boxes(data, *parts.get(b"ipco", (0, 0))))
    for index in _associations(data, parts[b"ipma"][0], _primary(data, meta)) if b"ipma" in parts else ():
        kind, (place, _) = properties[index - 1] if index else (b"", (0, 0))
        if kind == b"clap":
            return struct.unpack_from(">IIIIiIiI", data, place)
    return ()


def _primary(data: bytes, meta: _Places) -> int:
    place = meta.get(b"pitm", (0, 0))[0]
    (item,) = struct.unpack_from(">I" if data[place] else ">H", data, place + _FULL_BOX)
    return int(item)


def _associations(data: bytes, place: int, wanted: int) -> list[int]:
    """The positions, from 1, of an item's properties."""
    version, is_wide = data[place], data[place + 3] & 1
    (count,) = struct.unpack_from(">I", data, place + _FULL_BOX)
    position = place + _FULL_BOX + 4
    for _ in range(min(count, _MOST_ITEMS)):
        (item,) = struct.unpack_from(">I" if version else ">H", data, position)
        position += 4 if version else 2
        size = 2 if is_wide else 1
        values = struct.unpack_from(f">{data[position]}{'H' if is_wide else 'B'}", data, position + 1)
        position += 1 + size * len(values)
        if item == wanted:
            return [value & (0x7FFF if is_wide else 0x7F) for value in values]
    return []


def _coded_in_items(data: bytes, meta: _Places) -> Iterator[tuple[int, int]]:
    if b"iloc" not in meta:
        return
    idat = meta.get(b"idat", (0, 0))[0]
    place = meta[b"iloc"][0]
    version, sizes = data[place], int.from_bytes(data[place + 4 : place + 6])
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    id_size = 4 if version == 2 else 2
    position = place + 6
    count, position = _number(data, position, id_size)
    for _ in range(min(count, _MOST_ITEMS)):
        position += id_size
        method = 0
        if version:
            method, position = _number(data, position, 2)
        base, position = _number(data, position + 2, base_size)
        extents, position = _number(data, position, 2)
        for extent in range(min(extents, _MOST_ITEMS)):
            offset, position = _number(data, position + (index_size if version else 0), offset_size)
            length, position = _number(data, position, length_size)
            start = base + offset + (idat if method & 15 == 1 else 0)
            if extent == 0:  # an item's first bytes, and only an AV1 item's make sense as AV1
                yield from _coded_sizes(data, start, start + (length or len(data)))


def _number(data: bytes, position: int, size: int) -> tuple[int, int]:
    return int.from_bytes(data[position : position + size]), position + size


def _coded_in_tracks(data: bytes, top: _Places) -> Iterator[tuple[int, int]]:
    """Of the first frame of each track of an animation."""
    for kind, place in _boxes(data, *top.get(b"moov", (0, 0))):
        for step in (b"mdia", b"minf", b"stbl") if kind == b"trak" else ():
            place = dict(_boxes(data, *place)).get(step, (0, 0))  # noqa: PLW2901 - one step further in
        tables = dict(_boxes(data, *place)) if kind == b"trak" else {}
        for table, size in ((b"stco", 4), (b"co64", 8)):
            if table in tables:
                start, _ = _number(data, tables[table][0] + _FULL_BOX + 4, size)
                yield from _coded_sizes(data, start, len(data))


def _coded_sizes(data: bytes, position: int, end: int) -> Iterator[tuple[int, int]]:
    """Of each AV1 sequence header before the first frame."""
    for _ in range(_MOST_OBUS):
        if position >= min(end, len(data)):
            return
        header = data[position]
        kind, has_size = header >> 3 & 15, header & 2
        position += 2 if header & 4 else 1
        size, shift = end - position if not has_size else 0, 0
        while has_size and shift < 56:
            byte = data[position]
            size |= (byte & 127) << shift
            position, shift = position + 1, shift + 7
            has_size = byte & 128
        if header & 0x80 or kind == _FRAME:
            return
        if kind == _SEQUENCE_HEADER:
            yield _frame_size(data[position : min(position + size, position + 256)])
        position += size


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data), 8 * len(data)

    def __call__(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise IndexError("the sequence header ends early")
        return self._value >> self._left & (1 << count) - 1


def _frame_size(data: bytes) -> tuple[int, int]:
    """The largest width and height that a sequence header allows."""
    bits = _Bits(data)
    _profile, _still, reduced = bits(3), bits(1), bits(1)
    if reduced:
        bits(5)
    else:
        delay_bits = _skip_timing(bits)
        has_delays = bits(1)
        for _ in range(bits(5) + 1):
            _idc, level = bits(12), bits(5)
            if level > 7:
                bits(1)
            if delay_bits and bits(1):
                bits(2 * delay_bits + 1)
            if has_delays and bits(1):
                bits(4)
    width_bits, height_bits = bits(4) + 1, bits(4) + 1
    return bits(width_bits) + 1, bits(height_bits) + 1


def _skip_timing(bits: _Bits) -> int:
    """How many bits a buffer's delay takes; 0 if there are none."""
    if not bits(1):
        return 0
    bits(64)
    if bits(1):
        zeros = 0
        while not bits(1):
            zeros += 1
        bits(min(zeros, 32))
    if not bits(1):
        return 0
    delay_bits = bits(5) + 1
    bits(42)
    return delay_bits

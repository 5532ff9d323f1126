"""TIFFs of any layout, written by hand: samples of any depth and kind, planes, tiles, byte and bit order."""

import itertools
import struct
import zlib
from dataclasses import dataclass

import numpy as np

_TYPES = {"H": 3, "I": 4, "Q": 16}


@dataclass(frozen=True)
class Layout:
    """Values of the tags. kind: of the samples, `u`nsigned, signed `i` or `f`loat. bits: of each sample.

    extra: what each channel after the colours means. reversed_bits: of each byte in the file (fill order 2).
    """

    photometric: int
    bits: int = 8
    kind: str = "u"
    planar: bool = False
    big_endian: bool = False
    compression: int = 1
    predictor: int = 1
    tiled: bool = False
    extra: tuple[int, ...] = ()
    reversed_bits: bool = False
    big_tiff: bool = False
    tags: tuple[tuple[int, str, tuple[int, ...]], ...] = ()

    @property
    def order(self) -> str:
        return ">" if self.big_endian else "<"


def tiff(samples: np.ndarray, layout: Layout) -> bytes:
    """A TIFF of (H, W, C) samples, which are numbers as they are to be stored."""
    height, width, channels = samples.shape
    planes = [samples[..., c : c + 1] for c in range(channels)] if layout.planar else [samples]
    side = 32 if layout.tiled else 0
    pieces = []
    for plane in planes:
        rows = range(0, height, side or height)
        for top, left in itertools.product(rows, range(0, width, side or width)):
            piece = plane[top : top + (side or height), left : left + (side or width)]
            if side:
                gap = ((0, side - piece.shape[0]), (0, side - piece.shape[1]), (0, 0))
                piece = np.pad(piece, gap, mode="edge")
            pieces.append(_packed(piece, layout))
    sample_format = {"u": 1, "i": 2, "f": 3}[layout.kind]
    long = "Q" if layout.big_tiff else "I"
    start = 16 if layout.big_tiff else 8
    offsets = list(itertools.accumulate(map(len, pieces), initial=start))[:-1]
    tags: list[tuple[int, str, tuple[int, ...]]] = [
        (256, "I", (width,)),
        (257, "I", (height,)),
        (258, "H", (layout.bits,) * channels),
        (259, "H", (layout.compression,)),
        (262, "H", (layout.photometric,)),
        (266, "H", (2 if layout.reversed_bits else 1,)),
        (277, "H", (channels,)),
        (284, "H", (2 if layout.planar else 1,)),
        (317, "H", (layout.predictor,)),
        (339, "H", (sample_format,) * channels),
        *([(338, "H", layout.extra)] if layout.extra else []),
        *([(322, "I", (side,)), (323, "I", (side,))] if side else [(278, "I", (height,))]),
        (324 if side else 273, long, tuple(offsets)),
        (325 if side else 279, long, tuple(map(len, pieces))),
        *layout.tags,
    ]
    return _file(b"".join(pieces), sorted(tags), layout)


def _packed(piece: np.ndarray, layout: Layout) -> bytes:
    if layout.bits < 8 or layout.bits == 12:
        bits = (
            piece.astype(np.int64).reshape(piece.shape[0], -1, 1) >> np.arange(layout.bits - 1, -1, -1)
        ) & 1
        data = np.packbits(bits.reshape(piece.shape[0], -1).astype(np.uint8), axis=1).tobytes()
    else:
        if layout.predictor == 2:
            piece = piece.copy()
            piece[:, 1:] -= piece[:, :-1].copy()
        data = piece.astype(f"{layout.order}{layout.kind}{layout.bits // 8}").tobytes()
    data = zlib.compress(data) if layout.compression == 8 else data
    if layout.reversed_bits:
        data = np.packbits(np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")).tobytes()
    return data


def _file(data: bytes, tags: list[tuple[int, str, tuple[int, ...]]], layout: Layout) -> bytes:
    order, big = layout.order, layout.big_tiff
    data += bytes(len(data) % 2)
    start = (16 if big else 8) + len(data)
    after = start + (8 + 20 * len(tags) + 8 if big else 2 + 12 * len(tags) + 4)
    entries, behind = b"", b""
    for tag, kind, values in tags:
        content = struct.pack(f"{order}{len(values)}{kind}", *values)
        inline = 8 if big else 4
        if len(content) > inline:
            place = struct.pack(order + ("Q" if big else "I"), after + len(behind))
            behind += content + bytes(len(content) % 2)
        else:
            place = content.ljust(inline, b"\0")
        entries += struct.pack(order + ("HHQ" if big else "HHI"), tag, _TYPES[kind], len(values)) + place
    mark = b"MM" if layout.big_endian else b"II"
    if big:
        head = mark + struct.pack(order + "HHHQ", 43, 8, 0, start)
        return head + data + struct.pack(order + "Q", len(tags)) + entries + bytes(8) + behind
    head = mark + struct.pack(order + "HI", 42, start)
    return head + data + struct.pack(order + "H", len(tags)) + entries + bytes(4) + behind

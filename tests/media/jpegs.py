"""JPEGs that Pillow cannot write: with any chroma sampling, and taken apart and put together again."""

import struct

import numpy as np

SOI, EOI = b"\xff\xd8", b"\xff\xd9"

_ZIGZAG = sorted(range(64), key=lambda k: (k // 8 + k % 8, k // 8 if (k // 8 + k % 8) % 2 else k % 8))
# Rows of an orthonormal discrete cosine transform.
_DCT = np.array(
    [
        [np.sqrt((1 if u else 0.5) / 4) * np.cos((2 * x + 1) * u * np.pi / 16) for x in range(8)]
        for u in range(8)
    ]
)
# Huffman codes of one length each: 4 bits for the 12 sizes of a DC value, 9 for the symbols of the others.
_TABLES = (
    b"\xff\xc4" + struct.pack(">HB16B", 19 + 12, 0, 0, 0, 0, 12, *bytes(12)) + bytes(range(12))
    + b"\xff\xc4" + struct.pack(">HB16B", 19 + 255, 0x10, *bytes(8), 255, *bytes(7)) + bytes(range(255))
)  # fmt: skip


def segments(data: bytes) -> list[bytes]:
    """The parts of a JPEG: its start marker, each segment of its header, and the scans with the end."""
    parts, position = [data[:2]], 2
    while data[position + 1] != 0xDA:
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4])
        parts.append(data[position:end])
        position = end
    return [*parts, data[position:]]


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2) + content


def sampled_jpeg(pixels: np.ndarray, sampling: list[tuple[int, int]]) -> bytes:
    """A baseline JPEG of (H, W, 3) RGB; sampling: across and down, of Y, Cb and Cr."""
    red, green, blue = np.moveaxis(pixels.astype(float), 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    planes = [luma, 128 + 0.564 * (blue - luma), 128 + 0.713 * (red - luma)]
    across, down = max(h for h, _ in sampling), max(v for _, v in sampling)
    height, width = luma.shape
    columns, rows = -(-width // (8 * across)), -(-height // (8 * down))
    grids = [
        _blocks(plane, (rows * v, columns * h), (down / v, across / h))
        for plane, (h, v) in zip(planes, sampling, strict=True)
    ]
    bits: list[str] = []
    before = [0, 0, 0]
    for row, column in np.ndindex(rows, columns):
        for channel, (h, v) in enumerate(sampling):
            for y, x in np.ndindex(v, h):
                block = grids[channel][row * v + y, column * h + x]
                bits.append(_coded(block, before[channel]))
                before[channel] = int(block[0])
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    scan = int(text, 2).to_bytes(len(text) // 8).replace(b"\xff", b"\xff\0")
    channels = b"".join(bytes([i + 1, h << 4 | v, 0]) for i, (h, v) in enumerate(sampling))
    frame = struct.pack(">BHHB", 8, height, width, 3) + channels
    return (
        SOI + segment(0xDB, bytes([0] + [1] * 64)) + segment(0xC0, frame) + _TABLES
        + segment(0xDA, bytes([3, 1, 0, 2, 0, 3, 0, 0, 63, 0])) + scan + EOI
    )  # fmt: skip


def _blocks(plane: np.ndarray, grid: tuple[int, int], step: tuple[float, float]) -> np.ndarray:
    """Quantised coefficients in zigzag order, (rows, columns, 64), of a plane sampled at every `step`."""
    ys = np.minimum(((np.arange(grid[0] * 8) + 0.5) * step[0]).astype(int), plane.shape[0] - 1)
    xs = np.minimum(((np.arange(grid[1] * 8) + 0.5) * step[1]).astype(int), plane.shape[1] - 1)
    blocks = (plane[np.ix_(ys, xs)] - 128).reshape(grid[0], 8, grid[1], 8).swapaxes(1, 2)
    coefficients = np.rint(_DCT @ blocks @ _DCT.T).astype(int).reshape(*grid, 64)
    return coefficients[..., _ZIGZAG]


def _coded(block: np.ndarray, before: int) -> str:
    size, value = _number(int(block[0]) - before)
    code = f"{size:04b}{value}"
    run = 0
    for coefficient in block[1:]:
        if not coefficient:
            run += 1
            continue
        code += f"{0xF0:09b}" * (run // 16)
        size, value = _number(int(coefficient))
        code += f"{(run % 16) << 4 | size:09b}{value}"
        run = 0
    return code + (f"{0:09b}" if run else "")


def _number(value: int) -> tuple[int, str]:
    size = abs(value).bit_length()
    return size, f"{value if value > 0 else value + 2**size - 1:0{size}b}" if size else ""

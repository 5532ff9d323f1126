"""Pieces in a file with an offset table, so that one can be read without the others: JSON lines, crops."""

import json
import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

OFFSETS = ".offsets.i64"
LINES = ".jsonl"
PIECES = ".bin"


class PieceWriter:
    """Appends pieces of bytes; `finish` writes the offsets beside them."""

    def __init__(self, folder: Path, name: str, ending: str = PIECES) -> None:
        self._file: BinaryIO = (folder / (name + ending)).open("wb")
        self._table = folder / (name + OFFSETS)
        self._offsets = [0]

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._offsets[-1]

    def append(self, piece: bytes) -> None:
        """Write one piece, which may be empty."""
        self._file.write(piece)
        self._offsets.append(self._offsets[-1] + len(piece))

    def finish(self) -> None:
        """Close the pieces and write their offsets."""
        self._file.close()
        write_numbers(self._table, self._offsets)

    def close(self) -> None:
        """Close without finishing."""
        self._file.close()


class LineWriter(PieceWriter):
    """Appends lines of JSON."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(folder, name, LINES)

    def add(self, value: dict[str, Any]) -> None:
        """Write one line. Lone surrogates of undecodable file names survive as escapes."""
        self.append(json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n")


def write_numbers(path: Path, numbers: Sequence[int]) -> None:
    """Write whole numbers as int64. Not `tofile`: on a full disk it loses a small array without a word."""
    path.write_bytes(np.asarray(numbers, "<i8").tobytes())


class PieceReader:
    """Reads single pieces of a mapped file."""

    def __init__(self, folder: Path, name: str, ending: str = PIECES) -> None:
        self._offsets = np.memmap(folder / (name + OFFSETS), "<i8", mode="r")
        with (folder / (name + ending)).open("rb") as file:
            empty = len(self._offsets) <= 1
            self._pieces = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(self._pieces) != self._offsets[-1]:
            raise ValueError(f"{name}{ending} does not end where {name}{OFFSETS} says")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def piece(self, index: int) -> bytes:
        """The piece at `index`."""
        start, end = int(self._offsets[index]), int(self._offsets[index + 1])
        return self._pieces[start:end]

    def holding(self, text: bytes) -> Iterator[int]:
        """Indices of the pieces that hold `text`, ascending; as fast as memory can be searched."""
        at = self._pieces.find(text)
        while at >= 0:
            index = int(np.searchsorted(self._offsets, at, side="right")) - 1
            yield index
            at = self._pieces.find(text, int(self._offsets[index + 1]))

    def close(self) -> None:
        """Give the mapping back."""
        if isinstance(self._pieces, mmap.mmap):
            self._pieces.close()


class LineReader(PieceReader):
    """Reads single lines of JSON."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(folder, name, LINES)

    def __getitem__(self, index: int) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.piece(index))
        return value

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[index] for index in range(len(self)))

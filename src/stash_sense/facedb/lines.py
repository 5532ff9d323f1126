"""A file of JSON lines with an offset table, so that one line can be read without the others."""

import json
import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

OFFSETS = ".offsets.i64"
LINES = ".jsonl"


class LineWriter:
    """Appends lines; `finish` writes the offsets beside them."""

    def __init__(self, folder: Path, name: str) -> None:
        self._file: BinaryIO = (folder / (name + LINES)).open("wb")
        self._table = folder / (name + OFFSETS)
        self._offsets = [0]

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def add(self, value: dict[str, Any]) -> None:
        """Write one line. Lone surrogates of undecodable file names survive as escapes."""
        line = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"
        self._file.write(line)
        self._offsets.append(self._offsets[-1] + len(line))

    def finish(self) -> None:
        """Close the lines and write their offsets."""
        self._file.close()
        write_numbers(self._table, self._offsets)

    def close(self) -> None:
        """Close without finishing."""
        self._file.close()


def write_numbers(path: Path, numbers: Sequence[int]) -> None:
    """Write whole numbers as int64. Not `tofile`: on a full disk it loses a small array without a word."""
    path.write_bytes(np.asarray(numbers, "<i8").tobytes())


class LineReader:
    """Reads single lines of a mapped file."""

    def __init__(self, folder: Path, name: str) -> None:
        self._offsets = np.memmap(folder / (name + OFFSETS), "<i8", mode="r")
        with (folder / (name + LINES)).open("rb") as file:
            empty = len(self._offsets) <= 1
            self._text = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(self._text) != self._offsets[-1]:
            raise ValueError(f"{name}{LINES} does not end where {name}{OFFSETS} says")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> dict[str, Any]:
        start, end = int(self._offsets[index]), int(self._offsets[index + 1])
        value: dict[str, Any] = json.loads(self._text[start:end])
        return value

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[index] for index in range(len(self)))

    def close(self) -> None:
        """Give the mapping back."""
        if isinstance(self._text, mmap.mmap):
            self._text.close()

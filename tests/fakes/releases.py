"""Releases of public face databases, as their publishers write them, with made-up people."""

import hashlib
import json
import sqlite3
import struct
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SLOTS = {"arcface": "face_arcface.voy", "facenet": "face_facenet.voy"}

_VOYAGER_ROW = struct.Struct("<4siiBBf?6QiI3QdQ")
_LINKS = 24  # in the lowest level of the graph, by the library's default


def write_voyager(
    path: Path, blocks: Iterable[NDArray[Any]], count: int, dimension: int, keys: NDArray[Any] | None = None
) -> None:
    """An index of Voyager of `count` vectors given in blocks, but that nobody has searched for neighbours."""
    key_at = 4 + 4 * _LINKS + 4 * dimension
    head = (b"VOYA", 1, dimension, 2, 0x20, 0.0, False, 0, count, count, key_at + 8, key_at, 4 + 4 * _LINKS)
    row = np.dtype([("links", "<u4", (1 + _LINKS,)), ("vector", "<f4", (dimension,)), ("key", "<u8")])
    numbers = np.arange(count) if keys is None else keys
    with path.open("wb") as file:
        file.write(_VOYAGER_ROW.pack(*head, 0, 0, _LINKS // 2, _LINKS, _LINKS // 2, 0.4, 200))
        first = 0
        for block in blocks:
            rows = np.zeros(len(block), row)
            rows["vector"] = block
            rows["key"] = numbers[first : first + len(block)]
            file.write(rows.tobytes())
            first += len(block)
        file.write(bytes(4 * count))  # no links in the upper levels


def write_usearch(path: Path, vectors: NDArray[np.float32], keys: Sequence[int]) -> None:
    """An index of USearch, but that nobody has searched for neighbours."""
    count, dimension = vectors.shape
    links, base = 16, 32
    with path.open("wb") as file:
        file.write(struct.pack("<II", count, 4 * dimension))
        file.write(vectors.astype("<f4").tobytes())
        kinds = (ord("c"), 11, 14, 15)
        file.write(struct.pack("<7s3H4B3QB22x", b"usearch", 2, 26, 6, *kinds, count, 0, dimension, 0))
        file.write(struct.pack("<5Q", count, links, base, 0, 0))
        file.write(bytes(2 * count))
        for key in keys:
            file.write(struct.pack("<QH", key, 0) + bytes(4 + 4 * base))


def write_manifest(folder: Path, **fields: Any) -> None:
    """The manifest of the files in a folder, with their checksums."""
    sums = {path.name: f"sha256:{_sha256(path)}" for path in folder.iterdir() if path.name != "manifest.json"}
    (folder / "manifest.json").write_text(json.dumps({"version": "1", "checksums": sums} | fields))


def write_voyager_release(
    folder: Path,
    people: Mapping[str, Any],
    owners: Sequence[str | None],
    vectors: Mapping[str, NDArray[np.float32]],
    **manifest: Any,
) -> Path:
    """A release of Voyager's kind. people: id -> fields; owners: whose each face is; vectors: by slot."""
    folder.mkdir()
    (folder / "performers.json").write_text(json.dumps(people))
    (folder / "faces.json").write_text(json.dumps(owners))
    for slot, name in SLOTS.items():
        write_voyager(folder / name, [vectors[slot]], *vectors[slot].shape)
    write_manifest(folder, **manifest)
    return folder


def write_usearch_release(
    folder: Path,
    people: Mapping[str, str],
    owners: Mapping[int, str],
    vectors: NDArray[np.float32],
    links: Mapping[str, Any] | None = None,
    aliases: Mapping[str, Any] | None = None,
    **manifest: Any,
) -> Path:
    """A release of USearch's kind. people: id -> name; owners: face -> whose it is; vectors in this order."""
    folder.mkdir()
    with closing(sqlite3.connect(folder / "performers.db")) as database, database:
        database.execute("CREATE TABLE performers (id TEXT PRIMARY KEY, name TEXT, country TEXT)")
        database.execute("CREATE TABLE faces (id INTEGER PRIMARY KEY, performer_id TEXT)")
        database.executemany("INSERT INTO performers VALUES (?, ?, NULL)", people.items())
        database.executemany("INSERT INTO faces VALUES (?, ?)", owners.items())
    write_usearch(folder / "face_embeddings.usearch", vectors, list(owners))
    for name, content in (("links.json", links), ("aliases.json", aliases)):
        if content is not None:
            (folder / name).write_text(json.dumps(content))
    write_manifest(folder, **manifest)
    return folder


def zipped(folder: Path, inside: str = "") -> Path:
    """The folder's files as a zip file next to it, in a folder of this name inside."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, inside + file.name)
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""An opened face database: one version, read only, shared by any number of threads."""

import json
import logging
import re
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.identity import Person, person_keys
from stash_sense.errors import BadDatabase, NoDatabase
from stash_sense.facedb import layout
from stash_sense.facedb.layout import OFFSETS, BlobReader, LineReader, Manifest, Photo, Reference
from stash_sense.facedb.records import PersonPart, parts_from_json, person_from_json, reference_from_json
from stash_sense.facedb.search import Neighbours
from stash_sense.facedb.vectors import open_vectors
from stash_sense.private_files import open_regular

log = logging.getLogger(__name__)

_VERSION = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
"""The name of a version."""
_IN_THE_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")
"""What CURRENT may name, whatever wrote it."""

REBUILD_COMMAND = (
    "Build the database again: `stash-sense database build --from-stash`, or "
    "`stash-sense database build --people FOLDER`."
)
"""How to repair a damaged database."""


class FaceDatabase:
    """Enrolled people and their reference embeddings.

    A version never changes once written, so an open database stays valid while a newer one is built.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        present = (
            name
            for name in (layout.PEOPLE, layout.REFERENCES, layout.PHOTOS, layout.PARTS)
            if name + OFFSETS in manifest.sizes
        )
        self.lines = {name: LineReader(folder, name) for name in present}
        """By file. Older versions lack layout.PARTS."""
        self.crops = BlobReader(folder, layout.CROPS) if layout.CROPS + OFFSETS in manifest.sizes else None
        self.stored_vectors = open_vectors(folder, manifest)
        self._keys_lock = threading.Lock()
        self._key_index: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
        self._starts: NDArray[np.int64] = np.memmap(folder / layout.STARTS, "<i8", mode="r")
        if self._starts[0] != 0 or self._starts[-1] != manifest.faces:
            raise ValueError(f"{layout.STARTS} does not lead from the first face to the last")

    @classmethod
    def open(cls, place: Path) -> Self:
        """The current version at `place`. Raises NoDatabase, BadDatabase."""
        name = current_version(place)
        while name is not None:
            try:
                return cls.open_version(place / name)
            except BadDatabase:
                # Two builds may have ended since CURRENT was read, and the second removed the version it
                # named.
                name, failed = current_version(place), name
                if name == failed:
                    raise
        raise NoDatabase(
            f"{place}: no face database here yet. Build one from your performers with "
            "`stash-sense database build --from-stash`, or from photos with "
            "`stash-sense database build --people FOLDER` (one folder per person)."
        )

    @classmethod
    def open_usable(cls, place: Path) -> Self | None:
        """The current version at `place`; None where there is none or it is damaged."""
        try:
            return cls.open(place)
        except NoDatabase:
            return None
        except BadDatabase as error:
            log.warning("%s", error)
            return None

    @classmethod
    def open_version(cls, folder: Path) -> Self:
        """The version in `folder`. Raises BadDatabase."""
        manifest = read_manifest(folder)
        for file, size in manifest.sizes.items():
            actual = (folder / file).stat().st_size if (folder / file).is_file() else None
            if actual != size:
                problem = "missing" if actual is None else f"{actual} bytes"
                raise BadDatabase(f"{folder / file}: {problem}, not {size} bytes. {REBUILD_COMMAND}")
        try:
            return cls(folder, manifest)
        except (OSError, ValueError) as error:
            raise BadDatabase(f"{folder}: cannot be read ({error}). {REBUILD_COMMAND}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Unmap the lines and crops; the vectors stay mapped until the last search over them has ended."""
        for lines in (*self.lines.values(), self.crops):
            if lines is not None:
                lines.close()

    @property
    def people(self) -> int:
        """How many people are enrolled."""
        return self.manifest.people

    def person(self, index: int) -> Person:
        """The enrolled person at `index`, 0 to people - 1."""
        return person_from_json(self.lines[layout.PEOPLE][index])

    def parts(self, index: int) -> tuple[PersonPart, ...]:
        """What each source says of the person at `index`; nothing in an older version."""
        if layout.PARTS not in self.lines:
            return ()
        return parts_from_json(self.person(index), self.lines[layout.PARTS][index])

    def find(self, keys: Iterable[str]) -> dict[str, int]:
        """Key or alias -> index of the person, for those that are enrolled. A key goes before an alias."""
        indices = {}
        for key in keys:
            person = self._index_of(key)
            if person is not None:
                indices[key] = person
        return indices

    def _index_of(self, key: str) -> int | None:
        hashes, owners = self._keys()
        wanted = _hash(key)
        by_alias = None
        for place in range(*np.searchsorted(hashes, [wanted, wanted + 1])):
            index = int(owners[place])
            person = self.person(index)
            if key == person.key:
                return index
            if by_alias is None and key in person_keys(person):
                by_alias = index
        return by_alias

    def _keys(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Hashes of all keys and aliases, sorted, and each one's person by index. Made when first used."""
        with self._keys_lock:
            if self._key_index is None:
                pairs = [
                    (_hash(key), index)
                    for index in range(self.people)
                    for key in person_keys(self.person(index))
                ]
                table = np.array(sorted(pairs), np.int64).reshape(-1, 2)
                self._key_index = (table[:, 0].copy(), table[:, 1].copy())
            return self._key_index

    def reference(self, row: int) -> Reference:
        """The reference face at `row`, 0 to faces - 1."""
        return reference_from_json(self.lines[layout.REFERENCES][row])

    def crop(self, row: int) -> bytes:
        """The stored JPEG of the reference face at `row`; empty if there is none."""
        return b"" if self.crops is None else self.crops.blob(row)

    def rows(self, person: int) -> range:
        """The rows of a person's reference faces."""
        return range(int(self._starts[person]), int(self._starts[person + 1]))

    def keys_of(self, index: int) -> tuple[str, ...]:
        """Key and aliases of the person at `index`."""
        person = self.person(index)
        return (person.key, *person.aliases)

    def keys_at(self, row: int) -> tuple[str, ...]:
        """Key and aliases of the person whose reference face is at `row`; none where there is no such row."""
        if not 0 <= row < self.manifest.faces:
            return ()
        return self.keys_of(int(np.searchsorted(self._starts, row, side="right")) - 1)

    def sibling(self, version: str) -> Self | None:
        """Another version at the same place, for the caller to close; None where it is gone."""
        if not _VERSION.fullmatch(version) or version == self.manifest.version:
            return None
        try:
            return self.open_version(self.folder.parent / version)
        except BadDatabase:
            return None

    def vectors(self, rows: range | NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
        """Slot name -> (n, d) float32 unit vectors of the reference faces at `rows`."""
        block = self.stored_vectors.load(rows)
        edges = np.cumsum([slot.dimension for slot in self.manifest.slots])[:-1]
        parts = np.split(block, edges, axis=1)
        return {slot.name: part for slot, part in zip(self.manifest.slots, parts, strict=True)}

    def row_vector(self, row: int) -> NDArray[np.float32]:
        """(d,) float32: the reference face at `row`, its slots side by side."""
        return np.array(self.stored_vectors.load(range(row, row + 1))[0])

    def row_vectors(self, rows: range) -> NDArray[np.float32]:
        """(n, d) float32: the reference faces at `rows`, the slots of each side by side."""
        return np.array(self.stored_vectors.load(rows))

    def photos(self, beginning: Sequence[str] = ("",)) -> Iterator[Photo]:
        """The photos of the builds, used or not, whose path begins with one of `beginning`."""
        lines = self.lines[layout.PHOTOS]
        listed = np.flatnonzero(lines.beginning("path", beginning)).tolist()
        return (Photo(**lines[index]) for index in listed)

    def search(self, queries: NDArray[np.float32], top_k: int) -> Neighbours:
        """The `top_k` nearest people for each query, exactly. queries: (n, d) float32, slots side by side."""
        return self.stored_vectors.search(self._starts, np.ascontiguousarray(queries, np.float32), top_k)


def _hash(key: str) -> int:
    return zlib.crc32(key.encode("utf-8", "surrogatepass"))


def current_version(place: Path) -> str | None:
    """The name of the version in use at `place`; None if none was built yet. Raises BadDatabase."""
    try:
        with open_regular(place / layout.CURRENT) as file:
            name = file.read(256).decode("utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise BadDatabase(
            f"{place / layout.CURRENT}: cannot be read ({error}). Build the database again."
        ) from error
    if not name:
        return None
    if not _IN_THE_FOLDER.match(name) or (place / name).is_symlink():
        raise BadDatabase(
            f"{place / layout.CURRENT}: names {name[:60]!r}, which is no version in this folder. Build the "
            "database again."
        )
    return name


def read_manifest(folder: Path) -> Manifest:
    """A version's manifest. Raises BadDatabase."""
    path = folder / layout.MANIFEST
    try:
        with open_regular(path) as file:
            raw = json.loads(file.read())
        # Checked first: the manifest of another format has other fields.
        file_format = raw.get("format", layout.FORMAT) if isinstance(raw, dict) else layout.FORMAT
        if file_format not in layout.FORMATS:
            raise BadDatabase(
                f"{path}: format {file_format}; this version of Stash Sense reads formats "
                f"{' and '.join(map(str, layout.FORMATS))}. Update Stash Sense, or build the database again."
            )
        return Manifest.model_validate(raw)
    except (OSError, ValueError) as error:  # ValueError: json's and pydantic's errors
        raise BadDatabase(f"{path}: missing or damaged. {REBUILD_COMMAND}") from error

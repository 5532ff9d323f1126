"""Writing a face database: a new version next to the current one, then one atomic switch."""

import logging
import shutil
import uuid
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from stash_sense.domain.identity import Person
from stash_sense.errors import BadDatabase, Busy, StashSenseError, WriteFailed
from stash_sense.facedb import layout
from stash_sense.facedb.database import FaceDatabase, current_version
from stash_sense.facedb.layout import (
    BLOBS,
    LINES,
    OFFSETS,
    BlobWriter,
    LineWriter,
    Manifest,
    Photo,
    Reference,
    Slot,
    write_int64,
)
from stash_sense.facedb.records import PersonPart, parts_to_json, to_json_fields
from stash_sense.facedb.vectors import PackedVectors, VectorWriter
from stash_sense.files import is_disk_full, remove_leftovers, replacement_of, sync_directory, sync_file

log = logging.getLogger(__name__)

BUILDING = ".building-"
LOCK = ".lock"

NOT_SKIPPED = b'"skipped":""}\n'
"""How the line of a photo ends from which a reference was taken."""


class DatabaseWriter:
    """Writes one new version, as a context manager: without `commit`, the current version stays in use.

    A second writer at the same place waits for the first or, without `wait`, raises Busy. A killed build
    leaves only a `.building-*` folder, which the next one removes. Methods may be called from any thread, one
    at a time.
    """

    def __init__(
        self, place: Path, *, pack: str, pack_fingerprint: str, slots: Sequence[Slot], wait: bool = True
    ) -> None:
        self._place = place
        self._pack = pack
        self._pack_fingerprint = pack_fingerprint
        self._slots = tuple(slots)
        self._dimension = sum(slot.dimension for slot in slots)
        # Not bound to a thread: an event loop's worker threads enter, fill and leave it.
        self._lock = FileLock(place / LOCK, thread_local=False, timeout=-1 if wait else 0)
        self._starts = [0]
        self._keys: set[str] = set()
        self._skipped = 0
        self._committed = False

    def __enter__(self) -> Self:
        try:
            self._place.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise Busy(f"{self._place}: another build is running here. Wait for it to end.") from None
        except OSError as error:
            raise self._failure(error) from error
        try:
            self._remove_leftovers()
            # The name begins with a dot, so that half a version is never mistaken for one.
            self._folder = self._place / f"{BUILDING}{uuid.uuid4().hex[:8]}"
            self._folder.mkdir()
            with ExitStack() as opened:
                opened.callback(shutil.rmtree, self._folder, ignore_errors=True)
                widths = [slot.dimension for slot in self._slots]
                vectors = VectorWriter(self._folder, widths, self._packed_before())
                self._vectors = opened.enter_context(closing(vectors))
                self._people = opened.enter_context(closing(LineWriter(self._folder, layout.PEOPLE)))
                self._references = opened.enter_context(closing(LineWriter(self._folder, layout.REFERENCES)))
                self._photos = opened.enter_context(closing(LineWriter(self._folder, layout.PHOTOS)))
                self._parts = opened.enter_context(closing(LineWriter(self._folder, layout.PARTS)))
                self._crops = opened.enter_context(closing(BlobWriter(self._folder, layout.CROPS)))
                opened.pop_all()
        except OSError as error:
            self._lock.release()
            raise self._failure(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self._committed:
                self._discard()
        finally:
            self._lock.release()
        if isinstance(error, OSError) and not isinstance(error, StashSenseError):
            raise self._failure(error) from error

    def add_person(
        self,
        person: Person,
        references: Sequence[Reference],
        vectors: NDArray[np.float32],
        crops: Sequence[bytes] = (),
        parts: Sequence[PersonPart] = (),
    ) -> None:
        """Add a person with at least one reference.

        vectors (n, d) float32: a row per reference, the slots' unit vectors side by side.
        crops: a small JPEG of each reference, which may be empty; or none at all.
        parts: what each source says of the person, in the order of their references.
        """
        if person.key in self._keys:
            raise ValueError(f"{person.key!r} is added twice; collect all faces of a person first")
        if not len(references) == len(vectors) > 0 or vectors.shape[1:] != (self._dimension,):
            raise ValueError(f"{len(references)} references and vectors of shape {vectors.shape}")
        if not np.isfinite(vectors).all():
            raise ValueError(f"{person.key!r}: an embedding is not a number")
        self._keys.add(person.key)
        self._vectors.append(vectors)
        self._starts.append(self._starts[-1] + len(vectors))
        self._people.add(to_json_fields(person))
        self._parts.add(parts_to_json(person, parts))
        for number, reference in enumerate(references):
            self._references.add(to_json_fields(reference))
            self._crops.append(crops[number] if crops else b"")

    def copy_people(self, database: FaceDatabase, people: range) -> None:
        """Copy a run of people of a version with layout.PARTS, with all that belongs to their references.

        Their keys must be other people's than those of the people added.
        """
        rows = range(database.rows(people[0]).start, database.rows(people[-1]).stop)
        self._vectors.copy(database.stored_vectors, rows)
        offset = self._starts[-1] - rows.start
        self._starts += [database.rows(person).stop + offset for person in people]
        self._people.extend(database.lines[layout.PEOPLE], people)
        self._parts.extend(database.lines[layout.PARTS], people)
        self._references.extend(database.lines[layout.REFERENCES], rows)
        if database.crops:
            self._crops.extend(database.crops, rows)
        else:
            for _ in rows:
                self._crops.append(b"")

    def copy_photos(self, database: FaceDatabase, photos: range) -> None:
        """Copy a run of the photos that a version lists."""
        lines = database.lines[layout.PHOTOS]
        self._photos.extend(lines, photos)
        self._skipped += sum(not lines.blob(index).endswith(NOT_SKIPPED) for index in photos)

    def add_photo(self, photo: Photo) -> None:
        """Add a photo of the build, used or not."""
        self._photos.add(to_json_fields(photo))
        self._skipped += bool(photo.skipped)

    def commit(self, sources: Sequence[str]) -> str:
        """Make this the current version, and return its name. Raises WriteFailed."""
        now = datetime.now(UTC)
        name = f"{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
        vectors = self._vectors.finish()
        for lines in (self._people, self._references, self._photos, self._parts, self._crops):
            lines.finish()
        write_int64(self._folder / layout.STARTS, self._starts)
        files = [*vectors, layout.STARTS]
        files += [
            stem + end
            for stem in (layout.PEOPLE, layout.REFERENCES, layout.PHOTOS, layout.PARTS)
            for end in (LINES, OFFSETS)
        ]
        crops = [layout.CROPS + end for end in (BLOBS, OFFSETS)]
        if self._crops.size:
            files += crops
        else:
            for file in crops:
                (self._folder / file).unlink()
        manifest = Manifest(
            format=self._vectors.format,
            version=name,
            pack=self._pack,
            pack_fingerprint=self._pack_fingerprint,
            slots=self._slots,
            people=len(self._people),
            faces=len(self._references),
            photos=len(self._photos),
            skipped=self._skipped,
            built_at=now.isoformat(timespec="seconds"),
            sources=named_sources(sources),
            sizes={file: (self._folder / file).stat().st_size for file in files},
        )
        (self._folder / layout.MANIFEST).write_text(manifest.model_dump_json(indent=1), "utf-8")
        for file in (*files, layout.MANIFEST):
            sync_file(self._folder / file)
        sync_directory(self._folder)
        before = self._version_before()
        try:
            with replacement_of(self._place / layout.CURRENT) as pointer:
                pointer.write_text(name + "\n", "utf-8")
                sync_file(pointer)
                # Everything that takes space is on disk: a full disk can no longer stop the build halfway.
                self._folder = self._folder.rename(self._place / name)
        finally:
            # Where only the last sync failed, the new version is in use and must stay.
            self._committed = self._version_before() == name
        self._remove_versions(keep={name, before})
        return name

    def _packed_before(self) -> PackedVectors | None:
        """The vectors of the current version, where they are packed and of the same networks."""
        current = FaceDatabase.open_usable(self._place)
        if current is None:
            return None
        with current:
            manifest, vectors = current.manifest, current.stored_vectors
        alike = (manifest.pack_fingerprint, manifest.slots) == (self._pack_fingerprint, self._slots)
        return vectors if alike and isinstance(vectors, PackedVectors) else None

    def _version_before(self) -> str | None:
        try:
            return current_version(self._place)
        except BadDatabase:  # this build repairs it
            return None

    def _remove_versions(self, keep: set[str | None]) -> None:
        # The previous version stays: a process may have it open, and `rollback` needs it.
        for folder in self._place.iterdir():
            if folder.is_dir() and folder.name not in keep and (folder / layout.MANIFEST).exists():
                # Renamed first: if killed halfway, the next build removes the rest as a leftover.
                with suppress(OSError):
                    shutil.rmtree(folder.rename(self._place / f"{BUILDING}{folder.name}"))

    def _remove_leftovers(self) -> None:
        for folder in self._place.glob(f"{BUILDING}*"):
            log.info("removing what an interrupted build left: %s", folder)
            shutil.rmtree(folder, ignore_errors=True)
        remove_leftovers(self._place)

    def _discard(self) -> None:
        for file in (
            *(self._vectors, self._people, self._references, self._photos),
            *(self._parts, self._crops),
        ):
            try:
                file.close()
            except OSError as error:  # a full disk refuses the last bytes again
                log.debug("closing a discarded build: %s", error)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _failure(self, error: OSError) -> WriteFailed:
        why = "no space left on the disk" if is_disk_full(error) else str(error)
        return WriteFailed(
            f"{self._place}: the face database could not be written ({why}). "
            "The previous one is unchanged. Free some space or choose another --data-dir, then build again."
        )


def named_sources(sources: Sequence[str]) -> tuple[str, ...]:
    """The sources as a manifest names them: folder names that are not UTF-8 get question marks."""
    return tuple(source.encode("utf-8", "replace").decode() for source in sources)

"""RecommendationsDB: the state file, with a method for each thing that is done with it."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Self

from stash_sense.domain.decisions import Decision
from stash_sense.domain.identity import PictureIdentity
from stash_sense.errors import BadInput, StashSenseError
from stash_sense.store import maintenance
from stash_sense.store.connection import BUSY_SECONDS, ConnectionPool
from stash_sense.store.migrations import migrate_file
from stash_sense.store.repositories import (
    decisions,
    deletion,
    faces,
    fingerprints,
    journal,
    pictures,
    rematching,
    results,
)
from stash_sense.store.repositories.decisions import DeletedDecisions
from stash_sense.store.repositories.deletion import Deletion
from stash_sense.store.repositories.journal import JournalEntry
from stash_sense.store.repositories.results import StoredImage, StoredResult

IMAGES_PER_TRANSACTION = 64
"""What a killed process may lose of a batch, and what other writers may have to wait for."""


class RecommendationsDB:
    """The state file at `path`, created or migrated on opening; safe from any thread and process.

    Raises NotAStateFile, NewerState, StateDamaged, MigrationFailed, DiskFull, StateUnwritable or StateBusy on
    opening, the last three and StateDamaged from any method. `migrated_from` is the backup that was made
    before a migration, or None. Close it, or use it in a `with`. Writing methods do all or nothing.
    """

    def __init__(self, path: str | os.PathLike[str], busy_seconds: float = BUSY_SECONDS) -> None:
        if os.fspath(path) in ("", ":memory:"):
            raise BadInput(f"The state's path is {os.fspath(path)!r}; give the path of a file.")
        self.path = Path(path).absolute()
        self.migrated_from = migrate_file(self.path, maintenance.backup_beside, busy_seconds)
        self._pool = ConnectionPool(self.path, busy_seconds)

    def close(self) -> None:
        """Close the file. The last process to do so writes the log into it."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # Fingerprints: the methods that older programs know.

    def create_image_fingerprint(
        self,
        stash_image_id: str,
        faces_detected: int = 0,
        gallery_id: str | None = None,
        db_version: str | None = None,
    ) -> int:
        with self._pool.writing() as connection:
            return fingerprints.create_image_fingerprint(
                connection, stash_image_id, faces_detected, gallery_id, db_version
            )

    def get_image_fingerprint(self, stash_image_id: str) -> dict[str, Any] | None:
        with self._pool.connection() as connection:
            return fingerprints.get_image_fingerprint(connection, stash_image_id)

    def get_gallery_image_fingerprints(self, gallery_id: str) -> list[dict[str, Any]]:
        with self._pool.connection() as connection:
            return fingerprints.get_gallery_image_fingerprints(connection, gallery_id)

    def add_image_fingerprint_face(
        self,
        stash_image_id: str,
        performer_id: str,
        confidence: float | None = None,
        distance: float | None = None,
        bbox_x: float | None = None,
        bbox_y: float | None = None,
        bbox_w: float | None = None,
        bbox_h: float | None = None,
    ) -> int:
        with self._pool.writing() as connection:
            return fingerprints.add_image_fingerprint_face(
                connection, stash_image_id, performer_id, confidence, distance, bbox_x, bbox_y, bbox_w, bbox_h
            )

    def get_image_fingerprint_faces(self, stash_image_id: str) -> list[dict[str, Any]]:
        with self._pool.connection() as connection:
            return fingerprints.get_image_fingerprint_faces(connection, stash_image_id)

    def delete_image_fingerprint_faces(self, stash_image_id: str) -> int:
        with self._pool.writing() as connection:
            return fingerprints.delete_image_fingerprint_faces(connection, stash_image_id)

    def delete_image_fingerprint(self, stash_image_id: str) -> bool:
        with self._pool.writing() as connection:
            return fingerprints.delete_image_fingerprint(connection, stash_image_id)

    # Results of recognition.

    def store_image_result(self, result: results.ImageResult) -> StoredImage:
        with self._pool.writing() as connection:
            return results.store_image_result(connection, result)

    def store_image_results(self, images: Sequence[results.ImageResult]) -> results.BatchOutcome:
        """Store many, in transactions of IMAGES_PER_TRANSACTION; a refused image affects no other."""
        stored: list[StoredImage] = []
        failed: list[tuple[str, StashSenseError]] = []
        for start in range(0, len(images), IMAGES_PER_TRANSACTION):
            with self._pool.writing() as connection:
                batch = images[start : start + IMAGES_PER_TRANSACTION]
                outcome = results.store_image_results(connection, batch)
            stored += outcome.stored
            failed += outcome.failed
        return results.BatchOutcome(tuple(stored), tuple(failed))

    def copy_image_result(
        self, source_image_id: str, stash_image_id: str, gallery_ids: Sequence[str] = ()
    ) -> StoredImage:
        with self._pool.writing() as connection:
            return results.copy_image_result(connection, source_image_id, stash_image_id, gallery_ids)

    def add_images_to_gallery(self, gallery_id: str, stash_image_ids: Sequence[str]) -> int:
        with self._pool.writing() as connection:
            return fingerprints.add_images_to_gallery(connection, gallery_id, stash_image_ids)

    def get_image_result(self, stash_image_id: str, *, embeddings: bool = False) -> StoredResult | None:
        with self._pool.reading() as connection:
            return results.get_image_result(connection, stash_image_id, embeddings=embeddings)

    def get_image_results(self, images: Sequence[tuple[str, PictureIdentity]]) -> dict[str, StoredResult]:
        with self._pool.reading() as connection:
            return results.get_image_results(connection, images)

    def find_image_result(
        self,
        picture: PictureIdentity,
        pack: str,
        db_version: str | None,
        stash_image_id: str | None = None,
        *,
        any_version: bool = False,
        embeddings: bool = False,
    ) -> StoredResult | None:
        with self._pool.reading() as connection:
            return results.find_image_result(
                connection, picture, pack, db_version, stash_image_id, any_version, embeddings
            )

    def image_shows_picture(self, stash_image_id: str, picture: PictureIdentity) -> bool:
        with self._pool.reading() as connection:
            return pictures.image_shows_picture(connection, stash_image_id, picture)

    def get_face(self, face_id: int) -> faces.StoredFace:
        with self._pool.reading() as connection:
            return faces.get_face(connection, face_id)

    def read_embeddings(
        self,
        pack: str,
        *,
        gallery_id: str | None = None,
        unless_version: str | None = None,
        faces_per_batch: int = rematching.FACES_PER_BATCH,
    ) -> Iterator[rematching.EmbeddingBatch]:
        """All embeddings of a pack, in batches of whole images. Writing between two batches is allowed."""
        after = 0
        while True:
            with self._pool.reading() as connection:
                batch = rematching.read_embeddings(
                    connection, pack, after, gallery_id, unless_version, faces_per_batch
                )
            if batch is None:
                return
            yield batch
            after = batch.last

    def update_matches(
        self,
        pack: str,
        db_version: str | None,
        stash_image_ids: Sequence[str],
        matches: Sequence[rematching.FaceMatches],
        settings: Mapping[str, Any] | None = None,
    ) -> rematching.MatchUpdate:
        with self._pool.writing() as connection:
            return rematching.update_matches(connection, pack, db_version, stash_image_ids, matches, settings)

    # Decisions and the journal cannot be computed again: these methods wait until the disk has them.

    def decide(
        self,
        face_id: int,
        kind: str,
        performer_id: str | None = None,
        name: str | None = None,
        entry_id: int | None = None,
    ) -> Decision:
        return self.decide_faces([face_id], kind, performer_id, name, entry_id)[0][0]

    def decide_faces(
        self,
        face_ids: Iterable[int],
        kind: str,
        performer_id: str | None = None,
        name: str | None = None,
        entry_id: int | None = None,
    ) -> tuple[list[Decision], list[int]]:
        """The decisions in the faces' order, each once, and the ids of faces that are not stored."""
        with self._pool.writing(durable=True) as connection:
            recorded = decisions.decide_faces(connection, face_ids, kind, performer_id, name, entry_id)
            rematching.refresh_pictures(connection, recorded.picture_ids)
        return list(recorded.decisions), list(recorded.missing)

    def undecide(self, decision_id: int) -> Decision:
        """Take a decision back. Raises NotStored."""
        with self._pool.writing(durable=True) as connection:
            decision = decisions.get_decision(connection, decision_id)
            self._delete_decisions(connection, [decision_id])
        return decision

    def undecide_all(self, decision_ids: Iterable[int]) -> tuple[int, list[int]]:
        """Take decisions back: how many, and the ids of those that are not stored."""
        with self._pool.writing(durable=True) as connection:
            deleted = self._delete_decisions(connection, decision_ids)
        return deleted.count, list(deleted.missing)

    def _delete_decisions(self, connection: Connection, decision_ids: Iterable[int]) -> DeletedDecisions:
        deleted = decisions.delete_decisions(connection, decision_ids)
        rematching.refresh_pictures(connection, deleted.picture_ids)
        return deleted

    def decisions_for(self, picture: PictureIdentity) -> list[Decision]:
        with self._pool.reading() as connection:
            return decisions.decisions_for(connection, picture)

    def decisions_by_face_id(self, stash_image_ids: Sequence[str]) -> dict[int, tuple[Decision, ...]]:
        with self._pool.reading() as connection:
            return faces.decisions_by_face_id(connection, stash_image_ids)

    def journal_begin(
        self, target_type: str, target_ids: Sequence[str], local_id: str, batch_id: str | None = None
    ) -> JournalEntry:
        with self._pool.writing(durable=True) as connection:
            return journal.begin_entry(connection, target_type, target_ids, local_id, batch_id)

    def journal_complete(self, entry_id: int, status: str, added_ids: Sequence[str] = ()) -> JournalEntry:
        """Where nothing was added there is nothing to undo: the decisions of the entry are deleted now."""
        with self._pool.writing(durable=True) as connection:
            entry = journal.complete_entry(connection, entry_id, status, added_ids)
            if not entry.added_ids:
                self._delete_decisions(connection, decisions.decision_ids_of_entry(connection, entry_id))
            return entry

    def journal_undone(self, entry_id: int) -> JournalEntry:
        """Record that `added_ids` were undone, and delete the decisions of the entry."""
        with self._pool.writing(durable=True) as connection:
            entry = journal.mark_undone(connection, entry_id)
            self._delete_decisions(connection, decisions.decision_ids_of_entry(connection, entry_id))
            return entry

    def journal_entries(
        self, status: str | None = None, before: int | None = None, limit: int = 100
    ) -> list[JournalEntry]:
        with self._pool.connection() as connection:
            return journal.list_entries(connection, status, before, limit)

    # Deletions return when no trace is left in the file and its log, which rewrites the whole file.

    def delete_person(self, performer_ids: str | Iterable[str], *, remove_backups: bool = False) -> Deletion:
        keys = [performer_ids] if isinstance(performer_ids, str) else list(performer_ids)
        return self._erase(lambda connection: deletion.delete_person(connection, keys), remove_backups)

    def delete_image(self, stash_image_id: str, *, remove_backups: bool = False) -> Deletion:
        return self._erase(
            lambda connection: deletion.delete_image(connection, stash_image_id), remove_backups
        )

    def delete_everything(self, *, remove_backups: bool = False) -> Deletion:
        return self._erase(deletion.delete_everything, remove_backups)

    def _erase(self, delete: Callable[[Connection], Deletion], remove_backups: bool) -> Deletion:
        with self._pool.alone(), self._pool.connection() as connection:
            result = deletion.erase(connection, self.path, delete)
        if remove_backups:
            for backup in maintenance.list_backups(self.path):
                backup.unlink()
        return replace(result, backups=tuple(maintenance.list_backups(self.path)))

"""RecommendationsDB: the state file, with a method for each thing that is done with it."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Self

from stash_sense.domain.identity import PictureIdentity
from stash_sense.domain.validation import validate_text
from stash_sense.errors import BadInput, StashSenseError
from stash_sense.store import maintenance
from stash_sense.store.cluster_methods import ClusterMethods
from stash_sense.store.connection import BUSY_SECONDS, ConnectionPool
from stash_sense.store.decision_methods import DecisionMethods
from stash_sense.store.fingerprint_methods import FingerprintMethods, RematchMethods
from stash_sense.store.library_methods import LibraryMethods
from stash_sense.store.library_work_methods import LibraryWorkMethods
from stash_sense.store.migrations import migrate_file
from stash_sense.store.repositories import (
    deletion,
    faces,
    fingerprints,
    former_keys,
    people,
    person_data,
    person_deletion,
    pictures,
    rematching,
    results,
)
from stash_sense.store.repositories.deletion import Deletion
from stash_sense.store.repositories.former_keys import FindPeople
from stash_sense.store.repositories.results import StoredImage, StoredResult
from stash_sense.store.scene_methods import SceneMethods
from stash_sense.store.state_import import StateImport, import_tables, open_foreign_state

IMAGES_PER_TRANSACTION = 64
"""What a killed process may lose of a batch, and what other writers may have to wait for."""


class RecommendationsDB(
    FingerprintMethods,
    SceneMethods,
    DecisionMethods,
    RematchMethods,
    LibraryMethods,
    LibraryWorkMethods,
    ClusterMethods,
):
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

    def check_file(self) -> None:
        """Raise StateReplaced where the file was deleted, moved or replaced since it was opened."""
        self._pool.check_file()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

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

    def known_pictures(self, identities: Iterable[PictureIdentity]) -> list[PictureIdentity]:
        with self._pool.reading() as connection:
            return pictures.known_pictures(connection, identities)

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

    def follow_people(self, find: FindPeople) -> None:
        """Move what is stored under former keys to those under which `find` finds people."""
        with self._pool.writing() as connection:
            former_keys.follow_people(connection, find)

    def keys_of_people(self, keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
        with self._pool.reading() as connection:
            return people.keys_of_people(connection, [validate_text("performer_id", key) for key in keys])

    def person_data(self, keys: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        with self._pool.reading() as connection:
            return person_data.person_data(connection, keys)

    def person_crops(self, keys: Iterable[str]) -> list[tuple[int, bytes]]:
        with self._pool.reading() as connection:
            return person_data.person_crops(connection, keys)

    def people_called(self, name: str) -> list[tuple[str, str]]:
        with self._pool.reading() as connection:
            return person_data.people_called(connection, name)

    def import_state(self, source: Path, is_deleted: Callable[[str], bool]) -> StateImport:
        """Take over another program's state file, all or nothing; raises as `open_foreign_state`."""
        with open_foreign_state(source) as (foreign, version), self._pool.writing(durable=True) as connection:
            return StateImport(version, import_tables(foreign, connection, is_deleted))

    # Deletions return when no trace is left in the file and its log, which rewrites the whole file.

    def delete_person(
        self,
        performer_ids: str | Iterable[str],
        *,
        names: Iterable[str] = (),
        remove_backups: bool = False,
    ) -> Deletion:
        keys = [performer_ids] if isinstance(performer_ids, str) else list(performer_ids)
        return self._erase(
            lambda connection: person_deletion.delete_person(connection, keys, names), remove_backups
        )

    def delete_image(self, stash_image_id: str, *, remove_backups: bool = False) -> Deletion:
        return self._erase(
            lambda connection: deletion.delete_image(connection, stash_image_id), remove_backups
        )

    def delete_everything(self, *, remove_backups: bool = False) -> Deletion:
        return self._erase(deletion.delete_everything, remove_backups)

    def _erase(self, delete: Callable[[Connection], Deletion], remove_backups: bool) -> Deletion:
        with self._pool.alone(), self._pool.connection() as connection:
            self._pool.check_file()
            result = deletion.erase(connection, self.path, delete)
        if remove_backups:
            for backup in maintenance.list_backups(self.path):
                backup.unlink()
        return replace(result, backups=tuple(maintenance.list_backups(self.path)))

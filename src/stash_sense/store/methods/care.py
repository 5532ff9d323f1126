"""Forgetting people and pictures, and copies of the whole state."""

import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

from stash_sense.store import copies, health, privacy
from stash_sense.store.connection import writing
from stash_sense.store.methods.base import Methods


class CareMethods(Methods):
    """A deletion returns when no trace is left in the file and its log; that rewrites the whole file.

    Copies made beside the file still hold what they held: they are named in the answer, or removed with
    `remove_copies`. Raises StateBusy where another process still reads the former contents.
    """

    def delete_person(
        self, performer_ids: str | Iterable[str], *, remove_copies: bool = False
    ) -> privacy.Deleted:
        """Forget a person under all the given keys: decisions, candidates, names."""
        keys = [performer_ids] if isinstance(performer_ids, str) else list(performer_ids)
        return self._delete(lambda connection: privacy.delete_person(connection, keys), remove_copies)

    def delete_image(self, stash_image_id: str, *, remove_copies: bool = False) -> privacy.Deleted:
        """Forget an image, its faces, and the decisions on it."""
        return self._delete(
            lambda connection: privacy.delete_image(connection, stash_image_id), remove_copies
        )

    def delete_everything(self, *, remove_copies: bool = False) -> privacy.Deleted:
        """Empty the file."""
        return self._delete(privacy.delete_everything, remove_copies)

    def _delete(
        self, deletion: Callable[[sqlite3.Connection], privacy.Deleted], remove_copies: bool
    ) -> privacy.Deleted:
        with self._pool.alone(), self._pool.connection() as connection:
            # Overwrites what is freed at once: a kill before the file is rewritten leaves little behind.
            connection.execute("PRAGMA secure_delete = ON")
            try:
                with writing(connection, durable=True):
                    deleted = deletion(connection)
                privacy.scrub(connection, self.path)
            finally:
                connection.execute("PRAGMA secure_delete = OFF")
        if remove_copies:
            for copy in copies.copies_of(self.path):
                copy.unlink()
        return deleted.with_copies(copies.copies_of(self.path))

    def check(self) -> health.StateReport:
        """Read the whole file for damage, and tell what is in it."""
        return health.check(self.path)

    def backup(self, target: Path | None = None) -> Path:
        """Copy the state while it is in use; beside it where no target is given."""
        return copies.backup(self.path, target)

"""A person's decisions and the journal of their tags: what cannot be computed again.

These wait until the disk has them (see `connection.writing`).
"""

from collections.abc import Iterable, Sequence

from stash_sense.domain.decisions import Decision
from stash_sense.domain.images import PictureIdentity
from stash_sense.store import deciding, decisions, journal
from stash_sense.store.methods.base import Methods


class WordMethods(Methods):
    """Decisions and the journal."""

    def decide(
        self,
        face_id: int,
        word: str,
        performer_id: str | None = None,
        name: str | None = None,
        entry_id: int | None = None,
    ) -> Decision:
        """Record `confirmed`, `rejected` (both with the performer), `ignored` or `apart` on a face.

        name: the performer's, to be remembered. entry_id: of the journal, where it came with a write; it is
        then taken back when that is undone.
        """
        with self._pool.writing(durable=True) as connection:
            return deciding.decide(connection, face_id, word, performer_id, name, entry_id)

    def decide_faces(
        self,
        face_ids: Iterable[int],
        word: str,
        performer_id: str | None = None,
        name: str | None = None,
        entry_id: int | None = None,
    ) -> tuple[list[Decision], list[int]]:
        """`decide` for many faces, all or nothing: their decisions, and the ids no face is stored under.

        The decisions are in the faces' order; one that two of the faces share is given once. Raises NotStored
        where none of the faces is stored.
        """
        with self._pool.writing(durable=True) as connection:
            return deciding.decide_faces(connection, face_ids, word, performer_id, name, entry_id)

    def undecide(self, decision_id: int) -> Decision:
        """Take a decision back. Raises NotStored."""
        with self._pool.writing(durable=True) as connection:
            return deciding.undecide(connection, decision_id)

    def undecide_all(self, decision_ids: Iterable[int]) -> tuple[int, list[int]]:
        """Take decisions back, all at once: how many, and the ids no decision is stored under."""
        with self._pool.writing(durable=True) as connection:
            return deciding.undecide_all(connection, decision_ids)

    def get_decision(self, decision_id: int) -> Decision:
        with self._pool.connection() as connection:
            return decisions.get_decision(connection, decision_id)

    def decisions_for(self, picture: PictureIdentity) -> list[Decision]:
        """All decisions on a picture, stored or not yet: rejected people need not be ranked at all."""
        with self._pool.reading() as connection:
            return decisions.decisions_for(connection, picture)

    def journal_begin(
        self, target_type: str, target_ids: Sequence[str], local_id: str
    ) -> journal.JournalEntry:
        """Note a tag before Stash is asked to write it."""
        with self._pool.writing(durable=True) as connection:
            return journal.begin_entry(connection, target_type, target_ids, local_id)

    def journal_complete(
        self, entry_id: int, status: str, added_ids: Sequence[str] = ()
    ) -> journal.JournalEntry:
        """Record what Stash really added (`done`), or that it failed (with what was added before that).

        Where nothing was added there is nothing to undo: what was said with it is taken back now.
        """
        with self._pool.writing(durable=True) as connection:
            entry = journal.complete_entry(connection, entry_id, status, added_ids)
            if not entry.added_ids:
                deciding.undecide_write(connection, entry_id)
            return entry

    def journal_undone(self, entry_id: int) -> journal.JournalEntry:
        """Record that `added_ids` were taken back, and take back what was said with them; once."""
        with self._pool.writing(durable=True) as connection:
            entry = journal.mark_undone(connection, entry_id)
            deciding.undecide_write(connection, entry_id)
            return entry

    def journal_entry(self, entry_id: int) -> journal.JournalEntry:
        with self._pool.connection() as connection:
            return journal.get_entry(connection, entry_id)

    def journal_entries(
        self, status: str | None = None, before: int | None = None, limit: int = 100
    ) -> list[journal.JournalEntry]:
        """The latest first; `status="open"` finds what a crash left behind."""
        with self._pool.connection() as connection:
            return journal.list_entries(connection, status, before, limit)

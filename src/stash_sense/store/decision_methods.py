"""The methods of RecommendationsDB for decisions and the journal of tags."""

from collections.abc import Iterable, Sequence
from sqlite3 import Connection

from stash_sense.domain.decisions import Decision
from stash_sense.domain.faces import FaceId
from stash_sense.domain.identity import PictureIdentity
from stash_sense.domain.validation import validate_text
from stash_sense.store.connection import ConnectionPool
from stash_sense.store.repositories import (
    confirmed_faces,
    deciding,
    decision_list,
    decisions,
    faces,
    former_pictures,
    journal,
    library_tags,
    people,
    rematching,
    scene_tracks,
)
from stash_sense.store.repositories.decisions import DeletedDecisions
from stash_sense.store.repositories.journal import JournalEntry


class DecisionMethods:
    """What cannot be computed again: each write does all or nothing, and waits until the disk has it."""

    _pool: ConnectionPool

    def decide(
        self,
        face_id: FaceId,
        kind: str,
        performer_id: str | None = None,
        name: str | None = None,
        entry_id: int | None = None,
        local_id: str | None = None,
    ) -> Decision:
        return self.decide_faces([face_id], kind, performer_id, name, entry_id, local_id)[0][0]

    def decide_faces(
        self,
        face_ids: Iterable[FaceId],
        kind: str,
        performer_id: str | None = None,
        name: str | None = None,
        entry_id: int | None = None,
        local_id: str | None = None,
    ) -> tuple[list[Decision], list[FaceId]]:
        """The decisions in the faces' order, each once, and the ids of faces that are not stored."""
        with self._pool.writing(durable=True) as connection:
            recorded = deciding.decide_faces(
                connection, face_ids, kind, performer_id, name, entry_id, local_id
            )
            _refresh(connection, recorded.picture_ids)
        return list(recorded.decisions), list(recorded.missing)

    def list_decisions(
        self,
        performer_id: str | None = None,
        face_id: FaceId | None = None,
        kind: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[decision_list.ListedDecision]:
        with self._pool.reading() as connection:
            return decision_list.list_decisions(connection, performer_id, face_id, kind, before, limit)

    def confirmed_faces(self, pack: str) -> list[confirmed_faces.ConfirmedFace]:
        with self._pool.reading() as connection:
            return confirmed_faces.confirmed_faces(connection, pack)

    def decisions_revision(self, gallery_id: str) -> str:
        with self._pool.reading() as connection:
            return decision_list.decisions_revision(connection, gallery_id)

    def scene_decisions_revision(self, scene_id: str) -> str:
        with self._pool.reading() as connection:
            return decision_list.scene_decisions_revision(connection, scene_id)

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
        _refresh(connection, deleted.picture_ids)
        return deleted

    def decisions_for(self, picture: PictureIdentity) -> list[Decision]:
        with self._pool.reading() as connection:
            return decisions.decisions_for(connection, picture)

    def decisions_by_face_id(self, stash_image_ids: Sequence[str]) -> dict[int, tuple[Decision, ...]]:
        with self._pool.reading() as connection:
            return faces.decisions_by_face_id(connection, stash_image_ids)

    def journal_begin(
        self,
        target_type: str,
        target_ids: Sequence[str],
        local_id: str,
        batch_id: str | None = None,
        action: str = journal.ADD,
    ) -> JournalEntry:
        with self._pool.writing(durable=True) as connection:
            return journal.begin_entry(connection, target_type, target_ids, local_id, batch_id, action)

    def begin_picture(self, local_id: str, pictures: former_pictures.FormerPicture) -> JournalEntry:
        with self._pool.writing(durable=True) as connection:
            return former_pictures.begin_picture(connection, local_id, pictures)

    def former_picture(self, entry_id: int) -> former_pictures.FormerPicture:
        with self._pool.reading() as connection:
            return former_pictures.former_picture(connection, entry_id)

    def journal_complete(self, entry_id: int, status: str, added_ids: Sequence[str] = ()) -> JournalEntry:
        """Where nothing was added there is nothing to undo: the decisions of the entry are deleted now."""
        with self._pool.writing(durable=True) as connection:
            entry = journal.complete_entry(connection, entry_id, status, added_ids)
            _note_tags(connection, entry, is_added=entry.action == journal.ADD)
            if not entry.added_ids:
                self._delete_decisions(connection, decisions.decision_ids_of_entry(connection, entry_id))
                former_pictures.forget_picture(connection, entry_id)
            return entry

    def journal_undone(self, entry_id: int) -> JournalEntry:
        """Record that `added_ids` were undone, and delete the decisions and pictures of the entry."""
        with self._pool.writing(durable=True) as connection:
            entry = journal.mark_undone(connection, entry_id)
            _note_tags(connection, entry, is_added=entry.action != journal.ADD)
            self._delete_decisions(connection, decisions.decision_ids_of_entry(connection, entry_id))
            former_pictures.forget_picture(connection, entry_id)
            return entry

    def journal_entries(
        self,
        status: str | None = None,
        before: int | None = None,
        limit: int = 100,
        performer_id: str | None = None,
    ) -> list[JournalEntry]:
        with self._pool.reading() as connection:
            local_ids = None
            if performer_id is not None:
                key = validate_text("performer_id", performer_id)
                local_ids = people.local_ids_of(connection, key)
            return journal.list_entries(connection, status, before, limit, local_ids)


def _note_tags(connection: Connection, entry: JournalEntry, *, is_added: bool) -> None:
    if entry.target_type in library_tags.TAGGED_TYPES:
        targets = [(entry.target_type, target_id) for target_id in entry.added_ids]
        library_tags.note_tags(connection, targets, entry.local_id, is_added=is_added)


def _refresh(connection: Connection, picture_ids: Iterable[int]) -> None:
    """Rewrite what version 6 holds of the images and scenes that show these pictures."""
    ids = set(picture_ids)
    rematching.refresh_pictures(connection, ids)
    scene_tracks.refresh_scenes(connection, ids)

"""The performers' pictures that were replaced from a scene: kept with the journal, so that this is undoable.

The newest are kept, within bounds; an entry whose pictures are gone can no longer be undone.
"""

import re
import sqlite3
from dataclasses import dataclass, field

from stash_sense.domain.validation import validate_integer
from stash_sense.errors import BadInput, NotStored
from stash_sense.store.repositories.journal import PICTURE, JournalEntry, begin_entry
from stash_sense.store.table_rebuild import Table, ensure_table

MOST = 200
MOST_BYTES = 100_000_000
"""Of all pictures together; those of the newest entry are kept however large."""

_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]{1,30};base64,[A-Za-z0-9+/]*={0,2}")


@dataclass(frozen=True, slots=True)
class FormerPicture:
    """What an entry of the journal replaced, and by what, as `data:` URLs. before: None for no picture."""

    before: str | None = field(repr=False)
    after: str = field(repr=False)


# A fifth kind of target: a performer whose picture is replaced.
_JOURNAL_WITH_PICTURES = Table(
    "stash_sense_journal",
    """id INTEGER PRIMARY KEY AUTOINCREMENT,
  target_type TEXT NOT NULL CHECK (target_type IN ('image', 'gallery', 'scene', 'marker', 'picture')),
  target_ids TEXT NOT NULL,
  local_id TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done', 'failed', 'undone')),
  added_ids TEXT,
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  completed_at TEXT,
  undone_at TEXT,
  batch_id TEXT,
  action TEXT NOT NULL DEFAULT 'add' CHECK (action IN ('add', 'remove')),
  CHECK ((status = 'open') = (completed_at IS NULL))""",
    (("idx_stash_sense_journal_status", "status"),),
    must_fit=True,
)


def add_former_pictures(connection: sqlite3.Connection) -> None:
    """Let the journal have entries of pictures, and create the table of what they replaced."""
    ensure_table(connection, _JOURNAL_WITH_PICTURES)
    connection.execute(
        """CREATE TABLE stash_sense_former_pictures (
  entry_id INTEGER PRIMARY KEY REFERENCES stash_sense_journal(id) ON DELETE CASCADE,
  before TEXT,
  after TEXT NOT NULL
)"""
    )


def begin_picture(connection: sqlite3.Connection, local_id: str, pictures: FormerPicture) -> JournalEntry:
    """Record that a performer's picture is about to be replaced. Raises BadInput."""
    for name, picture in (("before", pictures.before), ("after", pictures.after)):
        if picture is not None and not _DATA_URL.fullmatch(picture):
            raise BadInput(f"{name} is {picture!r:.40}; give a picture as data:image/...;base64,...")
    entry = begin_entry(connection, PICTURE, [local_id], local_id)
    connection.execute(
        "INSERT INTO stash_sense_former_pictures (entry_id, before, after) VALUES (?, ?, ?)",
        (entry.entry_id, pictures.before, pictures.after),
    )
    connection.execute(
        """DELETE FROM stash_sense_former_pictures WHERE entry_id <> ?1 AND entry_id NOT IN (
             SELECT entry_id FROM (
               SELECT entry_id, row_number() OVER newest AS number,
                      sum(length(after) + coalesce(length(before), 0)) OVER newest AS total
               FROM stash_sense_former_pictures WINDOW newest AS (ORDER BY entry_id DESC))
             WHERE number <= ?2 AND total <= ?3)""",
        (entry.entry_id, MOST, MOST_BYTES),
    )
    return entry


def former_picture(connection: sqlite3.Connection, entry_id: int) -> FormerPicture:
    """The pictures of an entry. Raises NotStored."""
    row = connection.execute(
        "SELECT before, after FROM stash_sense_former_pictures WHERE entry_id = ?",
        (validate_integer("journal entry", entry_id),),
    ).fetchone()
    if row is None:
        raise NotStored(
            f"The picture before journal entry {entry_id} is not kept any more: only the newest "
            f"{MOST} are, and none that was put back. Choose the performer's picture in Stash."
        )
    return FormerPicture(*row)


def forget_picture(connection: sqlite3.Connection, entry_id: int) -> None:
    """Delete the pictures of an entry that nothing is left to undo of."""
    connection.execute("DELETE FROM stash_sense_former_pictures WHERE entry_id = ?", (entry_id,))

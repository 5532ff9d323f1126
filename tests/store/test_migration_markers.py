"""The migration that lets the journal note markers."""

from contextlib import closing
from pathlib import Path

from stash_sense.store.connection import connect
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.maintenance import backup_beside
from stash_sense.store.migrations import apply_migrations, migrate_file
from stash_sense.store.schema import MIGRATIONS

from .schemas import Rows, schema

ENTRIES = """
INSERT INTO stash_sense_journal
  (id, target_type, target_ids, local_id, status, added_ids, completed_at, batch_id) VALUES
  (3, 'image', '["1", "2"]', '88', 'done', '["2"]', '2026-02-01 12:00:00', 'all-1'),
  (4, 'scene', '["9"]', '88', 'open', NULL, NULL, NULL),
  (12, 'gallery', '["5"]', '88', 'failed', NULL, '2026-02-01 12:00:00', NULL);
DELETE FROM stash_sense_journal WHERE id = 12;
"""


def test_the_entries_stay_what_they_are_and_no_number_is_given_again(
    path: Path, fresh: dict[tuple[str, str], str], rows: Rows
) -> None:
    names = [step.name for step in MIGRATIONS]
    before_markers = MIGRATIONS[: names.index("0012-markers-in-the-journal")]
    with closing(connect(path)) as connection:
        apply_migrations(connection, path, backup_beside, before_markers)
        connection.executescript(ENTRIES)
    every = "SELECT * FROM stash_sense_journal ORDER BY id"
    before = [(*row, "add") for row in rows(path, every)]  # a later step adds what a write does
    migrate_file(path, backup_beside)
    assert (len(before), rows(path, every), schema(path)) == (2, before, fresh)
    with RecommendationsDB(path) as db:
        assert db.journal_begin("marker", ["9"], "88").entry_id == 13

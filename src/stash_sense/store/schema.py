"""The named migrations: to the tables of schema version 6, and those that add ours.

A migration's name and what it does are permanent. `schema_version` is 6 from the first one on and stays 6;
ours are recorded by name in `stash_sense_migrations`. Append new migrations, never edit an old one.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from stash_sense.domain.identity import bare_ids, person_from_facts, person_keys
from stash_sense.domain.validation import parse_json_object
from stash_sense.store.cluster_schema import create_clusters
from stash_sense.store.library_schema import add_library_tags
from stash_sense.store.repositories.former_pictures import add_former_pictures
from stash_sense.store.repositories.library_work import add_library_work
from stash_sense.store.repositories.newly_named import create_newly_named
from stash_sense.store.scene_schema import BOX_COLUMNS, add_scenes
from stash_sense.store.table_rebuild import Table, ensure_table
from stash_sense.store.version_6 import CONTRACT_VERSION, SCHEMA_VERSION, VERSION_5_TABLES, VERSION_6_TABLES

RECORD = "CREATE TABLE IF NOT EXISTS stash_sense_migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)"


@dataclass(frozen=True, slots=True)
class Migration:
    """One named step; `apply` runs inside the migration's transaction."""

    name: str
    apply: Callable[[sqlite3.Connection], None]


def _version_6(connection: sqlite3.Connection) -> None:
    for table in (SCHEMA_VERSION, *VERSION_5_TABLES, *VERSION_6_TABLES):
        ensure_table(connection, table)
    rows = connection.execute("SELECT count(*) FROM schema_version").fetchone()[0]
    if rows == 1:
        connection.execute("UPDATE schema_version SET version = ?", (CONTRACT_VERSION,))
        return
    # Some files hold one row per version, of which the highest counts: theirs stay.
    connection.execute(
        "INSERT INTO schema_version (version) SELECT ?1 "
        "WHERE NOT EXISTS (SELECT 1 FROM schema_version WHERE version = ?1)",
        (CONTRACT_VERSION,),
    )


def _statements(*statements: str) -> Callable[[sqlite3.Connection], None]:
    def apply(connection: sqlite3.Connection) -> None:
        for statement in statements:
            connection.execute(statement)

    return apply


_galleries = _statements(
    """CREATE TABLE stash_sense_image_galleries (
  image_fingerprint_id INTEGER NOT NULL REFERENCES image_fingerprints(id) ON DELETE CASCADE,
  gallery_id TEXT NOT NULL,
  seen_at TEXT NOT NULL DEFAULT (datetime('now')),
  PRIMARY KEY (image_fingerprint_id, gallery_id)
) WITHOUT ROWID""",
    "CREATE INDEX idx_stash_sense_galleries ON stash_sense_image_galleries(gallery_id)",
    "INSERT INTO stash_sense_image_galleries (image_fingerprint_id, gallery_id) "
    "SELECT id, gallery_id FROM image_fingerprints WHERE gallery_id IS NOT NULL",
)

_pictures = _statements(
    "CREATE TABLE stash_sense_pictures (id INTEGER PRIMARY KEY AUTOINCREMENT, place TEXT)",
    "CREATE INDEX idx_stash_sense_pictures_place ON stash_sense_pictures(place)",
    """CREATE TABLE stash_sense_picture_prints (
  type TEXT NOT NULL,
  value TEXT NOT NULL,
  picture_id INTEGER NOT NULL REFERENCES stash_sense_pictures(id) ON DELETE CASCADE,
  PRIMARY KEY (type, value, picture_id)
) WITHOUT ROWID""",
    "CREATE INDEX idx_stash_sense_prints_picture ON stash_sense_picture_prints(picture_id)",
)

_faces = _statements(
    """CREATE TABLE stash_sense_packs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  facenet_size INTEGER NOT NULL CHECK (facenet_size > 0),
  arcface_size INTEGER NOT NULL CHECK (arcface_size > 0)
)""",
    """CREATE TABLE stash_sense_image_results (
  image_fingerprint_id INTEGER PRIMARY KEY REFERENCES image_fingerprints(id) ON DELETE CASCADE,
  picture_id INTEGER NOT NULL REFERENCES stash_sense_pictures(id),
  pack TEXT NOT NULL,
  db_version TEXT,
  source TEXT NOT NULL,
  width INTEGER,
  height INTEGER,
  settings TEXT,
  face_count INTEGER NOT NULL,
  stored_at TEXT NOT NULL DEFAULT (datetime('now'))
)""",
    "CREATE INDEX idx_stash_sense_results_picture ON stash_sense_image_results(picture_id)",
    f"""CREATE TABLE stash_sense_faces (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  image_fingerprint_id INTEGER NOT NULL REFERENCES image_fingerprints(id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  {BOX_COLUMNS},
  detection_confidence REAL NOT NULL CHECK (detection_confidence >= 0 AND detection_confidence <= 1),
  quality REAL,
  landmarks BLOB,
  verdict TEXT NOT NULL CHECK (verdict IN ('match', 'ambiguous', 'unknown')),
  reason TEXT NOT NULL DEFAULT '',
  details TEXT
)""",
    "CREATE INDEX idx_stash_sense_faces_image ON stash_sense_faces(image_fingerprint_id)",
    """CREATE TABLE stash_sense_people (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  performer_id TEXT NOT NULL UNIQUE CHECK (performer_id <> ''),
  name TEXT,
  facts TEXT
)""",
    """CREATE TABLE stash_sense_candidates (
  face_id INTEGER NOT NULL REFERENCES stash_sense_faces(id) ON DELETE CASCADE,
  rank INTEGER NOT NULL,
  person_id INTEGER NOT NULL REFERENCES stash_sense_people(id) ON DELETE CASCADE,
  distance REAL NOT NULL CHECK (distance >= 0 AND distance <= 2),
  facenet_distance REAL,
  arcface_distance REAL,
  reference_id TEXT,
  support TEXT,
  PRIMARY KEY (face_id, rank)
) WITHOUT ROWID""",
    "CREATE INDEX idx_stash_sense_candidates_person ON stash_sense_candidates(person_id)",
    """CREATE TABLE stash_sense_embeddings (
  id INTEGER PRIMARY KEY,
  face_id INTEGER NOT NULL REFERENCES stash_sense_faces(id) ON DELETE CASCADE,
  pack_id INTEGER NOT NULL REFERENCES stash_sense_packs(id),
  vectors BLOB NOT NULL,
  UNIQUE (face_id, pack_id)
)""",
)

_decisions = _statements(
    f"""CREATE TABLE stash_sense_decisions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  picture_id INTEGER NOT NULL REFERENCES stash_sense_pictures(id),
  {BOX_COLUMNS},
  word TEXT NOT NULL CHECK (word IN ('confirmed', 'rejected', 'ignored')),
  performer_id TEXT CHECK (performer_id <> ''),
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  CHECK ((word = 'ignored') = (performer_id IS NULL))
)""",
    "CREATE INDEX idx_stash_sense_decisions_picture ON stash_sense_decisions(picture_id)",
    "CREATE INDEX idx_stash_sense_decisions_performer ON stash_sense_decisions(performer_id)",
)

_journal = _statements(
    """CREATE TABLE stash_sense_journal (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  target_type TEXT NOT NULL CHECK (target_type IN ('image', 'gallery', 'scene')),
  target_ids TEXT NOT NULL,
  local_id TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done', 'failed', 'undone')),
  added_ids TEXT,
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  completed_at TEXT,
  undone_at TEXT,
  CHECK ((status = 'open') = (completed_at IS NULL))
)""",
    "CREATE INDEX idx_stash_sense_journal_status ON stash_sense_journal(status)",
)

_decisions_of_a_write = _statements(
    # The journal entry of the write that a decision came with: undoing the write takes it back.
    "ALTER TABLE stash_sense_decisions ADD COLUMN entry_id INTEGER",
)

# A fourth kind of decision. SQLite cannot change a CHECK, so the table is rebuilt with its rows and ids.
_DECISIONS_WITH_APART = Table(
    "stash_sense_decisions",
    f"""id INTEGER PRIMARY KEY AUTOINCREMENT,
  picture_id INTEGER NOT NULL REFERENCES stash_sense_pictures(id),
  {BOX_COLUMNS},
  word TEXT NOT NULL CHECK (word IN ('confirmed', 'rejected', 'ignored', 'apart')),
  performer_id TEXT CHECK (performer_id <> ''),
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  entry_id INTEGER,
  CHECK ((word IN ('ignored', 'apart')) = (performer_id IS NULL))""",
    (
        ("idx_stash_sense_decisions_picture", "picture_id"),
        ("idx_stash_sense_decisions_performer", "performer_id"),
    ),
    must_fit=True,
)


def _faces_apart(connection: sqlite3.Connection) -> None:
    ensure_table(connection, _DECISIONS_WITH_APART)


# Tags that were written together, as by one Accept All, are undone together.
_journal_batches = _statements("ALTER TABLE stash_sense_journal ADD COLUMN batch_id TEXT")

# Every key that a person ever had. One key may stand for two rows of people until a face database tells
# that they are the same person (repositories/former_keys.py). local_id: the performer in Stash decided on.
_person_keys = _statements(
    """CREATE TABLE stash_sense_person_keys (
  key TEXT NOT NULL CHECK (key <> ''),
  person_id INTEGER NOT NULL REFERENCES stash_sense_people(id) ON DELETE CASCADE,
  PRIMARY KEY (key, person_id)
) WITHOUT ROWID""",
    "CREATE INDEX idx_stash_sense_person_keys ON stash_sense_person_keys(person_id)",
    "ALTER TABLE stash_sense_decisions ADD COLUMN local_id TEXT",
)


def _former_keys(connection: sqlite3.Connection) -> None:
    _person_keys(connection)
    connection.execute(
        "INSERT INTO stash_sense_people (performer_id) SELECT DISTINCT performer_id FROM "
        "stash_sense_decisions WHERE performer_id IS NOT NULL ON CONFLICT DO NOTHING"
    )
    keys, local_ids = [], []
    for person_id, key, name, facts in connection.execute(
        "SELECT id, performer_id, name, facts FROM stash_sense_people"
    ):
        person = person_from_facts(key, name, parse_json_object(facts))
        keys += [(own, person_id) for own in person_keys(person)]
        local_ids.append((bare_ids(person)[1], key))
    connection.executemany("INSERT INTO stash_sense_person_keys (key, person_id) VALUES (?, ?)", keys)
    connection.executemany("UPDATE stash_sense_decisions SET local_id = ? WHERE performer_id = ?", local_ids)
    # What was tagged together with the decision is surer than what was known of the person later.
    connection.execute(
        """UPDATE stash_sense_decisions AS d SET local_id = j.local_id FROM stash_sense_journal j
           WHERE j.id = d.entry_id AND d.word = 'confirmed'"""
    )


# A fourth kind of target: markers on a scene.
_JOURNAL_WITH_MARKERS = Table(
    "stash_sense_journal",
    """id INTEGER PRIMARY KEY AUTOINCREMENT,
  target_type TEXT NOT NULL CHECK (target_type IN ('image', 'gallery', 'scene', 'marker')),
  target_ids TEXT NOT NULL,
  local_id TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done', 'failed', 'undone')),
  added_ids TEXT,
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  completed_at TEXT,
  undone_at TEXT,
  batch_id TEXT,
  CHECK ((status = 'open') = (completed_at IS NULL))""",
    (("idx_stash_sense_journal_status", "status"),),
    must_fit=True,
)


def _markers_in_the_journal(connection: sqlite3.Connection) -> None:
    ensure_table(connection, _JOURNAL_WITH_MARKERS)


# Packs of one network leave the first slot empty.
_PACKS_OF_ONE_NETWORK = Table(
    "stash_sense_packs",
    """id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  facenet_size INTEGER NOT NULL CHECK (facenet_size >= 0),
  arcface_size INTEGER NOT NULL CHECK (arcface_size > 0)""",
    must_fit=True,
)


def _packs_of_one_network(connection: sqlite3.Connection) -> None:
    ensure_table(connection, _PACKS_OF_ONE_NETWORK)


MIGRATIONS = (
    Migration("0001-version-6", _version_6),
    Migration("0002-galleries-of-an-image", _galleries),
    Migration("0003-pictures", _pictures),
    Migration("0004-every-face", _faces),
    Migration("0005-decisions", _decisions),
    Migration("0006-journal", _journal),
    Migration("0007-decisions-of-a-write", _decisions_of_a_write),
    Migration("0008-faces-apart", _faces_apart),
    Migration("0009-journal-batches", _journal_batches),
    Migration("0010-former-keys", _former_keys),
    Migration("0011-scenes", add_scenes),
    Migration("0012-markers-in-the-journal", _markers_in_the_journal),
    Migration("0013-newly-named", create_newly_named),
    Migration("0015-packs-of-one-network", _packs_of_one_network),
    Migration("0016-library-tags", add_library_tags),
    Migration("0017-clusters", create_clusters),
    Migration("0018-library-work", add_library_work),
    Migration("0019-former-pictures", add_former_pictures),
)

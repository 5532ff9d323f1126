"""The tables of migration 0016: what Stash says of images, galleries and scenes, and suggestions of tags.

Suggestions are derived from results, decisions and tags. Triggers note each target of which one of these has
changed in `stash_sense_stale_targets` by any writer, and the next look at the list derives it again.
"""

import sqlite3

_TARGET = """target_type TEXT NOT NULL CHECK (target_type IN ('image', 'gallery', 'scene')),
  target_id TEXT NOT NULL"""
_KIND = "kind TEXT NOT NULL CHECK (kind IN ('seen-not-tagged', 'tagged-not-seen'))"

# `gone`: Stash has the target no more, though results of it may still be stored.
_TABLES = (
    f"""CREATE TABLE stash_sense_library_tags (
  {_TARGET},
  title TEXT,
  organized INTEGER NOT NULL DEFAULT 0,
  gone INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (target_type, target_id)
) WITHOUT ROWID""",
    f"""CREATE TABLE stash_sense_library_performers (
  {_TARGET},
  local_id TEXT NOT NULL,
  PRIMARY KEY (target_type, target_id, local_id)
) WITHOUT ROWID""",
    "CREATE INDEX idx_stash_sense_library_performers_local ON stash_sense_library_performers(local_id)",
    """CREATE TABLE stash_sense_library_galleries (
  gallery_id TEXT NOT NULL,
  image_id TEXT NOT NULL,
  PRIMARY KEY (gallery_id, image_id)
) WITHOUT ROWID""",
    "CREATE INDEX idx_stash_sense_library_galleries_image ON stash_sense_library_galleries(image_id)",
    f"""CREATE TABLE stash_sense_stale_targets (
  {_TARGET},
  PRIMARY KEY (target_type, target_id)
) WITHOUT ROWID""",
    # `inherited`: a gallery of the image, or an image of the gallery, has the tag.
    f"""CREATE TABLE stash_sense_suggestions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  {_KIND},
  person_id INTEGER NOT NULL REFERENCES stash_sense_people(id) ON DELETE CASCADE,
  {_TARGET},
  distance REAL NOT NULL,
  inherited INTEGER NOT NULL DEFAULT 0,
  UNIQUE (target_type, target_id, kind, person_id)
)""",
    """CREATE INDEX idx_stash_sense_suggestions_person
ON stash_sense_suggestions(kind, person_id, distance, id)""",
    "CREATE INDEX idx_stash_sense_suggestions_of_person ON stash_sense_suggestions(person_id)",
    f"""CREATE TABLE stash_sense_dismissed_suggestions (
  person_id INTEGER NOT NULL REFERENCES stash_sense_people(id) ON DELETE CASCADE,
  {_KIND},
  {_TARGET},
  PRIMARY KEY (person_id, kind, target_type, target_id)
) WITHOUT ROWID""",
    # What a write to Stash does: undoing it does the opposite.
    """ALTER TABLE stash_sense_journal
ADD COLUMN action TEXT NOT NULL DEFAULT 'add' CHECK (action IN ('add', 'remove'))""",
)

# What was found before is looked at once.
_STORED_BEFORE = (
    """INSERT INTO stash_sense_stale_targets SELECT DISTINCT 'image', stash_image_id
FROM image_fingerprint_faces WHERE stash_image_id IS NOT NULL""",
    """INSERT INTO stash_sense_stale_targets SELECT DISTINCT 'scene', CAST(s.stash_scene_id AS TEXT)
FROM scene_fingerprint_faces f JOIN scene_fingerprints s ON s.id = f.fingerprint_id
WHERE s.stash_scene_id IS NOT NULL""",
)


def _note(select: str) -> str:
    """Inside a trigger: note the targets, (type, id), that a query gives."""
    return f"INSERT OR IGNORE INTO stash_sense_stale_targets (target_type, target_id) {select};"


def _row_triggers(table: str, target_type: str, target_id: str) -> list[str]:
    """Note the target of every row of a table that is inserted, changed or deleted. target_id: of `{row}`."""
    triggers = []
    for event, rows in (("INSERT", ("new",)), ("DELETE", ("old",)), ("UPDATE", ("old", "new"))):
        selects = (
            f"SELECT '{target_type}', id FROM (SELECT {target_id.format(row=row)} AS id) "  # noqa: S608  our text
            "WHERE id IS NOT NULL"
            for row in rows
        )
        triggers.append(
            f"CREATE TRIGGER stash_sense_{target_type}_{event.lower()} AFTER {event} ON {table} BEGIN "
            f"{' '.join(_note(select) for select in selects)} END"
        )
    return triggers


def _person_triggers() -> list[str]:
    """Note the targets of a person who is merged, or whose performer in Stash is another one now."""
    of_person = "SELECT target_type, target_id FROM stash_sense_suggestions WHERE person_id = "
    tagged = "SELECT target_type, target_id FROM stash_sense_library_performers WHERE local_id = "
    merged = _note(f"{of_person}old.id")
    triggers = [
        f"CREATE TRIGGER stash_sense_person_delete BEFORE DELETE ON stash_sense_people BEGIN {merged} END"
    ]
    for event, row in (("INSERT", "new"), ("DELETE", "old")):
        triggers.append(
            f"CREATE TRIGGER stash_sense_key_{event.lower()} AFTER {event} ON stash_sense_person_keys "
            f"WHEN {row}.key LIKE 'local:%' BEGIN {_note(f'{of_person}{row}.person_id')} "
            f"{_note(f'{tagged}substr({row}.key, 7)')} END"
        )
    return triggers


def add_library_tags(connection: sqlite3.Connection) -> None:
    """Create the tables and triggers. Inside the migration's transaction."""
    for statement in (
        *_TABLES,
        *_row_triggers("image_fingerprint_faces", "image", "{row}.stash_image_id"),
        *_row_triggers(
            "scene_fingerprint_faces",
            "scene",
            "(SELECT CAST(stash_scene_id AS TEXT) FROM scene_fingerprints WHERE id = {row}.fingerprint_id)",
        ),
        *_person_triggers(),
        *_STORED_BEFORE,
    ):
        connection.execute(statement)

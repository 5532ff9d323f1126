"""The tables of migration 0017: clusters of unknown people, and the tracks of the library that are in them.

A row of `stash_sense_library_tracks` is a face of an image, or the best face of a scene's track. Copies of a
picture have a row each and count once. `named`: the face has a name by now, and waits where a person put it.
`packed`: the model pack whose vector of the track is in `stash_sense_track_vectors`; 0: it has none; null:
not looked at since the vectors were deleted.

Triggers note the pictures whose faces or decisions changed, whatever changed them: `change` rises, so that
what changes while tracks are being linked is looked at again.
"""

import sqlite3

_NOTE = """INSERT INTO stash_sense_changed_pictures (picture_id) VALUES ({row}.picture_id)
    ON CONFLICT (picture_id) DO UPDATE SET change = change + 1;"""

_STATEMENTS = (
    """CREATE TABLE stash_sense_clusters (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'named', 'hidden')),
  decided INTEGER NOT NULL DEFAULT 0,
  person_id INTEGER REFERENCES stash_sense_people(id) ON DELETE CASCADE,
  track_count INTEGER NOT NULL DEFAULT 0,
  CHECK ((status = 'named') = (person_id IS NOT NULL))
)""",
    "CREATE INDEX idx_stash_sense_clusters_size ON stash_sense_clusters(status, track_count DESC, id)",
    "CREATE INDEX idx_stash_sense_clusters_person ON stash_sense_clusters(person_id)",
    """CREATE TABLE stash_sense_library_tracks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  cluster_id INTEGER NOT NULL REFERENCES stash_sense_clusters(id) ON DELETE CASCADE,
  picture_id INTEGER NOT NULL,
  face_id INTEGER UNIQUE REFERENCES stash_sense_faces(id) ON DELETE CASCADE,
  scene_face_id INTEGER UNIQUE REFERENCES stash_sense_scene_faces(id) ON DELETE CASCADE,
  named INTEGER NOT NULL DEFAULT 0,
  packed INTEGER,
  CHECK ((face_id IS NULL) <> (scene_face_id IS NULL))
)""",
    "CREATE INDEX idx_stash_sense_library_tracks_cluster ON stash_sense_library_tracks(cluster_id)",
    "CREATE INDEX idx_stash_sense_library_tracks_picture ON stash_sense_library_tracks(picture_id)",
    """CREATE INDEX idx_stash_sense_library_tracks_unpacked ON stash_sense_library_tracks(id)
  WHERE packed IS NULL""",
    """CREATE TABLE stash_sense_track_vectors (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  pack_id INTEGER NOT NULL REFERENCES stash_sense_packs(id) ON DELETE CASCADE,
  track_count INTEGER NOT NULL,
  track_ids BLOB NOT NULL,
  vectors BLOB NOT NULL
)""",
    """CREATE TABLE stash_sense_cluster_changes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  cluster_id INTEGER NOT NULL REFERENCES stash_sense_clusters(id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('name', 'merge', 'split')),
  clusters TEXT NOT NULL,
  tracks TEXT NOT NULL,
  decisions TEXT NOT NULL DEFAULT '[]',
  created_at TEXT NOT NULL DEFAULT (datetime('now'))
)""",
    "CREATE INDEX idx_stash_sense_cluster_changes ON stash_sense_cluster_changes(cluster_id)",
    """CREATE TABLE stash_sense_changed_pictures (
  picture_id INTEGER PRIMARY KEY,
  change INTEGER NOT NULL DEFAULT 0
)""",
    """INSERT INTO stash_sense_changed_pictures (picture_id)
  SELECT picture_id FROM stash_sense_image_results UNION SELECT picture_id FROM stash_sense_scene_tracks""",
    *(
        f"CREATE TRIGGER stash_sense_{table}_{event} AFTER {event.upper()} ON stash_sense_{table} BEGIN "
        + _NOTE.format(row="OLD" if event == "delete" else "NEW")
        + " END"
        for table, events in (
            ("image_results", ("insert", "update", "delete")),
            ("scene_tracks", ("insert", "delete")),
            ("decisions", ("insert", "update", "delete")),
        )
        for event in events
    ),
    # Of a picture with copies that stay, the count is put right when the picture is looked at again.
    f"""CREATE TRIGGER stash_sense_library_tracks_delete AFTER DELETE ON stash_sense_library_tracks BEGIN
  {_NOTE.format(row="OLD")}
  UPDATE stash_sense_clusters SET track_count = max(0, track_count - 1)
    WHERE id = OLD.cluster_id AND NOT OLD.named;
END""",  # noqa: S608  our names
)


def create_clusters(connection: sqlite3.Connection) -> None:
    """Create the tables. Inside the migration's transaction."""
    for statement in _STATEMENTS:
        connection.execute(statement)

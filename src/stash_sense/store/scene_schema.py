"""The tables of migration 0011: scenes, their videos, and the frames, faces and tracks of each."""

import sqlite3

BOX_COLUMNS = """x REAL NOT NULL CHECK (x >= 0 AND x <= 1), y REAL NOT NULL CHECK (y >= 0 AND y <= 1),
  w REAL NOT NULL CHECK (w > 0 AND x + w <= 1.000001), h REAL NOT NULL CHECK (h > 0 AND y + h <= 1.000001)"""
"""A box, as fractions of the upright picture."""

# A scene's video is a picture by its identity; several scenes may have the same file. `former`: a frame of
# an earlier run, which keeps the ids of its faces for the run that looks at it again, and goes at its end.
_STATEMENTS = (
    """CREATE TABLE stash_sense_scenes (
  stash_scene_id INTEGER PRIMARY KEY,
  picture_id INTEGER NOT NULL REFERENCES stash_sense_pictures(id)
)""",
    "CREATE INDEX idx_stash_sense_scenes_picture ON stash_sense_scenes(picture_id)",
    """CREATE TABLE stash_sense_videos (
  picture_id INTEGER PRIMARY KEY REFERENCES stash_sense_pictures(id) ON DELETE CASCADE,
  pack TEXT NOT NULL,
  sampler TEXT NOT NULL,
  db_version TEXT,
  source TEXT NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  duration_s REAL,
  settings TEXT,
  stopped TEXT,
  stored_at TEXT NOT NULL DEFAULT (datetime('now'))
)""",
    """CREATE TABLE stash_sense_unreadable_videos (
  picture_id INTEGER PRIMARY KEY REFERENCES stash_sense_pictures(id) ON DELETE CASCADE,
  code TEXT NOT NULL,
  message TEXT NOT NULL,
  seen_at TEXT NOT NULL DEFAULT (datetime('now'))
)""",
    """CREATE TABLE stash_sense_scene_frames (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  picture_id INTEGER NOT NULL REFERENCES stash_sense_videos(picture_id) ON DELETE CASCADE,
  time_s REAL NOT NULL CHECK (time_s >= 0),
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  former INTEGER NOT NULL DEFAULT 0,
  UNIQUE (picture_id, time_s)
)""",
    """CREATE TABLE stash_sense_scene_tracks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  picture_id INTEGER NOT NULL REFERENCES stash_sense_videos(picture_id) ON DELETE CASCADE,
  verdict TEXT NOT NULL CHECK (verdict IN ('match', 'ambiguous', 'unknown')),
  reason TEXT NOT NULL DEFAULT '',
  template BLOB NOT NULL
)""",
    "CREATE INDEX idx_stash_sense_scene_tracks_picture ON stash_sense_scene_tracks(picture_id)",
    """CREATE TABLE stash_sense_scene_candidates (
  track_id INTEGER NOT NULL REFERENCES stash_sense_scene_tracks(id) ON DELETE CASCADE,
  rank INTEGER NOT NULL,
  person_id INTEGER NOT NULL REFERENCES stash_sense_people(id) ON DELETE CASCADE,
  distance REAL NOT NULL CHECK (distance >= 0 AND distance <= 2),
  facenet_distance REAL,
  arcface_distance REAL,
  reference_id TEXT,
  support TEXT,
  PRIMARY KEY (track_id, rank)
) WITHOUT ROWID""",
    "CREATE INDEX idx_stash_sense_scene_candidates_person ON stash_sense_scene_candidates(person_id)",
    f"""CREATE TABLE stash_sense_scene_faces (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  frame_id INTEGER NOT NULL REFERENCES stash_sense_scene_frames(id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  {BOX_COLUMNS},
  detection_confidence REAL NOT NULL CHECK (detection_confidence >= 0 AND detection_confidence <= 1),
  quality REAL,
  landmarks BLOB,
  details TEXT,
  track_id INTEGER REFERENCES stash_sense_scene_tracks(id) ON DELETE SET NULL,
  vectors BLOB NOT NULL,
  crop BLOB
)""",
    "CREATE INDEX idx_stash_sense_scene_faces_frame ON stash_sense_scene_faces(frame_id)",
    "CREATE INDEX idx_stash_sense_scene_faces_track ON stash_sense_scene_faces(track_id)",
    # A decision on a scene's face is at a moment, and finds its track again by what the track looks like.
    "ALTER TABLE stash_sense_decisions ADD COLUMN time_s REAL",
    """CREATE TABLE stash_sense_decision_templates (
  decision_id INTEGER PRIMARY KEY REFERENCES stash_sense_decisions(id) ON DELETE CASCADE,
  pack TEXT NOT NULL,
  vectors BLOB NOT NULL
)""",
)


def add_scenes(connection: sqlite3.Connection) -> None:
    """Create the tables. Inside the migration's transaction."""
    for statement in _STATEMENTS:
        connection.execute(statement)

"""The tables of schema version 6, also those that came before.

Their names and columns are a contract. Where it does not demand NOT NULL, none is declared: older files hold
nulls there, and a stricter table could not take over their rows.
"""

from stash_sense.store.table_rebuild import Table

CONTRACT_VERSION = 6

_STAMPS = "created_at TEXT DEFAULT (datetime('now')), updated_at TEXT DEFAULT (datetime('now'))"

SCHEMA_VERSION = Table("schema_version", "version INTEGER NOT NULL")

VERSION_5_TABLES = (
    Table(
        "recommendations",
        f"""id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT, status TEXT DEFAULT 'pending',
  target_type TEXT, target_id TEXT, details JSON, resolution_action TEXT, resolution_details JSON,
  resolved_at TEXT, confidence REAL, source_analysis_id INTEGER, {_STAMPS},
  UNIQUE(type, target_type, target_id)""",
    ),
    Table(
        "analysis_runs",
        """id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT, status TEXT, started_at TEXT, completed_at TEXT,
  items_total INTEGER, items_processed INTEGER, recommendations_created INTEGER DEFAULT 0, cursor TEXT,
  error_message TEXT""",
    ),
    Table(
        "recommendation_settings",
        """type TEXT PRIMARY KEY, enabled INTEGER DEFAULT 1, auto_dismiss_threshold REAL,
  notify INTEGER DEFAULT 1, interval_hours INTEGER, last_run_at TEXT, next_run_at TEXT, config JSON""",
    ),
    Table(
        "dismissed_targets",
        """type TEXT, target_type TEXT, target_id TEXT, dismissed_at TEXT DEFAULT (datetime('now')),
  reason TEXT, permanent INTEGER DEFAULT 0, PRIMARY KEY (type, target_type, target_id)""",
    ),
    Table(
        "analysis_watermarks",
        "type TEXT PRIMARY KEY, last_completed_at TEXT, last_cursor TEXT, last_stash_updated_at TEXT",
    ),
    Table(
        "scene_fingerprints",
        f"""id INTEGER PRIMARY KEY AUTOINCREMENT, stash_scene_id INTEGER UNIQUE NOT NULL, total_faces INTEGER,
  frames_analyzed INTEGER, fingerprint_status TEXT DEFAULT 'pending', db_version TEXT, {_STAMPS}""",
    ),
    Table(
        "scene_fingerprint_faces",
        """id INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint_id INTEGER, performer_id TEXT,
  face_count INTEGER, avg_confidence REAL, proportion REAL, created_at TEXT DEFAULT (datetime('now')),
  UNIQUE(fingerprint_id, performer_id)""",
        (("idx_scene_fp_faces_performer", "performer_id"),),
    ),
    Table(
        "upstream_snapshots",
        """id INTEGER PRIMARY KEY AUTOINCREMENT, entity_type TEXT, local_entity_id TEXT, endpoint TEXT,
  stash_box_id TEXT, upstream_data JSON, upstream_updated_at TEXT, fetched_at TEXT DEFAULT (datetime('now')),
  UNIQUE(entity_type, endpoint, stash_box_id)""",
    ),
    Table(
        "upstream_field_config",
        """endpoint TEXT, entity_type TEXT, field_name TEXT, enabled INTEGER DEFAULT 1,
  PRIMARY KEY (endpoint, entity_type, field_name)""",
    ),
    Table("user_settings", "key TEXT PRIMARY KEY, value JSON, updated_at TEXT DEFAULT (datetime('now'))"),
)

VERSION_6_TABLES = (
    Table(
        "image_fingerprints",
        f"""id INTEGER PRIMARY KEY AUTOINCREMENT, stash_image_id TEXT UNIQUE NOT NULL, gallery_id TEXT,
  faces_detected INTEGER NOT NULL DEFAULT 0, db_version TEXT, {_STAMPS}""",
        (("idx_image_fp_gallery", "gallery_id"),),
        must_fit=True,
    ),
    Table(
        "image_fingerprint_faces",
        """id INTEGER PRIMARY KEY AUTOINCREMENT,
  stash_image_id TEXT NOT NULL REFERENCES image_fingerprints(stash_image_id) ON DELETE CASCADE,
  performer_id TEXT NOT NULL, confidence REAL, distance REAL,
  bbox_x REAL, bbox_y REAL, bbox_w REAL, bbox_h REAL, created_at TEXT DEFAULT (datetime('now')),
  UNIQUE(stash_image_id, performer_id)""",
        (("idx_image_fp_faces_image", "stash_image_id"), ("idx_image_fp_faces_performer", "performer_id")),
    ),
)

"""Real state files in temporary folders, results to store, and files of older installations."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stash_sense.domain.decisions import StoredMatch
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.store.connection import connect
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.maintenance import backup_beside
from stash_sense.store.migrations import apply_migrations, migrate_file
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.results import ImageResult
from stash_sense.store.schema import MIGRATIONS

from .schemas import schema
from .suggested import match

PACK = "test-pack"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stash_sense.db"


@pytest.fixture
def db(path: Path) -> Iterator[RecommendationsDB]:
    with RecommendationsDB(path) as opened:
        yield opened


@pytest.fixture
def candidate() -> Callable[..., StoredMatch]:
    def make(performer: str = "stashdb.org:anna", distance: float = 0.3, **more: Any) -> StoredMatch:
        return StoredMatch(performer, distance, **more)

    return make


@pytest.fixture
def face() -> Callable[..., DetectedFace]:
    """A face at (x, 0.1), a quarter of the image wide; named people are its candidates, best first."""

    def make(x: float = 0.1, *people: str, **more: Any) -> DetectedFace:
        candidates = tuple(
            StoredMatch(one, 0.3 + 0.1 * rank, name=f"Name of {one}") for rank, one in enumerate(people)
        )
        values: dict[str, Any] = {"verdict": "match" if people else "unknown", "candidates": candidates}
        rng = np.random.default_rng(round(x * 1000))
        values["facenet"], values["arcface"] = rng.standard_normal((2, 16)).astype(np.float32)
        values.update(more)
        return DetectedFace(Box(x, 0.1, 0.25, 0.25), 0.9, **values)

    return make


@pytest.fixture
def result() -> Callable[..., ImageResult]:
    def make(image: str = "1", *faces: DetectedFace, version: str = "v1", **more: Any) -> ImageResult:
        values: dict[str, Any] = {
            "picture": PictureIdentity.of([("md5", f"contents of {image}")]),
            "pack": PACK,
        }
        values.update(more)
        return ImageResult(image, db_version=version, faces=faces, **values)

    return make


@pytest.fixture
def rows() -> Callable[..., list[tuple[Any, ...]]]:
    """What a statement finds in a file, read by a connection of its own."""

    def read(path: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(path)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    return read


VERSION_5 = """
CREATE TABLE schema_version (version INTEGER);
INSERT INTO schema_version VALUES (5);
CREATE TABLE recommendations (id INTEGER PRIMARY KEY, type TEXT, status TEXT DEFAULT 'pending',
  target_type TEXT, target_id TEXT, details JSON, resolution_action TEXT, resolution_details JSON,
  resolved_at TEXT, confidence REAL, source_analysis_id INTEGER, created_at TEXT, updated_at TEXT,
  UNIQUE(type, target_type, target_id));
CREATE TABLE analysis_runs (id INTEGER PRIMARY KEY, type TEXT, status TEXT, started_at TEXT,
  completed_at TEXT, items_total INTEGER, items_processed INTEGER,
  recommendations_created INTEGER DEFAULT 0, cursor TEXT, error_message TEXT);
CREATE TABLE recommendation_settings (type TEXT PRIMARY KEY, enabled INTEGER DEFAULT 1,
  auto_dismiss_threshold REAL, notify INTEGER DEFAULT 1, interval_hours INTEGER, last_run_at TEXT,
  next_run_at TEXT, config JSON);
CREATE TABLE dismissed_targets (type TEXT, target_type TEXT, target_id TEXT, dismissed_at TEXT,
  reason TEXT, permanent INTEGER DEFAULT 0, PRIMARY KEY (type, target_type, target_id));
CREATE TABLE analysis_watermarks (type TEXT PRIMARY KEY, last_completed_at TEXT, last_cursor TEXT,
  last_stash_updated_at TEXT);
CREATE TABLE scene_fingerprints (id INTEGER PRIMARY KEY, stash_scene_id INTEGER UNIQUE NOT NULL,
  total_faces INTEGER, frames_analyzed INTEGER, fingerprint_status TEXT DEFAULT 'pending',
  db_version TEXT, created_at TEXT, updated_at TEXT);
CREATE TABLE scene_fingerprint_faces (id INTEGER PRIMARY KEY, fingerprint_id INTEGER, performer_id TEXT,
  face_count INTEGER, avg_confidence REAL, proportion REAL, created_at TEXT,
  UNIQUE(fingerprint_id, performer_id));
CREATE TABLE upstream_snapshots (id INTEGER PRIMARY KEY, entity_type TEXT, local_entity_id TEXT,
  endpoint TEXT, stash_box_id TEXT, upstream_data JSON, upstream_updated_at TEXT, fetched_at TEXT,
  UNIQUE(entity_type, endpoint, stash_box_id));
CREATE TABLE upstream_field_config (endpoint TEXT, entity_type TEXT, field_name TEXT,
  enabled INTEGER DEFAULT 1, PRIMARY KEY (endpoint, entity_type, field_name));
CREATE TABLE user_settings (key TEXT PRIMARY KEY, value JSON, updated_at TEXT);
INSERT INTO recommendations (id, type, target_type, target_id, details, confidence)
  VALUES (7, 'duplicate_performer', 'performer', '12', '{"a": 1}', 0.5);
INSERT INTO scene_fingerprints (id, stash_scene_id, total_faces) VALUES (3, 99, 4);
INSERT INTO scene_fingerprint_faces (fingerprint_id, performer_id, face_count) VALUES (3, 'stashdb.org:x', 2);
INSERT INTO user_settings (key, value) VALUES ('normalize_enum_display', 'true');
"""


@pytest.fixture
def version_5(path: Path) -> Callable[..., Path]:
    """A version-5 file as found in the wild, with rows; `more` is SQL run on top of it."""

    def make(more: str = "", where: Path = path) -> Path:
        connection = sqlite3.connect(where)
        connection.executescript(VERSION_5 + more)
        connection.close()
        return where

    return make


DECISIONS = """
INSERT INTO image_fingerprints (id, stash_image_id) VALUES (1, '1');
INSERT INTO stash_sense_pictures (id, place) VALUES (1, 'here');
INSERT INTO stash_sense_image_results (image_fingerprint_id, picture_id, pack, source, face_count)
  VALUES (1, 1, 'test-pack', 'original', 0);
INSERT INTO stash_sense_journal (id, target_type, target_ids, local_id) VALUES (9, 'image', '["1"]', '88');
INSERT INTO stash_sense_decisions (id, picture_id, x, y, w, h, word, performer_id, created_at, entry_id)
  VALUES
  (2, 1, 0.1, 0, 0.25, 0.25, 'confirmed', 'stashdb.org:anna', '2026-01-31 12:00:00', 9),
  (5, 1, 0.6, 0.125, 0.25, 1e-3, 'rejected', 'stashdb.org:anna', '2026-02-01 12:00:00', NULL),
  (6, 1, 0.6, 0.125, 0.25, 1e-3, 'rejected', 'local:7', '2026-02-01 12:00:00', 9),
  (7, 1, 0, 0.7, 1, 0.3000001, 'ignored', NULL, '2026-02-02 12:00:00', NULL),
  (41, 1, 0.1, 0.1, 0.1, 0.1, 'ignored', NULL, '2026-02-03 12:00:00', NULL);
DELETE FROM stash_sense_decisions WHERE id = 41;
"""


@pytest.fixture
def without_apart(path: Path) -> Callable[..., Path]:
    """A file as it was before faces could be set apart, with decisions; `more` is SQL run on top of it."""

    def make(more: str = "", where: Path = path) -> Path:
        names = [step.name for step in MIGRATIONS]
        with closing(connect(where)) as connection:
            apply_migrations(connection, where, backup_beside, MIGRATIONS[: names.index("0008-faces-apart")])
            connection.executescript(DECISIONS + more)
        return where

    return make


@pytest.fixture
def fresh(tmp_path: Path) -> dict[tuple[str, str], str]:
    path = tmp_path / "fresh.db"
    migrate_file(path, backup_beside)
    return schema(path)


@pytest.fixture
def see(db: RecommendationsDB, face: Any, result: Any) -> Any:
    """Stores an image on which these are seen, from left to right; (local id, distance) of each."""

    def see(
        image: str, *people: tuple[str, float], galleries: Sequence[str] = (), **more: Any
    ) -> tuple[int, ...]:
        faces = [
            face(0.05 + 0.3 * n, verdict="match", candidates=(match(*each),), quality=0.9)
            for n, each in enumerate(people)
        ]
        return db.store_image_result(result(image, *faces, gallery_ids=list(galleries), **more)).face_ids

    return see


def looks(person: int, seed: int = 0) -> dict[str, Any]:
    """The embeddings of a face of a person: those of one are alike, those of two have nothing in common."""
    rng = np.random.default_rng(1000 * person + seed)
    vector = np.zeros(16, np.float32)
    vector[person] = 1
    vector += rng.normal(0, 0.01, 16).astype(np.float32)
    return {"facenet": vector, "arcface": vector}


@pytest.fixture
def add_picture(
    db: RecommendationsDB, face: Callable[..., Any], result: Callable[..., Any]
) -> Callable[..., list[int]]:
    """Stores an image with the faces of these people side by side; returns the faces' ids."""

    def store(image: int, *people: int, **more: Any) -> list[int]:
        faces = [face(0.02 + 0.3 * i, **looks(person, image)) for i, person in enumerate(people)]
        return list(db.store_image_result(result(str(image), *faces, **more)).face_ids)

    return store

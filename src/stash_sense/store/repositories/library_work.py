"""What the job over the library needs to know of thousands of targets at once, and what it was at.

A picture that cannot be read is not fetched again until its file changes. A target is noted before it is
begun: what the program ended at is known after the next start.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stash_sense.domain.identity import PictureIdentity
from stash_sense.domain.validation import parse_json_object, validate_stash_id, validate_text
from stash_sense.store.repositories import pictures
from stash_sense.store.repositories.fingerprints import galleries_by_image

# Names no table of a person: ids of Stash, hashes, and sentences about files.
_TABLES = (
    """CREATE TABLE stash_sense_unreadable_images (
  stash_image_id TEXT PRIMARY KEY,
  picture TEXT NOT NULL,
  code TEXT NOT NULL,
  message TEXT NOT NULL,
  seen_at TEXT NOT NULL DEFAULT (datetime('now'))
) WITHOUT ROWID""",
    """CREATE TABLE stash_sense_library_work (
  target_type TEXT NOT NULL,
  target_id TEXT NOT NULL,
  done INTEGER NOT NULL,
  ends INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (target_type, target_id)
) WITHOUT ROWID""",
)


def add_library_work(connection: sqlite3.Connection) -> None:
    """Create the tables. Inside the migration's transaction."""
    for statement in _TABLES:
        connection.execute(statement)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """How an image's stored result was made; see ImageResult. gallery_ids: those it was seen in."""

    pack: str
    source: str
    width: int | None
    height: int | None
    settings: Mapping[str, Any] | None
    gallery_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredVideoRun:
    """How a scene's video was last looked at; see StoredScene. unreadable: that it could not be read.

    frames: how many are stored.
    """

    pack: str | None
    sampler: str | None
    settings: Mapping[str, Any] | None
    stopped: str | None
    unreadable: bool
    frames: int


@dataclass(frozen=True, slots=True)
class FailedPicture:
    """An image and its picture that cannot be read. code, message: why."""

    stash_image_id: str
    picture: PictureIdentity
    code: str
    message: str


def stored_runs(
    connection: sqlite3.Connection, images: Sequence[tuple[str, PictureIdentity]]
) -> dict[str, StoredRun]:
    """By image id, how the stored results of those images were made that are of the same pictures."""
    identities = dict(images)
    rows = connection.execute(
        """SELECT i.stash_image_id, i.id, r.pack, r.source, r.width, r.height, r.settings,
             r.picture_id, p.place
           FROM json_each(?) wanted CROSS JOIN image_fingerprints i ON i.stash_image_id = wanted.value
           JOIN stash_sense_image_results r ON r.image_fingerprint_id = i.id
           JOIN stash_sense_pictures p ON p.id = r.picture_id""",
        (json.dumps(list(identities)),),
    ).fetchall()
    prints = pictures.fingerprints_by_picture(connection, [row[-2] for row in rows])
    same = [row for row in rows if identities[row[0]].is_same_as(prints.get(row[-2], {}), row[-1])]
    galleries = galleries_by_image(connection, [row[1] for row in same])
    return {
        row[0]: StoredRun(
            row[2], row[3], row[4], row[5], parse_json_object(row[6]), galleries.get(row[1], ())
        )
        for row in same
    }


def stored_video_runs(
    connection: sqlite3.Connection, scenes: Sequence[tuple[str, PictureIdentity]]
) -> dict[str, StoredVideoRun]:
    """By scene id, how the videos of those scenes were looked at that are still the same."""
    identities = dict(scenes)
    rows = connection.execute(
        """SELECT s.stash_scene_id, v.pack, v.sampler, v.settings, v.stopped, u.picture_id IS NOT NULL,
             (SELECT count(*) FROM stash_sense_scene_frames f WHERE f.picture_id = s.picture_id),
             s.picture_id, p.place
           FROM json_each(?) wanted
           CROSS JOIN stash_sense_scenes s ON s.stash_scene_id = CAST(wanted.value AS INTEGER)
           JOIN stash_sense_pictures p ON p.id = s.picture_id
           LEFT JOIN stash_sense_videos v ON v.picture_id = s.picture_id
           LEFT JOIN stash_sense_unreadable_videos u ON u.picture_id = s.picture_id""",
        (json.dumps(list(identities)),),
    ).fetchall()
    prints = pictures.fingerprints_by_picture(connection, [row[-2] for row in rows])
    return {
        str(row[0]): StoredVideoRun(row[1], row[2], parse_json_object(row[3]), row[4], bool(row[5]), row[6])
        for row in rows
        if identities[str(row[0])].is_same_as(prints.get(row[-2], {}), row[-1])
    }


def record_unreadable_images(connection: sqlite3.Connection, images: Sequence[FailedPicture]) -> None:
    """Remember that these pictures cannot be read, and why, until their files change."""
    connection.executemany(
        """INSERT INTO stash_sense_unreadable_images (stash_image_id, picture, code, message)
           VALUES (?, ?, ?, ?)
           ON CONFLICT (stash_image_id) DO UPDATE SET picture = excluded.picture, code = excluded.code,
             message = excluded.message, seen_at = datetime('now')""",
        [
            (
                *(validate_stash_id("stash_image_id", each.stash_image_id), _digest(each.picture)),
                *(validate_text("code", each.code), validate_text("message", each.message)),
            )
            for each in images
        ],
    )


def unreadable_images(
    connection: sqlite3.Connection, images: Sequence[tuple[str, PictureIdentity]]
) -> dict[str, tuple[str, str]]:
    """By image id, code and message of those images whose pictures could not be read before."""
    identities = dict(images)
    rows = connection.execute(
        """SELECT u.stash_image_id, u.picture, u.code, u.message FROM json_each(?) wanted
           CROSS JOIN stash_sense_unreadable_images u ON u.stash_image_id = wanted.value""",
        (json.dumps(list(identities)),),
    ).fetchall()
    return {row[0]: (row[2], row[3]) for row in rows if _digest(identities[row[0]]) == row[1]}


def begin_work(connection: sqlite3.Connection, target_type: str, ids: Sequence[str], done: int) -> int:
    """Note that these are begun, of which so much is done already.

    Returns how often in a row the program ended at one of them, at most, without more having been done.
    """
    connection.executemany(
        """INSERT INTO stash_sense_library_work (target_type, target_id, done) VALUES (?1, ?2, ?3)
           ON CONFLICT (target_type, target_id) DO UPDATE SET
             ends = iif(excluded.done > done, 0, ends + 1), done = excluded.done""",
        [(target_type, each, done) for each in ids],
    )
    row = connection.execute(
        """SELECT max(ends) FROM stash_sense_library_work
           WHERE target_type = ? AND target_id IN (SELECT value FROM json_each(?))""",
        (target_type, json.dumps(list(ids))),
    ).fetchone()
    return int(row[0] or 0)


def rest_work(connection: sqlite3.Connection, target_type: str, ids: Sequence[str]) -> None:
    """The work on these was stopped in order; it is still to be done."""
    connection.execute(
        """UPDATE stash_sense_library_work SET ends = -1
           WHERE target_type = ? AND target_id IN (SELECT value FROM json_each(?))""",
        (target_type, json.dumps(list(ids))),
    )


def end_work(connection: sqlite3.Connection, target_type: str, ids: Sequence[str]) -> None:
    """The work on these is done."""
    connection.execute(
        """DELETE FROM stash_sense_library_work
           WHERE target_type = ? AND target_id IN (SELECT value FROM json_each(?))""",
        (target_type, json.dumps(list(ids))),
    )


def begun_work(connection: sqlite3.Connection, target_type: str) -> list[str]:
    """What was begun and is not done, by id in Stash."""
    rows = connection.execute(
        "SELECT target_id FROM stash_sense_library_work WHERE target_type = ? ORDER BY target_id",
        (target_type,),
    )
    return [row[0] for row in rows]


def _digest(picture: PictureIdentity) -> str:
    """The same for the same file, whether or not it was moved."""
    text = json.dumps(sorted(picture.contents.items()) or picture.location)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def recorded_targets(connection: sqlite3.Connection, target_type: str, after: str, limit: int) -> list[str]:
    """Ids, behind `after` in the order of texts, of what Stash had when it was last looked at."""
    rows = connection.execute(
        """SELECT target_id FROM stash_sense_library_tags
           WHERE target_type = ? AND target_id > ? AND NOT gone ORDER BY target_id LIMIT ?""",
        (target_type, after, limit),
    )
    return [row[0] for row in rows]


def delete_work(connection: sqlite3.Connection, target_type: str, target_id: str) -> None:
    """Delete what is noted of a target."""
    end_work(connection, target_type, [target_id])
    if target_type == "image":
        connection.execute("DELETE FROM stash_sense_unreadable_images WHERE stash_image_id = ?", (target_id,))

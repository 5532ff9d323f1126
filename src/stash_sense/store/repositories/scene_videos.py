"""Which video each scene shows, and the videos that cannot be read."""

import json
import sqlite3
from collections.abc import Sequence

from stash_sense.domain.identity import PictureIdentity
from stash_sense.domain.validation import validate_stash_id, validate_text
from stash_sense.errors import BadInput
from stash_sense.store.repositories import pictures


def scene_number(stash_scene_id: str) -> int:
    """The scene's id as a number. Raises BadInput."""
    text = validate_stash_id("stash_scene_id", stash_scene_id)
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadInput(f"stash_scene_id is {text!r:.80}; give the number of a scene in Stash.")
    return int(text)


def show_video(connection: sqlite3.Connection, stash_scene_id: str, picture: PictureIdentity) -> int:
    """Record which video a scene shows; returns the id of its picture. What nothing shows any more goes."""
    number = scene_number(stash_scene_id)
    picture_id = pictures.upsert_picture(connection, picture)
    former = connection.execute(
        "SELECT picture_id FROM stash_sense_scenes WHERE stash_scene_id = ?", (number,)
    ).fetchone()
    if former == (picture_id,):
        return picture_id
    connection.execute(
        """INSERT INTO stash_sense_scenes (stash_scene_id, picture_id) VALUES (?, ?)
           ON CONFLICT (stash_scene_id) DO UPDATE SET picture_id = excluded.picture_id""",
        (number, picture_id),
    )
    if former is not None:
        pictures.delete_unused_pictures(connection, [former[0]])
    return picture_id


def record_unreadable_video(
    connection: sqlite3.Connection, stash_scene_id: str, picture: PictureIdentity, code: str, message: str
) -> None:
    """Remember that a video cannot be read, and why, until its file changes."""
    picture_id = show_video(connection, stash_scene_id, picture)
    connection.execute(
        """INSERT INTO stash_sense_unreadable_videos (picture_id, code, message) VALUES (?, ?, ?)
           ON CONFLICT (picture_id) DO UPDATE SET code = excluded.code, message = excluded.message,
             seen_at = datetime('now')""",
        (picture_id, validate_text("code", code), validate_text("message", message)),
    )


def unreadable_video(connection: sqlite3.Connection, picture: PictureIdentity) -> tuple[str, str] | None:
    """Code and message of why the video could not be read before; None if it was not tried or was read."""
    row = connection.execute(
        "SELECT code, message FROM stash_sense_unreadable_videos WHERE picture_id = ?",
        (pictures.find_picture(connection, picture),),
    ).fetchone()
    return None if row is None else (str(row[0]), str(row[1]))


def forget_unreadable_video(connection: sqlite3.Connection, picture_id: int) -> None:
    """Forget why the video could not be read."""
    connection.execute("DELETE FROM stash_sense_unreadable_videos WHERE picture_id = ?", (picture_id,))


def scenes_by_picture(connection: sqlite3.Connection, picture_ids: Sequence[int]) -> dict[int, list[int]]:
    """Picture id -> Stash's ids of the scenes that show it."""
    scenes: dict[int, list[int]] = {}
    for picture_id, scene in connection.execute(
        "SELECT s.picture_id, s.stash_scene_id FROM json_each(?) wanted "
        "CROSS JOIN stash_sense_scenes s ON s.picture_id = wanted.value ORDER BY s.stash_scene_id",
        (json.dumps(list(picture_ids)),),
    ):
        scenes.setdefault(picture_id, []).append(scene)
    return scenes

"""Stored pictures by their identity, and which image shows which."""

import json
import sqlite3
from collections.abc import Iterable

from stash_sense.domain.identity import PictureIdentity


def find_picture(connection: sqlite3.Connection, identity: PictureIdentity) -> int | None:
    """The id of the stored picture with this identity."""
    for kind, value in identity.contents.items():
        for (picture_id,) in connection.execute(
            "SELECT picture_id FROM stash_sense_picture_prints WHERE type = ? AND value = ? "
            "ORDER BY picture_id",
            (kind, value),
        ).fetchall():
            if identity.agrees_with(_fingerprints(connection, picture_id)):
                return int(picture_id)
    if identity.location is None:
        return None
    for (picture_id,) in connection.execute(
        "SELECT id FROM stash_sense_pictures WHERE place = ? ORDER BY id DESC", (identity.location,)
    ).fetchall():
        if identity.agrees_with(_fingerprints(connection, picture_id)):
            return int(picture_id)
    return None


def known_pictures(
    connection: sqlite3.Connection, identities: Iterable[PictureIdentity]
) -> list[PictureIdentity]:
    """Those of the identities that may be of a stored picture: `find_picture` decides."""
    wanted = list(identities)
    contents = [[kind, value] for each in wanted for kind, value in each.contents.items()]
    prints = {
        (kind, value)
        for kind, value in connection.execute(
            """SELECT p.type, p.value FROM json_each(?) wanted
               JOIN stash_sense_picture_prints p ON p.type = json_extract(wanted.value, '$[0]')
                 AND p.value = json_extract(wanted.value, '$[1]')""",
            (json.dumps(contents),),
        )
    }
    places = {
        row[0]
        for row in connection.execute(
            "SELECT place FROM stash_sense_pictures WHERE place IN (SELECT value FROM json_each(?))",
            (json.dumps([each.location for each in wanted if each.location is not None]),),
        )
    }
    return [each for each in wanted if each.location in places or prints & set(each.contents.items())]


def get_picture(connection: sqlite3.Connection, picture_id: int) -> PictureIdentity:
    """The identity of a stored picture."""
    row = connection.execute("SELECT place FROM stash_sense_pictures WHERE id = ?", (picture_id,)).fetchone()
    return PictureIdentity(tuple(sorted(_fingerprints(connection, picture_id).items())), row[0])


def fingerprints_by_picture(
    connection: sqlite3.Connection, picture_ids: Iterable[int]
) -> dict[int, dict[str, str]]:
    """Picture id -> fingerprint type -> value."""
    by_picture: dict[int, dict[str, str]] = {}
    for picture_id, kind, value in connection.execute(
        "SELECT p.picture_id, p.type, p.value FROM json_each(?) wanted "
        "CROSS JOIN stash_sense_picture_prints p ON p.picture_id = wanted.value",
        (json.dumps(list(picture_ids)),),
    ):
        by_picture.setdefault(picture_id, {})[kind] = value
    return by_picture


def _fingerprints(connection: sqlite3.Connection, picture_id: int) -> dict[str, str]:
    return fingerprints_by_picture(connection, [picture_id]).get(picture_id, {})


def upsert_picture(connection: sqlite3.Connection, identity: PictureIdentity) -> int:
    """Insert a picture, or add new fingerprints and the new location to the stored one; returns its id."""
    picture_id = find_picture(connection, identity)
    if picture_id is None:
        cursor = connection.execute(
            "INSERT INTO stash_sense_pictures (place) VALUES (?)", (identity.location,)
        )
        picture_id = int(cursor.lastrowid or 0)
    elif identity.location is not None:
        connection.execute(
            "UPDATE stash_sense_pictures SET place = ?1 WHERE id = ?2 AND place IS NOT ?1",
            (identity.location, picture_id),
        )
    connection.executemany(
        "INSERT INTO stash_sense_picture_prints (type, value, picture_id) VALUES (?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        [(kind, value, picture_id) for kind, value in identity.fingerprints],
    )
    return picture_id


def picture_id_of_image(connection: sqlite3.Connection, stash_image_id: str) -> int | None:
    """The picture that an image's stored result is of."""
    row = connection.execute(
        """SELECT r.picture_id FROM stash_sense_image_results r
           JOIN image_fingerprints i ON i.id = r.image_fingerprint_id WHERE i.stash_image_id = ?""",
        (stash_image_id,),
    ).fetchone()
    return int(row[0]) if row else None


def image_shows_picture(
    connection: sqlite3.Connection, stash_image_id: str, identity: PictureIdentity
) -> bool:
    """Whether an image's stored result is of the picture with this identity."""
    stored = picture_id_of_image(connection, stash_image_id)
    return stored is not None and find_picture(connection, identity) == stored


def delete_unused_pictures(connection: sqlite3.Connection, picture_ids: Iterable[int] | None = None) -> int:
    """Delete those of the pictures, or of all, that have no result, no scene and no decision."""
    statement = """DELETE FROM stash_sense_pictures AS p WHERE
             NOT EXISTS (SELECT 1 FROM stash_sense_image_results r WHERE r.picture_id = p.id)
             AND NOT EXISTS (SELECT 1 FROM stash_sense_scenes s WHERE s.picture_id = p.id)
             AND NOT EXISTS (SELECT 1 FROM stash_sense_decisions d WHERE d.picture_id = p.id)"""
    if picture_ids is None:
        return connection.execute(statement).rowcount
    return connection.execute(
        f"{statement} AND id IN (SELECT value FROM json_each(?))",  # noqa: S608  our text
        (json.dumps(sorted(set(picture_ids))),),
    ).rowcount

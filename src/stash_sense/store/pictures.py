"""Which picture an image shows: the contents decide, not Stash's id and never its `updated_at`."""

import json
import sqlite3
from collections.abc import Iterable

from stash_sense.domain.images import PictureIdentity


def find_picture(connection: sqlite3.Connection, picture: PictureIdentity) -> int | None:
    """The number of the stored picture that is this one."""
    for kind, value in picture.contents.items():
        for (number,) in connection.execute(
            "SELECT picture_id FROM stash_sense_picture_prints WHERE type = ? AND value = ? "
            "ORDER BY picture_id",
            (kind, value),
        ).fetchall():
            if picture.agrees_with(prints_of(connection, number)):
                return int(number)
    if picture.location is None:
        return None
    for (number,) in connection.execute(
        "SELECT id FROM stash_sense_pictures WHERE place = ? ORDER BY id DESC", (picture.location,)
    ).fetchall():
        if picture.agrees_with(prints_of(connection, number)):
            return int(number)
    return None


def prints_of_many(connection: sqlite3.Connection, numbers: Iterable[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for number, kind, value in connection.execute(
        "SELECT p.picture_id, p.type, p.value FROM json_each(?) wanted "
        "CROSS JOIN stash_sense_picture_prints p ON p.picture_id = wanted.value",
        (json.dumps(list(numbers)),),
    ):
        found.setdefault(number, {})[kind] = value
    return found


def prints_of(connection: sqlite3.Connection, number: int) -> dict[str, str]:
    return prints_of_many(connection, [number]).get(number, {})


def remember_picture(connection: sqlite3.Connection, picture: PictureIdentity) -> int:
    """The picture's number; new fingerprints and a new place of a known one are added."""
    number = find_picture(connection, picture)
    if number is None:
        cursor = connection.execute(
            "INSERT INTO stash_sense_pictures (place) VALUES (?)", (picture.location,)
        )
        number = int(cursor.lastrowid or 0)
    elif picture.location is not None:
        connection.execute(
            "UPDATE stash_sense_pictures SET place = ?1 WHERE id = ?2 AND place IS NOT ?1",
            (picture.location, number),
        )
    for kind, value in picture.fingerprints:
        connection.execute(
            "INSERT INTO stash_sense_picture_prints (type, value, picture_id) VALUES (?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (kind, value, number),
        )
    return number


def picture_of_image(connection: sqlite3.Connection, stash_image_id: str) -> int | None:
    """The number of the picture that an image showed in its last run."""
    found = connection.execute(
        """SELECT r.picture_id FROM stash_sense_image_results r
           JOIN image_fingerprints i ON i.id = r.image_fingerprint_id WHERE i.stash_image_id = ?""",
        (stash_image_id,),
    ).fetchone()
    return int(found[0]) if found else None


def shows(connection: sqlite3.Connection, stash_image_id: str, picture: PictureIdentity) -> bool:
    """Whether this is the picture that the image showed in its last run."""
    stored = picture_of_image(connection, stash_image_id)
    return stored is not None and find_picture(connection, picture) == stored


def picture_by_number(connection: sqlite3.Connection, number: int) -> PictureIdentity:
    place = connection.execute("SELECT place FROM stash_sense_pictures WHERE id = ?", (number,)).fetchone()[0]
    return PictureIdentity(tuple(sorted(prints_of(connection, number).items())), place)


def forget_unused_pictures(connection: sqlite3.Connection, numbers: Iterable[int] | None = None) -> int:
    """Remove pictures (or of these pictures those) which no image shows and no decision speaks of."""
    unused = """DELETE FROM stash_sense_pictures AS p WHERE
             NOT EXISTS (SELECT 1 FROM stash_sense_image_results r WHERE r.picture_id = p.id)
             AND NOT EXISTS (SELECT 1 FROM stash_sense_decisions d WHERE d.picture_id = p.id)"""
    if numbers is None:
        return connection.execute(unused).rowcount
    return connection.execute(
        f"{unused} AND id IN (SELECT value FROM json_each(?))",  # noqa: S608  our text
        (json.dumps(sorted(set(numbers))),),
    ).rowcount

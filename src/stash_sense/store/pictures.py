"""Which picture an image shows: the contents decide, not Stash's id and never its `updated_at`."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from stash_sense.errors import BadInput
from stash_sense.store.values import finite, text, whole

_LOOKS_ONLY = "phash"  # two different pictures may share it: it tells nothing about identity


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture's identity: its primary file's `fingerprints` (type and value), else where it lies.

    `place` is a hash of path, size and modification time: a path may name people, so none is kept.
    """

    fingerprints: tuple[tuple[str, str], ...] = ()
    place: str | None = None

    @classmethod
    def of(
        cls,
        fingerprints: Iterable[Mapping[str, str]] | Mapping[str, str] | None = None,
        path: str | None = None,
        size: int | None = None,
        mod_time: str | float | datetime | None = None,
    ) -> "Picture":
        """From what Stash says of the primary file: `[{type, value}, …]` or `{type: value}`.

        Raises BadInput where neither a fingerprint of the contents nor path, size and time are given.
        """
        pairs: list[tuple[str, str]]
        if fingerprints is None:
            pairs = []
        elif isinstance(fingerprints, Mapping):
            pairs = [(text("A fingerprint's type", k), text(k, v)) for k, v in fingerprints.items()]
        else:
            pairs = [
                (
                    text("A fingerprint's type", one.get("type")),
                    text("A fingerprint's value", one.get("value")),
                )
                for one in fingerprints
            ]
        place = None
        if path is not None and size is not None and mod_time is not None:
            where = f"{text('path', path)}\0{whole('size', size)}\0{_moment(mod_time)}"
            place = hashlib.sha256(where.encode()).hexdigest()
        picture = cls(tuple(sorted(set(pairs))), place)
        if not picture.contents and place is None:
            raise BadInput(
                "Nothing tells which picture this is: give its primary file's fingerprints, "
                "or path, size and modification time."
            )
        return picture

    @property
    def contents(self) -> dict[str, str]:
        """The fingerprints that only equal files share."""
        return {kind: value for kind, value in self.fingerprints if kind.lower() != _LOOKS_ONLY}


def _moment(value: str | float | datetime) -> str:
    """Equal for equal moments: Stash writes them in the zone it runs in, which changes twice a year."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return text("mod_time", value)
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value
        return aware.astimezone(UTC).isoformat()
    return repr(finite("mod_time", value))


def find_picture(connection: sqlite3.Connection, picture: Picture) -> int | None:
    """The number of the stored picture that is this one."""
    contents = picture.contents
    for kind, value in contents.items():
        for (number,) in connection.execute(
            "SELECT picture_id FROM stash_sense_picture_prints WHERE type = ? AND value = ? "
            "ORDER BY picture_id",
            (kind, value),
        ).fetchall():
            if _agree(contents, prints_of(connection, number)):
                return int(number)
    if picture.place is None:
        return None
    for (number,) in connection.execute(
        "SELECT id FROM stash_sense_pictures WHERE place = ? ORDER BY id DESC", (picture.place,)
    ).fetchall():
        if _agree(contents, prints_of(connection, number)):
            return int(number)
    return None


def _agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """No type of contents fingerprint that both have differs; Stash may have added a type since."""
    return all(
        other[kind] == value for kind, value in one.items() if kind in other and kind.lower() != _LOOKS_ONLY
    )


def same_picture(one: Picture, prints: Mapping[str, str], place: str | None) -> bool:
    """Whether a stored picture with these fingerprints and this place is the given one."""
    contents = one.contents
    known = any(prints.get(kind) == value for kind, value in contents.items())
    return (known or (place is not None and place == one.place)) and _agree(contents, prints)


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


def remember_picture(connection: sqlite3.Connection, picture: Picture) -> int:
    """The picture's number; new fingerprints and a new place of a known one are added."""
    number = find_picture(connection, picture)
    if number is None:
        cursor = connection.execute("INSERT INTO stash_sense_pictures (place) VALUES (?)", (picture.place,))
        number = int(cursor.lastrowid or 0)
    elif picture.place is not None:
        connection.execute(
            "UPDATE stash_sense_pictures SET place = ?1 WHERE id = ?2 AND place IS NOT ?1",
            (picture.place, number),
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


def shows(connection: sqlite3.Connection, stash_image_id: str, picture: Picture) -> bool:
    """Whether this is the picture that the image showed in its last run."""
    stored = picture_of_image(connection, stash_image_id)
    return stored is not None and find_picture(connection, picture) == stored


def picture_by_number(connection: sqlite3.Connection, number: int) -> Picture:
    place = connection.execute("SELECT place FROM stash_sense_pictures WHERE id = ?", (number,)).fetchone()[0]
    return Picture(tuple(sorted(prints_of(connection, number).items())), place)


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

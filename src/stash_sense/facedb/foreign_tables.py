"""Tables of another program's SQLite file, read only."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stash_sense.errors import BadInput


def foreign_rows(path: Path, table: str, needed: set[str]) -> Iterator[dict[str, Any]]:
    """The rows of a table, not of a view: its code would be run. needed: columns that it must have.

    Raises BadInput where the file is none of SQLite, is damaged, or has no such table.
    """
    try:
        with closing(_read_only(path)) as database:
            kinds = database.execute("SELECT type FROM sqlite_master WHERE name = ?", [table]).fetchall()
            cursor = database.execute(f'SELECT * FROM "{table}"') if kinds == [("table",)] else None  # noqa: S608
            columns = [str(column[0]) for column in cursor.description] if cursor else []
            if cursor is None or not needed <= set(columns):
                raise BadInput(
                    f"{path.name}: has no table {table} with the columns {', '.join(sorted(needed))}. "
                    "Update Stash Sense: the file may be of a newer kind."
                )
            for row in cursor:
                yield dict(zip(columns, row, strict=True))
    except sqlite3.Error as error:
        raise BadInput(f"{path.name}: not readable ({error}). Download it again.") from error


def _read_only(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1", uri=True)
    database.execute("PRAGMA trusted_schema = OFF")
    return database

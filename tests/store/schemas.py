"""What the tests of migrations look at in a file."""

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from stash_sense.store.table_rebuild import normalize_sql

Rows = Callable[..., list[tuple[Any, ...]]]


def schema(path: Path) -> dict[tuple[str, str], str]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    return {(kind, name): f"{table}: {normalize_sql(sql or '')}" for kind, name, table, sql in found}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

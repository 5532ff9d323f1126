"""Bringing one table of a file in the wild to our declaration without losing a value of it.

The table is copied into a new one declared as ours, with its further columns behind ours; the copy
counts only if every value arrived unchanged. Otherwise the table stays as it is and only gains the
columns it lacks. Source of the procedure: https://sqlite.org/lang_altertable.html, section 7.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from stash_sense.errors import NotFaithful
from stash_sense.store.declared import Table
from stash_sense.store.sqltext import normalised, quoted

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Column:
    """One column as `PRAGMA table_xinfo` tells it."""

    name: str
    type: str
    required: bool
    default: str | None
    key: bool
    hidden: bool

    @property
    def constant_default(self) -> str | None:
        """The default, unless it is an expression, which ADD COLUMN and old rows cannot take."""
        return None if self.default is None or "(" in self.default else self.default


@contextmanager
def savepoint(connection: sqlite3.Connection, name: str) -> Iterator[None]:
    """All of the block or nothing of it, inside the open transaction."""
    connection.execute(f"SAVEPOINT {name}")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # a full disk may have rolled the whole transaction back
            connection.execute(f"ROLLBACK TO {name}")
            connection.execute(f"RELEASE {name}")
        raise
    connection.execute(f"RELEASE {name}")


def conform(connection: sqlite3.Connection, table: Table) -> None:
    """Create `table`, or bring the file's own to our declaration; rows and further columns stay."""
    found = connection.execute(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND lower(name) = ?", (table.name,)
    ).fetchone()
    if found is None:
        connection.execute(table.create())
    elif normalised(found[0]) != normalised(table.create()):
        try:
            with savepoint(connection, "rebuild"):
                _rebuild(connection, table)
        except (NotFaithful, sqlite3.IntegrityError, sqlite3.OperationalError) as reason:
            if table.must_fit or _is_of_the_machine(reason):
                raise
            log.warning("table %s keeps its own declaration: %s", table.name, reason)
            _add_missing(connection, table)
    for index, sql in table.create_indexes():
        _index(connection, index, sql)


def _is_of_the_machine(reason: Exception) -> bool:
    """A full disk or a lock says nothing about the table; only what SQL itself refuses does."""
    return isinstance(reason, sqlite3.OperationalError) and reason.sqlite_errorcode != sqlite3.SQLITE_ERROR


def columns_of(connection: sqlite3.Connection, table: str) -> list[Column]:
    rows = connection.execute("SELECT * FROM pragma_table_xinfo(?)", (table,)).fetchall()
    return [Column(row[1], row[2], bool(row[3]), row[4], bool(row[5]), bool(row[6])) for row in rows]


def _index(connection: sqlite3.Connection, index: str, sql: str) -> None:
    found = connection.execute(
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND name = ?", (index,)
    ).fetchone()
    if found is not None and normalised(found[0]) == normalised(sql):
        return
    if found is not None:  # our name on other columns: an index holds nothing of its own
        connection.execute(f"DROP INDEX {index}")
    connection.execute(sql)


def _rebuild(connection: sqlite3.Connection, table: Table) -> None:
    new = f"stash_sense_new_{table.name}"
    old_columns = columns_of(connection, table.name)
    if any(column.hidden for column in old_columns):
        raise NotFaithful("it has generated columns")
    connection.execute(table.create(new))
    ours = columns_of(connection, new)
    known = {column.name.lower() for column in ours}
    further = [column for column in old_columns if column.name.lower() not in known]
    if any(column.key for column in further):
        raise NotFaithful("a further column is part of its key")
    for column in further:
        rules = " NOT NULL" * column.required + (f" DEFAULT ({column.default})" if column.default else "")
        connection.execute(f"ALTER TABLE {new} ADD COLUMN {quoted(column.name)} {column.type}{rules}")
    _copy(connection, table.name, new, ours, old_columns)
    _compare(connection, table.name, new, ours, old_columns)
    _replace(connection, table.name, new)


def _copy(
    connection: sqlite3.Connection, old: str, new: str, ours: list[Column], old_columns: list[Column]
) -> None:
    present = {column.name.lower() for column in old_columns}
    into = [quoted(column.name) for column in old_columns]
    values = list(into)
    if not _keyed_by_id(ours):
        into.append("_rowid_")
        values.append("_rowid_")
    elif "id" not in present:
        into.append("id")
        values.append("_rowid_")
    for column in ours:
        # A moment nobody recorded stays unknown: the default would say "now".
        if column.name not in present and not column.key and column.constant_default is None:
            into.append(column.name)
            values.append("NULL")
    connection.execute(
        f"INSERT INTO {new} ({', '.join(into)}) "  # noqa: S608  names only
        f"SELECT {', '.join(values)} FROM {old} ORDER BY _rowid_"
    )


def _keyed_by_id(ours: list[Column]) -> bool:
    return any(column.name == "id" and column.key for column in ours)


def _compare(
    connection: sqlite3.Connection, old: str, new: str, ours: list[Column], old_columns: list[Column]
) -> None:
    """Every value unchanged, its kind included; 1 and 1.0 count as the same number."""
    has_id = any(column.name.lower() == "id" for column in old_columns)
    new_key = "id" if _keyed_by_id(ours) else "_rowid_"
    old_key = "id" if _keyed_by_id(ours) and has_id else "_rowid_"
    kind = "replace(typeof({}), 'integer', 'real')"
    differing = " OR ".join(
        f"n.{name} IS NOT o.{name} COLLATE BINARY OR {kind.format('n.' + name)} <> {kind.format('o.' + name)}"
        for name in (quoted(column.name) for column in old_columns)
    )
    changed = connection.execute(
        f"SELECT count(*) FROM {old} o LEFT JOIN {new} n ON n.{new_key} = o.{old_key} "  # noqa: S608  names
        f"WHERE n.{new_key} IS NULL OR {differing}"
    ).fetchone()[0]
    extra = connection.execute(
        f"SELECT (SELECT count(*) FROM {new}) - (SELECT count(*) FROM {old})"  # noqa: S608  names only
    ).fetchone()[0]
    if changed or extra:
        raise NotFaithful(f"{max(changed, abs(extra))} of its rows would not stay what they are")


def _replace(connection: sqlite3.Connection, old: str, new: str) -> None:
    attached = connection.execute(
        "SELECT sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND lower(tbl_name) = ? "
        "AND sql IS NOT NULL",
        (old,),
    ).fetchall()
    counter = _counter(connection, old)
    connection.execute(f"DROP TABLE {old}")
    connection.execute(f"ALTER TABLE {new} RENAME TO {old}")
    if counter is not None:  # ids once given are never given again
        connection.execute("DELETE FROM sqlite_sequence WHERE lower(name) = ?", (old,))
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (old, counter))
    for (sql,) in attached:
        connection.execute(sql)


def _counter(connection: sqlite3.Connection, table: str) -> int | None:
    """Where an AUTOINCREMENT table's numbering stands; None without one."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
        return None
    found = connection.execute(
        "SELECT max(seq) FROM sqlite_sequence WHERE lower(name) IN (?, ?)",
        (table, f"stash_sense_new_{table}"),
    ).fetchone()[0]
    return None if found is None else int(found)


def _add_missing(connection: sqlite3.Connection, table: Table) -> None:
    present = {column.name.lower() for column in columns_of(connection, table.name)}
    blank = f"stash_sense_new_{table.name}"
    connection.execute(table.create(blank))
    declared = columns_of(connection, blank)
    connection.execute(f"DROP TABLE {blank}")
    for column in declared:
        if column.name in present or column.key:
            continue
        default = f" DEFAULT {column.constant_default}" if column.constant_default else ""
        connection.execute(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {column.type}{default}")

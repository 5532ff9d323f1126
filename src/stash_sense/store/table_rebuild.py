"""Rebuilding a table of an older file to our declaration without losing a value.

The table is copied into a new one declared as ours, with its additional columns behind ours. The copy
counts only if every value arrived unchanged; otherwise the table stays as it is and only gains the columns
it lacks. Source of the procedure: https://sqlite.org/lang_altertable.html, section 7.
"""

import logging
import re
import sqlite3
from dataclasses import dataclass

from stash_sense.errors import NotFaithful
from stash_sense.store.connection import savepoint

log = logging.getLogger(__name__)

_TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?\*/          # comments
      |'(?:[^']|'')*'              # string literals, kept as they are
      |"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]   # quoted names
      |[A-Za-z_\u0080-\uffff][\w$]*|\d+(?:\.\d+)?|\S""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table's declaration. columns: all that stands between the parentheses; indexes: (name, columns).

    must_fit: no file may keep a declaration of its own, because foreign keys refer to the table or what is
    stored in it needs ours.
    """

    name: str
    columns: str
    indexes: tuple[tuple[str, str], ...] = ()
    must_fit: bool = False

    def create(self, name: str | None = None) -> str:
        """The CREATE TABLE statement, under another name where one is given."""
        return f"CREATE TABLE {name or self.name} ({self.columns})"

    def create_indexes(self) -> list[tuple[str, str]]:
        """Name and CREATE INDEX statement of each index."""
        return [(index, f"CREATE INDEX {index} ON {self.name}({columns})") for index, columns in self.indexes]


@dataclass(frozen=True, slots=True)
class Column:
    """A column as `PRAGMA table_xinfo` describes it. key: part of the primary key; hidden: generated."""

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


def ensure_table(connection: sqlite3.Connection, table: Table) -> None:
    """Create `table`, or rebuild the file's own to our declaration; rows and additional columns stay."""
    row = connection.execute(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND lower(name) = ?", (table.name,)
    ).fetchone()
    if row is None:
        connection.execute(table.create())
    elif normalize_sql(row[0]) != normalize_sql(table.create()):
        try:
            with savepoint(connection, "rebuild"):
                _rebuild(connection, table)
        except (NotFaithful, sqlite3.IntegrityError, sqlite3.OperationalError) as error:
            if table.must_fit or _is_machine_failure(error):
                raise
            log.warning("table %s keeps its own declaration: %s", table.name, error)
            _add_missing(connection, table)
    for index, sql in table.create_indexes():
        _index(connection, index, sql)


def _is_machine_failure(error: Exception) -> bool:
    """A full disk or a lock says nothing about the table, unlike a statement that SQL refuses."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode != sqlite3.SQLITE_ERROR


def read_columns(connection: sqlite3.Connection, table: str) -> list[Column]:
    rows = connection.execute("SELECT * FROM pragma_table_xinfo(?)", (table,)).fetchall()
    return [Column(row[1], row[2], bool(row[3]), row[4], bool(row[5]), bool(row[6])) for row in rows]


def _index(connection: sqlite3.Connection, index: str, sql: str) -> None:
    row = connection.execute(
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND name = ?", (index,)
    ).fetchone()
    if row is not None and normalize_sql(row[0]) == normalize_sql(sql):
        return
    if row is not None:  # our name on other columns; an index holds no data of its own
        connection.execute(f"DROP INDEX {index}")
    connection.execute(sql)


def _rebuild(connection: sqlite3.Connection, table: Table) -> None:
    new = f"stash_sense_new_{table.name}"
    old_columns = read_columns(connection, table.name)
    if any(column.hidden for column in old_columns):
        raise NotFaithful("it has generated columns")
    connection.execute(table.create(new))
    ours = read_columns(connection, new)
    known = {column.name.lower() for column in ours}
    additional = [column for column in old_columns if column.name.lower() not in known]
    if any(column.key for column in additional):
        raise NotFaithful("an additional column is part of its key")
    for column in additional:
        rules = " NOT NULL" * column.required + (f" DEFAULT ({column.default})" if column.default else "")
        connection.execute(f"ALTER TABLE {new} ADD COLUMN {quote_name(column.name)} {column.type}{rules}")
    _copy(connection, table.name, new, ours, old_columns)
    _compare(connection, table.name, new, ours, old_columns)
    _replace(connection, table.name, new)


def _copy(
    connection: sqlite3.Connection, old: str, new: str, ours: list[Column], old_columns: list[Column]
) -> None:
    present = {column.name.lower() for column in old_columns}
    into = [quote_name(column.name) for column in old_columns]
    values = list(into)
    if not _keyed_by_id(ours):
        into.append("_rowid_")
        values.append("_rowid_")
    elif "id" not in present:
        into.append("id")
        values.append("_rowid_")
    for column in ours:
        # An unrecorded time stays unknown: the default would say "now".
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
    """Raise NotFaithful unless every value and its type are unchanged; 1 and 1.0 count as equal."""
    has_id = any(column.name.lower() == "id" for column in old_columns)
    new_key = "id" if _keyed_by_id(ours) else "_rowid_"
    old_key = "id" if _keyed_by_id(ours) and has_id else "_rowid_"
    kind = "replace(typeof({}), 'integer', 'real')"
    differing = " OR ".join(
        f"n.{name} IS NOT o.{name} COLLATE BINARY OR {kind.format('n.' + name)} <> {kind.format('o.' + name)}"
        for name in (quote_name(column.name) for column in old_columns)
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
    if counter is not None:  # ids are never reused
        connection.execute("DELETE FROM sqlite_sequence WHERE lower(name) = ?", (old,))
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (old, counter))
    for (sql,) in attached:
        connection.execute(sql)


def _counter(connection: sqlite3.Connection, table: str) -> int | None:
    """The last id that an AUTOINCREMENT table gave; None for other tables."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
        return None
    row = connection.execute(
        "SELECT max(seq) FROM sqlite_sequence WHERE lower(name) IN (?, ?)",
        (table, f"stash_sense_new_{table}"),
    ).fetchone()[0]
    return None if row is None else int(row)


def _add_missing(connection: sqlite3.Connection, table: Table) -> None:
    present = {column.name.lower() for column in read_columns(connection, table.name)}
    blank = f"stash_sense_new_{table.name}"
    connection.execute(table.create(blank))
    declared = read_columns(connection, blank)
    connection.execute(f"DROP TABLE {blank}")
    for column in declared:
        if column.name in present or column.key:
            continue
        default = f" DEFAULT {column.constant_default}" if column.constant_default else ""
        connection.execute(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {column.type}{default}")


def normalize_sql(sql: str) -> str:
    """The declaration in lower case, without comments, layout, and quotes around names."""
    words = []
    for token in _TOKEN.findall(sql):
        if token.startswith(("--", "/*")):
            continue
        if token[0] == "'":
            words.append(token)
        elif token[0] in '"`[' and len(token) > 1:
            words.append(token[1:-1].lower())
        else:
            words.append(token.lower())
    return re.sub(r"^(create (?:unique )?(?:table|index)) if not exists\b", r"\1", " ".join(words))


def quote_name(name: str) -> str:
    """A table or column name of an older file, safe inside a statement: names cannot be bound."""
    return '"' + name.replace('"', '""') + '"'

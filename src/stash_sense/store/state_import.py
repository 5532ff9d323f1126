"""Taking over what other programs' state files hold: files of schema versions 7 to 16, read from a copy.

Only tables and columns that version 6 has are taken. What is stored here already stays.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stash_sense.domain.identity import StashId, stash_key
from stash_sense.errors import BadInput, DiskFull, NewerState, NotAStateFile, StateDamaged, StateUnwritable
from stash_sense.files import is_disk_full
from stash_sense.private_files import open_regular
from stash_sense.store.connection import connect
from stash_sense.store.table_rebuild import quote_name
from stash_sense.store.version_6 import CONTRACT_VERSION

LAST_KNOWN_VERSION = 16
_LOGS = ("-wal", "-journal")
_NO_ROWS = "no rows"


@dataclass(frozen=True, slots=True)
class _Source:
    """A table that is taken over. key: the columns by which a row is the same row here.

    parent: the table whose new rows alone bring these rows; the first column of the key leads there.
    """

    name: str
    key: tuple[str, ...]
    parent: str = ""


_SOURCES = (
    _Source("recommendations", ("type", "target_type", "target_id")),
    _Source("dismissed_targets", ("type", "target_type", "target_id")),
    _Source("recommendation_settings", ("type",)),
    _Source("user_settings", ("key",)),
    _Source("upstream_field_config", ("endpoint", "entity_type", "field_name")),
    _Source("upstream_snapshots", ("entity_type", "endpoint", "stash_box_id")),
    _Source("analysis_watermarks", ("type",)),
    _Source("scene_fingerprints", ("stash_scene_id",)),
    _Source("scene_fingerprint_faces", ("fingerprint_id", "performer_id"), "scene_fingerprints"),
    _Source("image_fingerprints", ("stash_image_id",)),
    _Source("image_fingerprint_faces", ("stash_image_id", "performer_id"), "image_fingerprints"),
)
_NEVER = {"id", "source_analysis_id"}
"""Numbers that mean something in their own file alone."""
_RESOLUTION = ("status", "resolution_action", "resolution_details", "resolved_at")


@dataclass(frozen=True, slots=True)
class ImportedTable:
    """What became of a table. taken: rows new here, or resolved there and pending here; known: rows that are
    here already; refused: rows without a usable key, or of a person who was deleted. left: why nothing was
    taken, else empty; columns: that version 6 does not have, left with their values.
    """

    name: str
    rows: int
    taken: int = 0
    known: int = 0
    refused: int = 0
    columns: tuple[str, ...] = ()
    left: str = ""


@dataclass(frozen=True, slots=True)
class StateImport:
    """version: of the file."""

    version: int
    tables: tuple[ImportedTable, ...]


@contextmanager
def open_foreign_state(path: Path) -> Iterator[tuple[sqlite3.Connection, int]]:
    """A private copy of another program's state file, and its schema version; the copy goes at the end.

    Raises NotAStateFile, NewerState, StateDamaged, BadInput for a file of ours, DiskFull, StateUnwritable.
    """
    with tempfile.TemporaryDirectory(prefix="stash-sense-import-") as folder:
        copy = Path(folder) / "state.db"
        _copy(path, copy)
        with _as_damage(path), closing(connect(copy)) as connection:
            version = _version(connection, path)
            check = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if check != "ok":
                raise StateDamaged(f"{path} is damaged ({check}); nothing was imported.")
            connection.text_factory = lambda data: data.decode("utf-8", "replace")
            yield connection, version


def import_tables(
    foreign: sqlite3.Connection, connection: sqlite3.Connection, is_deleted: Callable[[str], bool]
) -> tuple[ImportedTable, ...]:
    """Copy what version 6 knows into an open transaction; repeating it changes nothing.

    is_deleted: whether a performer key is that of a person who was deleted for good.
    """
    present = {
        row[0].lower(): row[0]
        for row in foreign.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        if not row[0].lower().startswith("sqlite_")
    }
    # Only rows that are new here bring their children: number there -> number here; an image's id is its own.
    new_parents: dict[str, dict[str, int | str]] = {}
    tables = [
        _import_table(foreign, connection, source, present[source.name], new_parents, is_deleted)
        for source in _SOURCES
        if source.name in present
    ]
    connection.execute(
        """INSERT OR IGNORE INTO stash_sense_image_galleries (image_fingerprint_id, gallery_id)
           SELECT id, gallery_id FROM image_fingerprints WHERE gallery_id IS NOT NULL"""
    )
    known = {source.name for source in _SOURCES} | {"schema_version"}
    tables += [
        ImportedTable(name, _count(foreign, name), left="not known to Stash Sense")
        for lower, name in sorted(present.items())
        if lower not in known
    ]
    return tuple(tables)


def _import_table(
    foreign: sqlite3.Connection,
    connection: sqlite3.Connection,
    source: _Source,
    name: str,
    new_parents: dict[str, dict[str, int | str]],
    is_deleted: Callable[[str], bool],
) -> ImportedTable:
    theirs = {column.lower(): column for column in _columns(foreign, name)}
    ours = [column for column in _columns(connection, source.name) if column not in _NEVER]
    shared = [column for column in ours if column in theirs]
    extra = tuple(sorted(theirs[each] for each in theirs if each not in ours and each not in _NEVER))
    count = _count(foreign, name)
    missing = [column for column in source.key if column not in theirs]
    if missing:
        left = f"has no column {', '.join(missing)}"
        return ImportedTable(name, count, columns=extra, left=left)
    chosen = ", ".join(quote_name(theirs[column]) for column in shared)
    own_id = quote_name(theirs["id"]) if "id" in theirs else "NULL"
    taken = known = refused = 0
    parents: dict[str, int | str] = {}
    for row_id, *values in foreign.execute(f"SELECT {own_id}, {chosen} FROM {quote_name(name)}"):  # noqa: S608  names
        row = {column: value for column, value in zip(shared, values, strict=True) if value is not None}
        if source.parent:
            link = source.key[0]
            parent = new_parents.get(source.parent, {}).get(str(row.get(link)))
            if parent is None:
                known += 1
                continue
            row[link] = parent
        if not _is_usable(row, source) or _is_of_deleted(row, source, is_deleted):
            refused += 1
            continue
        new_id = _insert(connection, source.name, row)
        if new_id is None:
            resolved = source.name == "recommendations" and _resolve(connection, row)
            taken, known = taken + resolved, known + (not resolved)
            continue
        taken += 1
        if source.name == "image_fingerprints":
            parents[str(row["stash_image_id"])] = str(row["stash_image_id"])
        else:
            parents[str(row_id)] = new_id
    new_parents[source.name] = parents
    return ImportedTable(name, count, taken, known, refused, extra, "" if count else _NO_ROWS)


def _is_usable(row: Mapping[str, Any], source: _Source) -> bool:
    return all(isinstance(row.get(column), str | int) and row[column] != "" for column in source.key)


def _is_of_deleted(row: Mapping[str, Any], source: _Source, is_deleted: Callable[[str], bool]) -> bool:
    if source.name == "upstream_snapshots":
        return is_deleted(stash_key(StashId(str(row["endpoint"]), str(row["stash_box_id"]))))
    key = row.get("performer_id")
    return isinstance(key, str) and is_deleted(key)


def _insert(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> int | None:
    """The new row's id; None where it is here already, or does not fit."""
    columns = ", ".join(map(quote_name, row))
    marks = ", ".join("?" * len(row))
    cursor = connection.execute(
        f"INSERT OR IGNORE INTO {quote_name(table)} ({columns}) VALUES ({marks})",  # noqa: S608  names
        tuple(row.values()),
    )
    return int(cursor.lastrowid or 0) if cursor.rowcount == 1 else None


def _resolve(connection: sqlite3.Connection, row: Mapping[str, Any]) -> bool:
    """Take over how a recommendation was resolved there, where it is pending here."""
    news = {column: row[column] for column in _RESOLUTION if column in row}
    if news.get("status") in (None, "", "pending"):
        return False
    changes = ", ".join(f"{column} = ?" for column in news)
    return (
        connection.execute(
            f"UPDATE recommendations SET {changes} WHERE status = 'pending' AND type = ? "  # noqa: S608  names
            "AND target_type = ? AND target_id = ?",
            (*news.values(), row["type"], row["target_type"], row["target_id"]),
        ).rowcount
        == 1
    )


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {quote_name(table)}").fetchone()[0])  # noqa: S608  names


def _version(connection: sqlite3.Connection, path: Path) -> int:
    try:
        versions = [row[0] for row in connection.execute("SELECT version FROM schema_version")]
    except sqlite3.OperationalError as error:
        raise NotAStateFile(f"{path} is no state file (no schema_version). Nothing was imported.") from error
    numbers = [version for version in versions if isinstance(version, int)]
    if not numbers or len(numbers) != len(versions):
        raise NotAStateFile(f"{path}: its schema_version is {versions!r:.60}. Nothing was imported.")
    version = max(numbers)
    if version <= CONTRACT_VERSION:
        raise BadInput(
            f"{path} has schema version {version}, which Stash Sense opens by itself. To use it as the state "
            "file: `stash-sense state restore FILE`."
        )
    if version > LAST_KNOWN_VERSION:
        raise NewerState(
            f"{path} has schema version {version}; {CONTRACT_VERSION + 1} to {LAST_KNOWN_VERSION} can be "
            "imported. Nothing was imported."
        )
    return version


def _copy(path: Path, target: Path) -> None:
    """Copy a file and its log, without opening it as a database."""
    if path.is_dir():
        raise NotAStateFile(f"{path} is a folder; give the state file's own path.")
    try:
        _copy_file(path, target)
        for end in _LOGS:
            with suppress(FileNotFoundError):
                _copy_file(Path(f"{path}{end}"), Path(f"{target}{end}"))
    except FileNotFoundError as error:
        raise NotAStateFile(f"{path} does not exist. Give a state file of another program.") from error
    except OSError as error:
        if is_disk_full(error):
            raise DiskFull(f"{target.parent}: no room for a copy of {path}. Free some space.") from error
        raise StateUnwritable(f"{path}: cannot be copied ({error.strerror or error}).") from error


def _copy_file(path: Path, target: Path) -> None:
    with open_regular(path) as source, target.open("xb") as copy:
        shutil.copyfileobj(source, copy)


@contextmanager
def _as_damage(path: Path) -> Iterator[None]:
    """Say of the file itself what SQLite says of its copy."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise NotAStateFile(f"{path} is no readable state file ({error}). Nothing was imported.") from error


def import_lines(report: StateImport) -> Sequence[str]:
    """What was taken and what was left, a line a table."""
    lines = []
    for table in report.tables:
        if table.left:
            lines.append(f"{table.name}: left ({table.rows:,} rows; {table.left})" if table.rows else "")
            continue
        facts = [f"{table.taken:,} taken", f"{table.known:,} already here"]
        facts += [f"{table.refused:,} refused"] if table.refused else []
        facts += [f"without {', '.join(table.columns)}"] if table.columns else []
        lines.append(f"{table.name}: {', '.join(facts)}")
    return [line for line in lines if line]

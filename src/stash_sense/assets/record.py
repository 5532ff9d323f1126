"""What we remember of the files that were prepared, in `prepared.json` beside them."""

import os
from pathlib import Path

from pydantic import Field, ValidationError

from .files import sha256_of, write_whole
from .manifest import Frozen, PackFile, Recipe, Sha256

NAME = "prepared.json"


class Prepared(Frozen):
    """One prepared file: what it was made from, and what it was when it was made."""

    source_sha256: Sha256
    recipe: Recipe
    sha256: Sha256
    size: int
    mtime_ns: int

    def made_from(self, file: PackFile) -> bool:
        """Whether the manifest still names this source and this recipe."""
        return self.source_sha256 == file.sha256 and self.recipe == file.recipe

    def untouched(self, stat: os.stat_result) -> bool:
        """Whether size and time of change are as remembered; then the hash is taken for granted."""
        return stat.st_size == self.size and stat.st_mtime_ns == self.mtime_ns


class Record(Frozen):
    """All prepared files of a pack, by name."""

    files: dict[str, Prepared] = Field(default_factory=dict)


def read(folder: Path) -> Record:
    """The record; an empty one where there is none or it cannot be read: then the files are hashed anew."""
    try:
        return Record.model_validate_json((folder / NAME).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return Record()


def write(folder: Path, record: Record) -> None:
    """Replaces the record. Raises NoSpace or CannotWrite."""
    write_whole(folder / NAME, record.model_dump_json(indent=2).encode() + b"\n")


def remember(file: PackFile, path: Path) -> Prepared:
    """The record of a file as it now lies there."""
    stat = path.stat()
    return Prepared(
        source_sha256=file.sha256,
        recipe=file.recipe,
        sha256=sha256_of(path),
        size=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
    )

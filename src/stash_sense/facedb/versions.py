"""Going back to the version of a face database that the last build replaced, and forward again."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from stash_sense.errors import BadDatabase, Busy, Conflict, NoDatabase, WriteFailed
from stash_sense.facedb import layout
from stash_sense.facedb.database import FaceDatabase, current_version, read_manifest
from stash_sense.facedb.layout import Manifest
from stash_sense.facedb.writer import LOCK
from stash_sense.files import is_disk_full, replacement_of
from stash_sense.private_files import open_regular

ROLLED_BACK = "ROLLED-BACK"
"""Names the versions of the last rollback, from which and to which; it holds while the latter is in use."""


@dataclass(frozen=True, slots=True)
class Rollback:
    """A switch to another version. before: empty if CURRENT was unreadable. forward: undoes a rollback."""

    before: str
    after: Manifest
    forward: bool

    def as_json(self) -> dict[str, Any]:
        """As `database rollback --json` and `POST /database/rollback` say it."""
        return {
            "from": self.before,
            "to": self.after.version,
            "forward": self.forward,
            "people": self.after.people,
            "faces": self.after.faces,
            "built_at": self.after.built_at,
        }


def roll_back(place: Path, pack_fingerprint: str | None = None) -> Rollback:
    """Put the version that the last build replaced in use again; called again, go forward again.

    pack_fingerprint: of the networks in use, which the version must have been built with. Blocks.
    Raises Busy while a build runs, NoDatabase, Conflict where no other version is kept, BadDatabase where it
    is damaged or of another pack, WriteFailed; the version in use then stays.
    """
    with _locked(place):
        before = _current(place)
        origin = rolled_back_from(place)
        kept = _kept_versions(place, before)
        if not kept:
            if before is None:
                raise NoDatabase(f"{place}: no face database here yet, so there is none to go back to.")
            raise Conflict(
                f"{place}: only one version of the face database is here, so there is none to go back to. "
                "Each build that changes something keeps the version before it."
            )
        name = origin or (kept[0] if before else _first_whole(place, kept))
        with FaceDatabase.open_version(place / name) as database:
            manifest = database.manifest
        if pack_fingerprint is not None and manifest.pack_fingerprint != pack_fingerprint:
            raise BadDatabase(
                f"{place / name}: built with the model pack {manifest.pack}, whose networks differ from "
                "those in use, so it cannot be used. The current version stays."
            )
        forward = name == origin
        if not forward:  # first: it says nothing until the other version is in use
            with replacement_of(place / ROLLED_BACK) as note:
                note.write_text(json.dumps({"from": before, "to": name}), "utf-8")
        with replacement_of(place / layout.CURRENT) as pointer:
            pointer.write_text(name + "\n", "utf-8")
        if forward:
            end_rollback(place)
        return Rollback(before or "", manifest, forward)


def rolled_back_from(place: Path) -> str | None:
    """The newer version that the one in use was put in the place of, if that was the last thing done."""
    try:
        with open_regular(place / ROLLED_BACK) as file:
            versions = json.loads(file.read(1000))
        origin, in_use = versions["from"], versions["to"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    current = _current(place)
    return origin if in_use == current is not None and origin in _others(place, current) else None


def end_rollback(place: Path) -> None:
    """The version in use is wanted from now on. Where that cannot be noted, the rollback holds on."""
    with suppress(OSError):
        (place / ROLLED_BACK).unlink(missing_ok=True)


def previous_version(place: Path) -> str | None:
    """The name of the version that `roll_back` would put in use; None if there is none."""
    return rolled_back_from(place) or next(iter(_kept_versions(place, _current(place))), None)


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    if not place.is_dir():
        raise NoDatabase(f"{place}: no face database here yet, so there is none to go back to.")
    try:
        with FileLock(place / LOCK, timeout=0):
            yield
    except Timeout:
        raise Busy(f"{place}: a build is running here. Wait for it to end, then go back.") from None
    except OSError as error:
        raise _failure(place, error) from error


def _current(place: Path) -> str | None:
    try:
        return current_version(place)
    except BadDatabase:  # going back repairs it
        return None


def _kept_versions(place: Path, current: str | None) -> list[str]:
    """The versions older than the current one, newest first, then the newer ones, oldest first.

    A killed build may have left a version whole that was never in use: it is newer.
    """
    others = _others(place, current)
    older = [name for name in others if current is None or name < current]
    return [*reversed(older), *others[len(older) :]]


def _first_whole(place: Path, versions: Sequence[str]) -> str:
    """The first that opens; the last of them where none does."""
    for name in versions:
        with suppress(BadDatabase), FaceDatabase.open_version(place / name):
            return name
    return versions[-1]


def _others(place: Path, current: str | None) -> list[str]:
    """Versions other than the current one, oldest first."""
    names = []
    with suppress(OSError):
        for folder in place.iterdir():
            if folder.name in (current, "") or folder.name.startswith(".") or folder.is_symlink():
                continue
            with suppress(BadDatabase):
                read_manifest(folder)
                names.append(folder.name)
    return sorted(names)


def _failure(place: Path, error: OSError) -> WriteFailed:
    why = "no space left on the disk" if is_disk_full(error) else str(error)
    return WriteFailed(
        f"{place}: the face database could not be switched ({why}). The current version stays."
    )

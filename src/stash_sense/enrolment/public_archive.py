"""The files of a public face database: a folder of them, or a zip file that is unpacked into a folder.

A zip file comes from the internet. Only files of known names are unpacked, each under its own name; what else
is in there is left, and an archive that names a path outside of itself is refused as a whole.
"""

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from stash_sense.domain.progress import Progress
from stash_sense.errors import BadInput, NoSpace

MANIFEST = "manifest.json"
FACES = "faces.json"
PERFORMERS = "performers.json"
PERFORMERS_DB = "performers.db"
EMBEDDINGS = "face_embeddings.usearch"
VOYAGER = {"arcface": "face_arcface.voy", "facenet": "face_facenet.voy"}
LINKS = "links.json"
ALIASES = "aliases.json"

_KNOWN = {MANIFEST, FACES, PERFORMERS, PERFORMERS_DB, EMBEDDINGS, LINKS, ALIASES, *VOYAGER.values()}

MOST_MEMBERS = 1000
MOST_BYTES = 16 * 2**30
"""Of all files, unpacked: ten times the releases of 2026."""
MOST_JSON_BYTES = 512 * 2**20
MOST_RATIO = 200
"""Unpacked by packed bytes, above _SMALL: vectors hardly shrink, texts to a tenth."""
_SMALL = 2**20
_BLOCK = 2**20
_ENCRYPTED = 0x1
_AGAIN = "Download the release again."


@contextmanager
def release_files(path: Path, work: Path, progress: Progress) -> Iterator[dict[str, Path]]:
    """Name -> path of the release's files. work: a folder to unpack into, removed at the end.

    Raises BadInput, NoSpace, OSError.
    """
    if path.is_dir():
        yield _in_folder(path)
        return
    if not path.is_file():
        raise BadInput(f"{path}: not found. Give the zip file of a release, or the folder of its files.")
    try:
        work.mkdir()
        yield _unpacked(path, work, progress)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _in_folder(folder: Path) -> dict[str, Path]:
    candidates = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    for candidate in candidates:
        files = {name: candidate / name for name in sorted(_KNOWN) if (candidate / name).exists()}
        if files.keys() & {FACES, EMBEDDINGS}:
            break
    else:
        raise _no_release(folder)
    for name, file in files.items():
        if file.is_symlink() or not file.is_file():
            raise BadInput(f"{file}: a link or no file. Put the release's own {name} there.")
        _check_size(name, file.stat().st_size)
    return files


def _unpacked(path: Path, work: Path, progress: Progress) -> dict[str, Path]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(path, archive.infolist())
            total = sum(member.file_size for member in members.values())
            if shutil.disk_usage(work).free < total:
                raise NoSpace(
                    f"{path.name}: needs {total / 1e6:,.0f} MB beside the face database while it is "
                    "imported, and the disk has less. Free some space, then import again."
                )
            progress.start("Unpacking", total // _BLOCK + 1)
            done = 0
            for name, member in members.items():
                with archive.open(member) as source, (work / name).open("xb") as target:
                    while block := source.read(_BLOCK):
                        target.write(block)
                        done += len(block)
                        progress.update(done // _BLOCK)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        # RuntimeError: zipfile's own for what is packed in a way that it does not know.
        raise BadInput(f"{path.name}: a damaged zip file, or none ({error}). {_AGAIN}") from error
    return {name: work / name for name in members}


def _members(path: Path, listed: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    if len(listed) > MOST_MEMBERS:
        raise BadInput(f"{path.name}: {len(listed):,} files; a release has about six. {_AGAIN}")
    members: dict[str, zipfile.ZipInfo] = {}
    for member in listed:
        inside = PurePosixPath(member.filename.replace("\\", "/"))
        if inside.is_absolute() or ".." in inside.parts or ":" in inside.parts[0]:
            raise BadInput(f"{path.name}: names a path outside of itself, {member.filename[:80]!r}. {_AGAIN}")
        name = inside.name
        if member.is_dir() or name not in _KNOWN or len(inside.parts) > 2:
            continue
        if name in members:
            raise BadInput(f"{path.name}: has {name} twice. {_AGAIN}")
        _check_member(path, name, member)
        members[name] = member
    if sum(member.file_size for member in members.values()) > MOST_BYTES:
        raise BadInput(f"{path.name}: unpacks to more than {MOST_BYTES // 2**30} GB. {_AGAIN}")
    if not members.keys() & {FACES, EMBEDDINGS}:
        raise _no_release(path)
    return members


def _check_member(path: Path, name: str, member: zipfile.ZipInfo) -> None:
    if stat.S_ISLNK(member.external_attr >> 16):
        raise BadInput(f"{path.name}: {name} is a link. {_AGAIN}")
    if member.flag_bits & _ENCRYPTED:
        raise BadInput(f"{path.name}: {name} is encrypted. Unpack it, then import the folder.")
    ratio = member.file_size / max(member.compress_size, 1)
    if member.file_size > _SMALL and ratio > MOST_RATIO:
        raise BadInput(
            f"{path.name}: {name} unpacks to {ratio:,.0f} times its size, which no release does. {_AGAIN}"
        )
    _check_size(name, member.file_size)


def _check_size(name: str, size: int) -> None:
    most = MOST_JSON_BYTES if name.endswith(".json") else MOST_BYTES
    if size > most:
        raise BadInput(f"{name}: {size / 1e6:,.0f} MB, more than the {most / 1e6:,.0f} MB that are read.")


def _no_release(path: Path) -> BadInput:
    return BadInput(
        f"{path}: no release of a public face database. One has either {FACES}, {PERFORMERS} and "
        f"{' and '.join(VOYAGER.values())}, or {PERFORMERS_DB} and {EMBEDDINGS}."
    )

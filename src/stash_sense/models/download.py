"""Downloading a pack's files: resumed after an interruption, accepted only if the hash matches."""

import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

import httpx
from pydantic import ValidationError

from stash_sense.domain.progress import NO_PROGRESS, Progress
from stash_sense.errors import DownloadFailed, NoSpace
from stash_sense.files import explained_write_errors, move_into_place, sha256_of, write_atomically
from stash_sense.models.manifest import FrozenModel, PackFile, PackManifest, UrlSource
from stash_sense.models.prepare import pack_folder, pack_lock, resolve_manifest, source_path
from stash_sense.private_files import open_regular

log = logging.getLogger(__name__)

BUSY_WAIT_S = 1.0
"""After this, a second download of the same pack gives up."""


@dataclass(frozen=True)
class DownloadLimits:
    """Limits of a download.

    connect_s: to reach the server. stall_s: without a byte. total_s: for one file, all attempts together.
    attempts: in a row that bring nothing new. pause_s: before the next attempt, doubled each time.
    """

    connect_s: float = 10.0
    stall_s: float = 30.0
    total_s: float = 4 * 3600.0
    attempts: int = 4
    pause_s: float = 1.0


class _Dropped(Exception):
    """The connection ended early or the server is busy; the part so far is kept for the next attempt."""


class _WrongFile(DownloadFailed):
    """The server sends something else than the file; nothing of it is kept."""


class _Origin(FrozenModel):
    """Where a `.part` file comes from. validator: the server's ETag or modification time."""

    url: str
    sha256: str
    validator: str | None


class _Part:
    """The unfinished file next to its target, with a note of where it comes from."""

    def __init__(self, target: Path, url: str, sha256: str) -> None:
        self.target = target
        self.url = url
        self.sha256 = sha256
        self.path = target.with_name(f"{target.name}.part")
        self.note = target.with_name(f"{target.name}.part.json")

    def origin(self) -> _Origin | None:
        """The note; None unless it is of this file at this address."""
        try:
            origin = _Origin.model_validate_json(self.note.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        return origin if (origin.url, origin.sha256) == (self.url, self.sha256) else None

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def begin(self, validator: str | None) -> None:
        """Discard the former part and note the new origin."""
        self.discard()
        origin = _Origin(url=self.url, sha256=self.sha256, validator=validator)
        write_atomically(self.note, origin.model_dump_json().encode())

    def open(self) -> BinaryIO:
        """To write on at its end; no link is followed."""
        return open_regular(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def finish(self) -> None:
        with explained_write_errors(self.target):
            move_into_place(self.path, self.target)
            self.note.unlink(missing_ok=True)


def _validator(response: httpx.Response) -> str | None:
    """The value for If-Range: a strong ETag, else the modification time (RFC 9110, 13.1.5)."""
    etag = response.headers.get("etag", "")
    if etag and not etag.startswith("W/"):
        return str(etag)
    changed = response.headers.get("last-modified")
    return str(changed) if changed else None


def _starts_at(response: httpx.Response) -> tuple[int, int | None]:
    """The offset of the body's first byte, and the size of the whole file if the server states it."""
    if response.status_code == HTTPStatus.PARTIAL_CONTENT:
        unit, _, rest = response.headers.get("content-range", "").partition(" ")
        span, _, total = rest.partition("/")
        start = span.partition("-")[0]
        if unit != "bytes" or not start.isdigit():
            raise DownloadFailed(f"{response.url}: the server sent a part of the file without saying which.")
        return int(start), int(total) if total.isdigit() else None
    length = response.headers.get("content-length", "")
    return 0, int(length) if length.isdigit() else None


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise DownloadFailed(
                f"{response.url}: the server sent the file packed, although asked not to. Use another server."
            )
        return
    what = f"{response.url}: the server answered {status} {response.reason_phrase}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        raise _Dropped(what)
    raise DownloadFailed(f"{what}. Check the address and your connection, then try again.")


class _Fetch:
    """The download of one file."""

    def __init__(
        self, client: httpx.Client, file: PackFile, part: _Part, progress: Progress, limits: DownloadLimits
    ) -> None:
        self._client = client
        self._file = file
        self._part = part
        self._progress = progress
        self._limits = limits
        self._deadline = time.monotonic() + limits.total_s

    def _wrong_size(self, size: int) -> _WrongFile:
        return _WrongFile(
            f"{self._part.url}: the server offers {size} bytes or more where the manifest of this version "
            f"names {self._file.size}. Nothing was kept. Update Stash Sense, or report it."
        )

    def _check_free_space(self) -> None:
        folder, needed = self._part.target.parent, self._file.size - self._part.size
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise NoSpace(
                f"{folder}: {needed / 1e6:.0f} MB are needed for {self._file.name}, {free / 1e6:.0f} MB are "
                "free. Free some space, then try again."
            )

    @contextmanager
    def _request(self) -> Iterator[httpx.Response]:
        headers = {"Accept-Encoding": "identity"}
        origin = self._part.origin()
        if origin is None:
            self._part.discard()
        elif self._part.size:
            headers["Range"] = f"bytes={self._part.size}-"
            if origin.validator:
                headers["If-Range"] = origin.validator
        with self._client.stream("GET", self._part.url, headers=headers) as response:
            yield response

    def _receive(self, response: httpx.Response, out: BinaryIO) -> None:
        size = out.tell()
        for block in response.iter_raw():  # as they arrive, so that a dropped connection loses nothing
            size += len(block)
            if size > self._file.size:
                raise self._wrong_size(size)
            with explained_write_errors(self._part.path):
                out.write(block)
            self._progress.update(size)
            if time.monotonic() > self._deadline:
                raise DownloadFailed(
                    f"{self._part.url}: not done after {self._limits.total_s:.0f} s. "
                    "The part that arrived is kept: run the same command again to resume."
                )

    def _attempt(self) -> None:
        """Fetch what is missing. Raises _Dropped if another attempt may bring more."""
        try:
            with self._request() as response:
                if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    self._part.discard()
                    raise _Dropped(f"{self._part.url}: the server does not have the rest of this file.")
                _check_status(response)
                start, total = _starts_at(response)
                if total is not None and total != self._file.size:
                    raise self._wrong_size(total)
                if start != self._part.size or start == 0:
                    if start != 0:
                        self._part.discard()
                        raise _Dropped(
                            f"{self._part.url}: the server sent another part than the one requested."
                        )
                    self._part.begin(_validator(response))
                with explained_write_errors(self._part.path), self._part.open() as out:
                    self._receive(response, out)
        except httpx.TransportError as error:
            raise _Dropped(f"{self._part.url}: {str(error) or type(error).__name__}") from error
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise DownloadFailed(f"{self._part.url}: {error}. Check the address.") from error
        if self._part.size < self._file.size:
            raise _Dropped(f"{self._part.url}: the connection ended after {self._part.size} bytes.")

    def _fetch_all(self) -> None:
        """Retry until every byte is there; give up after several attempts in a row that bring none."""
        futile = 0
        while self._part.origin() is None or self._part.size < self._file.size:
            before = self._part.size
            try:
                self._attempt()
            except _Dropped as error:
                futile = 0 if self._part.size > before else futile + 1
                log.warning("%s", error)
                pause = self._limits.pause_s * 2**futile
                if futile >= self._limits.attempts or time.monotonic() + pause > self._deadline:
                    raise DownloadFailed(
                        f"{error} Gave up after several attempts; the part that arrived is kept: "
                        "run the same command again to resume."
                    ) from error
                time.sleep(pause)

    def run(self) -> None:
        """Fetch, verify and move the file into place. Raises DownloadFailed, NoSpace or CannotWrite."""
        self._check_free_space()
        self._progress.start(self._file.name, self._file.size)
        try:
            self._fetch_and_check()
        except _WrongFile:
            self._part.discard()
            raise
        self._part.finish()

    def _fetch_and_check(self) -> None:
        resumed = self._part.origin() is not None and self._part.size > 0
        self._fetch_all()
        if sha256_of(self._part.path) != self._file.sha256 and resumed:
            # The old part may be of another version of the file: start over once before failing.
            log.warning("%s: the resumed file does not match its hash, starting over", self._part.url)
            self._part.discard()
            self._fetch_all()
        if sha256_of(self._part.path) != self._file.sha256:
            raise _WrongFile(
                f"{self._part.url}: the file that arrived does not have the expected sha256 "
                f"({self._file.sha256[:12]}...). It was deleted. Try again; if it happens again, report it."
            )


def _is_complete(file: PackFile, path: Path) -> bool:
    return path.is_file() and path.stat().st_size == file.size and sha256_of(path) == file.sha256


def download_pack(
    pack: str | PackManifest,
    data_dir: Path,
    progress: Progress = NO_PROGRESS,
    *,
    limits: DownloadLimits | None = None,
) -> list[Path]:
    """Download the pack's files that are missing; return the paths of all that are downloaded.

    Each file is a stage of `progress`, counted in bytes. An interrupted download is resumed. Show
    `licence_text` first. Raises UnknownPack, DownloadFailed, NoSpace, CannotWrite, Busy.
    """
    manifest, bounds = resolve_manifest(pack), limits or DownloadLimits()
    folder = pack_folder(manifest.id, data_dir)
    paths: list[Path] = []
    if not manifest.downloads:
        return paths
    timeout = httpx.Timeout(bounds.stall_s, connect=bounds.connect_s)
    with (
        pack_lock(folder, "download", BUSY_WAIT_S),
        httpx.Client(timeout=timeout, follow_redirects=True) as client,
    ):
        for file in manifest.downloads:
            path = source_path(file, folder)
            if not _is_complete(file, path) and isinstance(file.source, UrlSource):
                part = _Part(path, file.source.url, file.sha256)
                _Fetch(client, file, part, progress, bounds).run()
            paths.append(path)
    return paths

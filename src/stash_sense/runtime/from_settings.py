"""Model packs, face databases, recognizers and Stash clients, built from Settings."""

import asyncio
import hashlib
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from stash_sense.domain.progress import Progress
from stash_sense.enrolment.calibrate import calibrate, embed_labelled, enrolled_faces
from stash_sense.enrolment.folder import build_from_folders
from stash_sense.enrolment.forgotten import ForgottenPeople
from stash_sense.enrolment.public import ImportReport, import_release
from stash_sense.enrolment.public_release import ImportingPack
from stash_sense.enrolment.report import BuildReport
from stash_sense.enrolment.stash import build_from_stash
from stash_sense.enrolment.stash_photos import fetch_pictures
from stash_sense.errors import BadDatabase, StashNotConfigured, StashSenseError
from stash_sense.facedb.database import FaceDatabase, current_version
from stash_sense.jobs.workers import WorkPool
from stash_sense.machine import usable_cores
from stash_sense.matching.calibration import Calibration
from stash_sense.media.formats import MediaLimits
from stash_sense.models.manifest import load_manifest, save_calibration
from stash_sense.models.prepare import prepare_pack
from stash_sense.recognition.recognizer import FaceRecognizer, LoadedPack, load_pack
from stash_sense.settings import Settings
from stash_sense.stash.address import StashAddress
from stash_sense.stash.client import StashClient
from stash_sense.stash.transport import DEFAULT_STASH_LIMITS, StashLimits

log = logging.getLogger(__name__)
DATABASE = "database"
PEOPLE_DATABASES = "people"
STATE = "stash_sense.db"
JOBS = "jobs.db"

DATABASE_POLL_S = 2.0
"""How often a newer database is looked for."""

PATIENT = replace(DEFAULT_STASH_LIMITS, total_s=150.0, retry_s=60.0)
"""For work of minutes or hours, which waits for a Stash that is being restarted."""


class Engine:
    """The model pack of the settings, opened once, and recognizers over their newest face database."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pack: LoadedPack | None = None
        self._pack_lock = threading.Lock()
        self._tried: str | None = None

    def pack(self) -> LoadedPack:
        """The model pack, with or without a database. Blocks. Raises what `open_pack` raises."""
        with self._pack_lock:
            if self._pack is None:
                self._pack = open_pack(self._settings)
            return self._pack

    async def close(self) -> None:
        """Let go of the networks; a closed sidecar may outlive its use, and they are most of its memory."""
        with self._pack_lock:
            self._pack = None

    async def newest_recognizer(self, current: FaceRecognizer | None) -> FaceRecognizer:
        """`current` if its database is still the newest, else a new one for the caller to close.

        Raises NoDatabase, BadDatabase, and what `open_pack` raises.
        """
        return await asyncio.to_thread(self._newest_recognizer, current)

    async def database_changed(self) -> None:
        """Return once the newest database is another than `newest_recognizer` last tried."""
        while await asyncio.to_thread(self._newest_version) == self._tried:  # noqa: ASYNC110 - a file on disk
            await asyncio.sleep(DATABASE_POLL_S)

    def _newest_recognizer(self, current: FaceRecognizer | None) -> FaceRecognizer:
        self._tried = self._newest_version()
        if current and current.database.manifest.version == self._tried:
            return current
        recognizer = open_recognizer(self.pack(), database_dir(self._settings))
        manifest = recognizer.database.manifest
        log.info("%s people, %s faces are in use", f"{manifest.people:,}", f"{manifest.faces:,}")
        return recognizer

    def _newest_version(self) -> str | None:
        try:
            return current_version(database_dir(self._settings))
        except BadDatabase:  # opening it says why
            return None


def open_pack(settings: Settings) -> LoadedPack:
    """The model pack of the settings, prepared if it is not yet."""
    return load_pack(prepare_pack(settings.pack, settings.data_dir))


def calibrate_pack(
    settings: Settings, folders: Sequence[Path], progress: Progress
) -> tuple[Path, Calibration]:
    """Measure the settings' pack on labelled people and keep the result with it; where, and the result.

    folders: of people; without any, the enrolled people are taken. Raises BadInput, NoDatabase.
    """
    # Not open_pack: an unreadable calibration must not keep its own replacement from being made.
    pack = load_pack(prepare_pack(settings.pack, settings.data_dir, user_calibration=False))
    if folders:
        parts = [embed_labelled(folder, pack, progress, settings.workers) for folder in folders]
        calibration = calibrate(parts, pack)
    else:
        with FaceDatabase.open(database_dir(settings)) as database:
            calibration = calibrate([enrolled_faces(database, pack)], pack)
    path = save_calibration(pack.id, settings.data_dir, pack.fingerprint, calibration.model_dump())
    return path, calibration


def database_dir(settings: Settings) -> Path:
    """The folder of the database that `stash-sense database build` writes."""
    return settings.data_dir / DATABASE


def state_file(settings: Settings) -> Path:
    """The file of everything recognised, decided and tagged."""
    return settings.data_dir / STATE


def jobs_file(settings: Settings) -> Path:
    """The file of the list of jobs."""
    return settings.data_dir / JOBS


def worker_count(settings: Settings) -> int:
    """How many pictures are analysed in parallel."""
    return settings.workers or usable_cores()


def media_limits(settings: Settings) -> MediaLimits:
    """The bytes and pixels accepted of a picture."""
    return MediaLimits(file_bytes=settings.max_bytes, pixels=settings.max_pixels)


def people_database_dir(settings: Settings, folders: Sequence[Path]) -> Path:
    """The folder of the database made for these people folders; the same for the same folders."""
    names = "\0".join(sorted(str(folder.resolve()) for folder in folders))
    digest = hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return settings.data_dir / PEOPLE_DATABASES / digest


def enrol(
    settings: Settings,
    folders: Sequence[Path],
    directory: Path,
    pack: LoadedPack,
    progress: Progress,
    *,
    allow_empty: bool = False,
) -> BuildReport:
    """Bring the database in `directory` up to date with people folders, reusing embeddings of all others.

    Raises what `build_from_folders` raises.
    """
    forgotten = ForgottenPeople.read(database_dir(settings))
    if forgotten.people:
        forgotten.write(directory)
    with ExitStack() as stack:
        others = [stack.enter_context(other) for other in _others(settings, directory)]
        return build_from_folders(
            folders,
            directory,
            pack,
            progress,
            reuse=others,
            workers=worker_count(settings),
            allow_empty=allow_empty,
        )


def import_public(
    settings: Settings, path: Path, progress: Progress, *, allow_empty: bool = False
) -> ImportReport:
    """Import a release of a public face database into the settings' database.

    The networks are not needed for this, only what their pack is. Raises what `import_release` raises.
    """
    manifest = load_manifest(settings.pack)
    dimensions: dict[str, int] = {
        slot: embedder.dimension for slot, embedder in manifest.slots.filled.items()
    }
    pack = ImportingPack(manifest.id, manifest.fingerprint, manifest.releases, dimensions)
    return import_release(path, database_dir(settings), pack, progress, allow_empty=allow_empty)


async def enrol_from_stash(
    settings: Settings,
    pack: LoadedPack,
    progress: Progress,
    *,
    with_images: bool = False,
    with_scenes: bool = False,
    allow_empty: bool = False,
    max_pictures: int = 0,
) -> tuple[BuildReport, dict[str, bytes]]:
    """Bring the settings' database up to date with the performers of their Stash.

    Returns the report, and by path at most `max_pictures` of the photos that were set aside.
    Raises what `open_stash` and `build_from_stash` raise.
    """
    pool = WorkPool(worker_count(settings), 1)
    try:
        async with open_stash(settings, replace(PATIENT, media_bytes=settings.max_bytes)) as client:
            impatient = client.with_limits(DEFAULT_STASH_LIMITS)
            await impatient.status()  # fails at once if Stash is down from the start
            report = await build_from_stash(
                client,
                database_dir(settings),
                pack,
                progress,
                pool=pool,
                with_images=with_images,
                with_scenes=with_scenes,
                allow_empty=allow_empty,
                limits=media_limits(settings),
            )
            photos = [*report.quarantined, *report.skipped][:max_pictures]
            return report, await fetch_pictures(client, [photo.path for photo in photos])
    finally:
        pool.close(settings.stop_seconds)


def open_recognizer(pack: LoadedPack, directory: Path) -> FaceRecognizer:
    """A recognizer over the database in `directory`, for the caller to close.

    Raises NoDatabase, BadDatabase.
    """
    database = FaceDatabase.open(directory)
    if database.manifest.pack_fingerprint != pack.fingerprint:
        database.close()
        raise BadDatabase(
            f"{directory}: built with the model pack {database.manifest.pack}, whose networks differ from "
            f"those of the {pack.id} in use, so embeddings cannot be compared. Build it again: "
            "`stash-sense database build --people FOLDER`."
        )
    return FaceRecognizer(pack, database)


@contextmanager
def recognizer(pack: LoadedPack, directory: Path) -> Iterator[FaceRecognizer]:
    """A recognizer over the database in `directory`, closed at the end. Raises NoDatabase, BadDatabase."""
    opened = open_recognizer(pack, directory)
    with opened.database:
        yield opened


def open_stash(settings: Settings, limits: StashLimits = DEFAULT_STASH_LIMITS) -> StashClient:
    """A client for the caller to close. Raises StashNotConfigured, BadInput, StashKeyRefused."""
    if not settings.stash_url:
        raise stash_not_configured()
    return StashClient(settings.stash_url, settings.stash_api_key.get_secret_value(), limits)


def stash_address(settings: Settings) -> str:
    """The address of the settings' Stash, without a password."""
    return str(StashAddress.parse(settings.stash_url))


def stash_not_configured() -> StashNotConfigured:
    """STASH_URL is set to empty, and how to change that."""
    return StashNotConfigured(
        "No Stash is set up here. Set STASH_URL to its address as in the browser (http://host:9999), and "
        "STASH_API_KEY if it asks for a login; then start Stash Sense again."
    )


def _others(settings: Settings, directory: Path) -> Iterator[FaceDatabase]:
    directories = [database_dir(settings)]
    if (settings.data_dir / PEOPLE_DATABASES).is_dir():
        directories += sorted((settings.data_dir / PEOPLE_DATABASES).iterdir())
    for other in directories:
        if other == directory:
            continue
        try:
            yield FaceDatabase.open(other)
        except StashSenseError:
            continue  # only a source of embeddings: what cannot be reused is computed again

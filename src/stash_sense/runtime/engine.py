"""Model packs, face databases and recognizers, from Settings."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from stash_sense.domain.progress import Progress
from stash_sense.enrolment.calibrate import calibrate
from stash_sense.enrolment.folder import BuildReport, build_from_folders
from stash_sense.errors import BadDatabase, StashSenseError
from stash_sense.facedb.database import FaceDatabase
from stash_sense.matching.calibration import Calibration
from stash_sense.media.limits import MediaLimits
from stash_sense.models.prepare import prepare
from stash_sense.models.user_calibration import keep_calibration
from stash_sense.recognition.recognizer import FaceRecognizer, LoadedPack, load_pack
from stash_sense.settings import Settings

PEOPLE_DATABASES = "people"


DATABASE = "database"


STATE = "stash_sense.db"


JOBS = "jobs.db"


def open_pack(settings: Settings) -> LoadedPack:
    """The model pack of the settings, prepared where it is not yet."""
    return load_pack(prepare(settings.pack, settings.data_dir))


def calibrate_pack(
    settings: Settings, folders: Sequence[Path], progress: Progress
) -> tuple[Path, Calibration]:
    """Measure the settings' pack on labelled people and keep the result with it; where, and the result."""
    # Not open_pack: an unreadable calibration must not keep its own replacement from being made.
    pack = load_pack(prepare(settings.pack, settings.data_dir, with_own_calibration=False))
    calibration = calibrate(folders, pack, progress)
    return keep_calibration(
        pack.id, settings.data_dir, pack.fingerprint, calibration.model_dump()
    ), calibration


def database_place(settings: Settings) -> Path:
    """Where the database of `stash-sense database build` lies."""
    return settings.data_dir / DATABASE


def state_file(settings: Settings) -> Path:
    """Where everything recognised, decided and tagged is kept."""
    return settings.data_dir / STATE


def jobs_file(settings: Settings) -> Path:
    """Where the list of jobs is kept."""
    return settings.data_dir / JOBS


def media_limits(settings: Settings) -> MediaLimits:
    """What is accepted of a picture."""
    return MediaLimits(file_bytes=settings.max_bytes, pixels=settings.max_pixels)


def folders_place(settings: Settings, folders: Sequence[Path]) -> Path:
    """Where the database made for these people folders lies; the same folders, the same place."""
    names = "\0".join(sorted(str(folder.resolve()) for folder in folders))
    digest = hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return settings.data_dir / PEOPLE_DATABASES / digest


def enrol(
    settings: Settings, folders: Sequence[Path], place: Path, pack: LoadedPack, progress: Progress
) -> BuildReport:
    """Bring the database at `place` up to date with people folders, reusing all others' embeddings."""
    with ExitStack() as stack:
        others = [stack.enter_context(other) for other in _others(settings, place)]
        return build_from_folders(folders, place, pack, progress, reuse=others)


def open_recognizer(pack: LoadedPack, place: Path) -> FaceRecognizer:
    """A recognizer over the database at `place`, for the caller to close. Raises NoDatabase, BadDatabase."""
    database = FaceDatabase.open(place)
    if database.manifest.pack_fingerprint != pack.fingerprint:
        database.close()
        raise BadDatabase(
            f"{place}: built with the model pack {database.manifest.pack} in another state than the "
            f"{pack.id} in use; their faces do not compare. Build it again: "
            "`stash-sense database build --people FOLDER`."
        )
    return FaceRecognizer(pack, database)


@contextmanager
def recognizer(pack: LoadedPack, place: Path) -> Iterator[FaceRecognizer]:
    """A recognizer over the database at `place`, closed at the end. Raises NoDatabase, BadDatabase."""
    opened = open_recognizer(pack, place)
    with opened.database:
        yield opened


def _others(settings: Settings, place: Path) -> Iterator[FaceDatabase]:
    places = [database_place(settings)]
    if (settings.data_dir / PEOPLE_DATABASES).is_dir():
        places += sorted((settings.data_dir / PEOPLE_DATABASES).iterdir())
    for other in places:
        if other == place:
            continue
        try:
            yield FaceDatabase.open(other)
        except StashSenseError:
            continue  # only a source of embeddings: what cannot be opened is embedded anew

"""Bringing the settings' face database up to date with every source it was made from."""

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stash_sense.domain.progress import Progress
from stash_sense.enrolment.folder import folder_report_json
from stash_sense.enrolment.source_ids import DECISIONS, SourceUpdate, update_sources
from stash_sense.enrolment.stash import stash_report_json
from stash_sense.enrolment.stash_boxes import source_host
from stash_sense.errors import Cancelled
from stash_sense.facedb.database import FaceDatabase
from stash_sense.recognition.recognizer import LoadedPack
from stash_sense.runtime.from_settings import database_dir, enrol, enrol_from_stash
from stash_sense.runtime.learning import learn_from_command
from stash_sense.runtime.stash_boxes import enrol_from_box
from stash_sense.settings import Settings


def sources_in_use(settings: Settings) -> tuple[str, ...]:
    """The sources of the settings' face database, as it names them, and decisions where these are learned.

    Raises NoDatabase, BadDatabase.
    """
    with FaceDatabase.open(database_dir(settings)) as database:
        sources = database.manifest.sources
    learns = settings.learn_decisions and DECISIONS not in sources
    return (*sources, DECISIONS) if learns else sources


async def update_all(
    settings: Settings, pack: LoadedPack, progress: Progress, *, allow_empty: bool = False
) -> list[SourceUpdate]:
    """Bring every source up to date from a command. Raises what `update_sources` raises, NoDatabase."""

    async def from_stash(_: str) -> Mapping[str, Any]:
        report, _pictures = await enrol_from_stash(settings, pack, progress, allow_empty=allow_empty)
        return stash_report_json(report)

    async def from_folder(source: str) -> Mapping[str, Any]:
        return await update_folder(settings, source, pack, progress, allow_empty=allow_empty)

    async def from_stash_box(source: str) -> Mapping[str, Any]:
        report = await enrol_from_box(settings, source_host(source), pack, progress, allow_empty=allow_empty)
        return report.as_json()

    async def from_decisions(_: str) -> Mapping[str, Any]:
        return await learn_from_command(settings, pack, progress)

    return await update_sources(
        sources_in_use(settings),
        {
            "stash": from_stash,
            "stash-box": from_stash_box,
            "folder": from_folder,
            "decisions": from_decisions,
        },
    )


async def update_folder(
    settings: Settings, source: str, pack: LoadedPack, progress: Progress, *, allow_empty: bool = False
) -> Mapping[str, Any]:
    """Bring one people folder up to date in a thread; cancelled, the build ends without a new version.

    Raises what `enrol` raises.
    """
    stoppable = _Stoppable(progress)

    def build() -> Mapping[str, Any]:
        report = enrol(
            settings, [Path(source)], database_dir(settings), pack, stoppable, allow_empty=allow_empty
        )
        return folder_report_json(report)

    building = asyncio.ensure_future(asyncio.to_thread(build))
    try:
        return await asyncio.shield(building)
    except asyncio.CancelledError:
        stoppable.stop.set()
        await asyncio.wait({building})
        building.exception()  # nobody waits for it
        raise


class _Stoppable:
    """Progress that ends the work once `stop` is set."""

    def __init__(self, progress: Progress) -> None:
        self.stop = threading.Event()
        self._progress = progress

    def start(self, stage: str, total: int) -> None:
        """See Progress."""
        self._check()
        self._progress.start(stage, total)

    def update(self, done: int, *, faces: int = 0, people: int = 0) -> None:
        """See Progress."""
        self._check()
        self._progress.update(done, faces=faces, people=people)

    def problem(self, message: str) -> None:
        """See Progress."""
        self._progress.problem(message)

    def _check(self) -> None:
        if self.stop.is_set():
            raise Cancelled("The update was stopped.")

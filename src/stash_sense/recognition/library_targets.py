"""One gallery, one scene or some images as a part of the library: what fails there ends nothing else."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Literal

from stash_sense.errors import (
    EngineError,
    NotAnalysed,
    NotInStash,
    OutageTooLong,
    ShuttingDown,
    StashKeyRefused,
    StashSenseError,
    StateBusy,
    StateError,
)
from stash_sense.recognition.gallery import identify_gallery
from stash_sense.recognition.library_images import (
    MOST_ENDS,
    LibraryFailures,
    LooseImages,
    ended_too_often,
)
from stash_sense.recognition.library_lookup import LibraryLookup
from stash_sense.recognition.library_report import LibraryReport, PartProgress
from stash_sense.recognition.parameters import ImageTask, RunParameters, Tools
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.scene import identify_scene
from stash_sense.recognition.state_access import StateAccess
from stash_sense.stash.outage import OutageLimits, ResilientStash

log = logging.getLogger(__name__)

STORAGE_PAUSE_S = 5.0
"""How long to wait before something is stored again that could not be, as on a full disk."""

_FATAL = (StashKeyRefused, OutageTooLong, StateError, StateBusy, ShuttingDown, EngineError)


class LibraryTargets:
    """Identifies one after another. stash: waits through an outage; limits: how long."""

    def __init__(
        self,
        recognizer: FaceRecognizer,
        parameters: RunParameters,
        tools: Tools,
        stash: ResilientStash,
        limits: OutageLimits,
        lookup: LibraryLookup,
        access: StateAccess,
        report: LibraryReport,
    ) -> None:
        self._recognizer = recognizer
        self._parameters = parameters
        self._tools = tools
        self._stash = stash
        self._limits = limits
        self._lookup = lookup
        self._access = access
        self._report = report

    async def gallery(self, gallery_id: str, total: int, stored: int) -> None:
        """A gallery of so many images, so many of them with a stored result. Raises what ends the job."""

        async def identify(progress: PartProgress) -> None:
            failures = LibraryFailures(progress)
            try:
                answer = await identify_gallery(
                    gallery_id,
                    self._recognizer,
                    self._parameters.options,
                    self._tools,
                    progress,
                    outage_limits=self._limits,
                    on_failure=failures.add,
                    live=False,
                )
            finally:
                await asyncio.to_thread(failures.store, self._tools.state)
            self._report.count("galleries")
            self._report.count("images", answer.images_processed)
            self._report.count("faces", answer.faces_detected)
            self._report.people(performer.performer_id for performer in answer.performers)

        await self._target("gallery", gallery_id, total, identify, stored)

    async def images(self, tasks: Sequence[ImageTask]) -> None:
        """Images by themselves. Raises what ends the job."""
        if not tasks:
            return

        async def identify(progress: PartProgress) -> None:
            run = LooseImages(self._recognizer, self._parameters, self._tools, progress, self._limits.state_s)
            await run.identify(tasks, self._stash)

        with self._report.part("images", len(tasks)) as progress:
            await self._storing(partial(identify, progress), progress)

    async def scene(self, scene_id: str, stored: int) -> None:
        """A scene, so many frames of which are stored. Raises what ends the job."""

        async def identify(progress: PartProgress) -> None:
            answer = await identify_scene(
                scene_id,
                self._recognizer,
                self._parameters.options,
                self._tools,
                progress,
                outage_limits=self._limits,
            )
            self._report.count("scenes")
            self._report.count("faces", answer.faces_detected)
            self._report.people(person["performer_id"] for person in answer.persons)

        await self._target("scene", scene_id, 0, identify, stored)

    async def _target(
        self,
        kind: Literal["gallery", "scene"],
        target_id: str,
        total: int,
        identify: Callable[[PartProgress], Awaitable[None]],
        stored: int,
    ) -> None:
        """Identify a target; what it alone is to blame for ends nothing else. stored: of it, before."""
        state = self._tools.state
        ends = await self._access.read(partial(state.begin_work, kind, [target_id], stored))
        target = f"{kind}:{target_id}"
        if ends >= MOST_ENDS:
            self._report.failed(target, ended_too_often(f"{kind.capitalize()} {target_id}"))
            return
        try:
            with self._report.part(target, total) as progress:
                await self._storing(partial(identify, progress), progress)
        except asyncio.CancelledError:
            await asyncio.shield(
                asyncio.to_thread(self._access.write, partial(state.rest_work, kind, [target_id]))
            )
            raise
        except NotInStash:
            await self._lookup.forget(kind, [target_id])
        except _FATAL:
            self._access.write(partial(state.rest_work, kind, [target_id]))
            raise
        except StashSenseError as error:
            self._report.failed(target, error)
        except Exception:  # logged, and an error of that target: a bug must not cost the library
            log.exception("%s could not be identified", target)
            self._report.failed(target, NotAnalysed(f"{target}: Stash Sense failed at it; the log says how."))
        await self._access.read(partial(state.end_work, kind, [target_id]))

    async def _storing(self, work: Callable[[], Awaitable[None]], progress: PartProgress) -> None:
        """Do the work, again while nothing can be stored. Raises what keeps it from that after a while."""
        deadline = asyncio.get_running_loop().time() + self._limits.state_s
        while True:
            try:
                return await work()
            except (StateError, StateBusy) as error:
                if asyncio.get_running_loop().time() >= deadline:
                    raise
                log.warning("the library's job waits until it can store: %s", error)
            progress.storage_error = None
            await asyncio.sleep(min(STORAGE_PAUSE_S, self._limits.state_s))

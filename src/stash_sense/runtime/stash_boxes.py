"""Building the settings' face database from a stash-box of their Stash."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from stash_sense.domain.identity import endpoint_host
from stash_sense.domain.progress import Progress
from stash_sense.enrolment.box_report import StashBoxReport
from stash_sense.enrolment.stash_boxes import (
    BoxEstimate,
    build_from_stash_box,
    choose_stash_box,
    estimate_box,
    requests_per_minute,
)
from stash_sense.errors import NobodyToEnrol
from stash_sense.jobs.own_loop import run_on_own_loop
from stash_sense.jobs.run import JobProgress
from stash_sense.jobs.workers import WorkPool
from stash_sense.recognition.recognizer import LoadedPack
from stash_sense.runtime.from_settings import (
    PATIENT,
    database_dir,
    media_limits,
    open_stash,
    worker_count,
)
from stash_sense.runtime.services import LISTED_REFUSALS, Services
from stash_sense.settings import Settings
from stash_sense.stash.client import StashClient
from stash_sense.stash.transport import DEFAULT_STASH_LIMITS
from stash_sense.stash.types import StashBoxAccess
from stash_sense.stashbox.client import DEFAULT_BOX_LIMITS, StashBoxClient
from stash_sense.stashbox.rate import RequestRate

REQUESTS = "stash-boxes"
"""The folder of the times at which each stash-box was asked."""

OnPause = Callable[[str], None]
"""Told why, and for how long, a stash-box is not asked."""


async def build_from_box(
    settings: Settings,
    stash: StashClient,
    name: str,
    pack: LoadedPack,
    progress: Progress,
    *,
    pool: WorkPool,
    whole: bool = False,
    allow_empty: bool = False,
    on_pause: OnPause | None = None,
) -> StashBoxReport:
    """Bring the settings' face database up to date with a stash-box, named by endpoint, host or name.

    whole: everybody of the box, after people of the library, who are then already in use; takes what
    `estimate_whole_box` says. on_pause: told of long pauses that the box asks for; else `progress` is.
    Raises NoSuchStashBox, and what `build_from_stash_box` raises.
    """
    access = choose_stash_box(await stash.stash_box_access(), name)
    async with _open_stash_box(settings, access, on_pause or progress.problem) as box:

        async def build(*, whole: bool) -> StashBoxReport:
            return await build_from_stash_box(
                stash,
                box,
                access.endpoint,
                database_dir(settings),
                pack,
                progress,
                pool=pool,
                whole=whole,
                allow_empty=allow_empty,
                limits=media_limits(settings),
            )

        if not whole:
            return await build(whole=False)
        added = updated = 0
        with suppress(NobodyToEnrol):
            library = await build(whole=False)
            added, updated = library.added, library.updated
        everybody = await build(whole=True)
        return replace(everybody, added=everybody.added + added, updated=everybody.updated + updated)


async def estimate_whole_box(settings: Settings, name: str) -> tuple[StashBoxAccess, BoxEstimate]:
    """The box of this name, and what all of it takes. Raises NoSuchStashBox, StashBoxErrors."""
    async with open_stash(settings) as stash:
        access = choose_stash_box(await stash.stash_box_access(), name)
    async with _open_stash_box(settings, access, lambda _: None) as box:
        return access, await estimate_box(box, requests_per_minute(access))


async def enrol_from_box(
    settings: Settings,
    name: str,
    pack: LoadedPack,
    progress: Progress,
    *,
    whole: bool = False,
    allow_empty: bool = False,
    on_pause: OnPause | None = None,
) -> StashBoxReport:
    """`build_from_box` for a command, with a pool and connections of its own."""
    pool = WorkPool(worker_count(settings), 1)
    try:
        async with open_stash(settings, PATIENT) as stash:
            await stash.with_limits(DEFAULT_STASH_LIMITS).status()  # fails at once if Stash is down
            return await build_from_box(
                settings,
                stash,
                name,
                pack,
                progress,
                pool=pool,
                whole=whole,
                allow_empty=allow_empty,
                on_pause=on_pause,
            )
    finally:
        pool.close(settings.stop_seconds)


@asynccontextmanager
async def _open_stash_box(
    settings: Settings, access: StashBoxAccess, on_pause: OnPause
) -> AsyncIterator[StashBoxClient]:
    """A client with the key that Stash has for the box, which counts its requests in the data folder."""
    limits = replace(DEFAULT_BOX_LIMITS, media_bytes=settings.max_bytes)
    per_minute = requests_per_minute(access)
    times = settings.data_dir / REQUESTS / f"{quote(endpoint_host(access.endpoint), safe='')}.times"
    rate = RequestRate(per_minute, times)
    async with StashBoxClient(access.endpoint, access.api_key, rate, limits, on_pause) as box:
        yield box


async def build_in_job(
    services: Services, progress: JobProgress, name: str, allow_empty: bool
) -> Mapping[str, Any]:
    """`build_from_box` in a job, on a loop of its own, and the new version in use."""
    services.require_stash()
    pack = await asyncio.to_thread(services.engine.pack)

    async def build() -> Mapping[str, Any]:
        async with open_stash(services.settings, PATIENT) as stash:
            report = await build_from_box(
                services.settings, stash, name, pack, progress, pool=services.pool, allow_empty=allow_empty
            )
            return report.as_json(LISTED_REFUSALS)

    result = await run_on_own_loop(build, "database")
    await services.use_newest_database()
    return result

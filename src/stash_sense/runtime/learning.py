"""Learning faces that a person confirmed: the face database's source `decisions`, brought up to date."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from stash_sense.domain.faces import FaceId, SceneFaceId
from stash_sense.domain.progress import Progress
from stash_sense.enrolment.decisions import CropOf, build_from_decisions, decisions_report_json
from stash_sense.errors import NotInStash, StashError, StashSenseError
from stash_sense.jobs.workers import WorkPool
from stash_sense.recognition.crops import face_crop
from stash_sense.recognition.recognizer import LoadedPack
from stash_sense.runtime.from_settings import database_dir, media_limits, open_stash, state_file
from stash_sense.runtime.services import LISTED_REFUSALS, AsyncState, Services
from stash_sense.settings import Settings
from stash_sense.stash.client import StashClient


async def learn_in_job(services: Services, progress: Progress) -> Mapping[str, Any]:
    """Bring what was learned from decisions up to date in a job, and use the new version."""
    pack = await asyncio.to_thread(services.engine.pack)
    state = await services.current_state()
    result = await _learn(services.settings, state, services.stash, services.pool, pack, progress)
    await services.use_newest_database()
    return result


async def learn_from_command(settings: Settings, pack: LoadedPack, progress: Progress) -> Mapping[str, Any]:
    """The same for a command, with the state, a pool and connections of its own. Raises StateErrors."""
    async with AsyncExitStack() as stack:
        state = await asyncio.to_thread(AsyncState, state_file(settings))
        stack.push_async_callback(asyncio.to_thread, state.close)
        pool = WorkPool(1, 1)
        stack.callback(pool.close, settings.stop_seconds)
        stash = await stack.enter_async_context(open_stash(settings)) if settings.stash_url else None
        return await _learn(settings, state, stash, pool, pack, progress)


async def _learn(
    settings: Settings,
    state: AsyncState,
    stash: StashClient | None,
    pool: WorkPool,
    pack: LoadedPack,
    progress: Progress,
) -> Mapping[str, Any]:
    report = await build_from_decisions(
        state.store,
        database_dir(settings),
        pack,
        progress,
        _crops(settings, state, stash, pool),
        learn=settings.learn_decisions,
    )
    return decisions_report_json(report, LISTED_REFUSALS)


def _crops(settings: Settings, state: AsyncState, stash: StashClient | None, pool: WorkPool) -> CropOf:
    """Reads crops until Stash turns out to be away; a reference without one is as good a reference."""
    away = stash is None

    async def crop_of(face_id: FaceId) -> bytes:
        nonlocal away
        try:
            if isinstance(face_id, SceneFaceId):
                return await state.run(lambda store: store.get_scene_crop(face_id.number)) or b""
            if stash is None or away:
                return b""
            return await face_crop(str(face_id), state, stash, pool, media_limits(settings))
        except StashSenseError as error:
            away |= isinstance(error, StashError) and not isinstance(error, NotInStash)
            return b""

    return crop_of

from dataclasses import replace

from stash_sense.enrolment.stash import Report, build_from_stash
from stash_sense.enrolment.stash_write import StashBuild
from stash_sense.jobs.workers import WorkPool
from stash_sense.recognition.analysis import workers
from stash_sense.recognition.recognizer import LoadedPack
from stash_sense.runtime.engine import database_place, media_limits
from stash_sense.runtime.stash_watch import not_configured
from stash_sense.settings import Settings
from stash_sense.stash.client import StashClient
from stash_sense.stash.transport import DEFAULT_LIMITS, Limits

PATIENT = replace(DEFAULT_LIMITS, total_s=150.0, retry_s=60.0)
"""For work of minutes or hours: a Stash that is restarted meanwhile is waited for."""


def open_stash(settings: Settings, limits: Limits = DEFAULT_LIMITS) -> StashClient:
    """A client for the caller to close. Raises StashNotConfigured, BadAddress, KeyRefused."""
    if not settings.stash_url:
        raise not_configured()
    return StashClient(settings.stash_url, settings.stash_api_key.get_secret_value(), limits)


async def enrol_from_stash(
    settings: Settings, pack: LoadedPack, report: Report, *, with_images: bool = False
) -> StashBuild:
    """Bring the database of the settings up to date with the performers of their Stash, on all cores.

    Raises what `build_from_stash` raises.
    """
    pool = WorkPool(settings.workers or workers(), 1)
    try:
        async with open_stash(settings, replace(PATIENT, media_bytes=settings.max_bytes)) as client:
            await client.with_limits(DEFAULT_LIMITS).status()  # where it is away from the first, nobody waits
            return await build_from_stash(
                client,
                database_place(settings),
                pack,
                report,
                pool=pool,
                with_images=with_images,
                limits=media_limits(settings),
            )
    finally:
        pool.close(settings.stop_seconds)

"""What Stash last said of itself, asked every so often."""

from stash_sense.errors import StashError, StashNotReady
from stash_sense.runtime.from_settings import stash_not_configured
from stash_sense.runtime.supervisor import Supervised
from stash_sense.stash.client import StashClient
from stash_sense.stash.transport import StashLimits
from stash_sense.stash.types import StashStatus

STASH_RECHECK_S, STASH_RETRY_S = 30.0, 5.0
_QUICK = StashLimits(connect_s=3.0, stall_s=5.0, total_s=8.0, retry_s=0.0, attempts=1)
_READY = "OK"


def supervised_stash_status(stash: StashClient | None) -> Supervised[StashStatus]:
    """The status, as last seen. stash: None if STASH_URL is set to empty."""
    quick = stash.with_limits(_QUICK) if stash else None

    async def check(_: StashStatus | None) -> StashStatus:
        if quick is None:
            raise stash_not_configured()
        status = await quick.status()
        if status.status != _READY:
            raise StashNotReady(
                f"Stash says {status.status[:40]}. Open it in a browser and do what it asks for."
            )
        return status

    return Supervised(
        "the connection to Stash",
        check,
        problem=None if stash else stash_not_configured(),  # counts as there until the first check is over
        failure=StashError,
        wait_s=STASH_RETRY_S,
        retry_s=STASH_RETRY_S,
        recheck_s=STASH_RECHECK_S,
    )

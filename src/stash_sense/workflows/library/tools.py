"""What the work on a Stash's library is done with."""

from dataclasses import dataclass

from stash_sense.jobs import WorkPool
from stash_sense.media import DEFAULT_LIMITS, MediaLimits
from stash_sense.stash import StashClient
from stash_sense.store import RecommendationsDB


@dataclass(frozen=True, slots=True)
class Tools:
    """stash: with the limits that the work may take. media: what is accepted of a picture."""

    stash: StashClient
    state: RecommendationsDB
    pool: WorkPool
    media: MediaLimits = DEFAULT_LIMITS

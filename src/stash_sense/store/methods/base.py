"""What every group of methods stands on."""

from pathlib import Path

from stash_sense.store.pool import Pool


class Methods:
    """Holds the connections; RecommendationsDB sets both."""

    path: Path
    _pool: Pool

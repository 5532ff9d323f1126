"""The public name of the state: `from stash_sense.recommendations_db import RecommendationsDB`."""

from stash_sense.store.database import RecommendationsDB

__all__ = ["RecommendationsDB"]

"""What is suggested, and who is matched."""

from typing import Any

from stash_sense.domain.decisions import StoredMatch
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.suggestion_list import SuggestionQuery
from stash_sense.store.repositories.suggestions import SEEN

Found = set[tuple[str, str, str]]


def match(local_id: str, distance: float = 0.2) -> StoredMatch:
    """A match of a performer that only this Stash knows."""
    return StoredMatch(f"local:{local_id}", distance, name=f"Person {local_id}", facts={"local_id": local_id})


def listed(db: RecommendationsDB, kind: str = SEEN, **more: Any) -> Found:
    """(target type, target id, performer) of everything suggested."""
    page = db.list_suggestions(SuggestionQuery(kind, more.pop("max_distance", 1.0), shown=1000, **more))
    assert page.pending == 0
    return {
        (each.target_type, each.target_id, group.person.key)
        for group in page.groups
        for each in group.suggestions
    }

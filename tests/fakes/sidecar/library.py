"""What the stand-in knows of the whole library: suggestions."""

from itertools import groupby
from typing import Any

from .contract import AskedSuggestions
from .notes import Json, Notes

_SHOWN = 8
"""Suggestions of a person in a page of people."""
_MOST_PEOPLE = 50


class Library(Notes):
    """Suggestions, as tests set them, without what the journal or a decision has settled."""

    def __init__(self) -> None:
        super().__init__()
        self.suggestions: list[Json] = []
        """Each with its `person` and `kind`; of a person together, best first."""

    def suggestions_page(self, query: dict[str, str]) -> Json:
        """Raises ValidationError. Of one person all, in pages; else the best of each."""
        asked = AskedSuggestions.model_validate(query)
        open_ones = [each for each in self.suggestions if self._is_open(each) and _is_asked(each, asked)]
        people = [[*own] for _, own in groupby(open_ones, lambda each: each["person"]["performer_id"])]
        if asked.performer_id is None:
            people.sort(key=lambda own: -own[0]["confidence"])
            start, limit = int(asked.cursor or 0), min(asked.limit, _MOST_PEOPLE)
            groups = [_group(own, own[:_SHOWN]) for own in people[start : start + limit]]
            more = start + limit if start + limit < len(people) else None
        else:
            own = [each for each in open_ones if each["suggestion_id"] > int(asked.cursor or 0)]
            groups = [_group(open_ones, own[: asked.limit])] if open_ones else []
            more = own[asked.limit - 1]["suggestion_id"] if len(own) > asked.limit else None
        cursor = None if more is None else str(more)
        return {"groups": groups, "total": len(open_ones), "next_cursor": cursor, "pending": 0}

    def dismiss_suggestions(self, body: Json) -> Json:
        left = [each for each in self.suggestions if each["suggestion_id"] not in body["ids"]]
        dismissed, self.suggestions = len(self.suggestions) - len(left), left
        return {"dismissed": dismissed}

    def _is_open(self, suggestion: Json) -> bool:
        action = "add" if suggestion["kind"] == "seen-not-tagged" else "remove"
        written = any(
            entry["status"] == "done"
            and entry["action"] == action
            and entry["local_id"] == suggestion["person"]["local_id"]
            and entry["target_type"] == suggestion["target_type"]
            and suggestion["target_id"] in entry["added_ids"]
            for entry in self.journal
        )
        rejected = {
            each["face_id"]
            for each in self.decisions
            if each["word"] == "rejected" and each["performer_id"] == suggestion["person"]["performer_id"]
        }
        faces = set(suggestion["face_ids"])
        return not written and not (faces and faces <= rejected)


def suggestion_of(
    number: int, person: Json, target_type: str, target_id: str, confidence: float = 0.9, **fields: Any
) -> Json:
    """A tag that may be missing, or with `seen` a wrong one."""
    return {
        "suggestion_id": number,
        "kind": "tagged-not-seen" if "seen" in fields else "seen-not-tagged",
        "person": person,
        "target_type": target_type,
        "target_id": target_id,
        "title": None,
        "confidence": confidence,
        "distance": round(1 - confidence, 4),
        "face_ids": [] if "seen" in fields else [f"f{number}"],
        "times_s": [],
        "seen": [],
        "reason": "is seen",
        **fields,
    }


def _is_asked(suggestion: Json, asked: AskedSuggestions) -> bool:
    return (
        suggestion["kind"] == asked.kind
        and suggestion["confidence"] >= asked.min_confidence
        and asked.performer_id in {None, suggestion["person"]["performer_id"]}
        and asked.target_type in {None, suggestion["target_type"]}
    )


def _group(own: list[Json], shown: list[Json]) -> Json:
    person = {key: own[0]["person"][key] for key in ("performer_id", "name", "local_id", "stash_ids")}
    listed = [{k: v for k, v in each.items() if k not in {"person", "kind"}} for each in shown]
    return {**person, "stashdb_id": None, "count": len(own), "suggestions": listed}

"""Local performers by their ids on stash-boxes, and the input of a new one."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from stash_sense.domain.people import StashId
from stash_sense.stash import parse
from stash_sense.stash.types import Found, NewPerformer, Performer

Ask = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""A document's name and its variables in, the data of Stash's answer out."""

BATCH = 20  # as many as the document has questions
_DOCUMENT = "find_performers_by_stash_ids"
# Stash writes the endpoint into its SQL as it is.
_HARMLESS = re.compile(r"[A-Za-z0-9:/._~%@+=&\[\]-]+")


async def find_by_stash_ids(ask: Ask, endpoints: Iterable[str], wanted: Iterable[StashId]) -> Found:
    """Look up each stash id once. endpoints: those that Stash itself lists; it is asked for no other."""
    known = {endpoint for endpoint in endpoints if _HARMLESS.fullmatch(endpoint)}
    each = list(dict.fromkeys(wanted))
    asked = [stash_id for stash_id in each if stash_id.endpoint in known]
    by_id: dict[StashId, tuple[Performer, ...]] = {}
    for start in range(0, len(asked), BATCH):
        batch = asked[start : start + BATCH]
        data = await ask(_DOCUMENT, _variables(batch))
        with parse.reading("FindPerformersByStashIds"):
            for place, stash_id in enumerate(batch):
                found = [parse.performer(json) for json in data[f"found{place}"]["performers"]]
                by_id[stash_id] = tuple(one for one in found if _has(one, stash_id))
    return Found(by_id, tuple(stash_id for stash_id in each if stash_id.endpoint not in known))


def create_input(new: NewPerformer) -> dict[str, Any]:
    """Stash's PerformerCreateInput, with the fields that are given."""
    given = {
        "name": new.name,
        "disambiguation": new.disambiguation,
        "gender": new.gender,
        "alias_list": list(new.aliases),
        "urls": list(new.urls),
        "stash_ids": [{"endpoint": each.endpoint, "stash_id": each.stash_id} for each in new.stash_ids],
        "image": new.image,
    }
    return {key: value for key, value in given.items() if value}


def _variables(batch: list[StashId]) -> dict[str, Any]:
    variables: dict[str, Any] = {}
    for place, stash_id in enumerate(batch):
        variables |= {
            f"ask{place}": True,
            f"endpoint{place}": stash_id.endpoint,
            f"stash_id{place}": stash_id.stash_id,
        }
    return variables


def _has(performer: Performer, wanted: StashId) -> bool:
    """Stash compares with LIKE, to which `_` is any letter."""
    return any(
        each.endpoint == wanted.endpoint and each.stash_id.lower() == wanted.stash_id.lower()
        for each in performer.stash_ids
    )

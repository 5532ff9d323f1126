"""All items of a paged query, each once, although the library may change while it is read."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from stash_sense.errors import StashAnsweredWrongly

log = logging.getLogger(__name__)

PAGE = 200
_READINGS = 3


class HasId(Protocol):
    """An item with an id."""

    @property
    def id(self) -> str: ...


Item = TypeVar("Item", bound=HasId)
FetchPage = Callable[[dict[str, Any]], Awaitable[tuple[int, tuple[Item, ...]]]]
"""A FindFilterType in, the count of all items and one page of them out."""


async def read_all(fetch: FetchPage[Item], sort: str) -> tuple[Item, ...]:
    """Return all items in the order of `sort`.

    A count that changes between two pages, or an item that comes twice, says that the pages do not belong to
    one state of the library: then all is read again. And `path` is no total order: Stash compares paths
    without case, then titles, so `A.jpg` and `a.jpg` of one title are equal to it. So the last reading is by
    id, whose order nothing can shift, put back into the order seen before.
    """
    seen: dict[str, int] = {}
    for _ in range(_READINGS):
        items, whole = await _read_once(fetch, sort)
        if whole:
            return tuple(items)
        log.info("The items changed while they were read; reading them again.")
        for item in items:
            seen.setdefault(item.id, len(seen))
    items, whole = await _read_once(fetch, "id")
    if not whole:
        raise StashAnsweredWrongly(
            "Stash's list changes faster than it can be read. Wait until its scan is done, then try again."
        )
    return tuple(sorted(items, key=lambda item: seen.get(item.id, len(seen))))


async def _read_once(fetch: FetchPage[Item], sort: str) -> tuple[list[Item], bool]:
    """The items of all pages, each once, and whether the pages fit together."""
    items: dict[str, Item] = {}
    received, expected, page = 0, 0, 0
    while True:
        page += 1
        count, batch = await fetch({"page": page, "per_page": PAGE, "sort": sort, "direction": "ASC"})
        if page > 1 and count != expected:
            return list(items.values()), False
        expected = count
        received += len(batch)
        items.update((item.id, item) for item in batch if item.id not in items)
        if len(batch) < PAGE or received >= expected:
            return list(items.values()), len(items) == received == expected

"""Reading a paged list of Stash completely, although the library may change meanwhile."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from stash_sense.errors import StashAnsweredWrongly

log = logging.getLogger(__name__)

PAGE_SIZE = 200

_ATTEMPTS_BY_SORT = 3


class HasId(Protocol):
    """An item with an id."""

    @property
    def id(self) -> str: ...


Item = TypeVar("Item", bound=HasId)
FetchPage = Callable[[dict[str, Any]], Awaitable[tuple[int, tuple[Item, ...]]]]
"""A FindFilterType in; the count of all items and one page of them out."""


async def read_all_pages(fetch: FetchPage[Item], sort: str) -> tuple[Item, ...]:
    """Return all items, each once, in the order of `sort`, although the library may change meanwhile.

    If the count changes between two pages or an item comes twice, the pages belong to different states of the
    library and all are read again. `path` is not a total order: Stash compares paths without case, then
    titles, so `A.jpg` and `a.jpg` with one title are equal. The last attempt therefore reads by id, whose
    order nothing can shift, and restores the order seen before. Raises StashAnsweredWrongly if that fails
    too.
    """
    positions: dict[str, int] = {}
    for _ in range(_ATTEMPTS_BY_SORT):
        items, consistent = await _read_pages_once(fetch, sort)
        if consistent:
            return tuple(items)
        log.info("The list changed while it was read; reading it again.")
        for item in items:
            positions.setdefault(item.id, len(positions))
    items, consistent = await _read_pages_once(fetch, "id")
    if not consistent:
        raise StashAnsweredWrongly(
            "Stash's list changes faster than it can be read. Wait for the scan in Stash to finish, then try "
            "again."
        )
    return tuple(sorted(items, key=lambda item: positions.get(item.id, len(positions))))


async def _read_pages_once(fetch: FetchPage[Item], sort: str) -> tuple[list[Item], bool]:
    """The items of all pages, each once, and whether the pages belong together."""
    items: dict[str, Item] = {}
    received, expected, page = 0, 0, 0
    while True:
        page += 1
        count, batch = await fetch({"page": page, "per_page": PAGE_SIZE, "sort": sort, "direction": "ASC"})
        if page > 1 and count != expected:
            return list(items.values()), False
        expected = count
        received += len(batch)
        items.update((item.id, item) for item in batch if item.id not in items)
        if len(batch) < PAGE_SIZE or received >= expected:
            return list(items.values()), len(items) == received == expected

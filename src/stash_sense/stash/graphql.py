"""GraphQL: the documents in `documents/`, executing one, and reading a paged list completely."""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Protocol, TypeVar

import httpx

from stash_sense.errors import StashAnsweredWrongly, StashError, StashRefused
from stash_sense.stash.failures import graphql_errors, graphql_errors_in
from stash_sense.stash.transport import StashLimits, StashRequest, Transport

log = logging.getLogger(__name__)

PAGE_SIZE = 200

_DOCUMENTS = files(__package__) / "documents"
_OPERATION = re.compile(r"^(query|mutation) (\w+)", re.MULTILINE)
_JSON = "application/json"
_ATTEMPTS_BY_SORT = 3


@dataclass(frozen=True, slots=True)
class Document:
    """operation: its name, as Stash's log and our messages show it."""

    operation: str
    text: str
    is_query: bool


def document_names() -> list[str]:
    """The names of all documents, sorted."""
    names = (file.name for file in _DOCUMENTS.iterdir())
    return sorted(name.removesuffix(".graphql") for name in names if name.endswith(".graphql"))


@cache
def load_document(name: str) -> Document:
    """Load `documents/<name>.graphql`."""
    text = _DOCUMENTS.joinpath(f"{name}.graphql").read_text("utf-8")
    operation = _OPERATION.search(text)
    if operation is None:
        raise ValueError(f"{name}.graphql names no operation")
    return Document(operation[2], text, is_query=operation[1] == "query")


async def execute(
    transport: Transport, limits: StashLimits, document: Document, variables: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the `data` of the answer. A query is retried; a mutation only if it certainly did not reach
    Stash.

    Raises StashRefused with the messages of GraphQL errors, and what `Transport.send` raises.
    """
    body = {"query": document.text, "operationName": document.operation, "variables": dict(variables)}

    def explain_failure(response: httpx.Response, text: str) -> StashError | None:
        """Stash answers a document that does not fit its schema with 422 and GraphQL errors."""
        messages = graphql_errors_in(text) if response.is_client_error else ()
        return StashRefused(document.operation, messages) if messages else None

    request = StashRequest(
        name=document.operation,
        method="POST",
        url=transport.address.graphql,
        content=json.dumps(body).encode(),
        headers={"Content-Type": _JSON, "Accept": _JSON},
        max_bytes=limits.answer_bytes,
        idempotent=document.is_query,
        explain_failure=explain_failure,
    )
    response = await transport.send(request, limits)
    return _data(transport, document.operation, response.body)


def _data(transport: Transport, operation: str, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if messages := graphql_errors(answer, transport.redact):
        raise StashRefused(operation, messages)
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        raise StashAnsweredWrongly(
            f"{transport.address}: the server that answered {operation} is not Stash. Set STASH_URL to the "
            "address of Stash as you open it in the browser, without the path of a page."
        )
    return data


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

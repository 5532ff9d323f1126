"""A document and its variables in, the answer's data out, or an error that says what Stash said."""

import json
from collections.abc import Mapping
from typing import Any

import httpx

from stash_sense.stash.documents import load
from stash_sense.stash.errors import RefusedByStash, StashAnsweredWrongly, StashError
from stash_sense.stash.limits import Limits
from stash_sense.stash.refusals import error_messages, messages
from stash_sense.stash.transport import Ask, Transport

_JSON = "application/json"


async def execute(
    transport: Transport, limits: Limits, document: str, variables: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the `data` of the answer. A query is repeated where that may help; a mutation is not, unless it
    certainly did not reach Stash.

    Raises RefusedByStash with the messages of GraphQL errors, and what `Transport.send` raises.
    """
    asked = load(document)
    body = {"query": asked.text, "operationName": asked.operation, "variables": dict(variables)}
    answer = await transport.send(
        Ask(
            what=asked.operation,
            method="POST",
            url=transport.address.graphql,
            content=json.dumps(body).encode(),
            headers={"Content-Type": _JSON, "Accept": _JSON},
            max_bytes=limits.answer_bytes,
            safe=asked.is_query,
            failure=lambda response, words: _refused(asked.operation, response, words),
        ),
        limits,
    )
    return _data(transport, asked.operation, answer.body)


def _refused(operation: str, response: httpx.Response, words: str) -> StashError | None:
    """Stash answers a document that its schema does not know with 422 and GraphQL errors."""
    said = messages(words) if response.is_client_error else ()
    return RefusedByStash(operation, said) if said else None


def _data(transport: Transport, operation: str, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    said = error_messages(answer, transport.keyless)
    if said:
        raise RefusedByStash(operation, said)
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        raise StashAnsweredWrongly(
            f"{transport.address}: what answered {operation} is not Stash. Set STASH_URL to the address of "
            "Stash itself, as in the browser, without the path of a page."
        )
    return data

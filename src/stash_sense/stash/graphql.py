"""The GraphQL documents, and executing one: variables in, data or an error out."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import httpx

from stash_sense.errors import StashAnsweredWrongly, StashError, StashRefused
from stash_sense.stash.refusals import error_messages, messages
from stash_sense.stash.transport import Ask, Limits, Transport

_DOCUMENTS = files(__package__) / "documents"
_OPERATION = re.compile(r"^(query|mutation) (\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Document:
    """`operation`: its name, which Stash's log and our messages show."""

    operation: str
    text: str
    is_query: bool


def document_names() -> list[str]:
    """The names of all documents."""
    found = (file.name for file in _DOCUMENTS.iterdir())
    return sorted(name.removesuffix(".graphql") for name in found if name.endswith(".graphql"))


@cache
def load_document(name: str) -> Document:
    """Return the document in the file `<name>.graphql`."""
    text = _DOCUMENTS.joinpath(f"{name}.graphql").read_text("utf-8")
    operation = _OPERATION.search(text)
    if operation is None:
        raise ValueError(f"{name}.graphql names no operation")
    return Document(operation[2], text, is_query=operation[1] == "query")


_JSON = "application/json"


async def execute(
    transport: Transport, limits: Limits, document: str, variables: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the `data` of the answer. A query is repeated where that may help; a mutation is not, unless it
    certainly did not reach Stash.

    Raises RefusedByStash with the messages of GraphQL errors, and what `Transport.send` raises.
    """
    asked = load_document(document)
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
    return StashRefused(operation, said) if said else None


def _data(transport: Transport, operation: str, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    said = error_messages(answer, transport.keyless)
    if said:
        raise StashRefused(operation, said)
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        raise StashAnsweredWrongly(
            f"{transport.address}: what answered {operation} is not Stash. Set STASH_URL to the address of "
            "Stash itself, as in the browser, without the path of a page."
        )
    return data

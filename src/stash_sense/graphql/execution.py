"""GraphQL documents, which a room keeps in its folder `documents`, and executing one."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import httpx

from stash_sense.errors import StashSenseError
from stash_sense.graphql.failures import ServerFailures, graphql_errors, graphql_errors_in
from stash_sense.graphql.transport import RequestLimits, ServerRequest, Transport

_OPERATION = re.compile(r"^(query|mutation) (\w+)", re.MULTILINE)
_SPREAD = re.compile(r"\.\.\.(\w+)")
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Document:
    """operation: its name, as the server's log and our messages show it."""

    operation: str
    text: str
    is_query: bool


def document_names(package: str) -> list[str]:
    """The names of all documents of a package, sorted."""
    names = (file.name for file in _folder(package).iterdir())
    return sorted(name.removesuffix(".graphql") for name in names if name.endswith(".graphql"))


@cache
def load_document(package: str, name: str) -> Document:
    """Load `documents/<name>.graphql` of a package, with the fragments that it names, of the folder below."""
    text = _folder(package).joinpath(f"{name}.graphql").read_text("utf-8")
    fragments: dict[str, str] = {}
    named = _SPREAD.findall(text)
    while named:
        fragment = named.pop()
        if fragment not in fragments:
            file = _folder(package) / "fragments" / f"{fragment}.graphql"
            fragments[fragment] = file.read_text("utf-8")
            named += _SPREAD.findall(fragments[fragment])
    return parse_document("\n".join([text, *fragments.values()]))


def parse_document(text: str) -> Document:
    """A document with one named operation."""
    operation = _OPERATION.search(text)
    if operation is None:
        raise ValueError("the document names no operation")
    return Document(operation[2], text, is_query=operation[1] == "query")


def _folder(package: str) -> Traversable:
    return files(package) / "documents"


def document_request(
    failures: ServerFailures,
    url: httpx.URL,
    document: Document,
    variables: Mapping[str, Any],
    limits: RequestLimits,
) -> ServerRequest:
    """The request that executes a document at `url`. Only a query may be sent twice."""
    body = {"query": document.text, "operationName": document.operation, "variables": dict(variables)}

    def explain_failure(response: httpx.Response, text: str) -> StashSenseError | None:
        """A document that does not fit the schema is answered with 422 and GraphQL errors."""
        messages = graphql_errors_in(text) if response.is_client_error and not _comes_later(response) else ()
        return failures.refused(document.operation, messages) if messages else None

    return ServerRequest(
        name=document.operation,
        method="POST",
        url=url,
        content=json.dumps(body).encode(),
        headers={"Content-Type": _JSON, "Accept": _JSON},
        max_bytes=limits.answer_bytes,
        too_large=failures.wrong_answer,
        idempotent=document.is_query,
        explain_failure=explain_failure,
    )


async def execute(
    transport: Transport,
    url: httpx.URL,
    limits: RequestLimits,
    document: Document,
    variables: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the `data` of the answer. A query is retried; a mutation only if it certainly did not reach the
    server.

    Raises `refused` with the messages of GraphQL errors, and what `Transport.send` raises.
    """
    request = document_request(transport.failures, url, document, variables, limits)
    response = await transport.send(request, limits)
    return read_data(transport, document.operation, response.body)


def read_data(transport: Transport, operation: str, body: bytes) -> dict[str, Any]:
    """The `data` of a GraphQL answer. Raises `refused` and `not_graphql`."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if messages := graphql_errors(answer, transport.redact):
        raise transport.failures.refused(operation, messages)
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        raise transport.failures.not_graphql(operation)
    return data


def _comes_later(response: httpx.Response) -> bool:
    return response.status_code in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.REQUEST_TIMEOUT)

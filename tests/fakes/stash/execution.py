"""A GraphQL request in, status and answer out, as Stash's server gives them."""

from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    build_schema,
    execute_sync,
    get_operation_ast,
    get_variable_values,
    parse,
    validate,
)

from . import mutations, queries
from .library import Library
from .views import Views

Json = dict[str, Any]

OLDEST, RECOMMENDED, LATEST = "0.26", "0.28", "0.31"
_HERE = Path(__file__).parent
_UNPROCESSABLE = 422
_DOCUMENTS = 256


@cache
def schema(version: str = LATEST) -> GraphQLSchema:
    """The schema of a Stash version like 0.28: a base, and what each later version adds."""
    added = [path for path in sorted(_HERE.glob("schema-*.graphql")) if _since(path) <= _parts(version)]
    return build_schema("\n".join(path.read_text() for path in (_HERE / "schema.graphql", *added)))


def run(
    library: Library,
    request: Mapping[str, Any],
    *,
    base_url: str,
    api_key: str,
    version: str,
    run_plugin: mutations.PluginOperation | None,
) -> tuple[int, Json]:
    """422 for what the schema does not know; 200 with `errors` for what fails while it is done."""
    known = schema(version)
    try:
        document, mistakes = _read(version, str(request.get("query") or ""))
    except GraphQLError as error:
        return _UNPROCESSABLE, _refusal([error], "GRAPHQL_PARSE_FAILED")
    operation = get_operation_ast(document, request.get("operationName"))
    if not mistakes and operation is None:
        mistakes = [GraphQLError("operation not found")]
    if mistakes or operation is None:
        return _UNPROCESSABLE, _refusal(mistakes, "GRAPHQL_VALIDATION_FAILED")
    values = get_variable_values(known, operation.variable_definitions or (), request.get("variables") or {})
    if isinstance(values, list):
        return _UNPROCESSABLE, _refusal(values, "GRAPHQL_VALIDATION_FAILED")
    views = Views(library, base_url)
    root = queries.fields(library, views, api_key=api_key, version=f"v{version}.0")
    root |= mutations.fields(library, views, run_plugin)
    result = execute_sync(
        known,
        document,
        root_value=root,
        variable_values=request.get("variables"),
        operation_name=request.get("operationName"),
    )
    answer: Json = {"data": result.data}
    if result.errors:
        answer["errors"] = [{"message": each.message, "path": each.path} for each in result.errors]
    return 200, answer


@lru_cache(_DOCUMENTS)
def _read(version: str, query: str) -> tuple[DocumentNode, list[GraphQLError]]:
    """The document, and what the schema does not know of it. Takes longer than to execute it."""
    document = parse(query)
    return document, validate(schema(version), document)


def _refusal(errors: list[GraphQLError], code: str) -> Json:
    return {
        "errors": [{"message": each.message, "extensions": {"code": code}} for each in errors],
        "data": None,
    }


def _since(path: Path) -> tuple[int, ...]:
    return _parts(path.stem.partition("-")[2])


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))

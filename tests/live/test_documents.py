"""What is sent to Stash is valid against Stash's own schema."""

import sys
from pathlib import Path

import pytest
from graphql import (
    BreakingChangeType,
    GraphQLSchema,
    build_client_schema,
    find_breaking_changes,
    get_introspection_query,
    parse,
    validate,
)

from fakes.stash import RECOMMENDED, schema
from stash_sense.graphql.execution import document_names, load_document

ROOT = Path(__file__).parents[2]
STASH = "stash_sense.stash"


@pytest.fixture(scope="module")
def real(ask) -> GraphQLSchema:
    return build_client_schema(ask(get_introspection_query(descriptions=False)))


@pytest.mark.parametrize("name", document_names(STASH))
def test_the_sidecars_document_is_valid(real, name):
    mistakes = validate(real, parse(load_document(STASH, name).text))
    has_limits = "max_requests_per_minute" in real.type_map["StashBox"].fields
    assert bool(mistakes) == (name == "find_stash_box_limits" and not has_limits)


def test_the_document_of_the_plugins_server_side_is_valid(real, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "plugin"))
    from backend.stash import _QUERY  # noqa: PLC0415 - lies outside the package

    monkeypatch.delitem(sys.modules, "backend.stash")
    assert validate(real, parse(_QUERY)) == []


def test_whatever_the_stand_in_accepts_stash_accepts(real):
    """So every document of the plugin's scripts, which the browser tests send to the stand-in."""
    changes = find_breaking_changes(schema(RECOMMENDED), real)
    # Directives that a schema itself may use are nothing that a document could hold.
    of_schemas = (BreakingChangeType.DIRECTIVE_LOCATION_REMOVED, BreakingChangeType.DIRECTIVE_REMOVED)
    changes = [each for each in changes if each.type not in of_schemas]
    assert [each.description for each in changes] == []

"""Every document that is sent is one that Stash understands."""

import re

import pytest
from graphql import parse, validate

from fakes.stash import LATEST, OLDEST, RECOMMENDED, schema
from stash_sense.graphql.execution import Document, document_names, load_document

STASH = "stash_sense.stash"
SINCE_0_29 = "find_stash_box_limits"
"""Older ones are asked for `find_stash_box_keys`."""


@pytest.mark.parametrize("version", [OLDEST, RECOMMENDED, LATEST])
@pytest.mark.parametrize("name", document_names(STASH))
def test_the_document_is_valid(name: str, version: str):
    mistakes = validate(schema(version), parse(load_document(STASH, name).text))
    assert bool(mistakes) == (name == SINCE_0_29 and version != LATEST)


@pytest.mark.parametrize("name", document_names(STASH))
def test_a_document_holds_one_operation(name: str):
    text = load_document(STASH, name).text
    assert len(re.findall(r"^(query|mutation|subscription)\b", text, re.MULTILINE)) == 1


def test_a_mutation_is_known_as_such():
    assert not load_document(STASH, "bulk_update_image").is_query


def test_a_document_knows_its_operation():
    document = load_document(STASH, "find_image")
    assert document == Document("FindImage", document.text, is_query=True)


def test_a_document_comes_with_the_fragments_that_it_names_each_once():
    text = load_document(STASH, "find_scenes").text
    assert re.findall(r"^fragment (\w+)", text, re.MULTILINE) == ["SceneFields", "VideoFields"]

"""The GraphQL documents that a room keeps in its folder `documents`."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

_OPERATION = re.compile(r"^(query|mutation) (\w+)", re.MULTILINE)


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
    """Load `documents/<name>.graphql` of a package."""
    return parse_document(_folder(package).joinpath(f"{name}.graphql").read_text("utf-8"))


def parse_document(text: str) -> Document:
    """A document with one named operation."""
    operation = _OPERATION.search(text)
    if operation is None:
        raise ValueError("the document names no operation")
    return Document(operation[2], text, is_query=operation[1] == "query")


def _folder(package: str) -> Traversable:
    return files(package) / "documents"

"""The GraphQL documents that are sent to Stash: one a file, each whole, so that each can be checked alone."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_OPERATION = re.compile(r"^(query|mutation) (\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Document:
    """`operation`: its name, which Stash's log and our messages show."""

    operation: str
    text: str
    is_query: bool


def names() -> list[str]:
    """The names of all documents."""
    found = (file.name for file in files(__name__).iterdir())
    return sorted(name.removesuffix(".graphql") for name in found if name.endswith(".graphql"))


@cache
def load(name: str) -> Document:
    """Return the document in the file `<name>.graphql`."""
    text = files(__name__).joinpath(f"{name}.graphql").read_text("utf-8")
    operation = _OPERATION.search(text)
    if operation is None:
        raise ValueError(f"{name}.graphql names no operation")
    return Document(operation[2], text, is_query=operation[1] == "query")

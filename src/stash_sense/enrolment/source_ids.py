"""The ids of a face database's sources: the kind of each, how its photos' paths begin, and which leads."""

import os
from collections.abc import Mapping, Sequence
from typing import Literal

from stash_sense.facedb.writer import named_sources

SourceKind = Literal["stash", "stash-box", "public", "folder", "decisions"]
"""In the order in which they lead: where several sources know a person, the first gives key and name."""

STASH = "stash"
"""Stash's own performers."""
DECISIONS = "decisions"
"""Faces of the library that a person confirmed."""

_KINDS: Mapping[str, SourceKind] = {
    STASH: "stash",
    "stash-box:": "stash-box",
    "public:": "public",
    DECISIONS: "decisions",
}
"""How the ids of sources begin; every other is the absolute path of a folder."""
_LEAD: Sequence[SourceKind] = ("stash", "stash-box", "public", "folder", "decisions")
_BEGINNINGS = {STASH: "stash:", DECISIONS: "face:"}


def source_kind(source: str) -> SourceKind:
    """The kind of a source by its id, as manifests name it."""
    # A stash-box's id begins with "stash", too.
    fitting = [start for start in _KINDS if source.startswith(start)]
    return _KINDS[max(fitting, key=len)] if fitting else "folder"


def path_beginning(source: str) -> str:
    """How the paths of a source's photos begin."""
    if source in _BEGINNINGS:
        return _BEGINNINGS[source]
    return source.rstrip("/" + os.sep) + (os.sep if source_kind(source) == "folder" else "/")


def source_of(path: str, sources: Sequence[str]) -> str:
    """Which of `sources` a photo comes from: that with the longest beginning, or the first if none fits."""
    (named,) = named_sources([path])
    fitting = [source for source in sources if named.startswith(named_sources([path_beginning(source)])[0])]
    return max(fitting, key=len, default=sources[0])


def lead_order(source: str) -> tuple[int, str]:
    """Sorts sources in the order in which they lead."""
    return _LEAD.index(source_kind(source)), source

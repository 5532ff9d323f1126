"""A face database's sources: the kind of each, how its photos' paths begin, which leads; and updating all."""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stash_sense.errors import Cancelled, StashSenseError
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


_KEPT: Mapping[SourceKind, str] = {
    "public": "A public release does not change; import a newer one with `stash-sense database import`.",
}
"""Why a source of a kind is never updated."""


@dataclass(frozen=True, slots=True)
class SourceUpdate:
    """What became of one source. report: what its build did, as JSON; detail: why there is none."""

    source: str
    outcome: Literal["updated", "kept", "failed"]
    detail: str = ""
    report: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """For `database update --json` and the result of a job."""
        return {
            "source": self.source,
            "outcome": self.outcome,
            "detail": self.detail,
            "report": None if self.report is None else dict(self.report),
        }


UpdateSource = Callable[[str], Awaitable[Mapping[str, Any]]]
"""Brings the source of an id up to date, and returns the report of its build as JSON."""


async def update_sources(
    sources: Sequence[str], builders: Mapping[SourceKind, UpdateSource]
) -> list[SourceUpdate]:
    """Bring each source up to date, one after another. What fails, or cannot be updated, stays as it is.

    builders: kind -> how. Raises the failure where there is one and nothing else could be updated, Cancelled.
    """
    updates, failures = [], []
    for source in sources:
        kind = source_kind(source)
        if why := _why_kept(source, kind, builders):
            updates.append(SourceUpdate(source, "kept", why))
            continue
        try:
            updates.append(SourceUpdate(source, "updated", report=await builders[kind](source)))
        except Cancelled:
            raise
        except StashSenseError as error:
            failures.append(error)
            updates.append(SourceUpdate(source, "failed", str(error)))
    if failures and all(update.outcome != "updated" for update in updates):
        raise failures[0]
    return updates


def _why_kept(source: str, kind: SourceKind, builders: Mapping[SourceKind, UpdateSource]) -> str:
    if kind == "folder" and not Path(source).is_dir():
        return "The folder is not there now: its drive or share may be away. Its people stay as they are."
    if kind not in builders:
        return _KEPT.get(kind, "It cannot be updated from here.")
    return ""

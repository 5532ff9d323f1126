"""Bringing all sources of a face database up to date, one after another."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stash_sense.enrolment.source_ids import SourceKind, source_kind
from stash_sense.errors import Cancelled, StashSenseError

_KEPT: Mapping[SourceKind, str] = {
    "public": "A public release does not change; import a newer one with `stash-sense database import`.",
    "decisions": "Confirmed faces are learned when they are confirmed.",
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

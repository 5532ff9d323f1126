"""What the status page tells of each part of the sidecar: how it is, and what to do where it is not well."""

import time
from dataclasses import dataclass
from typing import Literal

from stash_sense.services.sidecar import Sidecar
from stash_sense.stash import StashAddress, StashNotConfigured
from stash_sense.workflows.in_use import Starting

State = Literal["ok", "wait", "off", "fault"]
WORDS: dict[State, str] = {"ok": "works", "wait": "starting", "off": "not set up", "fault": "needs attention"}


@dataclass(frozen=True, slots=True)
class Part:
    """One part. said: what is wrong and what to do, else empty; facts: names and values to be shown."""

    name: str
    state: State
    said: str
    facts: tuple[tuple[str, str], ...]

    @property
    def word(self) -> str:
        """The state, for a person."""
        return WORDS[self.state]


def parts_of(sidecar: Sidecar) -> list[Part]:
    """Every part, those that all work rests on first."""
    return [_recognition(sidecar), _state(sidecar), _stash(sidecar)]


def overall(parts: list[Part]) -> State:
    """One word for all of them."""
    states = {part.state for part in parts}
    return "fault" if "fault" in states else "wait" if "wait" in states else "ok"


def ago(then: float) -> str:
    """How long ago a moment (seconds since 1970) was, roughly."""
    seconds = max(0, int(time.time() - then))
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _part(name: str, problem: Exception | None, facts: dict[str, str]) -> Part:
    state: State = "ok"
    if isinstance(problem, Starting):
        state = "wait"
    elif isinstance(problem, StashNotConfigured):
        state = "off"
    elif problem:
        state = "fault"
    return Part(name, state, str(problem or ""), tuple(facts.items()))


def _recognition(sidecar: Sidecar) -> Part:
    facts = {}
    if current := sidecar.in_use.current:
        manifest = current.database.manifest
        facts = {
            "People": f"{manifest.people:,}",
            "Reference faces": f"{manifest.faces:,}",
            "Face database": manifest.version,
            "Built": manifest.built_at.replace("T", " ").replace("+00:00", " UTC"),
            "Model pack": current.pack.id,
        }
    return _part("Recognition", sidecar.in_use.problem, facts)


def _state(sidecar: Sidecar) -> Part:
    state = sidecar.state
    facts = {"File": str(state.path)}
    if state.problem is None and (copy := state.store.migrated_from):
        facts["Before its migration"] = str(copy)
    return _part("State", state.problem, facts)


def _stash(sidecar: Sidecar) -> Part:
    watch = sidecar.stash_watch
    facts = {}
    if sidecar.stash:
        facts["Address"] = str(StashAddress.parse(sidecar.settings.stash_url))  # without a password
    if watch.status:
        facts["Version"] = watch.status.version or "a build without a version"
    if watch.looked_at:
        facts["Looked for"] = ago(watch.looked_at)
    looking = Starting("Stash is being looked for.") if sidecar.stash and not watch.looked_at else None
    return _part("Stash", watch.problem or looking, facts)

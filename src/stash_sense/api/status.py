"""What the status page tells of each part of the sidecar: how it is, and what to do where it is not well."""

import time
from dataclasses import dataclass
from typing import Literal

from stash_sense.errors import Starting, StashNotConfigured
from stash_sense.runtime.engine import state_file
from stash_sense.runtime.sidecar import Sidecar
from stash_sense.stash.address import StashAddress
from stash_sense.store.jobs.job import Job

State = Literal["ok", "wait", "off", "fault"]
JOBS_SHOWN = 10
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
    parts = [_recognition(sidecar), _state(sidecar), _stash(sidecar)]
    if sidecar.jobs.problem:
        parts.append(_part("Jobs", sidecar.jobs.problem, {}))
    return parts


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


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job on the page. share: 0 to 1 of it is done, None while that is unknown."""

    name: str
    status: str
    share: float | None
    said: str
    link: str


async def jobs_of(sidecar: Sidecar) -> list[JobLine]:
    """The newest jobs; none where their list cannot be opened, which `parts_of` tells."""
    if sidecar.jobs.problem:
        return []
    queue = await sidecar.jobs.ready()
    return [_line(job) for job in await queue.list(limit=JOBS_SHOWN)]


def _line(job: Job) -> JobLine:
    said = [f"{job.done:,} of {job.total:,}" if job.total else f"{job.done:,} done"]
    said += [f"{job.faces:,} faces", f"{job.people:,} people"]
    if job.status == "running" and job.rate:
        said.append(f"{job.rate:.1f} a second")
    if job.eta_s is not None and job.status == "running":
        said.append(f"about {duration(job.eta_s)} left")
    if job.error_count:
        said.append(f"{job.error_count:,} problems")
    if job.error:
        said.append(job.error)
    share = job.done / job.total if job.total else None
    return JobLine(job.target.replace(":", " "), job.status, share, ", ".join(said), f"jobs/{job.job_id}")


def duration(seconds: float) -> str:
    """A time to come, roughly: `5 min`."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


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
    if current := sidecar.recognition.current:
        manifest = current.database.manifest
        facts = {
            "People": f"{manifest.people:,}",
            "Reference faces": f"{manifest.faces:,}",
            "Face database": manifest.version,
            "Built": manifest.built_at.replace("T", " ").replace("+00:00", " UTC"),
            "Model pack": current.pack.id,
        }
    return _part("Recognition", sidecar.recognition.problem, facts)


def _state(sidecar: Sidecar) -> Part:
    state = sidecar.state
    facts = {"File": str(state_file(sidecar.settings))}
    if state.current and (copy := state.current.store.migrated_from):
        facts["Before its migration"] = str(copy)
    return _part("State", state.problem, facts)


def _stash(sidecar: Sidecar) -> Part:
    stash = sidecar.stash_status
    facts = {}
    if sidecar.stash:
        facts["Address"] = str(StashAddress.parse(sidecar.settings.stash_url))  # without a password
    if stash.current:
        facts["Version"] = stash.current.version or "a build without a version"
    if stash.checked_at:
        facts["Looked for"] = ago(stash.checked_at)
    looking = Starting("Stash is being looked for.") if sidecar.stash and not stash.checked_at else None
    return _part("Stash", stash.problem or looking, facts)

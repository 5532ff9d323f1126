"""Checks of a Stash: is it there, does it let us in, and does it serve what the work needs?"""

import re
from dataclasses import dataclass
from typing import Literal

from stash_sense.errors import MediaError, NotInStash, StashError, StashRefused, StashUnreachable
from stash_sense.stash.client import StashClient
from stash_sense.stash.types import StashStatus

State = Literal["ok", "note", "fault"]
"""note: work goes on without it, or nobody can tell."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; said: for a person, and what to do where the state is not ok."""

    what: str
    state: State
    said: str


PLUGIN = "stash-sense"


OLDEST = (0, 26)


RECOMMENDED = (0, 28)


PICTURES_TRIED = 5
"""The files of some images may be gone; one that can be had is enough."""


_VERSION = re.compile(r"v?(\d+)\.(\d+)")


async def stash_findings(client: StashClient, *, asked_for: bool) -> list[Finding]:
    """Every check, in the order in which a fault would show; none after one that makes the rest moot.

    asked_for: whether somebody has set where Stash is; else nobody may want it.
    """
    try:
        status = await client.status()
    except StashError as error:
        return [_away(error, asked_for=asked_for)]
    findings = [Finding("Stash", "ok", f"answers, and lets us in ({status.version or status.build_hash})")]
    findings += [_version(status), _ready(status)]
    if findings[-1].state == "fault":
        return findings
    return [*findings, await _media(client), await _plugin(client)]


def _away(error: StashError, *, asked_for: bool) -> Finding:
    if isinstance(error, StashUnreachable) and not asked_for:
        return Finding(
            "Stash", "note", f"{error} For work without Stash nothing is missing; else set STASH_URL."
        )
    return Finding("Stash", "fault", str(error))


def _version(status: StashStatus) -> Finding:
    found = _VERSION.match(status.version)
    if found is None:
        return Finding(
            "Stash's version", "note", f"cannot be told ({status.version or 'a build without one'}). "
            "Stash Sense supports 0.26 and newer.",
        )  # fmt: skip
    version = int(found[1]), int(found[2])
    if version < OLDEST:
        return Finding(
            "Stash's version", "fault", f"{status.version} is too old. Update Stash to 0.28 or newer."
        )
    if version < RECOMMENDED:
        return Finding("Stash's version", "note", f"{status.version} works; 0.28 or newer is recommended.")
    return Finding("Stash's version", "ok", status.version)


def _ready(status: StashStatus) -> Finding:
    todo = {
        "NEEDS_MIGRATION": "waits for its database to be migrated. Open Stash in a browser and confirm it.",
        "SETUP": "has not been set up yet. Open Stash in a browser and follow its first steps.",
    }
    said = todo.get(status.status)
    return Finding("Stash's state", "fault", said) if said else Finding("Stash's state", "ok", "ready")


async def _media(client: StashClient) -> Finding:
    """Pictures go another way than questions: a proxy, or a login page, may stand before them alone."""
    said = ""
    try:
        images = await client.first_images({}, PICTURES_TRIED)
        for image in images:
            try:
                media = await client.thumbnail(image)
            except (MediaError, NotInStash) as error:
                said = said or str(error)
                continue
            return Finding("Stash's pictures", "ok", f"can be had ({len(media.data):,} bytes of one came)")
    except StashError as error:
        return Finding("Stash's pictures", "fault", str(error))
    if said:
        return Finding("Stash's pictures", "fault", f"none of {len(images)} could be had. {said}")
    return Finding(
        "Stash's pictures", "note", "cannot be tried: Stash has no image yet. Scan a folder in Stash."
    )


async def _plugin(client: StashClient) -> Finding:
    try:
        plugins = {plugin.id: plugin for plugin in await client.plugins()}
    except StashRefused:
        return Finding("Plugin", "note", "unknown: this Stash does not tell. See Settings, Plugins in Stash.")
    except StashError as error:
        return Finding("Plugin", "note", f"unknown: {error}")
    found = plugins.get(PLUGIN)
    if found is None:
        return Finding("Plugin", "note", "not installed in Stash. Install it in Stash: Settings, Plugins.")
    if not found.enabled:
        return Finding("Plugin", "note", "switched off in Stash. Enable it in Stash: Settings, Plugins.")
    return Finding("Plugin", "ok", f"installed {found.version}".rstrip())

"""Checks of a Stash: can it be reached, does it accept the key, and does it serve what is needed?"""

import re
from dataclasses import dataclass
from typing import Literal

from stash_sense.errors import MediaError, NotInStash, StashError, StashRefused, StashUnreachable
from stash_sense.stash.client import StashClient
from stash_sense.stash.types import StashStatus

PLUGIN_ID = "stash-sense"
OLDEST_VERSION = (0, 26)
RECOMMENDED_VERSION = (0, 28)
IMAGES_TRIED = 5
"""The files of some images may be missing; one that can be fetched is enough."""

_VERSION = re.compile(r"v?(\d+)\.(\d+)")

FindingState = Literal["ok", "note", "fault"]
"""note: optional, or it cannot be determined."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check. message: for a person; if the state is not ok, it says what to do."""

    subject: str
    state: FindingState
    message: str


async def check_stash(client: StashClient, *, url_is_set: bool) -> list[Finding]:
    """Run the checks, the basic ones first; stop where one makes the rest pointless.

    url_is_set: whether STASH_URL was set. If not, an unreachable Stash is only a note.
    """
    try:
        status = await client.status()
    except StashError as error:
        return [_unreachable(error, url_is_set=url_is_set)]
    findings = [
        Finding("Stash", "ok", f"reachable, and the API key works ({status.version or status.build_hash})")
    ]
    findings += [_check_version(status), _check_status(status)]
    if findings[-1].state == "fault":
        return findings
    return [*findings, await _check_media(client), await _check_plugin(client)]


def _unreachable(error: StashError, *, url_is_set: bool) -> Finding:
    if isinstance(error, StashUnreachable) and not url_is_set:
        return Finding(
            "Stash", "note", f"{error} Nothing is wrong if you do not use Stash; otherwise set STASH_URL."
        )
    return Finding("Stash", "fault", str(error))


def _check_version(status: StashStatus) -> Finding:
    match = _VERSION.match(status.version)
    if match is None:
        return Finding(
            "Stash's version",
            "note",
            f"unknown ({status.version or 'a build without one'}). Stash Sense supports 0.26 and newer.",
        )
    version = int(match[1]), int(match[2])
    if version < OLDEST_VERSION:
        return Finding(
            "Stash's version", "fault", f"{status.version} is too old. Update Stash to 0.28 or newer."
        )
    if version < RECOMMENDED_VERSION:
        return Finding("Stash's version", "note", f"{status.version} works; 0.28 or newer is recommended.")
    return Finding("Stash's version", "ok", status.version)


def _check_status(status: StashStatus) -> Finding:
    problems = {
        "NEEDS_MIGRATION": "waiting for a database migration. Open Stash in a browser and confirm it.",
        "SETUP": "not set up yet. Open Stash in a browser and complete the setup.",
    }
    if problem := problems.get(status.status):
        return Finding("Stash's state", "fault", problem)
    return Finding("Stash's state", "ok", "ready")


async def _check_media(client: StashClient) -> Finding:
    """Images have other URLs than GraphQL: a proxy or a login page may block only them."""
    problem = ""
    try:
        images = await client.first_images({}, IMAGES_TRIED)
        for image in images:
            try:
                media = await client.thumbnail(image)
            except (MediaError, NotInStash) as error:
                problem = problem or str(error)
                continue
            return Finding(
                "Stash's pictures", "ok", f"can be fetched (a thumbnail of {len(media.data):,} bytes)"
            )
    except StashError as error:
        return Finding("Stash's pictures", "fault", str(error))
    if problem:
        return Finding("Stash's pictures", "fault", f"none of {len(images)} could be fetched. {problem}")
    return Finding(
        "Stash's pictures", "note", "not checked: Stash has no images yet. Scan a folder in Stash."
    )


async def _check_plugin(client: StashClient) -> Finding:
    try:
        plugins = {plugin.id: plugin for plugin in await client.plugins()}
    except StashRefused:
        return Finding(
            "Plugin", "note", "unknown: Stash does not allow this query. See Settings, Plugins in Stash."
        )
    except StashError as error:
        return Finding("Plugin", "note", f"unknown: {error}")
    plugin = plugins.get(PLUGIN_ID)
    if plugin is None:
        return Finding("Plugin", "note", "not installed. Install it in Stash under Settings, Plugins.")
    if not plugin.enabled:
        return Finding("Plugin", "note", "disabled. Enable it in Stash under Settings, Plugins.")
    return Finding("Plugin", "ok", f"installed {plugin.version}".rstrip())

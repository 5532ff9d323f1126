"""What works here, now: the names that `GET /health` lists, for the plugin to know which buttons to offer."""

from stash_sense.services.sidecar import Sidecar

_ALWAYS = ("health", "metrics")
_WITH_A_DATABASE = ("database-info", "identify", "identify-url", "references")


def features(sidecar: Sidecar) -> list[str]:
    """Names of the calls that can be made with success."""
    return [*_ALWAYS, *(_WITH_A_DATABASE if sidecar.in_use.current else ())]

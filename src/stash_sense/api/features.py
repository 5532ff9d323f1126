"""What works here, now: the names that `GET /health` lists, for the plugin to know which buttons to offer."""

from stash_sense.runtime.sidecar import Sidecar

_ALWAYS = ("health", "metrics")
_WITH_A_DATABASE = ("database-info", "identify", "identify-url", "references")
_WITH_THE_STATE = ("decisions", "journal")
_WITH_JOBS = ("jobs",)
_WITH_STATE_AND_STASH = ("face-crops",)
_WITH_JOBS_AND_STASH = ("jobs-database",)
_WITH_ALL = ("identify-image", "identify-gallery", "jobs-gallery")


def features(sidecar: Sidecar) -> list[str]:
    """Names of the calls that can be made with success; Stash is there or not as last seen."""
    database = sidecar.recognition.current is not None
    state = sidecar.state.problem is None
    jobs = sidecar.jobs.problem is None
    stash = sidecar.stash_status.problem is None
    return [
        *_ALWAYS,
        *(_WITH_A_DATABASE if database else ()),
        *(_WITH_THE_STATE if state else ()),
        *(_WITH_JOBS if jobs else ()),
        *(_WITH_STATE_AND_STASH if state and stash else ()),
        *(_WITH_JOBS_AND_STASH if jobs and stash else ()),
        *(_WITH_ALL if database and state and jobs and stash else ()),
    ]

"""What can be wrong with a request itself, before any work is begun."""

from stash_sense.errors import BadInput, StashSenseError
from stash_sense.jobs import Job


class BadParameter(BadInput):
    """A field is missing, unknown, of another type or out of range."""

    code = "bad-parameter"


class BodyTooLarge(BadInput):
    """More bytes than are accepted; the rest was not read."""

    code = "body-too-large"


class BodyTooSlow(BadInput):
    """The body did not arrive in time."""

    code = "body-too-slow"


class UnknownContentType(BadInput):
    """The body is announced as something that this call does not take."""

    code = "unknown-content-type"


class Unauthorized(StashSenseError):
    """No secret, or a wrong one."""

    code = "unauthorized"


class ForeignHost(StashSenseError):
    """The request was sent to a name that is not known to be ours: another page may be behind it."""

    code = "foreign-host"


class ForeignOrigin(StashSenseError):
    """A page of another server sent the request."""

    code = "foreign-origin"


class NotBuilt(StashSenseError):
    """The call is promised, and does not work yet."""

    code = "not-built"


class NotFound(StashSenseError):
    """There is no such call."""

    code = "not-found"


class MethodNotAllowed(StashSenseError):
    """There is such a call, but by another method."""

    code = "method-not-allowed"


class JobEnded(StashSenseError):
    """The job that was waited for has no whole result; its code is that of what ended it."""

    code = "cancelled"

    def __init__(self, job: Job) -> None:
        kept = f" What it found is kept, and shown by GET /jobs/{job.job_id}." if job.done else ""
        super().__init__((job.error or "The job was cancelled.") + kept)
        if job.error_code:
            self.code = job.error_code

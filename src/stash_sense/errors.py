"""The errors of Stash Sense: one root, one code each; a person can act on every message."""


class StashSenseError(Exception):
    """Anything that Stash Sense refuses or fails at, in a sentence that says what to do next."""

    code = "error"


class BadInput(StashSenseError):
    """What arrived cannot be worked with: says what arrived, what is accepted, and what to do."""

    code = "bad-input"


class MissingFile(StashSenseError):
    """A file that the work needs is absent, cut short or altered."""

    code = "missing-file"


class Busy(StashSenseError):
    """Another process holds what this one needs to write."""

    code = "busy"


class Cancelled(StashSenseError):
    """The person, or the process's end, asked for the work to stop."""

    code = "cancelled"

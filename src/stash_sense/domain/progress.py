"""Progress of long work: what it reports, and how it is asked to stop."""

from typing import Protocol


class Progress(Protocol):
    """Passed to every long piece of work; the caller decides how the reports are shown.

    All methods are cheap and may be called often and from any thread. `start` and `update` may raise
    Cancelled to stop the work, which then ends at once without leaving half a result.
    """

    def start(self, stage: str, total: int) -> None:
        """Begin a stage of `total` units (0: unknown). stage: a word for a person, like "Enrolling"."""
        ...

    def update(self, done: int, *, faces: int = 0, people: int = 0) -> None:
        """Set how many units of the stage are done, and how many faces and people they contain so far."""
        ...

    def problem(self, message: str) -> None:
        """Report something that went wrong without ending the work."""
        ...


class NoProgress:
    """Progress that nobody watches; never asks to stop."""

    def start(self, stage: str, total: int) -> None:
        """See Progress."""

    def update(self, done: int, *, faces: int = 0, people: int = 0) -> None:
        """See Progress."""

    def problem(self, message: str) -> None:
        """See Progress."""


NO_PROGRESS = NoProgress()


def format_duration(seconds: float) -> str:
    """A time to come, roughly: `5 min`."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"

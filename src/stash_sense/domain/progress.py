"""Progress of long work, and how it is asked to stop."""

from typing import Protocol


class Progress(Protocol):
    """Given to every long piece of work; the work calls, whoever watches decides what it means.

    `tick` and `start` raise Cancelled when the work is to stop; it then ends at once, without half results.
    """

    def start(self, what: str, total: int) -> None:
        """A stage begins. what: for a person to read; total: ticks to come."""
        ...

    def tick(self, done: int = 1, *, faces: int = 0) -> None:
        """`done` more of the stage's total, with `faces` found in them."""
        ...


class Silent:
    """Watches nothing and never asks to stop."""

    def start(self, what: str, total: int) -> None:
        """See Progress."""

    def tick(self, done: int = 1, *, faces: int = 0) -> None:
        """See Progress."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from stash_sense.errors import Starting, StashSenseError
from stash_sense.recognition.recognizer import FaceRecognizer


@dataclass(slots=True, eq=False)
class _Held:
    recognizer: FaceRecognizer
    users: int = 0
    replaced: bool = False


@dataclass(slots=True, eq=False)
class RecognizerInUse:
    """One engine and face database at a time, swapped as a pair; safe for several threads.

    Whoever leases it keeps the pair to the end of the lease; a replaced database is closed when the last of
    its users is done.
    """

    problem: StashSenseError | None = field(
        default_factory=lambda: Starting(
            "Networks and face database are being opened. Try again in a moment."
        )
    )
    """Why there is no recognizer, or why a newer one could not replace it; says what to do."""
    _held: _Held | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def current(self) -> FaceRecognizer | None:
        """For a look at what is in use; work leases it."""
        held = self._held
        return held.recognizer if held else None

    @contextmanager
    def lease(self) -> Iterator[FaceRecognizer]:
        """The recognizer for one request or job. Raises whatever error says why there is none."""
        with self._guard:
            held = self._held
            if held is None:
                problem = self.problem or Starting("Stash Sense is being stopped.")
                raise type(problem)(*problem.args)
            held.users += 1
        try:
            yield held.recognizer
        finally:
            with self._guard:
                held.users -= 1
                close = held.replaced and not held.users
            if close:
                held.recognizer.database.close()

    def replace(self, recognizer: FaceRecognizer | None, problem: StashSenseError | None = None) -> None:
        """From now on new work takes this one, or none."""
        with self._guard:
            before = self._held
            self._held = _Held(recognizer) if recognizer else None
            self.problem = problem
            close = before is not None and not before.users
            if before is not None:
                before.replaced = True
        if close and before is not None:
            before.recognizer.database.close()

"""What can go wrong with a server, to be switched on for some requests.

stand_in.faults.add(Status(500), where="original", share=0.05)     # the same images each time
stand_in.faults.add(Drop(), where="graphql", times=1)
stand_in.faults.add(Delay(0.2))                                    # everything is slow
"""

import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from .record import Seen


@dataclass(frozen=True)
class Delay:
    """Waits, then answers as usual."""

    seconds: float


@dataclass(frozen=True)
class Hold:
    """Waits until this is set, then answers as usual."""

    go: threading.Event


@dataclass(frozen=True)
class Status:
    """Answers at once with this."""

    code: int
    body: bytes = b"internal error"
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drop:
    """Cuts the connection without an answer."""


@dataclass(frozen=True)
class Truncate:
    """Announces the whole body, sends this share of it, then cuts the connection."""

    keep: float = 0.5


@dataclass(frozen=True)
class Dribble:
    """Sends the body in small pieces with a pause before each."""

    size: int = 100
    pause_s: float = 0.1


@dataclass(frozen=True)
class Chunked:
    """Does not say how long the body is, as behind some proxies."""


Fault = Delay | Hold | Status | Drop | Truncate | Dribble | Chunked
Where = str | Callable[[Seen], bool]
"""A kind of request, a GraphQL operation's name, or a function; the empty text is every request."""


@dataclass
class _Rule:
    fault: Fault
    where: Where
    share: float
    left: int | None
    first: int | None
    hits: dict[str, int] = field(default_factory=dict)

    def applies(self, seen: Seen) -> bool:
        where = self.where
        fits = where(seen) if callable(where) else where in {"", seen.kind, seen.operation}
        if not fits or self.left == 0 or zlib.crc32(seen.path.encode()) % 10_000 >= self.share * 10_000:
            return False
        self.hits[seen.path] = self.hits.get(seen.path, 0) + 1
        if self.first is not None and self.hits[seen.path] > self.first:
            return False
        if self.left is not None:
            self.left -= 1
        return True


class Faults:
    """The faults that are switched on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []

    def add(
        self,
        fault: Fault,
        where: Where = "",
        *,
        share: float = 1.0,
        times: int | None = None,
        first: int | None = None,
    ) -> None:
        """share: of the paths, always the same. times: how often in all. first: how often for each path."""
        with self._lock:
            self._rules.append(_Rule(fault, where, share, times, first))

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def of(self, seen: Seen) -> list[Fault]:
        with self._lock:
            return [rule.fault for rule in self._rules if rule.applies(seen)]

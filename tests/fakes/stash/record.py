"""What was asked of the stand-in, so that tests can count it."""

import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

_KINDS = (
    (re.compile(r"/graphql"), "graphql"),
    (re.compile(r"/healthz"), "health"),
    (re.compile(r"/login.*"), "login"),
    (re.compile(r"/image/[^/]+/image"), "original"),
    (re.compile(r"/image/[^/]+/thumbnail"), "thumbnail"),
    (re.compile(r"/performer/[^/]+/image"), "portrait"),
    (re.compile(r"/scene/[^/]+/stream"), "stream"),
    (re.compile(r"/scene/.+"), "scene"),
    (re.compile(r"/images/.+"), "box image"),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One request. operation: the GraphQL operation's name, else empty. path: without a proxy's prefix.
    headers: names in small letters.
    """

    kind: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    operation: str = ""


class Record:
    """All requests since the last `forget`, in order of arrival."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: list[Seen] = []

    def add(self, seen: Seen) -> None:
        with self._lock:
            self._seen.append(seen)

    def forget(self) -> None:
        with self._lock:
            self._seen.clear()

    @property
    def seen(self) -> list[Seen]:
        with self._lock:
            return list(self._seen)

    @property
    def counts(self) -> Counter[str]:
        """How many requests of each kind, like original or graphql, and of each GraphQL operation."""
        counts: Counter[str] = Counter()
        for seen in self.seen:
            counts[seen.kind] += 1
            if seen.operation:
                counts[seen.operation] += 1
        return counts


def kind_of(path: str) -> str:
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(path)), "other")

"""Repeated log lines: a few of each, then a count, so that no repeated request can fill the disk."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

LINES_A_MINUTE = 60
"""Of the same message."""
_MINUTE_S = 60.0
_MOST_MESSAGES = 256


class RepeatFilter(logging.Filter):
    """Passes 60 lines a minute of each message; the next one to pass counts those left out (`repeats`)."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, int, str], tuple[float, int]] = OrderedDict()
        """Message -> when its minute began, and its lines since then."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging.Filter."""
        message = (record.name, record.levelno, record.getMessage()[:200])
        now = self._now()
        with self._lock:
            began, count = self._seen.pop(message, (now, 0))
            if now - began >= _MINUTE_S:
                if count > LINES_A_MINUTE:
                    record.repeats = count - LINES_A_MINUTE
                began, count = now, 0
            self._seen[message] = began, count + 1
            while len(self._seen) > _MOST_MESSAGES:
                self._seen.popitem(last=False)
        return count < LINES_A_MINUTE

"""Log lines as JSON with the request's id, and never with a secret."""

import json
import logging
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from stash_sense.api.context import request_id

HIDDEN = "[secret]"
_LAST_LINES_S = 2.0
_SHORTEST = 6
"""A secret of fewer signs would blot out ordinary words."""


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request_id, and `extra={"fields": {...}}`."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = [secret for secret in secrets if len(secret) >= _SHORTEST]

    def format(self, record: logging.LogRecord) -> str:
        """See the class."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.hidden(record.getMessage()),
            "request_id": request_id(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = self.hidden(self.formatException(record.exc_info))
        return self.hidden(json.dumps(line))

    def hidden(self, text: str) -> str:
        """The text without any secret."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


@dataclass(frozen=True, slots=True)
class Event:
    """Something that went wrong, for the status page. at: seconds since 1970."""

    at: float
    message: str
    request_id: str


class RecentEvents(logging.Handler):
    """Remembers the last warnings and errors."""

    def __init__(self, formatter: JsonLines, most: int = 20) -> None:
        super().__init__(logging.WARNING)
        self._hidden = formatter.hidden
        self._events: deque[Event] = deque(maxlen=most)

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        self._events.appendleft(Event(record.created, self._hidden(record.getMessage()), request_id()))

    def all(self) -> Sequence[Event]:
        """The newest first."""
        return list(self._events)


class Aside(logging.Handler):
    """Hands lines to a thread that writes them: a terminal or a pipe that stands still must not stop us.

    What does not fit while it stands still is left out, and counted in the next line that does.
    """

    def __init__(self, formatter: JsonLines, handle: int, most: int = 10_000) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self._lines: queue.Queue[str | None] = queue.Queue(most)
        self._left_out = 0
        self._handle = handle
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        if self._left_out:
            record.fields = {**getattr(record, "fields", {}), "left_out_before": self._left_out}
        try:
            self._lines.put_nowait(self.format(record))
            self._left_out = 0
        except queue.Full:
            self._left_out += 1

    def close(self) -> None:
        """Write what is left, unless that takes too long."""
        with suppress(queue.Full):
            self._lines.put(None, timeout=_LAST_LINES_S)
        self._thread.join(_LAST_LINES_S)
        super().close()

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            # Not sys.stderr: Python, ending, would wait for the lock that a write standing still holds.
            left = line.encode("utf-8", "replace") + b"\n"
            with suppress(OSError):  # nobody reads any more
                while left:
                    left = left[os.write(self._handle, left) :]


def log_to_stderr(level: str, formatter: JsonLines) -> Aside:
    """Send this process's log lines to its error stream; close what comes back at the end."""
    handler = Aside(formatter, sys.stderr.fileno())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its lines hold the URLs that were asked for
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # what it says of starting is said here
    logging.captureWarnings(capture=True)
    return handler

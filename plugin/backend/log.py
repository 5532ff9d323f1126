"""Stash's log format on stderr: \\x01, a letter for the level, \\x02, one line of text."""

import sys

_LONGEST = 8000
"""Stash drops lines of 64 KiB and more."""


def debug(text: str) -> None:
    """Logs a line for troubleshooting."""
    _line("d", text)


def error(text: str) -> None:
    """Logs the message that the user reads."""
    _line("e", text)


def progress(share: float) -> None:
    """Reports a task's progress to Stash, 0 to 1."""
    _line("p", f"{min(max(share, 0.0), 1.0):.4f}")


def _line(level: str, text: str) -> None:
    line = " ".join(text.split())[:_LONGEST]
    sys.stderr.buffer.write(f"\x01{level}\x02{line}\n".encode("utf-8", "replace"))
    sys.stderr.buffer.flush()

"""Rows that another program, or a fault of the disk, left with values that make no sense."""

import logging

from stash_sense.errors import BadInput

log = logging.getLogger(__name__)

UNREADABLE = (BadInput, TypeError, ValueError, OverflowError)
"""What reading such a row raises. One bad row costs nothing but itself."""

_MOST = 1000
_logged: set[tuple[str, object]] = set()


def log_unreadable(what: str, row: object, error: Exception) -> None:
    """Say once that a row is left out."""
    if (what, row) not in _logged and len(_logged) < _MOST:
        _logged.add((what, row))
        log.warning("%s %s of the state cannot be read and is left out: %s", what, row, error)

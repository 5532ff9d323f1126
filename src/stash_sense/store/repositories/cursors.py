"""Cursors of lists: opaque texts that say after which row the next page begins."""

import re

from stash_sense.errors import BadInput

_CURSOR = re.compile(r"(-?[0-9][0-9.e+-]{0,30})_([0-9]{1,18})")


def write_cursor(value: float, row_id: int) -> str:
    """After the row with this value, and among equal ones this id."""
    return f"{float(value)!r}_{row_id}"


def read_cursor(cursor: str | None) -> tuple[float, int] | None:
    """What `write_cursor` was given; None for the first page. Raises BadInput."""
    if cursor is None:
        return None
    match = _CURSOR.fullmatch(cursor)
    try:
        if match is not None:
            return float(match[1]), int(match[2])
    except ValueError:
        pass
    raise BadInput(f"cursor is {cursor!r:.80}; give the next_cursor of an earlier page, or leave it out.")

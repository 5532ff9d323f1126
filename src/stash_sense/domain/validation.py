"""Checks of ids, numbers and texts that arrive from outside, before they are stored.

Each function returns the value it accepts and raises BadInput for any other. `what` names the value in the
message.
"""

import hashlib
import json
import math
import numbers
import operator
import re
from collections.abc import Mapping
from typing import Any

from stash_sense.errors import BadInput

LARGEST_INTEGER = 2**63 - 1
"""The largest integer that SQLite stores."""
_ROUNDING = 1e-6  # the last digits of a rounded sum may pass a limit; the value is clamped


def validate_text(what: str, value: object) -> str:
    """A non-empty string that UTF-8 can encode."""
    text = validate_string(what, value)
    if not text:
        raise BadInput(f"{what} is empty; give a non-empty text.")
    return text


def validate_string(what: str, value: object) -> str:
    """A string, possibly empty, that UTF-8 can encode."""
    if not isinstance(value, str):
        raise BadInput(f"{what} is {value!r:.80}; give a text.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"{what} is {value!r:.80}, which UTF-8 cannot encode; give valid Unicode.") from error
    return value


def validate_optional_text(what: str, value: object) -> str | None:
    """None, or as `validate_text`."""
    return None if value is None else validate_text(what, value)


def validate_stash_id(what: str, value: object) -> str:
    """An id in Stash: GraphQL gives text, scripts often an integer."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    stash_id = validate_text(what, value)
    if stash_id.isspace():
        raise BadInput(f"{what} is {value!r}; give the id that Stash shows.")
    return stash_id


def validate_integer(what: str, value: object, low: int = 0, high: int = LARGEST_INTEGER) -> int:
    """An integer from `low` to `high`."""
    try:
        integer = operator.index(value)  # type: ignore[arg-type]  # any other type raises TypeError
    except TypeError as error:
        raise BadInput(f"{what} is {value!r:.80}; give a whole number from {low} to {high}.") from error
    if isinstance(value, bool) or not low <= integer <= high:
        raise BadInput(f"{what} is {value!r:.80}; give a whole number from {low} to {high}.")
    return integer


def validate_number(what: str, value: object, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite number from `low` to `high`: SQLite would store NaN as NULL."""
    # The type first: asking whether a float is a Real number takes longer than all the rest.
    if type(value) is not float and (isinstance(value, bool) or not isinstance(value, numbers.Real)):
        raise BadInput(f"{what} is {value!r:.80}; give a finite number.")
    if not math.isfinite(value):
        raise BadInput(f"{what} is {value!r:.80}; give a finite number.")
    number = float(value)
    if not low - _ROUNDING <= number <= high + _ROUNDING:
        raise BadInput(f"{what} is {number:g}; give a number from {low:g} to {high:g}.")
    return min(max(number, low), high)


def validate_optional_number(
    what: str, value: object, low: float = -math.inf, high: float = math.inf
) -> float | None:
    """None, or as `validate_number`."""
    return None if value is None else validate_number(what, value, low, high)


def canonical_json(what: str, value: Mapping[str, Any] | None) -> str | None:
    """JSON text that is equal for equal mappings; None for None."""
    if value is None:
        return None
    try:
        text = json.dumps(
            dict(value), sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
        text.encode()
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"{what} cannot be written as JSON ({error}); give plain texts and numbers."
        ) from error
    return text


def json_revision(text: str | None) -> str | None:
    """A short text that is the same for the same canonical JSON; None for None."""
    return None if text is None else hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def parse_json_texts(text: str | None) -> tuple[str, ...]:
    """The texts of a stored JSON list; none for null. Raises ValueError for anything else."""
    values = [] if text is None else json.loads(text)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{text!r:.80} is no list of texts")
    return tuple(values)


def parse_json_object(text: str | None) -> dict[str, Any] | None:
    """The object in stored JSON; None where there is none, or another program wrote something else."""
    try:
        value = None if text is None else json.loads(text)
    except (TypeError, ValueError):
        return None
    return value if isinstance(value, dict) else None


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

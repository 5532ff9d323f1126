"""What may enter the state file: ids, numbers and texts, checked before any SQL sees them."""

import json
import math
import numbers
import operator
from collections.abc import Mapping
from typing import Any

from stash_sense.errors import BadInput

LARGEST_INTEGER = 2**63 - 1  # SQLite's own


def text(what: str, value: object) -> str:
    """A non-empty string that UTF-8 can hold."""
    found = line(what, value)
    if not found:
        raise BadInput(f"{what} is empty; give a non-empty text.")
    return found


def line(what: str, value: object) -> str:
    """A string that UTF-8 can hold, which may be empty."""
    if not isinstance(value, str):
        raise BadInput(f"{what} is {value!r:.80}; give a text.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadInput(
            f"{what} is {value!r:.80}, which UTF-8 cannot hold. Send the text as it came."
        ) from error
    return value


def optional_text(what: str, value: object) -> str | None:
    return None if value is None else text(what, value)


def stash_id(what: str, value: object) -> str:
    """An id of Stash's: GraphQL gives text, scripts often a whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    found = text(what, value)
    if found.isspace():
        raise BadInput(f"{what} is {value!r}; give the id that Stash shows.")
    return found


def whole(what: str, value: object, low: int = 0, high: int = LARGEST_INTEGER) -> int:
    """An integer from `low` to `high`."""
    try:
        found = operator.index(value)  # type: ignore[arg-type]  # whatever is no integer raises TypeError
    except TypeError as error:
        raise BadInput(f"{what} is {value!r:.80}; give a whole number from {low} to {high}.") from error
    if isinstance(value, bool) or not low <= found <= high:
        raise BadInput(f"{what} is {value!r:.80}; give a whole number from {low} to {high}.")
    return found


def finite(what: str, value: object) -> float:
    """A real number; NaN would be stored as NULL and infinity compares with nothing useful."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise BadInput(f"{what} is {value!r:.80}; give a finite number.")
    return float(value)


def optional_finite(what: str, value: object) -> float | None:
    return None if value is None else finite(what, value)


def within(what: str, value: object, low: float, high: float) -> float:
    """A number from `low` to `high`; the last digits of a rounded sum are forgiven and clamped."""
    found = finite(what, value)
    if not low - 1e-6 <= found <= high + 1e-6:
        raise BadInput(f"{what} is {found:g}; give a number from {low:g} to {high:g}.")
    return min(max(found, low), high)


def optional_within(what: str, value: object, low: float, high: float) -> float | None:
    return None if value is None else within(what, value, low, high)


def as_json(what: str, value: Mapping[str, Any] | None) -> str | None:
    """Canonical JSON: equal mappings give equal text."""
    if value is None:
        return None
    try:
        found = json.dumps(
            dict(value), sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
        found.encode()
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"{what} cannot be written as JSON ({error}); give plain texts and numbers."
        ) from error
    return found


def from_json(value: str | None) -> dict[str, Any] | None:
    found = None if value is None else json.loads(value)
    return found if isinstance(found, dict) else None

"""The arguments of a mode, checked before Stash or the sidecar is asked."""

from __future__ import annotations

from typing import Any, Dict
from urllib.parse import quote

from backend.errors import PluginError

_PLAIN_IN_PATH = ":@!$&'()*+,;="
"""Written as they are, as most proxies would rewrite them: the signature covers the path as it arrives."""

Args = Dict[str, Any]


def required_text(args: Args, name: str) -> str:
    """An id or a name: text, or a whole number as scripts may send it. Raises PluginError, as all here do."""
    value = args.get(name)
    if value is None or value == "":
        raise PluginError(f"No {name} provided")
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise PluginError(f"Request failed: {name} must be text, not {type(value).__name__}")
    return str(value)


def path_segment(args: Args, name: str) -> str:
    """The same, quoted as one segment of a URL path."""
    text = required_text(args, name)
    if text in {".", ".."}:  # a proxy would resolve it to another path
        raise PluginError(f"Request failed: {name} must not be {text!r}")
    return quote(text, safe=_PLAIN_IN_PATH, errors="replace")


def text_list(args: Args, name: str) -> list[str]:
    """A list of ids."""
    values = args.get(name)
    if values is None:
        raise PluginError(f"No {name} provided")
    if not isinstance(values, list):
        raise PluginError(f"Request failed: {name} must be a list, not {type(values).__name__}")
    return [required_text({name: value}, name) for value in values]


def nonempty_list(args: Args, name: str) -> list[str]:
    """The same, but not empty."""
    values = text_list(args, name)
    if not values:
        raise PluginError(f"No {name} provided")
    return values


def whole_number(text: str, name: str) -> int:
    """An id as a number."""
    try:
        return int(text)
    except ValueError as error:
        raise PluginError(f"Request failed: {name} must be whole numbers, not {text[:100]!r}") from error


def given(args: Args, *names: str) -> Args:
    """Those of the named arguments that are given. The sidecar knows the defaults and checks the values."""
    return {name: args[name] for name in names if args.get(name) is not None}

"""Which request is being dealt with, for its log lines and its problem document."""

import re
import secrets
from contextvars import ContextVar

_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_current: ContextVar[str] = ContextVar("request_id", default="-")


def request_id() -> str:
    """The current request's id; `-` outside of any."""
    return _current.get()


def begin(given: str) -> str:
    """Enter a request: under the id that a proxy gave it, if that is harmless, else under a new one."""
    chosen = given if _GIVEN.match(given) else secrets.token_hex(8)
    _current.set(chosen)
    return chosen

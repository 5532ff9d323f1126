"""Who a request comes from, as far as limits are concerned, and how wrong secrets slow an address down."""

import asyncio
import ipaddress
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.types import Scope

from stash_sense.errors import TooManyAttempts

log = logging.getLogger(__name__)

_MOST_ADDRESSES = 512
"""Remembered at a time; the one heard of least recently is forgotten first."""
_FREE_ATTEMPTS = 20
_MOST_ATTEMPTS = 100
_FORGIVEN_EACH_S = 3.0
"""One wrong secret is forgotten in this time."""
_SHORT_PAUSE_S, _LONG_PAUSE_S = 0.1, 1.0
_LONG_PAUSE_FROM = 50
_MOST_WAITING = 16
"""Answers held back at a time: each holds a connection."""
_TRUSTED_S = 3600.0
_SITE_PREFIX = 64


_current_client: ContextVar[str] = ContextVar("client", default="")


def current_client() -> str:
    """The `client_group` of the request being answered; empty outside of any."""
    return _current_client.get()


def note_client(scope: Scope) -> None:
    """Make `current_client` that of this request."""
    _current_client.set(client_group(scope))


def client_group(scope: Scope) -> str:
    """The address that a request comes from, as one string for what one household or host can use.

    Of an IPv6 address, which any host can choose among 2**64, the network; empty where it is unknown.
    """
    return address_group((scope.get("client") or ("",))[0])


def address_group(host: str) -> str:
    """See `client_group`."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _SITE_PREFIX), strict=False))
    return str(address)


@dataclass(slots=True)
class _Record:
    """level: wrong secrets not yet forgotten, as of `at`. trusted_until: the right one was sent before."""

    level: float = 0.0
    at: float = 0.0
    trusted_until: float = -math.inf


class WrongSecrets:
    """Slows down and then refuses an address that sends wrong secrets, in constant memory.

    The first 20 are answered at once, later ones after a pause. From 100 on the address is refused unheard,
    but for one attempt every 3 s. Where it has also sent the right secret within the last hour, as when the
    plugin shares its address with a misconfigured program, the right secret is accepted all the same.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._waiting = 0

    @property
    def remembered(self) -> int:
        """Addresses in memory."""
        return len(self._records)

    def check(self, client: str) -> None:
        """Raises TooManyAttempts for an address whose secrets are not even looked at for now."""
        record = self._records.get(client)
        if record and self._decayed(record) >= _MOST_ATTEMPTS and record.trusted_until < self._now():
            raise self._refusal(record)

    def note_right(self, client: str) -> None:
        """Record that the address has sent the right secret."""
        self._of(client).trusted_until = self._now() + _TRUSTED_S

    async def slow_down(self, client: str) -> None:
        """Record a wrong secret, and wait before it is answered. Raises TooManyAttempts."""
        record = self._of(client)
        level = self._decayed(record)
        record.level, record.at = min(level + 1, _MOST_ATTEMPTS + 1), self._now()
        if level < _MOST_ATTEMPTS <= record.level:
            log.warning("wrong secrets keep coming from %s; it is refused for now", client)
        if level >= _MOST_ATTEMPTS:
            raise self._refusal(record)
        if level < _FREE_ATTEMPTS:
            return
        if self._waiting >= _MOST_WAITING:
            raise self._refusal(record)
        self._waiting += 1
        try:
            await asyncio.sleep(_SHORT_PAUSE_S if level < _LONG_PAUSE_FROM else _LONG_PAUSE_S)
        finally:
            self._waiting -= 1

    def _of(self, client: str) -> _Record:
        record = self._records.setdefault(client, _Record(at=self._now()))
        self._records.move_to_end(client)
        while len(self._records) > _MOST_ADDRESSES:
            self._records.popitem(last=False)
        return record

    def _decayed(self, record: _Record) -> float:
        return max(0.0, record.level - (self._now() - record.at) / _FORGIVEN_EACH_S)

    def _refusal(self, record: _Record) -> TooManyAttempts:
        pause_s = math.ceil(max(1.0, (self._decayed(record) - _MOST_ATTEMPTS + 1) * _FORGIVEN_EACH_S))
        return TooManyAttempts(
            f"Too many wrong secrets from this address. Try again in {pause_s} s, with the secret that "
            "`stash-sense token` prints.",
            pause_s,
        )

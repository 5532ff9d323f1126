"""Signed requests: the caller proves that it knows the secret without sending it.

    Authorization: StashSense t=<unix seconds>,n=<nonce>,s=<signature>

The signature is the hex HMAC-SHA256, under the secret, of "t\\nn\\nMETHOD\\npath?query\\nsha256 of the body".
Anyone who reads the request can neither change it nor send it again: it is accepted for a minute, and once.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from stash_sense.errors import ClocksDiffer, QueueFull, Replayed, Unauthorized

SCHEME = "stashsense"
"""Of the Authorization header, in lower case."""
WINDOW_S = 60
"""How far the caller's clock may be from ours."""
MAX_NONCES = 50_000
"""Remembered at a time, about 7 MB; a plugin needs a few a second."""

_HEX = re.compile(r"[0-9a-f]{64}\Z")
_NONCE = re.compile(r"[A-Za-z0-9._~+/=-]{1,128}\Z")
_TIME = re.compile(r"[0-9]{1,12}\Z")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_PLAIN_IN_PATH = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:@!$&'()*+,;=")
"""Bytes that a path may hold as they are; a proxy may escape them or not."""


@dataclass(frozen=True, slots=True)
class Signature:
    """The credentials of a signed request."""

    time: str
    nonce: str
    signature: str

    @classmethod
    def parse(cls, credentials: str) -> Self:
        """Read what follows the scheme. Raises Unauthorized."""
        fields = dict(part.strip().partition("=")[::2] for part in credentials.split(","))
        seconds, nonce, signature = fields.get("t", ""), fields.get("n", ""), fields.get("s", "").lower()
        is_valid = _TIME.match(seconds) and _NONCE.match(nonce) and _HEX.match(signature)
        if not is_valid or credentials.count(",") != 2:
            raise Unauthorized(
                "The signature of the request is malformed. Send t=<unix seconds>,n=<nonce>,s=<64 hex "
                "digits>."
            )
        return cls(seconds, nonce, signature)


class SignatureVerifier:
    """Checks signatures under a secret, and that each request comes once, in bounded memory."""

    def __init__(self, secret: str, now: Callable[[], float] = time.time) -> None:
        self._key = secret.encode("utf-8", "surrogatepass")
        self._now = now
        self._started = int(now())
        self._nonces: dict[bytes, int] = {}
        """Digest of the nonce -> when it may be forgotten; in the order of arrival."""

    @property
    def remembered(self) -> int:
        """Nonces in memory."""
        return len(self._nonces)

    def check_time(self, signature: Signature) -> None:
        """Raises ClocksDiffer, or Replayed for a request that an earlier run may have answered."""
        sent, now = int(signature.time), int(self._now())
        if abs(sent - now) > WINDOW_S:
            raise ClocksDiffer(
                f"The clocks differ by {abs(sent - now):,} s: the caller's is "
                f"{'ahead' if sent > now else 'behind'}. At most {WINDOW_S} s are accepted. Set the clock of "
                "both machines by network time; in a container it is that of its host."
            )
        if sent < self._started:
            raise Replayed(
                "Stash Sense started after this request was signed, and cannot know whether it has been "
                f"answered before. Try again in {self._started - sent} s."
            )

    def verify(self, signature: Signature, method: str, target: bytes, body_digest: str) -> None:
        """Accept a request once. target: path and query as received. body_digest: hex sha256.

        Raises Unauthorized, ClocksDiffer, Replayed, QueueFull.
        """
        self.check_time(signature)
        given = signature.signature.encode()
        head = f"{signature.time}\n{signature.nonce}\n{method}\n".encode()
        is_right = False
        for spelling in (target, normalized_target(target)):
            text = head + spelling + b"\n" + body_digest.encode()
            is_right |= hmac.compare_digest(hmac.new(self._key, text, "sha256").hexdigest().encode(), given)
        if not is_right:
            raise Unauthorized(
                "The secret of this Stash Sense is missing or wrong, or the request was changed on its way. "
                "`stash-sense token` prints the secret."
            )
        self._use_up(signature)

    def _use_up(self, signature: Signature) -> None:
        """Remember a nonce until its request is too old anyway. Only holders of the secret get this far."""
        now = self._now()
        for nonce in list(self._outdated(now)):
            del self._nonces[nonce]
        nonce = hashlib.blake2b(signature.nonce.encode(), digest_size=16).digest()
        if nonce in self._nonces:
            raise Replayed("This request has been answered before. Sign a new one, with another nonce.")
        if len(self._nonces) >= MAX_NONCES:
            raise QueueFull("Too many signed requests in a minute. Try again in a few seconds.", 5)
        self._nonces[nonce] = int(signature.time) + WINDOW_S

    def _outdated(self, now: float) -> Iterator[bytes]:
        """The oldest that may be forgotten. Others may stay behind one of a fast clock, for two minutes."""
        for nonce, until in self._nonces.items():
            if until >= int(now):
                return
            yield nonce


def normalized_target(target: bytes) -> bytes:
    """A path and query with nothing escaped in the path that need not be.

    A proxy may escape or unescape such bytes; the signature has to survive that. `%2F` stays: unescaped it
    would be another path.
    """
    path, mark, query = target.partition(b"?")

    def spell(escape: re.Match[bytes]) -> bytes:
        byte = int(escape[1], 16)
        return bytes([byte]) if byte in _PLAIN_IN_PATH else escape[0].upper()

    return _ESCAPE.sub(spell, path) + mark + query

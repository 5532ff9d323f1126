"""The signature of each request, checked as the contract has it."""

import hashlib
import hmac
import re
import time

from .notes import Problem

WINDOW_S = 60


class Access:
    """Takes each signed request once; `clock_s` is how far the sidecar's clock is ahead."""

    def __init__(self) -> None:
        self.clock_s = 0.0
        self._nonces: set[str] = set()

    def check(self, secret: str, method: str, target: str, body: bytes, authorization: str | None) -> None:
        """Raises Problem. The secret itself, as programs send it, is not what a plugin may send."""
        if not secret:
            return
        signed = re.fullmatch(r"StashSense t=(\d+),n=([0-9a-f]+),s=([0-9a-f]{64})", authorization or "")
        if signed is None:
            raise Problem(401, "unauthorized", "This needs a request signed with the secret.")
        seconds, nonce, signature = signed.groups()
        apart = round(abs(time.time() + self.clock_s - int(seconds)))
        if apart > WINDOW_S:
            raise Problem(401, "clocks-differ", f"The clocks differ by {apart} s.")
        text = f"{seconds}\n{nonce}\n{method}\n{target}\n{hashlib.sha256(body).hexdigest()}"
        right = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right, signature):
            raise Problem(401, "unauthorized", "This needs the secret of this Stash Sense.")
        if nonce in self._nonces:
            raise Problem(401, "replayed", "This request was answered before.")
        self._nonces.add(nonce)

"""The signature of a request: it proves that the backend knows the secret, without sending it."""

from __future__ import annotations

import hashlib
import hmac
import os
import time


def sign(secret: str, method: str, path: str, body: bytes) -> str:
    """The Authorization header of one request; the sidecar accepts it for a minute, and once.

    path: with the query, as the sidecar sees it: without the path of its address, which a proxy takes off.
    """
    seconds, nonce = str(int(time.time())), os.urandom(16).hex()
    text = "\n".join((seconds, nonce, method, path, hashlib.sha256(body).hexdigest()))
    key = secret.encode("utf-8", "surrogatepass")
    return f"StashSense t={seconds},n={nonce},s={hmac.new(key, text.encode(), 'sha256').hexdigest()}"

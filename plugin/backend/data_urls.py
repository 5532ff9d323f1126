"""Face crops and reference faces as `data:` URLs, which Stash's pages allow."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

from backend.errors import PluginError
from backend.sidecar import TIMEOUT_S

if TYPE_CHECKING:
    from backend.sidecar import Sidecar

_PARALLEL = 4


def data_url(sidecar: Sidecar, path: str, timeout_s: float = TIMEOUT_S) -> str:
    """One picture of the sidecar. Raises PluginError."""
    kind, data = sidecar.picture(path, timeout_s=timeout_s)
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def data_urls(sidecar: Sidecar, paths: dict[str, str]) -> dict[str, str | None]:
    """Several pictures by name, a few in parallel; None for one that fails.

    All of them share the timeout of one call: a picture that is not there by then is None.
    """
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - takes 10 ms, and few need it

    deadline = time.monotonic() + TIMEOUT_S

    def picture(path: str) -> str | None:
        left = deadline - time.monotonic()
        try:
            return data_url(sidecar, path, left) if left > 0 else None
        except PluginError:
            return None

    with ThreadPoolExecutor(_PARALLEL) as pool:
        return dict(zip(paths, pool.map(picture, paths.values())))

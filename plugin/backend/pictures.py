"""Face crops and references as `data:` URLs, which a page of Stash may show."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

from backend.errors import Failure
from backend.sidecar import SECONDS

if TYPE_CHECKING:
    from backend.sidecar import Sidecar

_AT_ONCE = 4


def crop_path(face_id: str) -> str:
    """face_id: quoted, as one part of a path."""
    return f"/faces/{face_id}/crop"


def data_url(sidecar: Sidecar, path: str, seconds: float = SECONDS) -> str:
    """One picture. Raises Failure."""
    data = base64.b64encode(sidecar.jpeg(path, seconds=seconds)).decode("ascii")
    return f"data:image/jpeg;base64,{data}"


def data_urls(sidecar: Sidecar, paths: dict[str, str]) -> dict[str, str | None]:
    """Several pictures by their names, a few at a time; None for one that cannot be had.

    All together take no longer than one may: what is not there by then is None.
    """
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - costs 10 ms, and few need it

    until = time.monotonic() + SECONDS

    def picture(path: str) -> str | None:
        left = until - time.monotonic()
        try:
            return data_url(sidecar, path, left) if left > 0 else None
        except Failure:
            return None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(paths, pool.map(picture, paths.values())))

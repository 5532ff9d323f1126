"""The hook of Stash on performers: one process for each of a bulk edit, which must not wait or fail."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from backend import log
from backend.errors import PluginError
from backend.sidecar import Sidecar
from backend.stash import read_access

TIMEOUT_S = 2.0
PAUSE_S = 60.0
"""How long a sidecar is not told after it did not answer in time: each further edit would wait for it."""
_NOTE = ".no-answer"


def tell_of_changes(connection: dict[str, Any]) -> None:
    """Tells the sidecar that performers changed. It waits for quiet, and finds by itself what it missed."""
    folder = connection.get("PluginDir")
    note = Path(folder) / _NOTE if isinstance(folder, str) and folder else None
    if note and _age_s(note) < PAUSE_S:
        return
    try:
        Sidecar(read_access(connection)).json("POST", "/database/stale", timeout_s=TIMEOUT_S)
    except PluginError as error:
        log.debug(f"the sidecar was not told that performers changed: {error}")
        if note and error.code == "timed-out":
            _touch(note)


def _age_s(path: Path) -> float:
    try:
        age = time.time() - path.stat().st_mtime
    except OSError:
        return float("inf")
    return age if age >= 0 else float("inf")  # the clock was set back


def _touch(path: Path) -> None:
    try:
        path.write_bytes(b"")
    except OSError as error:
        log.debug(f"{path} cannot be written: {error}")

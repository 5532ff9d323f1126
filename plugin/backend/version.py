"""The version of this plugin."""

from __future__ import annotations

from pathlib import Path

_MANIFEST = Path(__file__).resolve().parents[1] / "stash-sense.yml"
_KEY = "version: "


def plugin_version() -> str:
    """The version in the manifest, which Stash shows too."""
    lines = _MANIFEST.read_text("utf-8").splitlines()
    return next(line[len(_KEY) :].strip() for line in lines if line.startswith(_KEY))

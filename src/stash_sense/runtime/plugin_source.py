"""The plugin as a source that Stash installs from: a zip, and the index with its checksum and date.

Stash offers an update where the index has a later date than the installed plugin; versions it only shows.
"""

import hashlib
import io
import json
import logging
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stash_sense import __version__
from stash_sense.errors import StashSenseError
from stash_sense.files import write_atomically

log = logging.getLogger(__name__)

PLUGIN_ID = "stash-sense"
INDEX = "index.yml"
ARCHIVE = f"{PLUGIN_ID}.zip"
OFFERED = "plugin-offered.json"
"""In the data folder: the plugin that was last offered, and since when."""

_DATE = "%Y-%m-%d %H:%M:%S"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_PLAIN_FILE = 0o100644 << 16
_INSTALLED = Path(__file__).parents[1] / "plugin"
_IN_CHECKOUT = Path(__file__).parents[3] / "plugin"
_SHIPPED = (f"{PLUGIN_ID}.yml", "*.css", "*.py", "backend/*.py", "scripts/*.js")


@dataclass(frozen=True, slots=True)
class PluginSource:
    """What Stash fetches. date: in UTC, whole seconds."""

    index: bytes
    archive: bytes
    date: datetime

    @classmethod
    def made(cls, date_of: Callable[[str], datetime]) -> "PluginSource":
        """From the plugin's files; the same files give the same zip. date_of: by the zip's sha256."""
        files = plugin_files()
        archive = _pack(files)
        sha256 = hashlib.sha256(archive).hexdigest()
        date = date_of(sha256)
        about = _top_level(files[f"{PLUGIN_ID}.yml"].read_text("utf-8"))
        entry = {
            "id": PLUGIN_ID,
            "name": about["name"],
            "metadata": {"description": about["description"]},
            "version": about["version"],
            "date": date.strftime(_DATE),
            "path": ARCHIVE,
            "sha256": sha256,
        }
        # JSON is YAML too.
        return cls(json.dumps([entry], indent=2).encode(), archive, date)


def plugin_files() -> dict[str, Path]:
    """By name in the zip: the manifest, scripts and styles, the server side and the licence."""
    folder = _INSTALLED if _INSTALLED.is_dir() else _IN_CHECKOUT
    paths = [path for pattern in _SHIPPED for path in folder.glob(pattern)]
    licence = next(place / "LICENSE" for place in (folder, folder.parent) if (place / "LICENSE").is_file())
    return {path.relative_to(folder).as_posix(): path for path in paths} | {"LICENSE": licence}


class OfferedPlugin:
    """The plugin that comes with this Stash Sense, dated when it was first offered from this data folder.

    So a newer Stash Sense makes Stash offer an update, and going back to an older one does too.
    """

    def __init__(self, data_dir: Path) -> None:
        self._record = data_dir / OFFERED
        self._making = threading.Lock()
        self._source: PluginSource | None = None

    def source(self) -> PluginSource:
        """Made at the first call, which reads a few hundred kB. From any thread."""
        with self._making:
            self._source = self._source or PluginSource.made(self._date_of)
            return self._source

    def _date_of(self, sha256: str) -> datetime:
        now = datetime.now(UTC).replace(microsecond=0)
        try:
            offered = json.loads(self._record.read_bytes())
            before = datetime.strptime(offered["date"], _DATE).replace(tzinfo=UTC)
            if offered["sha256"] == sha256:
                return before
            now = max(now, before + timedelta(seconds=1))  # the clock may have been set back
        except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            pass  # none yet, or damaged: made again
        try:
            write_atomically(
                self._record, json.dumps({"sha256": sha256, "date": now.strftime(_DATE)}).encode()
            )
        except StashSenseError as error:
            log.warning("%s Stash may offer an update of the plugin after each restart.", error)
        return now


def version_advice(plugin_version: str) -> str:
    """What to do about a plugin of this version in Stash; empty where it is this program's."""
    if plugin_version == __version__:
        return ""
    return (
        f"The plugin in Stash has version {plugin_version}, and Stash Sense {__version__}. Update the older "
        "one: the plugin in Stash under Settings, Plugins, Check for Updates."
    )


def _pack(files: dict[str, Path]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, _PLAIN_FILE
            archive.writestr(entry, path.read_bytes())
    return packed.getvalue()


def _top_level(manifest: str) -> dict[str, str]:
    """The plain values of our own manifest that stand at its left edge."""
    lines = [line.partition(": ") for line in manifest.splitlines() if line[:1].isalpha()]
    return {key: value.strip() for key, separator, value in lines if separator}

"""A user's own calibration of a pack: `calibration.json` in its folder, tied to its weights."""

import json
import logging
from pathlib import Path
from typing import Any

from stash_sense.errors import AlteredFile
from stash_sense.files import explained_write_errors, write_atomically
from stash_sense.models.manifest import PackManifest

log = logging.getLogger(__name__)


def calibration_path(pack_id: str, data_dir: Path) -> Path:
    """Where a user's calibration of the pack lies."""
    return data_dir / "models" / pack_id / "calibration.json"


def keep_calibration(pack_id: str, data_dir: Path, fingerprint: str, calibration: dict[str, Any]) -> Path:
    """Write a calibration made on the pack of this fingerprint. Raises NoSpace or CannotWrite."""
    path = calibration_path(pack_id, data_dir)
    text = json.dumps({"fingerprint": fingerprint, "calibration": calibration}, indent=1) + "\n"
    with explained_write_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.encode("utf-8"))
    return path


def own_calibration(manifest: PackManifest, data_dir: Path) -> PackManifest:
    """The manifest with the user's own calibration where there is one.

    One made on another state of the pack is left aside: its numbers are of other embeddings.
    Raises AlteredFile.
    """
    path = calibration_path(manifest.id, data_dir)
    if not path.is_file():
        return manifest
    again = f"Run: stash-sense models calibrate {manifest.id} --people FOLDER, or delete the file."
    try:
        kept = json.loads(path.read_bytes())
        fingerprint, calibration = kept["fingerprint"], kept["calibration"]
    except (ValueError, TypeError, KeyError) as error:
        raise AlteredFile(f"{path}: not a calibration ({error!r}). {again}") from error
    if not isinstance(calibration, dict):
        raise AlteredFile(f"{path}: holds no calibration. {again}")
    if fingerprint != manifest.fingerprint:
        log.warning("%s: made on another state of the pack, left aside. %s", path, again)
        return manifest
    return manifest.model_copy(update={"calibration": calibration})

"""Makes a plugin source that Stash can install from: the plugin as a zip, and index.yml with its checksum.

    python packaging/plugin_source.py FOLDER

The same files give the same zip, byte for byte.
"""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / "plugin"
ID = "stash-sense"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_PLAIN_FILE = 0o100644 << 16


def shipped(manifest: dict) -> dict[str, Path]:
    """By name in the zip: the manifest, what it lists, the server side and the licence."""
    names = [f"{ID}.yml", *manifest["ui"]["javascript"], *manifest["ui"]["css"]]
    server = [PLUGIN / "stash_sense_backend.py", *sorted((PLUGIN / "backend").glob("*.py"))]
    files = {name: PLUGIN / name for name in names}
    files |= {path.relative_to(PLUGIN).as_posix(): path for path in server}
    return files | {"LICENSE": ROOT / "LICENSE"}


def pack(files: dict[str, Path], target: Path) -> str:
    """Writes the zip; returns its sha256."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, _PLAIN_FILE
            archive.writestr(entry, path.read_bytes())
    return hashlib.sha256(target.read_bytes()).hexdigest()


def last_change(root: Path) -> str:
    """When the plugin was last changed, in UTC: by this, not by the version, Stash sees an update."""
    command = ["git", "log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%d %H:%M:%S", "--", "plugin"]
    there = {**os.environ, "TZ": "UTC0"}
    return subprocess.run(
        command, cwd=root, env=there, capture_output=True, text=True, check=True
    ).stdout.strip()


def main(target: Path) -> None:
    manifest = yaml.safe_load((PLUGIN / f"{ID}.yml").read_text())
    target.mkdir(parents=True, exist_ok=True)
    entry = {
        "id": ID,
        "name": manifest["name"],
        "metadata": {"description": manifest["description"]},
        "version": manifest["version"],
        "date": last_change(ROOT),
        "path": f"{ID}.zip",
        "sha256": pack(shipped(manifest), target / f"{ID}.zip"),
    }
    (target / "index.yml").write_text(yaml.safe_dump([entry], sort_keys=False, allow_unicode=True))
    sys.stdout.write(f"{target / 'index.yml'}: {ID} {entry['version']}, sha256 {entry['sha256']}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

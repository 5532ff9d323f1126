"""Makes a plugin source that Stash can install from any web server: the plugin as a zip, and index.yml.

    python packaging/plugin_source.py FOLDER

The same commit gives the same files, byte for byte. A running sidecar offers the plugin by itself, at
/plugin/index.yml.
"""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from stash_sense.runtime.plugin_source import ARCHIVE, INDEX, PluginSource

ROOT = Path(__file__).parents[1]


def last_change(root: Path) -> datetime:
    """When the plugin was last changed."""
    command = ["git", "log", "-1", "--format=%ct", "--", "plugin"]
    done = subprocess.run(command, cwd=root, env=os.environ, capture_output=True, text=True, check=True)
    return datetime.fromtimestamp(int(done.stdout), UTC)


def main(target: Path) -> None:
    date = last_change(ROOT)
    source = PluginSource.made(lambda _: date)
    target.mkdir(parents=True, exist_ok=True)
    (target / ARCHIVE).write_bytes(source.archive)
    (target / INDEX).write_bytes(source.index)
    sys.stdout.write(f"{target / INDEX}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

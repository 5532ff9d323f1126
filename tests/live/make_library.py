"""Makes what a real Stash must hold for `make test-live`: the free photos, and three videos made of them.

PYTHONPATH=tests:demo python tests/live/make_library.py FOLDER
"""

import functools
import shutil
import sys
from pathlib import Path

import numpy as np
from film import write_film

from fakes.videos import write_video

PHOTOS = Path(__file__).parents[2] / "samples" / "gallery"


def write_lying(path: Path, *, pictures, **options) -> None:
    """A video that is stored lying, and says so."""
    write_video(path, pictures=[np.rot90(each, -1) for each in pictures], rotation=90, **options)


FILMS = {
    "film.mp4": write_video,
    "film_lying.mp4": write_lying,
    "film_hevc.mp4": functools.partial(write_video, codec="libx265"),
}


def main(folder: Path) -> None:
    shutil.copytree(PHOTOS, folder / "gallery", dirs_exist_ok=True)
    (folder / "videos").mkdir(exist_ok=True)
    for name, write in FILMS.items():
        write_film(folder / "videos" / name, PHOTOS, write)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

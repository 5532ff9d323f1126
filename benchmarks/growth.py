"""Cost and memory of one large folder. Run by speed.py as a process of its own: growth.py DATABASE FOLDER."""

import json
import sys
import time
from pathlib import Path

from lab import peak_megabytes
from stash_sense.domain.progress import NoProgress
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.media.listing import list_images
from stash_sense.recognition.folder import identify_photos
from stash_sense.runtime.from_settings import open_pack, recognizer
from stash_sense.settings import Settings


def main() -> None:
    paths = list_images(Path(sys.argv[2])).images
    with recognizer(open_pack(Settings()), Path(sys.argv[1])) as named:
        start = time.perf_counter()
        result = identify_photos(paths, named, MatchOptions(), NoProgress())
        seconds = time.perf_counter() - start
    figures = {"photos": len(result.photos), "seconds": seconds, "peak_mb": peak_megabytes()}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

"""The Stash stand-in in a process of its own, for gallery.py. One JSON request a line, one answer a line.

gallery_stash.py FOLDER COUNT: a gallery of COUNT images over the JPEGs of FOLDER, taken again and again
where there are fewer, each under fingerprints of its own.
"""

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from lab import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "tests"))
StashStandIn = import_module("fakes.stash").StashStandIn


def main() -> None:
    paths = sorted(Path(sys.argv[1]).glob("*.jpg"))
    count = int(sys.argv[2])
    with StashStandIn() as stash:
        gallery = stash.library.add_gallery("Photos")
        for number in range(count):
            path = paths[number % len(paths)]
            stash.library.add_image(
                path,
                galleries=[gallery],
                path=f"/data/{number:06}.jpg",
                size=(1600, 1200),
                fingerprints={"md5": f"{number:032x}"},
            )
        _say({"url": stash.url, "gallery": str(gallery)})
        for line in sys.stdin:
            _say(_answer(stash, json.loads(line)))


def _answer(stash: Any, asked: str) -> dict[str, Any]:
    """`tag` tags somebody on every image; anything else only asks for the counts since the last time."""
    if asked == "tag":
        performer = stash.library.add_performer("Somebody")
        for image in stash.library.images.values():
            image.performers.append(performer)
            image.updated_at = stash.library.now()
    counts = stash.record.counts
    stash.record.forget()
    return {"originals": counts["original"], "queries": counts["graphql"], "cpu_s": time.process_time()}


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

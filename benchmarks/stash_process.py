"""The tests' Stash stand-in as a program, for stand_in.py. One JSON request a line, one answer a line.

stash_process.py FOLDER COUNT OTHERS: a gallery of COUNT images over the JPEGs of FOLDER, taken again and
again where there are fewer, each under fingerprints of its own; and the JPEGs of OTHERS in no gallery.
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
    others = sorted(Path(sys.argv[3]).glob("*.jpg"))
    with StashStandIn() as stash:
        gallery = stash.library.add_gallery("Photos")
        for number in range(count):
            _add(stash, paths[number % len(paths)], number, galleries=[gallery])
        ids = [_add(stash, path, count + number) for number, path in enumerate(others)]
        _say({"url": stash.url, "gallery": str(gallery), "others": ids})
        for line in sys.stdin:
            _say(_answer(stash, json.loads(line)))


def _add(stash: Any, path: Path, number: int, **where: Any) -> str:
    image = stash.library.add_image(
        path,
        path=f"/data/{number:06}.jpg",
        size=(1600, 1200),
        fingerprints={"md5": f"{number:032x}"},
        **where,
    )
    return str(image)


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

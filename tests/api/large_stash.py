"""A large stand-in of Stash as a process of its own, so that its work is none of the sidecar's.

large_stash.py SAMPLES PERFORMERS IMAGES: so many performers, ten of them with a portrait, and a gallery of so
many images. Prints its address and the gallery's id, and ends with its standard input.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.stash import StashStandIn

PORTRAITS = 10


def main() -> None:
    samples, performers, images = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    photos = sorted((samples / "gallery").glob("*.jpg"))
    portraits = sorted(path for path in (samples / "people").rglob("*.*") if path.is_file())
    with StashStandIn() as stash:
        gallery = stash.library.add_gallery("Photos")
        for number in range(images):
            stash.library.add_image(
                photos[number % len(photos)],
                path=f"/data/{number:06}.jpg",
                size=(1600, 1200),
                fingerprints={"md5": f"{number:032x}"},
                galleries=[gallery],
            )
        for number in range(performers):
            image = portraits[number % len(portraits)] if number < PORTRAITS else None
            stash.library.add_performer(f"Performer {number}", image=image)
        sys.stdout.write(f"{stash.url} {gallery}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()

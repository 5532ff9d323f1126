"""Store image results in batches of 64 until killed; report each batch once it is stored."""

import sys

import numpy as np

from stash_sense.domain.decisions import StoredMatch
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.store.database import IMAGES_PER_TRANSACTION, RecommendationsDB
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.results import ImageResult


def result(number: int, run: int) -> ImageResult:
    rng = np.random.default_rng(number)
    faces = [
        DetectedFace(
            Box(0.1 + 0.3 * index, 0.1, 0.2, 0.2),
            0.9,
            "match",
            f"run {run}",
            (StoredMatch(f"person-{(number + index + run) % 97}", 0.3),),
            facenet=rng.standard_normal(128),
            arcface=rng.standard_normal(128),
        )
        for index in range(3)
    ]
    picture = PictureIdentity.of([("md5", str(number))])
    return ImageResult(str(number), picture, "pack", f"run {run}", faces, gallery_ids=[str(number % 10)])


def main(path: str, images: int, run: int) -> None:
    db = RecommendationsDB(path)
    tell("ready")
    for start in range(0, images, IMAGES_PER_TRANSACTION):
        numbers = range(start, min(start + images))
        outcome = db.store_image_results([result(number, run) for number in numbers])
        assert not outcome.failed
        tell(str(numbers.stop))
    db.close()


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

"""Two writers and two readers for some seconds; tells what was written as JSON."""

import json
import sys
import threading
import time

import numpy as np

from stash_sense.domain.decisions import StoredMatch
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.results import ImageResult


def result(image: str, version: str) -> ImageResult:
    face = DetectedFace(
        Box(0.1, 0.1, 0.5, 0.5),
        0.9,
        "match",
        "",
        (StoredMatch("everyone", 0.3),),
        facenet=np.ones(128),
        arcface=np.ones(128),
    )
    return ImageResult(image, PictureIdentity.of([("md5", image)]), "p", version, [face])


class Work:
    """What the threads of this process do, and what they saw."""

    def __init__(self, path: str, name: str, seconds: float) -> None:
        self.db = RecommendationsDB(path)
        self.name = name
        self.until = time.monotonic() + seconds
        self.written: dict[str, int] = {}
        self.read: dict[str, int] = {}
        self.slowest_read = 0.0
        self.errors: list[str] = []

    def write(self, index: int) -> None:
        number = 0
        while time.monotonic() < self.until:
            image = f"{self.name}-{index}-{number}"
            self.db.store_image_results([result(image, "v"), result("shared", f"{self.name}-{index}")])
            self.db.journal_begin("image", [image], "1")
            number += 1
        self.written[f"{self.name}-{index}"] = number

    def look(self, index: int) -> None:
        number = 0
        while time.monotonic() < self.until:
            start = time.monotonic()
            found = self.db.get_image_result("shared")
            self.slowest_read = max(self.slowest_read, time.monotonic() - start)
            if found is not None:
                assert len(found.faces) == 1
                assert len(self.db.get_image_fingerprint_faces("shared")) == 1
            batch = next(self.db.read_embeddings("p", faces_per_batch=500), None)
            assert batch is None or len(batch.face_ids) == len(batch.stash_image_ids)
            number += 1
        self.read[str(index)] = number

    def guarded(self, work: str, index: int) -> None:
        try:
            getattr(self, work)(index)
        except Exception as error:  # noqa: BLE001  every error at all is told to the test
            self.errors.append(repr(error))

    def run(self) -> None:
        threads = [
            threading.Thread(target=self.guarded, args=(work, index))
            for work in ("write", "look")
            for index in (0, 1)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.db.close()


if __name__ == "__main__":
    work = Work(sys.argv[1], sys.argv[2], float(sys.argv[3]))
    work.run()
    told = {
        "written": work.written,
        "read": sum(work.read.values()),
        "errors": work.errors,
        "slowest_read": work.slowest_read,
    }
    sys.stdout.write(json.dumps(told))

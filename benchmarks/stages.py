"""Where the time goes: ours, end to end, on one core, every step's processor time taken apart.

Run by speed.py as a process of its own: stages.py DATABASE < galleries (JSON), answers with stage -> seconds.
"""

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

if __name__ == "__main__":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before NumPy and OpenCV count the cores

from stash_sense.domain.progress import NoProgress
from stash_sense.facedb.database import FaceDatabase
from stash_sense.faces import detect, engine, yunet
from stash_sense.faces.embed import Embedder
from stash_sense.faces.session import OnnxSession
from stash_sense.matching import gallery_people, naming
from stash_sense.recognition import analysis, folder
from stash_sense.runtime.from_settings import open_pack, recognizer
from stash_sense.settings import Settings


class Stages:
    """Processor time of the calling thread, charged to the innermost stage it is in."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._open: list[str] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """All that happens inside is `name`, less what stages within it take."""
        start = time.thread_time()
        self._open.append(name)
        try:
            yield
        finally:
            spent = time.thread_time() - start
            self._open.pop()
            self.seconds[name] += spent
            if self._open:
                self.seconds[self._open[-1]] -= spent

    def timed(self, name: str | Callable[..., str], original: Callable[..., Any]) -> Callable[..., Any]:
        """`original`, its time charged to `name`, which may depend on its arguments."""

        def call(*args: Any, **kwargs: Any) -> Any:
            with self.stage(name if isinstance(name, str) else name(*args)):
                return original(*args, **kwargs)

        return call


def main() -> None:
    worker, taker = Stages(), Stages()  # a thread each: one reads faces, the other takes and names them
    network: dict[int, str] = {}
    opened = OnnxSession.__init__

    def remember(session: OnnxSession, path: Path) -> None:
        opened(session, path)
        network[id(session)] = path.name

    spots: list[tuple[object, str, Stages, str | Callable[..., str]]] = [
        (analysis, "load_image", worker, "read and decode"),
        (detect, "shrink_to_fit", worker, "shrink for the detector"),
        (yunet, "to_input", worker, "shrink for the detector"),
        (yunet, "decode_detections", worker, "boxes out of scores"),
        (OnnxSession, "run", worker, lambda session, inputs: _network(network[id(session)], inputs)),
        (Embedder, "crop", worker, "align and crop"),
        (Embedder, "embed", worker, "embedders' input and output"),
        (engine, "assess_quality", worker, "quality"),
        (analysis, "_analyze_batch", worker, "rest of reading"),
        (FaceDatabase, "search", taker, "search"),
        (folder, "_recognize_batch", taker, "verdicts"),
        (naming, "group_faces", taker, "grouping of faces"),
        (gallery_people, "name_tracks", taker, "naming of tracks"),
        (folder, "judge_photos", taker, "rest of judging"),
    ]
    with ExitStack() as patches:
        patches.enter_context(patch.object(OnnxSession, "__init__", remember))
        for owner, attribute, stages, name in spots:
            timed = stages.timed(name, getattr(owner, attribute))
            patches.enter_context(patch.object(owner, attribute, timed))
        photos: list[list[str]] = json.load(sys.stdin)
        with recognizer(open_pack(Settings()), Path(sys.argv[1])) as named:
            folder.identify_photos(
                list(map(Path, photos[0][:8])), named, gallery_people.MatchOptions(), NoProgress()
            )
            worker.seconds.clear()
            taker.seconds.clear()
            start = time.process_time()
            for gallery in photos:
                folder.identify_photos(
                    list(map(Path, gallery)), named, gallery_people.MatchOptions(), NoProgress()
                )
            total = time.process_time() - start
    seconds = {**worker.seconds, **taker.seconds}
    seconds["everything else"] = total - sum(seconds.values())
    print(json.dumps(seconds))


def _network(file: str, inputs: dict[str, Any]) -> str:
    if not file.startswith("yunet"):
        return f"network {file.removesuffix('.onnx')}"
    (blob,) = inputs.values()
    return f"network {file.removesuffix('.onnx')}, {'main' if max(blob.shape) > 512 else 'close'} pass"


if __name__ == "__main__":
    main()

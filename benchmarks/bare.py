"""The bare inference of our own passes: what the networks alone take, on inputs recorded from a real run.

Run by speed.py as a process of its own, since the inputs are gigabytes that would be in the others' way:
bare.py DATABASE; the galleries as a line of JSON, then a line for each run; answers each with a line.
"""

import json
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import numpy as np

from stash_sense.domain.progress import NoProgress
from stash_sense.faces.session import Array, OnnxSession
from stash_sense.machine import usable_cores
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.models.prepare import prepare_pack
from stash_sense.recognition import recognizer as recognizers
from stash_sense.recognition.folder import identify_folders
from stash_sense.recognition.recognizer import LoadedPack
from stash_sense.runtime.from_settings import recognizer
from stash_sense.settings import Settings


class Recorder:
    """Every input that the networks of a pack are given, in order, and the networks to run them again."""

    def __init__(self) -> None:
        self.calls: list[tuple[OnnxSession, dict[str, Array]]] = []
        self.recording = False

    def open_pack(self) -> LoadedPack:
        """The pack of the settings with its sessions watched."""
        recorder = self

        class Watched(OnnxSession):
            def __init__(self, path: Path) -> None:
                super().__init__(path)
                self.real = OnnxSession(path)

            def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
                if recorder.recording:
                    kept = {name: np.array(value) for name, value in inputs.items()}
                    recorder.calls.append((self.real, kept))
                return super().run(inputs)

        settings = Settings()
        with patch.object(recognizers, "OnnxSession", Watched):
            return recognizers.load_pack(prepare_pack(settings.pack, settings.data_dir))

    def run(self) -> None:
        """All recorded calls, on as many one-thread workers as ours has."""
        with ThreadPoolExecutor(usable_cores()) as pool:
            for _ in pool.map(lambda call: call[0].run(call[1]), self.calls):
                pass


def main() -> None:
    recorder = Recorder()
    galleries = [[Path(path) for path in paths] for paths in json.loads(sys.stdin.readline())]
    with recognizer(recorder.open_pack(), Path(sys.argv[1])) as watched:
        recorder.recording = True
        identify_folders(galleries, watched, MatchOptions(), NoProgress())
    print(len(recorder.calls), flush=True)
    for _ in sys.stdin:
        recorder.run()
        print("done", flush=True)


if __name__ == "__main__":
    main()

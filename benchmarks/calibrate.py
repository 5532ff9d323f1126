"""Fit the default pack's calibration: python benchmarks/calibrate.py CROWD_FOLDER > calibration.json.

Only faces of people who are in no test gallery may be given. Prints the JSON that stands in the pack's
manifest under "calibration".
"""

import json
import sys
from pathlib import Path

from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.calibrate import calibrate, embed_labelled
from stash_sense.runtime.from_settings import open_pack
from stash_sense.settings import Settings

WEIGHTS = {"arcface": 2 / 3, "facenet": 1 / 3}
"""SFace at twice the weight of dlib's ResNet: its scores of the same person lie twice as many standard
deviations above those of different people (docs/accuracy.md)."""


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    pack = open_pack(Settings())
    parts = [embed_labelled(Path(folder), pack, NoProgress()) for folder in sys.argv[1:]]
    calibration = calibrate(parts, pack, WEIGHTS)
    print(json.dumps(calibration.model_dump(), indent=1))


if __name__ == "__main__":
    main()

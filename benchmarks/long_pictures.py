"""Which faces of strips, panoramas and contact sheets are found, once each, in what time and memory.

    python benchmarks/long_pictures.py [--data FOLDER]

The pictures are put together from portraits of the enrolled people, chosen by a seed; each is a JPEG that is
read and searched by a process of its own, as `identify` does.
"""

import multiprocessing
import random
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

import lab
from stash_sense.domain.faces import Pixels
from stash_sense.media.photo import load_image
from stash_sense.recognition.analysis import analyze_pictures
from stash_sense.recognition.recognizer import LoadedPack

PORTRAITS = 20
LEAST_PX = 150
"""Size of a face in the photo that it is taken from."""
SEED = 0
GREY = 90
NEAR = 0.4
"""A face is the one of its panel if their middles are so near, in longer sides of the face's box."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A picture of square panels, each with a face whose box's longer side is `face` px, or turned."""

    width: int
    height: int
    panel: int
    face: int
    quarters: int = 0
    faces: int = 0
    """Panels that show a face; 0: all."""

    @property
    def count(self) -> int:
        return self.faces or (self.width // self.panel) * (self.height // self.panel)


SHEETS = (
    Sheet(600, 24_000, 600, 300),
    Sheet(24_000, 600, 600, 300),
    Sheet(24_000, 600, 600, 300, quarters=1),
    Sheet(600, 12_000, 150, 60),
    Sheet(2_000, 16_000, 200, 60),
    Sheet(2_000, 40_000, 1_000, 60),
    Sheet(8_000, 8_000, 800, 100),
    Sheet(8_000, 8_000, 400, 60),
    Sheet(8_000, 8_000, 400, 60, faces=5),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """found, once: faces; further: boxes that are no face of a panel; seconds: of the processor."""

    found: int
    once: int
    further: int
    seconds: float
    megabytes: float


def portraits(data: lab.FaceData, pack: LoadedPack) -> list[tuple[Pixels, np.ndarray]]:
    """Photos of different people and the box of the one, large, frontal face on each."""
    people = sorted(data.enrol.iterdir())
    random.Random(SEED).shuffle(people)
    chosen = []
    for person in people:
        pixels = load_image(min(person.iterdir())).pixels
        (faces,) = pack.engine.analyze([pixels])
        if len(faces) == 1 and faces[0].quality.size >= LEAST_PX and faces[0].quality.yaw < 0.2:
            chosen.append((pixels, faces[0].box))
        if len(chosen) == PORTRAITS:
            break
    return chosen


def put_together(sheet: Sheet, faces: list[tuple[Pixels, np.ndarray]]) -> tuple[bytes, np.ndarray]:
    """The picture as a JPEG, and the middles of its faces, (n, 2) pixels."""
    picture = np.full((sheet.height, sheet.width, 3), GREY, np.uint8)
    columns = sheet.width // sheet.panel
    panels = range(columns * (sheet.height // sheet.panel))
    places = sorted(random.Random(SEED).sample(panels, sheet.count))
    middles = []
    for number, place in enumerate(places):
        top, left = (sheet.panel * at for at in divmod(place, columns))
        pixels, box = faces[number % len(faces)]
        panel = np.rot90(_panel(pixels, box, sheet), sheet.quarters)
        picture[top : top + sheet.panel, left : left + sheet.panel] = panel
        middles.append([left + sheet.panel / 2, top + sheet.panel / 2])
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
    assert done
    return data.tobytes(), np.array(middles)


def _panel(pixels: Pixels, box: np.ndarray, sheet: Sheet) -> Pixels:
    scale = sheet.face / float((box[2:] - box[:2]).max())
    shift = sheet.panel / 2 - (box[:2] + box[2:]) / 2 * scale
    transform = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    soft = cv2.GaussianBlur(pixels, (0, 0), 0.4 / scale) if scale < 0.5 else pixels
    size = (sheet.panel, sheet.panel)
    return np.asarray(cv2.warpAffine(soft, transform, size, borderValue=(GREY, GREY, GREY)), np.uint8)


def measured(root: Path, sheet: Sheet) -> Figures:
    """Run in a process of its own, whose memory it reports."""
    pack = lab.default_pack()
    jpeg, middles = put_together(sheet, portraits(lab.face_data(root), pack))
    lab.forget_peak()
    start = time.process_time()
    (picture,) = analyze_pictures([jpeg], pack.engine, min_confidence=0.5)
    seconds = time.process_time() - start
    if isinstance(picture, Exception):
        raise picture
    hits = [0] * len(middles)
    for face in picture.faces:
        distances = np.abs(middles - (face.box[:2] + face.box[2:]) / 2).max(axis=1)
        if distances.min() < NEAR * sheet.face:
            hits[int(distances.argmin())] += 1
    return Figures(
        sum(hit > 0 for hit in hits),
        sum(hit == 1 for hit in hits),
        len(picture.faces) - sum(hits),
        seconds,
        lab.peak_megabytes(),
    )


def main() -> None:
    options = lab.parser(__doc__).parse_args()
    lab.face_data(options.data)
    rows: list[list[object]] = []
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as processes:
        for sheet in SHEETS:
            figures = processes.submit(measured, options.data, sheet).result()
            what = f"{sheet.count} of {sheet.face} px" + (", lying" if sheet.quarters else "")
            rows.append(
                [
                    f"{sheet.width:,} x {sheet.height:,}",
                    what,
                    figures.found,
                    figures.once,
                    figures.further,
                    round(figures.seconds, 1),
                    round(figures.megabytes),
                ]
            )
    head = ["picture, px", "faces", "found", "once", "others", "processor s", "peak MB"]
    lab.table("Long and very large pictures", head, rows)
    lab.save("long_pictures", {"head": head, "rows": rows})


if __name__ == "__main__":
    main()

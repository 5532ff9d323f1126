"""Photos turned by quarters and eighths: are the people on them named as upright?

    python benchmarks/turns.py [--data FOLDER] [--json]

36 photos of the labelled galleries: of those whose truth is one enrolled person and nobody else, drawn with a
fixed seed, the first that are named right as they are. Each is turned by 90, 180, 270, 45 and 135 degrees
(the corners that this leaves are black) and named as a single image, among all enrolled people. Once as
before, when the whole picture was turned by quarters and only if no sure face was seen; once face by face.
Then the time of detection, both ways in turn, on all photos as they are.
"""

import json
import random
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

import lab
from stash_sense.domain.faces import Detection, Pixels
from stash_sense.faces.detect import Detector, DetectorSpec, FoundFaces, PixelSource, undo_turns
from stash_sense.faces.engine import FaceEngine
from stash_sense.faces.session import OnnxSession
from stash_sense.faces.shrink import shrink_to_fit
from stash_sense.faces.yunet import YuNet
from stash_sense.media.photo import load_image
from stash_sense.models.prepare import prepare_pack
from stash_sense.recognition.recognizer import FaceRecognizer, detector_spec, load_pack
from stash_sense.runtime.from_settings import recognizer
from stash_sense.settings import Settings

PHOTOS = 36
DEGREES = (0, 90, 180, 270, 45, 135)
LEAST = {90: 30, 180: 30, 270: 30, 45: 25, 135: 25}
"""Degrees -> photos of PHOTOS that must be named right."""
BEFORE, NOW = "whole picture", "face by face"
SEED = 0
ROUNDS = 3


class WholePictureDetector(Detector):
    """As before: the surest of four quarter turns of the picture, unless it shows a sure face upright."""

    def __init__(self, network: YuNet, spec: DetectorSpec) -> None:
        super().__init__(network, spec)
        self._yunet = network

    def search(self, image: Pixels, min_confidence: float, finer: PixelSource | None = None) -> FoundFaces:
        del finer  # no contact sheets here
        main = shrink_to_fit(image, self.spec.main_side)
        min_score = self.spec.score(min_confidence)
        faces = self._passes(main, min_score)
        best, turns = (faces[0].score if faces else 0.0), 0
        if best < self.spec.turned_score:
            for quarter in (1, 3) if faces else (1, 3, 2):
                small = shrink_to_fit(rotated(main, quarter), self.spec.close_side)
                found = self._yunet.find(small, self.spec.turned_score)
                if found and found[0].score > best:
                    best, turns = found[0].score, quarter
        if turns:
            lying = rotated(main, turns)
            faces = self._passes(lying, min_score)
        return FoundFaces(image, [in_picture(face, turns, main.shape, image.shape) for face in faces])


def drawn(data: lab.FaceData) -> list[tuple[Path, str]]:
    """Photos in an order of chance on which one enrolled person is and nobody else; with the name."""
    known = {folder.name for folder in data.enrol.iterdir()}
    paths = {(gallery, path.name): path for gallery, photos in data.galleries().items() for path in photos}
    single = [
        (paths[gallery, photo], names[0])
        for gallery, photos in sorted(lab.read_truth(data).items())
        for photo, names in sorted(photos.items())
        if len(names) == 1 and names[0] in known
    ]
    random.Random(SEED).shuffle(single)
    return single


def turned(image: Pixels, degrees: int) -> Pixels:
    """The picture turned counter-clockwise, enlarged so that nothing is cut off; black around it."""
    if degrees % 90 == 0:
        return rotated(image, degrees // 90)
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    sides = np.abs(turn[:, :2]) @ [width, height]
    turn[:, 2] = turn[:, 2] + (sides - [width, height]) / 2
    return np.asarray(cv2.warpAffine(image, turn, tuple(np.ceil(sides).astype(int).tolist())), np.uint8)


def rotated(image: Pixels, quarters: int) -> Pixels:
    return np.ascontiguousarray(np.rot90(image, quarters))


def in_picture(face: Detection, quarters: int, main: tuple[int, ...], full: tuple[int, ...]) -> Detection:
    """A face of the small, turned picture in pixels of the picture itself. main, full: their shapes."""
    scale = np.array([full[1] / main[1], full[0] / main[0]], np.float32)
    given = np.vstack([face.box.reshape(2, 2), face.landmarks])
    points = np.asarray(undo_turns(given, quarters, main[1], main[0]) * scale, np.float32)
    corners = points[:2]
    box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    return Detection(box, face.score, points[2:])


def named(ready: FaceRecognizer, image: Pixels) -> set[str]:
    return {face.named.name for face in ready.recognize_image(image) if face.named is not None}


def counted(
    photos: Iterable[tuple[Path, str]], ways: dict[str, FaceRecognizer]
) -> dict[str, dict[int, dict[str, int]]]:
    """Way -> degrees -> photos on which the person and nobody else is named, and on which another is."""
    figures = {way: {degrees: {"right": 0, "wrong": 0} for degrees in DEGREES} for way in ways}
    left = PHOTOS
    for path, name in photos:
        image = load_image(path).pixels
        if named(ways[BEFORE], image) != {name}:
            continue
        for degrees in DEGREES:
            picture = turned(image, degrees)
            for way, ready in ways.items():
                names = named(ready, picture)
                figures[way][degrees]["right"] += names == {name}
                figures[way][degrees]["wrong"] += bool(names - {name})
        left -= 1
        if not left:
            break
    return figures


def timed(detectors: dict[str, Detector], paths: Sequence[Path]) -> dict[str, float]:
    """Way -> milliseconds of detection for a photo, the best of ROUNDS taken in turn."""
    total = dict.fromkeys(detectors, 0.0)
    for path in paths:
        pixels = load_image(path).pixels
        best = dict.fromkeys(detectors, float("inf"))
        for _ in range(ROUNDS):
            for way, detector in detectors.items():
                start = time.thread_time()
                detector.find(pixels, 0.5)
                best[way] = min(best[way], time.thread_time() - start)
        for way, seconds in best.items():
            total[way] += 1000 * seconds / len(paths)
    return total


def main() -> None:
    parser = lab.parser(__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead of tables")
    options = parser.parse_args()
    data = lab.face_data(options.data)
    settings = Settings()
    prepared = prepare_pack(settings.pack, settings.data_dir)
    spec = detector_spec(prepared.manifest)
    network = YuNet(OnnxSession(prepared.paths["detector"]))
    detectors = {
        "whole picture": WholePictureDetector(network, spec),
        "face by face": Detector(network, spec),
    }
    with ExitStack() as stack:
        ways = {}
        pack = load_pack(prepared)
        place = data.enrolled(pack)
        for way, detector in detectors.items():
            engine = FaceEngine(detector, pack.engine.embedders)
            ways[way] = stack.enter_context(recognizer(replace(pack, engine=engine), place))
        figures = counted(drawn(data), ways)
    truth = lab.read_truth(data)
    empty, shown = list[Path](), list[Path]()
    for gallery, paths in data.galleries().items():
        for path in paths:
            if path.name in truth[gallery]:
                (shown if truth[gallery][path.name] else empty).append(path)
    times = {"photos with faces": timed(detectors, shown), "photos without": timed(detectors, empty)}
    if options.json:
        print(json.dumps({"photos": PHOTOS, "named": figures, "milliseconds": times}, indent=1))
        return
    for way, by_degrees in figures.items():
        rows = [[f"{degrees}", *counts.values()] for degrees, counts in by_degrees.items()]
        lab.table(f"{way.capitalize()}: of {PHOTOS} photos", ["degrees", "right", "another named"], rows)
    lab.table(
        "Detection, ms a photo",
        ["photos", *detectors],
        [[name, *row.values()] for name, row in times.items()],
    )
    new = figures[NOW]
    bars = [
        lab.bar(f"right at {degrees} degrees", new[degrees]["right"], least)
        for degrees, least in LEAST.items()
    ]
    bars += [
        lab.bar("lost upright", figures[BEFORE][0]["right"] - new[0]["right"], 0, least=False),
        lab.bar("another named", sum(counts["wrong"] for counts in new.values()), 0, least=False),
    ]
    shares = times["photos with faces"]
    bars.append(
        lab.bar("time, of before", shares["face by face"] / shares["whole picture"], 1.05, least=False)
    )
    lab.table("Bars", ["what", "figure", "wanted", "reached"], bars)
    lab.save("turns", {"named": figures, "milliseconds": times})


if __name__ == "__main__":
    main()

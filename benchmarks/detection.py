"""Faces found and boxes that are none: our detector beside a single 1024 pass of the same network.

python benchmarks/detection.py [--data FOLDER]
Crowded photos with official boxes, close-ups made by cutting a face out until it fills the frame, and photos
turned by a quarter. Both detectors stand at the pack's operating point.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import lab
from stash_sense.domain.faces import Detection, Pixels
from stash_sense.faces.boxes import iou
from stash_sense.faces.detect import Detector, DetectorSpec
from stash_sense.faces.session import OnnxSession
from stash_sense.faces.shrink import shrink_to_fit
from stash_sense.faces.yunet import YuNet
from stash_sense.media.photo import load_image
from stash_sense.models.manifest import load_manifest
from stash_sense.models.prepare import prepare_pack
from stash_sense.recognition.recognizer import detector_spec
from stash_sense.settings import Settings

SAME = 0.4
"""Overlap from which a found box is the official one."""
LEAST_SIDES = (20, 40, 80)
CLOSE_UP = 1500
"""Longest side of a close-up, pixels."""
Find = Callable[[Pixels], Sequence[Detection]]


def crowded(find: Find, folder: Path) -> dict[str, float]:
    """Recall by the official box's shorter side, and how many boxes are no face."""
    boxes: dict[str, Any] = json.loads((folder / "boxes.json").read_text("utf-8"))
    photos = {path.name: path for path in folder.rglob("*.jpg")}
    wanted, hit = dict.fromkeys(LEAST_SIDES, 0), dict.fromkeys(LEAST_SIDES, 0)
    wrong = found = 0
    for name, truth in boxes.items():
        official = np.array([[x, y, x + w, y + h] for x, y, w, h in (one["box"] for one in truth["faces"])])
        covered = np.zeros(len(official), bool)
        for face in find(load_image(photos[name]).pixels):
            found += 1
            overlap = iou(face.box, official.astype(np.float32))
            if overlap.max(initial=0) < SAME:
                wrong += 1
            else:
                covered[overlap.argmax()] = True
        for one, seen in zip(truth["faces"], covered, strict=True):
            for least in LEAST_SIDES:
                if not one["invalid"] and min(one["box"][2:]) >= least:
                    wanted[least] += 1
                    hit[least] += bool(seen)
    recall = {f"recall >= {least} px": hit[least] / wanted[least] for least in LEAST_SIDES}
    return {**recall, "false boxes": wrong, "boxes": found}


def close_ups(find: Find, photos: Sequence[Path]) -> dict[str, float]:
    """The share of faces found again when cut out so that they fill a frame of CLOSE_UP pixels."""
    made = found = 0
    for path in photos:
        pixels = load_image(path).pixels
        faces = find(pixels)
        if not faces:
            continue
        x1, y1, x2, y2 = max(faces, key=lambda face: face.size).box
        reach = 0.525 * max(x2 - x1, y2 - y1)
        middle = ((x1 + x2) / 2, (y1 + y2) / 2)
        low = [max(0, int(at - reach)) for at in middle]
        high = [min(pixels.shape[1 - axis], int(middle[axis] + reach)) for axis in (0, 1)]
        cut = pixels[low[1] : high[1], low[0] : high[0]]
        scale = CLOSE_UP / max(cut.shape[:2])
        large = np.asarray(cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
        true = (np.array([x1, y1, x2, y2]) - np.array([low[0], low[1], low[0], low[1]])) * scale
        made += 1
        found += any(iou(face.box, true[None].astype(np.float32))[0] >= SAME for face in find(large))
    return {"close-ups": made, "close-ups found": found / made}


def lying(find: Find, photos: Sequence[Path]) -> dict[str, float]:
    """Turn -> the share of photos whose surest face is found where it lies once the photo is turned."""
    found, made = {1: 0, 2: 0, 3: 0}, 0
    for path in photos:
        pixels = load_image(path).pixels
        upright = find(pixels)
        if not upright:
            continue
        made += 1
        for turns in found:
            marked = np.zeros(pixels.shape[:2], np.uint8)
            x1, y1, x2, y2 = np.clip(upright[0].box, 0, None).astype(int)
            marked[y1:y2, x1:x2] = 1
            x, y, width, height = cv2.boundingRect(np.ascontiguousarray(np.rot90(marked, turns)))
            official = np.array([[x, y, x + width, y + height]], np.float32)
            faces = find(np.ascontiguousarray(np.rot90(pixels, turns)))
            found[turns] += any(iou(face.box, official)[0] >= SAME for face in faces)
    return {f"{90 * turns} degrees": count / made for turns, count in found.items()}


def single_pass(network: YuNet, spec: DetectorSpec, image: Pixels) -> list[Detection]:
    """The faces that one pass of the network finds."""
    small = shrink_to_fit(image, spec.main_side)
    scale = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]], np.float32)
    return [
        Detection(face.box * np.tile(scale, 2), face.score, face.landmarks * scale)
        for face in network.find(small, spec.operating_point)
    ]


def main() -> None:
    arguments = lab.parser(__doc__).parse_args()
    data = lab.face_data(arguments.data)
    settings = Settings()
    spec = detector_spec(load_manifest(settings.pack))
    network = YuNet(OnnxSession(prepare_pack(settings.pack, settings.data_dir).paths["detector"]))
    ours = Detector(network, spec)
    ways: dict[str, Find] = {
        "a single 1024 pass": lambda image: single_pass(network, spec, image),
        "ours": lambda image: ours.find(image, 0.5),
    }
    portraits = [path for person in sorted(data.enrol.iterdir()) for path in sorted(person.iterdir())[:1]]
    figures: dict[str, dict[str, float]] = {
        way: {**crowded(find, data.detect), **close_ups(find, portraits)} for way, find in ways.items()
    }
    head = list(figures["ours"])
    rows = [[way, *(float(figures[way][name]) for name in head)] for way in ways]
    lab.table("Detection at the operating point", ["way", *head], rows)
    turned = lying(ways["ours"], portraits[:60])
    lab.table("Turned photos whose face is found where it lies", ["turned by", "share"], turned.items())
    alone, best = figures["a single 1024 pass"], figures["ours"]
    bars = [
        lab.bar(f"recall >= {least} px, against one pass", best[name] - alone[name], 0)
        for least in LEAST_SIDES
        if (name := f"recall >= {least} px")
    ]
    bars.append(
        lab.bar("false boxes, against one pass", best["false boxes"] - alone["false boxes"], 0, least=False)
    )
    bars.append(lab.bar("close-ups found", best["close-ups found"], 0.95))
    lab.table("Bars", ["what", "figure", "wanted", "reached"], bars)
    lab.save("detection", {"ways": figures, "lying_found": turned})


if __name__ == "__main__":
    main()

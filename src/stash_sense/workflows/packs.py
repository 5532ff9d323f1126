"""A prepared model pack becomes a running engine."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from stash_sense.assets import PreparedPack
from stash_sense.assets.manifest import PackManifest, Slot
from stash_sense.faces.detect import Detector, DetectorSpec
from stash_sense.faces.embed import Embedder, EmbedderSpec
from stash_sense.faces.engine import FaceEngine
from stash_sense.faces.session import OnnxSession
from stash_sense.faces.yunet import YuNet
from stash_sense.identify.calibration import Calibration, Scorer, uncalibrated

SLOTS: tuple[Literal["arcface", "facenet"], ...] = ("arcface", "facenet")
"""The order of the slots in a database's rows."""


@dataclass(frozen=True, slots=True, eq=False)
class LoadedPack:
    """A pack's networks and numbers. calibrated: without it a verdict is never match."""

    id: str
    fingerprint: str
    engine: FaceEngine
    dimensions: dict[str, int]
    scorer: Scorer
    calibrated: bool


def load_pack(prepared: PreparedPack) -> LoadedPack:
    """Open the networks of a prepared pack. Raises MissingFile, BadCalibration."""
    manifest = prepared.manifest
    detector = Detector(
        YuNet(OnnxSession(prepared.paths["detector"])),
        detector_spec(manifest),
    )
    slots = {slot: getattr(manifest.slots, slot) for slot in SLOTS}
    embedders: dict[str, Embedder] = {
        slot: Embedder(OnnxSession(prepared.paths[slot]), _spec(slots[slot])) for slot in SLOTS
    }
    calibration = Calibration.read(manifest.calibration) if manifest.calibration else uncalibrated(SLOTS)
    return LoadedPack(
        manifest.id,
        prepared.fingerprint,
        FaceEngine(detector, embedders),
        {slot: slots[slot].dimension for slot in SLOTS},
        Scorer(calibration, SLOTS),
        manifest.calibration is not None,
    )


def detector_spec(manifest: PackManifest) -> DetectorSpec:
    """How the manifest wants its detector run."""
    detector = manifest.detector
    return DetectorSpec(
        main_side=detector.main_side,
        close_side=detector.close_side,
        close_share=detector.close_share,
        operating_point=detector.operating_point,
        turned_score=detector.turned_score,
    )


def _spec(slot: Slot) -> EmbedderSpec:
    return EmbedderSpec(
        crop_side=slot.crop_size,
        template=np.array(slot.template, np.float32),
        side=slot.size,
        colour=slot.pixels.colour,
        layout=slot.pixels.layout,
        mean=slot.pixels.mean,
        scale=slot.pixels.scale,
        dimension=slot.dimension,
        mirror=slot.mirror,
    )

"""`stash-sense models calibrate`, from a folder to a pack that may say match."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stash_sense.enrolment import calibrate

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[2] / "samples"
FACES = [
    ("people/Joe Biden/biden.jpg", (354, 105, 785, 646)),
    ("people/Eileen Collins/astronaut.png", (148, 33, 298, 216)),
    ("gallery/grace_hopper.jpg", (123, 70, 413, 393)),
    ("gallery/obama2.jpg", (118, 154, 550, 696)),
]


REDUCED = 60
"""People of whom a calibration is made where it need not be a good one."""


@pytest.fixture(scope="module")
def crowd(tmp_path_factory, torture):
    """Folders with one photo each: a few faces, mixed and bent until they are as many people."""
    folder = tmp_path_factory.mktemp("crowd")
    random = np.random.default_rng(0)
    crops = [Image.open(SAMPLES / path).convert("RGB").crop(box).resize((120, 140)) for path, box in FACES]
    for number in range(calibrate.FEWEST_PEOPLE if torture else REDUCED):
        first, second = (crops[i] for i in random.choice(len(crops), 2, replace=False))
        mixed = Image.blend(first, second, float(random.uniform(0, 0.45)))
        corners = np.array([0, 0, 0, 140, 120, 140, 120, 0]) + random.uniform(-22, 22, 8)
        bent = mixed.transform((120, 140), Image.Transform.QUAD, corners.tolist())
        (folder / f"person {number}").mkdir()
        bent.save(folder / f"person {number}" / "1.jpg", quality=90)
    return folder


def test_a_calibration_is_kept(here, crowd, torture, monkeypatch):
    if not torture:
        monkeypatch.setattr(calibrate, "FEWEST_PEOPLE", REDUCED)
    table = here("models", "calibrate", "--people", crowd)
    assert table.exit_code == 0, table.stderr
    kept = Path(table.stdout.split("Stored in ")[1].replace("\n", ""))
    calibration = json.loads(kept.read_text())["calibration"]
    assert calibration["curve"]["distances"][-4:] == [0.7046, 0.6, 0.4, 0.0]
    if torture:
        again = here("models", "calibrate", "--people", crowd, "--json")
        assert json.loads(again.stdout) == calibration
    kept.unlink()


def test_too_few_people_are_refused_with_the_number_needed(here):
    done = here("models", "calibrate", "--people", SAMPLES / "people")
    assert done.exit_code == 1
    assert "at least 200" in done.stderr

"""People folders and galleries made on the spot, and a pack that sees colours instead of faces."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stash_sense.domain.faces import EmbeddedFace, Quality
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.folder import build_from_folders
from stash_sense.errors import Cancelled
from stash_sense.faces.engine import SLOTS
from stash_sense.matching.calibration import Calibration, Curve, Scorer, SlotCalibration
from stash_sense.recognition.recognizer import FaceRecognizer, LoadedPack
from stash_sense.runtime.from_settings import recognizer as open_recognizer


class ColourEngine:
    """Takes every picture that is not black for one face, whose embedding is its mean colour."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.references: list[bool] = []
        self.lock = threading.Lock()

    @property
    def pictures(self) -> int:
        """How many pictures were analysed so far."""
        return sum(self.calls)

    def analyze(self, images, *, min_confidence=0.5, reference=False, finer=None, seen=None):
        faces = []
        for image in images:
            faces.append(self._faces(image))
            if seen:
                seen(image, np.array([face.box for face in faces[-1]], np.float32).reshape(-1, 4))
        with self.lock:
            self.calls.append(len(faces))
            self.references.append(reference)
        return faces

    def _faces(self, image):
        height, width = image.shape[:2]
        colour = image.reshape(-1, 3).mean(axis=0) - 20
        if colour.max() <= 0:
            return []
        vector = (colour / np.linalg.norm(colour)).astype(np.float32)
        box = np.array([0, 0, width, height], np.float32)
        landmarks = np.tile(box[2:] / 2, (5, 1))
        return [EmbeddedFace(box, 0.9, landmarks, Quality(1, 60, 0, 0), dict.fromkeys(SLOTS, vector))]


def colour_pack(fingerprint="colours-1", calibrated=True) -> LoadedPack:
    """A pack that sees colours; another fingerprint is another pack."""
    curve = Curve(scores=(-1.0, 1.0), distances=(2.0, 0.0))
    slot = SlotCalibration(mean=0.0, sd=1.0, weight=0.5, curve=curve)
    calibration = Calibration(
        slots=dict.fromkeys(SLOTS, slot), curve=curve, gallery_slack=0.2, made_on="colours"
    )
    scorer = Scorer(calibration, SLOTS)
    return LoadedPack("colours", fingerprint, ColourEngine(), dict.fromkeys(SLOTS, 3), scorer, calibrated)


@pytest.fixture
def make_pack() -> Callable[..., LoadedPack]:
    """A pack that sees colours; another fingerprint is another pack."""
    return colour_pack


@pytest.fixture
def colours(make_pack) -> LoadedPack:
    return make_pack()


COLOURS = {"red": (255, 30, 30), "green": (30, 255, 30), "blue": (30, 30, 255), "black": (0, 0, 0)}


@pytest.fixture
def photo() -> Callable[..., Path]:
    """A photo of one colour, by name or RGB, at a path."""

    def photo(path: Path, colour="red", size=(40, 36)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, COLOURS.get(colour, colour)).save(path)
        return path

    return photo


@pytest.fixture
def people(tmp_path, photo) -> Path:
    """A people folder: Red with two photos, Green and Blue with one each."""
    folder = tmp_path / "people"
    for name, colour in (
        ("Red/1.png", "red"),
        ("Red/2.png", (250, 40, 40)),
        ("Green/1.png", "green"),
        ("Blue/1.png", "blue"),
    ):
        photo(folder / name, colour)
    return folder


@pytest.fixture
def place(tmp_path) -> Path:
    return tmp_path / "database"


@pytest.fixture
def build(place, colours):
    """Build the database of people folders; returns the report."""

    def build(*folders, pack=colours, progress=None, **options):
        return build_from_folders(folders, place, pack, progress or NoProgress(), **options)

    return build


class Stopwatch:
    """Remembers the stages and how much is done, and asks to stop after so much."""

    def __init__(self, stop_after: int | None = None, error: BaseException | None = None) -> None:
        self.stages: list[tuple[str, int]] = []
        self.done = self.faces = 0
        self.stop_after, self.error = stop_after, error or Cancelled("stopped")

    def start(self, stage: str, total: int) -> None:
        self.stages.append((stage, total))

    def update(self, done: int, *, faces: int = 0, people: int = 0) -> None:
        self.done, self.faces = done, faces
        if self.stop_after is not None and done >= self.stop_after:
            raise self.error

    def problem(self, message: str) -> None:
        raise AssertionError(message)


@pytest.fixture
def progress() -> Callable[..., Stopwatch]:
    return Stopwatch


@pytest.fixture
def worker_threads() -> Callable[[], list[str]]:
    """The names of the reading threads that are alive."""
    return lambda: [thread.name for thread in threading.enumerate() if thread.name.startswith("faces")]


@pytest.fixture
def sees_colours(build, people, colours, place):
    """A recognizer of colours over the people folder."""
    build(people)
    with open_recognizer(colours, place) as ready:
        yield ready


@pytest.fixture(scope="session")
def real(pack, samples, tmp_path_factory) -> FaceRecognizer:
    """The default pack over the people of the samples."""
    place = tmp_path_factory.mktemp("real") / "database"
    build_from_folders([samples / "people"], place, pack, NoProgress())
    with open_recognizer(pack, place) as ready:
        yield ready


@pytest.fixture
def python() -> str:
    return sys.executable

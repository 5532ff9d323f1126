"""A Stash over HTTP with galleries of coloured pictures, a state file, a pool, and a job that remembers."""

import io
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fakes.stash import StashStandIn
from stash_sense.facedb.database import FaceDatabase
from stash_sense.jobs.workers import WorkPool
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition import scene_analysis
from stash_sense.recognition.gallery import identify_gallery
from stash_sense.recognition.gallery_answer import GalleryAnswer
from stash_sense.recognition.image import identify_image
from stash_sense.recognition.library import LibraryOptions, identify_library
from stash_sense.recognition.parameters import Tools
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.rematching import rematch_stored
from stash_sense.recognition.scene import identify_scene
from stash_sense.stash import scene_stream
from stash_sense.stash.client import StashClient
from stash_sense.stash.outage import OutageLimits
from stash_sense.stash.transport import StashLimits
from stash_sense.store.database import RecommendationsDB

from .videos import SIZE, make_large_video, make_video

KEY = "the-api-key"
STEADY = StashLimits(
    connect_s=60, stall_s=60, total_s=120, retry_s=0.3, attempts=2, pause_s=0.01, longest_pause_s=0.05
)
SHORT = OutageLimits(at_start_s=1, midway_s=1.5, first_pause_s=0.02, longest_pause_s=0.1, failures_in_a_row=6)
LONG = replace(SHORT, at_start_s=60, midway_s=60)
"""For a Stash that comes back, on a machine however busy."""

RED, GREEN, BLACK = "0xff1e1e", "0x1eff1e", "black"
"""As FFmpeg writes them."""

COLOURS = {"red": (255, 30, 30), "green": (30, 255, 30), "blue": (30, 30, 255), "black": (0, 0, 0)}


class RecordedProgress:
    """Remembers what a job reported."""

    def __init__(self, job_id: str = "job-1") -> None:
        self.job_id = job_id
        self.steps: list[tuple[int, int, int, int]] = []
        self.problems: list[str] = []
        self.make: Callable[[], Any] | None = None
        self.at_step: Callable[[int], None] = lambda _: None

    def start(self, stage, total):
        self.total = total

    def update(self, done, *, faces=0, people=0):
        self.steps.append((done, self.total, faces, people))
        self.at_step(done)

    def problem(self, message):
        self.problems.append(message)

    def not_stored(self, error):
        self.problem(f"Not everything could be stored: {error}")

    def set_live_result(self, make):
        self.make = make


@pytest.fixture
def progress() -> RecordedProgress:
    return RecordedProgress()


@pytest.fixture
def new_progress() -> Callable[..., RecordedProgress]:
    return RecordedProgress


@pytest.fixture
def stash() -> Iterator[StashStandIn]:
    with StashStandIn(api_key=KEY) as stand_in:
        yield stand_in


@pytest.fixture
def state(tmp_path, request: pytest.FixtureRequest) -> Iterator[RecommendationsDB]:
    """Impatient only where another program holds it: a slow disk makes writes wait for each other too."""
    busy_s = 0.1 if "locked" in request.fixturenames else 10.0
    with RecommendationsDB(tmp_path / "stash_sense.db", busy_seconds=busy_s) as opened:
        yield opened


@pytest.fixture
def locked(state) -> Callable[[], Any]:
    """Another program writes to the state, and does not end."""

    @contextmanager
    def locked():
        with closing(sqlite3.connect(state.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield

    return locked


@pytest.fixture
def pool() -> Iterator[WorkPool]:
    made = WorkPool(2, 4)
    yield made
    assert made.close(60)


@pytest.fixture
def limits() -> StashLimits:
    """How long Stash is waited for: tests parametrize it."""
    return STEADY


@pytest.fixture
async def tools(stash, state, pool, limits) -> AsyncIterator[Tools]:
    async with StashClient(stash.url, KEY, limits) as client:
        yield Tools(client, state, pool)


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """A PNG of one colour, by name or RGB; `number` makes other bytes of the same colour."""

    def picture(colour="red", number=0, size=(40, 36)) -> bytes:
        pixels = np.full((size[1], size[0], 3), COLOURS.get(colour, colour), np.uint8)
        pixels[0, 0] = (number % 256, number // 256 % 256, 77)
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG")
        return out.getvalue()

    return picture


@pytest.fixture
def fill(stash, picture) -> Callable[..., list[str]]:
    """Put pictures of these colours into a new gallery; returns its id and the images' ids."""

    def fill(*colours) -> tuple[str, list[str]]:
        gallery = stash.library.add_gallery("Gallery")
        images = [
            str(
                stash.library.add_image(
                    picture(colour, number), galleries=[gallery], path=f"/data/{gallery}/{number:05}.png"
                )
            )
            for number, colour in enumerate(colours)
        ]
        return str(gallery), images

    return fill


@pytest.fixture
def identify(tools, sees_colours, progress):
    """Identify a gallery by its colours."""

    async def identify(gallery, options=None, recognizer=None, progress=progress, **more) -> GalleryAnswer:
        more.setdefault("outage_limits", SHORT)
        return await identify_gallery(
            gallery, recognizer or sees_colours, options or MatchOptions(), tools, progress, **more
        )

    return identify


@pytest.fixture
def look_at(tools, sees_colours):
    """Identify an image by its colours."""

    async def look_at(image, options=None, recognizer=None, **more):
        return await identify_image(
            image, recognizer or sees_colours, options or MatchOptions(), tools, **more
        )

    return look_at


@pytest.fixture
def fetched(stash):
    """How many pictures were fetched since the last call."""

    def fetched() -> int:
        counts = stash.record.counts
        stash.record.forget()
        return counts["original"] + counts["thumbnail"]

    return fetched


@pytest.fixture
def people_of():
    """Name -> image ids."""
    return lambda answer: {one.name: list(one.image_ids) for one in answer.performers}


@pytest.fixture(scope="session")
def film(tmp_path_factory) -> Path:
    """Red for 20 s, nobody for 10 s, green for 10 s."""
    path = tmp_path_factory.mktemp("videos") / "film.mp4"
    return make_video(path, [(RED, 20), (BLACK, 10), (GREEN, 10)])


@pytest.fixture
def add_scene(stash, film):
    """Puts the film, or another file's bytes, into Stash; where the sidecar cannot open it, if not asked."""

    def add_scene(content=film, **more) -> str:
        more.setdefault("path", "/videos/elsewhere.mp4")
        return str(stash.library.add_scene("Film", content=content, size=SIZE, duration=40.0, **more))

    return add_scene


@pytest.fixture
def look_at_scene(tools, sees_colours, progress):
    """Identify a scene by its colours."""

    async def look_at_scene(scene, options=None, recognizer=None, progress=progress, **more):
        more.setdefault("outage_limits", SHORT)
        return await identify_scene(
            scene, recognizer or sees_colours, options or MatchOptions(), tools, progress, **more
        )

    return look_at_scene


@pytest.fixture
def parts_fetched(stash):
    """How many parts of videos were fetched since the last call."""

    def parts_fetched() -> int:
        count = stash.record.counts["stream"]
        stash.record.forget()
        return count

    return parts_fetched


@pytest.fixture(scope="session")
def noisy_film(tmp_path_factory) -> Path:
    """Much larger than what a reader reads at once."""
    return make_large_video(tmp_path_factory.mktemp("videos") / "noise.mp4")


@pytest.fixture
def one_batch_ahead(monkeypatch) -> None:
    """No frame of a video is read before those of the batch before it are done."""
    monkeypatch.setattr(scene_analysis, "BATCHES_AHEAD", 1)


@pytest.fixture
def small_blocks(monkeypatch) -> None:
    """Videos are fetched in many small parts."""
    monkeypatch.setattr(scene_stream, "BLOCK", 4096)
    monkeypatch.setattr(scene_stream, "MOST_BLOCKS", 1)
    monkeypatch.setattr(scene_stream, "_BLOCKS_KEPT", 2)


@pytest.fixture
def before(people, build, colours, place, tmp_path):
    """A recognizer that does not know Green yet, and one that does, as `then()`."""
    opened = []

    def recognizer():
        opened.append(FaceDatabase.open(place))
        return FaceRecognizer(colours, opened[-1])

    green = people / "Green"
    green.rename(tmp_path / "Green")
    build(people)
    first = recognizer()

    def then():
        (tmp_path / "Green").rename(green)
        build(people)
        return recognizer()

    first.then = then
    yield first
    for database in opened:
        database.close()


@pytest.fixture
def rematch(tools):
    async def rematch(recognizer, is_current=lambda: True, **more):
        async def in_state(work):
            return work(tools.state)

        return await rematch_stored(recognizer, tools, in_state, is_current, **more)

    return rematch


@pytest.fixture
def look_at_all(tools, sees_colours, new_progress):
    """Identify the library by its colours."""

    async def look_at_all(recognizer=None, progress=None, limits=SHORT, **asked):
        options = LibraryOptions(MatchOptions(), **asked)
        progress = progress or new_progress()
        return await identify_library(
            options, recognizer or sees_colours, tools, progress, outage_limits=limits
        )

    return look_at_all


@pytest.fixture
def loose(stash, picture):
    """Put pictures of these colours into Stash, in no gallery; returns their ids."""

    def loose(*colours, **more) -> list[str]:
        first = len(stash.library.images) + 1000
        return [
            str(stash.library.add_image(picture(colour, first + number), **more))
            for number, colour in enumerate(colours)
        ]

    return loose


@pytest.fixture
def world(fill, loose, add_scene):
    """Two galleries, three images in none, and a scene."""
    first, in_first = fill("red", "red", "green")
    second, in_second = fill("blue", "black")
    return (first, second), [*in_first, *in_second, *loose("red", "green", "black")], add_scene()

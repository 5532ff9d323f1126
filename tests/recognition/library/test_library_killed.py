"""The library's job, killed again and again: all is done, and nothing twice but what was in flight."""

import json
import random
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from stash_sense.recognition.analysis import PHOTOS_PER_BATCH
from stash_sense.recognition.image_batches import BATCHES_PER_WORKER, FETCHERS
from stash_sense.store.database import RecommendationsDB

from .conftest import KEY

pytestmark = pytest.mark.slow

RUN = Path(__file__).parent / "scripts" / "run_library.py"
COLOURS = ("red", "green", "blue", "black")
A_KILL = 60
"""Images for each kill: more than are done until it comes."""
IN_FLIGHT = (BATCHES_PER_WORKER * 2 + 1) * PHOTOS_PER_BATCH + FETCHERS


@pytest.fixture
def run(stash, sees_colours, python, tmp_path):
    """The job in a process of its own, on a state of this name: its result, or nothing if it was killed."""

    def run(name, *end):
        place = sees_colours.database.folder.parent
        command = [python, str(RUN), stash.url, KEY, str(tmp_path / name), str(place), *map(str, end)]
        process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        if end:
            assert process.returncode == -signal.SIGPROF, process.stderr
            return None
        assert process.returncode == 0, process.stderr
        return json.loads(process.stdout)

    return run


def stored(path, images):
    """By image, who is on it."""
    with RecommendationsDB(path) as state:
        results = {image: state.get_image_result(image) for image in images}
    return {image: names(result) for image, result in results.items() if result}


def names(result):
    return [(face.verdict, [match.name for match in face.candidates]) for face in result.faces]


def test_killed_at_any_moment_all_is_done_and_nothing_twice_but_what_was_in_flight(
    run, stash, picture, add_scene, tmp_path, torture
):
    kills, chance = 20 if torture else 3, random.Random(14)
    galleries = [[stash.library.add_gallery("Gallery")] for _ in range(kills)]
    images = [
        str(
            stash.library.add_image(
                picture(chance.choice(COLOURS), number), galleries=at, path=f"/{number}.png"
            )
        )
        for number, at in enumerate(at for own in galleries for at in (own, []) * (A_KILL // 2))
    ]
    scenes = [add_scene(fingerprints={"oshash": f"{number:016x}"}) for number in range(kills)]
    whole = run("whole.db")
    everybody = stored(tmp_path / "whole.db", images)
    assert len(everybody) == len(images)

    ends = sorted(chance.sample(range(len(images) + len(scenes) - A_KILL // 2), kills))
    fetched: Counter[str] = Counter()
    for done in ends:
        before = stored(tmp_path / "killed.db", images)
        stash.record.forget()
        run("killed.db", done, chance.uniform(0.1, 40))
        again = Counter(seen.path.split("/")[2] for seen in stash.record.seen if seen.kind == "original")
        assert not again.keys() & before.keys()
        assert before.items() <= stored(tmp_path / "killed.db", images).items()
        fetched += again
    stash.record.forget()
    result = run("killed.db")
    fetched += Counter(seen.path.split("/")[2] for seen in stash.record.seen if seen.kind == "original")
    assert (result["listed"], result["errors"]) == (whole["listed"], [])
    assert stored(tmp_path / "killed.db", images) == everybody
    assert fetched.keys() == set(images)
    assert fetched.total() - len(images) <= kills * IN_FLIGHT

    stash.record.forget()
    assert run("killed.db")["identified"] == {"images": 0, "galleries": 0, "scenes": 0}
    assert stash.record.counts["original"] + stash.record.counts["stream"] == 0

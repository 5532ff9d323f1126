"""A job that is cut short and taken up again ends as if nothing had happened."""

import asyncio
import io
import json
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fakes.stash import StashStandIn
from stash_sense.recognition.analysis import PHOTOS_PER_BATCH
from stash_sense.recognition.image_batches import BATCHES_PER_WORKER
from stash_sense.store.database import RecommendationsDB

pytestmark = pytest.mark.slow

RUN = Path(__file__).parent / "scripts" / "run_gallery.py"
PHOTOS = 40


@pytest.mark.parametrize("force", [False, True])
async def test_a_cancelled_job_goes_on_where_it_stopped(
    fill, identify, progress, state, fetched, colours, force
):
    gallery, images = fill(*["red", "green"] * 60)
    undisturbed = await identify(gallery)
    if not force:
        for image in images:
            state.delete_image_fingerprint(image)
    progress.job_id = "cut-short"
    begun = asyncio.Event()
    progress.at_step = lambda done: begun.set() if done > 20 else None
    job = asyncio.create_task(identify(gallery, force=force))
    await begun.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    done = {
        image
        for image in images
        if (stored := state.get_image_result(image)) and stored.settings["job"] == "cut-short"
    }
    assert 20 < len(done) < 120
    fetched()
    assert _lasting(await identify(gallery, force=force)) == _lasting(undisturbed)
    ending = (
        BATCHES_PER_WORKER * 2 * PHOTOS_PER_BATCH
    )  # what a thread was just storing when the job was cancelled
    assert 120 - len(done) - ending <= fetched() <= 120 - len(done)


async def test_another_job_with_force_looks_at_everything(fill, identify, new_progress, fetched):
    gallery, _ = fill("red", "green")
    await identify(gallery, force=True)
    await identify(gallery, force=True, progress=new_progress("job-2"))
    assert fetched() == 4
    await identify(gallery, force=True, progress=new_progress("job-2"))
    assert fetched() == 0


@pytest.fixture
def photos(samples):
    """Distinct photos of the samples' people, as JPEG bytes."""

    def photos(count):
        sources = [Image.open(path).convert("RGB") for path in sorted((samples / "gallery").glob("obama*"))]
        for number in range(count):
            photo = sources[number % len(sources)].copy()
            photo.thumbnail((400 + 5 * number, 400 + 5 * number))
            pixels = np.asarray(photo)[:, :: 1 if number % 2 else -1]
            out = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(pixels)).save(out, "JPEG")
            yield out.getvalue()

    return photos


@pytest.fixture
def command(python, pack_dir, real, tmp_path):
    """Run the gallery in a process of its own, on a state of this name."""

    def command(stash, gallery, name, *, force=True):
        place = real.database.folder.parent
        arguments = [stash.url, gallery, str(tmp_path / name), str(place), str(pack_dir), "job-1"]
        return [python, str(RUN), *arguments, *(["force"] if force else [])]

    return command


def test_killed_at_any_moment_the_result_is_the_same(photos, command, tmp_path, torture):
    times = 20 if torture else 1
    with StashStandIn() as stash:
        gallery = stash.library.add_gallery("Photos")
        for number, photo in enumerate(photos(PHOTOS)):
            stash.library.add_image(photo, galleries=[gallery], path=f"/data/{number:03}.jpg")
        undisturbed = _whole(command(stash, str(gallery), "whole.db"))
        assert undisturbed["images_processed"] == PHOTOS
        assert [one["name"] for one in undisturbed["performers"]] == ["Barack Obama"]
        for turn in range(times):
            name = f"killed-{turn}.db"
            stash.record.forget()
            asked = command(stash, str(gallery), name)
            done = _kill_after(asked, stash, tmp_path / name, 3 + (turn * 7) % (PHOTOS - 8))
            stash.record.forget()
            assert _whole(asked) == undisturbed
            again = {seen.path.split("/")[2] for seen in stash.record.seen if seen.kind == "original"}
            assert again == {str(number + 1) for number in range(PHOTOS)} - done
            assert stash.record.counts["original"] == len(again)


def _lasting(answer):
    """Without the ids of faces, which the state gives out as they come."""
    return replace(answer, performers=(), unknown=()).as_json(), [
        replace(one, face_ids=(), face_image_ids=tuple(sorted(one.face_image_ids)))
        for one in (*answer.performers, *answer.unknown)
    ]


def _whole(asked):
    """The answer; without the ids of faces, which the state gives out as they come."""
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    for one in (*answer["performers"], *answer["unknown"]):
        assert len(one.pop("face_ids")) == one["face_count"]
        one["face_image_ids"].sort()
    return answer


def _kill_after(asked, stash, state, images):
    """The images that are stored when the process is killed, soon after so many were done."""
    process = subprocess.Popen(asked, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("done") and int(line.split()[1]) >= images:
            break
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    process.stdout.close()
    with RecommendationsDB(state) as opened:
        ids = [str(number + 1) for number in range(PHOTOS)]
        return {image for image in ids if opened.get_image_result(image)}

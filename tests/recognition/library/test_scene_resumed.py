"""A scene whose run is cut short goes on with the frames that are not done."""

import asyncio
import random
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from stash_sense.domain.identity import PictureIdentity
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.scene import identify_scene
from stash_sense.recognition.scene_video import SceneVideo
from stash_sense.store.database import RecommendationsDB

from .conftest import KEY, SHORT

RUN = Path(__file__).parent / "scripts" / "run_scene.py"


def stored_frames(state: RecommendationsDB, stash, scene: str) -> tuple[float, ...]:
    """When each stored frame is, and nothing else that a run would find."""
    file = stash.library.scenes[int(scene)].files[0]
    stamp = file.mod_time.isoformat()
    identity = PictureIdentity.of(file.fingerprints.items(), file.path, file.size, stamp)
    found = state.get_scene(scene, identity)
    return () if found is None else tuple(frame.time_s for frame in found[0].frames)


async def test_a_cancelled_scene_goes_on_where_it_stopped(
    look_at_scene, add_scene, stash, state, progress, sees_colours, new_progress, monkeypatch
):
    stop = SceneVideo._stop

    async def stop_and_let_go(video: SceneVideo, task: asyncio.Future) -> None:
        stopping = asyncio.ensure_future(stop(video, task))
        await asyncio.sleep(0)  # the video is told to stop before the thread goes on
        stopped.set()
        await stopping

    monkeypatch.setattr(SceneVideo, "_stop", stop_and_let_go)
    undisturbed = await look_at_scene(add_scene(fingerprints={"oshash": "other"}))
    scene = add_scene()
    begun, stopped = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold(done: int) -> None:
        if done >= 8:
            loop.call_soon_threadsafe(begun.set)
            stopped.wait(60)

    progress.at_step = hold
    job = asyncio.create_task(look_at_scene(scene))
    await begun.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    done = stored_frames(state, stash, scene)
    assert 8 <= len(done) < undisturbed.frames_analyzed
    before = sees_colours.pack.engine.pictures
    answer = await look_at_scene(scene, progress=new_progress("job-2"))
    assert answer.frames == undisturbed.frames
    assert sees_colours.pack.engine.pictures - before == len(answer.frames) - len(done)


async def test_a_partial_answer_can_be_read_while_it_runs_and_after_it_was_cut_short(
    look_at_scene, add_scene, stash, progress, noisy_film, small_blocks, one_batch_ahead
):
    scene = add_scene(noisy_film)
    progress.at_step = lambda done: stash.down() if done >= 8 else None
    with pytest.raises(Exception, match="Gave up"):
        await look_at_scene(scene)
    partial = progress.make()
    assert partial["frames_analyzed"] >= 8
    assert (partial["stopped"], partial["persons"][0]["name"]) == (None, "Red")
    assert any("Waiting up to" in problem for problem in progress.problems)


def run_and_kill(command: list[str]) -> None:
    """Run a scene until it holds, and kill it."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "holding\n"
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    process.stdout.close()


@pytest.mark.slow
async def test_killed_at_any_moment_only_the_other_frames_are_read(
    look_at_scene, add_scene, stash, sees_colours, tmp_path, tools, python, progress, torture
):
    undisturbed = await look_at_scene(add_scene(fingerprints={"oshash": "other"}))
    chance = random.Random(12)
    for turn in range(20 if torture else 3):
        scene = add_scene(fingerprints={"oshash": f"turn {turn}"})
        at = chance.randrange(1, undisturbed.frames_analyzed)
        path = tmp_path / f"killed-{turn}.db"
        place = sees_colours.database.folder.parent
        command = [python, str(RUN), stash.url, KEY, scene, str(path), str(place), "job-1", str(at)]
        await asyncio.to_thread(run_and_kill, command)
        with RecommendationsDB(path) as state:
            done = stored_frames(state, stash, scene)
            assert at <= len(done) <= undisturbed.frames_analyzed
            before = sees_colours.pack.engine.pictures
            answer = await identify_scene(
                scene,
                sees_colours,
                MatchOptions(),
                type(tools)(tools.stash, state, tools.pool),
                progress,
                outage_limits=SHORT,
            )
            assert answer.frames == undisturbed.frames
            assert len(answer.persons) == len(undisturbed.persons)
            assert sees_colours.pack.engine.pictures - before == len(answer.frames) - len(done)


async def test_a_full_disk_loses_nothing_but_what_it_has_no_room_for(
    look_at_scene, add_scene, state, progress
):
    scene = add_scene()
    with state._pool.connection() as connection:
        connection.execute("VACUUM")  # pages that the migrations left free are room, too
        now = connection.execute("PRAGMA page_count").fetchone()[0]
        for each in [connection, *state._pool._idle]:
            each.execute(f"PRAGMA max_page_count = {now}")
    answer = await look_at_scene(scene)
    assert [person["name"] for person in answer.persons] == ["Red", "Green"]
    assert not answer.stored
    assert any("Not everything could be stored" in problem for problem in progress.problems)

"""The library's job where something fails: pictures, Stash, the state, the program itself."""

import asyncio

import pytest

from stash_sense.errors import DiskFull, StateBusy
from stash_sense.recognition import image_batches, library_targets
from stash_sense.recognition.library_images import MOST_ENDS
from waiting import eventually

pytestmark = pytest.mark.anyio


async def test_pictures_that_cannot_be_read_are_told_by_kind_and_not_fetched_again(
    loose,
    look_at_all,
    stash,
    fetched,
    picture,
):
    loose("red", "green")
    bad = [stash.library.add_image(b"no picture %d" % number) for number in range(7)]
    result = await look_at_all()
    (group,) = result["errors"]
    assert (group["code"], group["count"], len(group["examples"])) == ("not-an-image", 7, 5)
    assert group["message"].startswith("Image ")
    assert fetched() == 9
    again = await look_at_all()
    assert [(each["code"], each["count"]) for each in again["errors"]] == [("not-an-image", 7)]
    assert fetched() == 0
    stash.library.replace_file(bad[0], picture("blue", 321))
    assert (await look_at_all())["identified"]["images"] == 1
    assert fetched() == 1


async def test_a_picture_that_cannot_be_read_does_not_have_its_gallery_judged_again(
    fill,
    look_at_all,
    stash,
    fetched,
):
    gallery, _ = fill("red", "red")
    stash.library.add_image(b"no picture", galleries=[int(gallery)])
    await look_at_all()
    fetched()
    assert (await look_at_all())["identified"]["galleries"] == 0
    assert fetched() == 0


async def test_a_gallery_that_is_deleted_meanwhile_is_no_error(fill, look_at_all, stash, new_progress):
    first, _ = fill("red")
    fill("green")
    progress = new_progress()
    progress.at_step = lambda done: done and stash.library.galleries.pop(int(first), None)
    result = await look_at_all(progress=progress)
    assert result["errors"] == []


async def test_a_bug_at_one_gallery_costs_only_that(fill, look_at_all, monkeypatch):
    first, _ = fill("red")
    fill("green")
    real = library_targets.identify_gallery

    async def identify(gallery_id, *more, **options):
        if gallery_id == first:
            raise RuntimeError("a bug")
        return await real(gallery_id, *more, **options)

    monkeypatch.setattr(library_targets, "identify_gallery", identify)
    result = await look_at_all()
    assert result["identified"]["galleries"] == 1
    assert result["errors"][0]["examples"] == [f"gallery:{first}"]


async def test_it_waits_for_a_stash_that_is_away_and_goes_on(loose, look_at_all, stash, new_progress):
    ids = loose(*["red"] * 8)
    progress = new_progress()
    tasks = []

    async def back():
        await eventually(lambda: progress.problems)
        stash.up()

    def away(done):
        if done >= 2 and not tasks:
            stash.down()
            tasks.append(asyncio.get_running_loop().create_task(back()))

    progress.at_step = away
    result = await look_at_all(progress=progress)
    assert result["listed"]["images"] == len(ids)
    assert result["errors"] == []


async def test_a_full_disk_ends_it_with_what_to_do_and_nothing_is_computed_in_vain(
    loose,
    look_at_all,
    state,
    monkeypatch,
    fetched,
):
    loose(*["red"] * 60)
    monkeypatch.setattr(library_targets, "STORAGE_PAUSE_S", 0.01)

    def full(images):
        raise DiskFull("The disk is full. Make room.")

    monkeypatch.setattr(state, "store_image_results", full)
    monkeypatch.setattr(library_targets, "STORAGE_PAUSE_S", 10)
    limits = library_targets.OutageLimits(1, 1.5, 0.02, 0.1, 6, state_s=0)
    with pytest.raises(DiskFull):
        await look_at_all(limits=limits)
    assert fetched() < 60
    monkeypatch.undo()
    assert (await look_at_all())["identified"]["images"] == 60


async def test_after_room_was_made_it_goes_on_by_itself(loose, look_at_all, state, monkeypatch):
    loose(*["red"] * 10)
    monkeypatch.setattr(library_targets, "STORAGE_PAUSE_S", 0.01)
    real, failures = state.store_image_results, iter(range(3))

    def sometimes_full(images):
        if next(failures, None) is not None:
            raise DiskFull("The disk is full. Make room.")
        return real(images)

    monkeypatch.setattr(state, "store_image_results", sometimes_full)
    assert (await look_at_all())["listed"]["images"] == 10


async def test_a_state_that_stays_locked_ends_it(loose, look_at_all, locked):
    loose("red")
    limits = library_targets.OutageLimits(1, 1.5, 0.02, 0.1, 6, state_s=0.2)
    with locked(), pytest.raises(StateBusy):
        await look_at_all(limits=limits)
    assert (await look_at_all())["identified"]["images"] == 1


async def test_an_image_at_which_the_program_ends_is_left_out_and_the_others_are_not(
    loose,
    look_at_all,
    state,
    monkeypatch,
):
    ids = loose(*["red"] * 8)
    poison, real = ids[3], image_batches.recognize_images

    class Killed(BaseException):
        pass

    def killed_by_one(batch, *more):
        if any(fetched.task.image_id == poison for fetched in batch):
            raise Killed
        return real(batch, *more)

    monkeypatch.setattr("stash_sense.recognition.images_run.recognize_images", killed_by_one)
    monkeypatch.setattr(state, "end_work", lambda *_: None)  # a killed program does not come to it
    for _ in range(MOST_ENDS):
        with pytest.raises(Killed):
            await look_at_all()
    monkeypatch.setattr(state, "end_work", type(state).end_work.__get__(state))
    result = await look_at_all()
    assert [(group["code"], group["examples"]) for group in result["errors"]] == [
        ("crashed", [f"image:{poison}"])
    ]
    assert {image for image in ids if state.get_image_fingerprint(image)} == set(ids) - {poison}


async def test_a_long_scene_that_got_farther_before_each_kill_is_not_left_out(
    add_scene,
    look_at_all,
    state,
    stash,
    new_progress,
    monkeypatch,
    small_blocks,
    one_batch_ahead,
    noisy_film,
):
    scene = add_scene(noisy_film)

    class Killed(BaseException):
        pass

    real, stored = type(state).add_scene_frames, []

    def killed_after_one_batch(store, picture_id, *more):
        if stored and stored.pop():
            raise Killed
        stored.append(True)
        return real(store, picture_id, *more)

    monkeypatch.setattr(state, "end_work", lambda *_: None)  # a killed program does not come to it
    monkeypatch.setattr(state, "rest_work", lambda *_: None)
    with monkeypatch.context() as patch:
        patch.setattr(type(state), "add_scene_frames", killed_after_one_batch)
        for _ in range(MOST_ENDS + 1):
            stored.clear()
            with pytest.raises(BaseException):  # noqa: B017 - a group or the kill itself
                await look_at_all()
    result = await look_at_all()
    assert (result["identified"]["scenes"], result["errors"]) == (1, [])
    assert state.recorded_targets("scene", "", 100) == [scene]


async def test_a_gallery_that_was_interrupted_before_it_was_judged_is_judged(
    fill,
    look_at_all,
    state,
    fetched,
):
    gallery, _ = fill("red", "red", "green")
    await look_at_all()
    fetched()
    state.begin_work("gallery", [gallery], 0)  # the program ended there
    assert (await look_at_all())["identified"]["galleries"] == 1
    assert (await look_at_all())["identified"]["galleries"] == 0
    assert fetched() == 0

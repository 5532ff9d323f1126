"""Whatever Stash does, a gallery ends: complete, with what failed told, or failed with what was done kept."""

import asyncio
from dataclasses import replace

import pytest

from fakes.stash import Chunked, Dribble, Drop, Status, Truncate
from stash_sense.errors import OutageTooLong, StashKeyRefused
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.gallery import identify_gallery
from stash_sense.recognition.parameters import Tools
from stash_sense.stash.client import StashClient

from .conftest import LONG, STEADY

pytestmark = pytest.mark.usefixtures("limited")


@pytest.fixture
async def limited():
    """Nothing may hang."""
    async with asyncio.timeout(60):
        yield


@pytest.fixture
def midway(progress):
    """Do something once, when so many images are done; undo it some seconds later."""

    def midway(done, do, seconds=None, undo=None):
        pending = [do]

        def at_step(count):
            if count >= done and pending:
                pending.pop()()
                if undo:
                    asyncio.get_running_loop().call_later(seconds, undo)

        progress.at_step = at_step

    return midway


async def test_down_at_the_start_it_waits_a_little_and_fails(stash, fill, identify, progress):
    gallery, _ = fill("red")
    stash.down()
    with pytest.raises(OutageTooLong, match="cannot be reached") as failed:
        await identify(gallery)
    assert failed.value.code == "stash-unreachable"
    assert "Waiting up to 1 s" in progress.problems[0]


async def test_back_in_time_at_the_start_it_goes_on(stash, fill, identify, people_of):
    gallery, images = fill("red")
    stash.down()
    asyncio.get_running_loop().call_later(0.3, stash.up)
    assert people_of(await identify(gallery, outage_limits=LONG)) == {"Red": images}


async def test_an_outage_midway_costs_no_image(stash, fill, identify, midway, progress, people_of):
    gallery, images = fill(*["red"] * 40)
    midway(10, stash.down, 0.3, stash.up)
    answer = await identify(gallery, outage_limits=LONG)
    assert (answer.error_count, people_of(answer)) == (0, {"Red": images})
    assert 1 <= len(progress.problems) <= 2


async def test_an_outage_that_lasts_ends_the_job_and_what_was_done_is_kept(
    stash, fill, identify, midway, fetched, state, people_of, progress
):
    gallery, images = fill(*["red"] * 40)
    midway(10, stash.down)
    with pytest.raises(OutageTooLong, match="try again when Stash is back"):
        await identify(gallery)
    done = {image for image in images if state.get_image_result(image)}
    assert 10 <= len(done) < 40
    assert progress.make()["images_processed"] == len(done)
    progress.at_step = lambda _: None
    stash.up()
    fetched()
    assert people_of(await identify(gallery)) == {"Red": images}
    assert fetched() == 40 - len(done)


async def test_a_stash_that_fails_at_everything_for_a_while_costs_no_image(stash, fill, identify, midway):
    gallery, _ = fill(*["red"] * 40)
    midway(10, lambda: stash.faults.add(Status(500)), 0.3, stash.faults.clear)
    answer = await identify(gallery, outage_limits=LONG)
    assert (answer.error_count, answer.images_processed) == (0, 40)


async def test_pictures_alone_that_fail_for_a_while_cost_no_image(stash, fill, identify, midway):
    """Stash answers, and its disk is away."""
    gallery, _ = fill(*["red"] * 120)  # so many that enough are still to be fetched when ten are done
    midway(10, lambda: stash.faults.add(Status(500), where="original"), 0.3, stash.faults.clear)
    answer = await identify(gallery, outage_limits=LONG)
    assert (answer.error_count, answer.images_processed) == (0, 120)


async def test_pictures_that_all_fail_end_the_job(stash, fill, identify):
    gallery, _ = fill(*["red"] * 30)
    stash.faults.add(Status(500), where="original")
    with pytest.raises(OutageTooLong, match="500") as failed:
        await identify(gallery)
    assert failed.value.code == "stash-answered-wrongly"


async def test_few_pictures_that_fail_are_errors(stash, fill, identify):
    gallery, images = fill("red", "green")
    stash.faults.add(Status(500), where="original")
    answer = await identify(gallery)
    assert (answer.error_count, answer.images_processed) == (2, 0)
    assert answer.errors[0].startswith(f"Image {images[0]}: ")


async def test_some_failing_images_are_told_and_nothing_else(stash, fill, identify, progress, fetched):
    gallery, _ = fill(*["red"] * 100)
    stash.faults.add(Status(500), where="original", share=0.05)
    answer = await identify(gallery)
    assert 0 < answer.error_count < 15
    assert answer.images_processed + answer.error_count == 100
    assert len(progress.problems) == answer.error_count
    assert list(answer.errors) == sorted(answer.errors, key=lambda said: int(said.split(":")[0][6:]))
    stash.faults.clear()
    fetched()
    assert (await identify(gallery)).error_count == 0
    assert fetched() == answer.error_count


@pytest.mark.parametrize("fault", [Status(503), Drop(), Truncate(), Truncate(0.0)])
async def test_a_hiccup_of_each_image_costs_none(stash, fill, identify, fault):
    gallery, _ = fill(*["red"] * 12)
    stash.faults.add(fault, where="original", first=1)
    assert (await identify(gallery)).images_processed == 12


@pytest.mark.parametrize(
    ("fault", "limits"),
    [(Drop(), STEADY), (Truncate(), STEADY), (Dribble(1, 0.2), replace(STEADY, total_s=5))],
)
async def test_an_image_that_never_comes_whole_is_an_error(stash, fill, identify, fault):
    gallery, images = fill(*["red"] * 12)
    stash.faults.add(fault, where=lambda seen: seen.path == f"/image/{images[3]}/image")
    answer = await identify(gallery)
    assert (answer.images_processed, answer.error_count) == (11, 1)
    assert answer.errors[0].startswith(f"Image {images[3]}: ")


async def test_a_body_cut_short_that_nobody_announced_is_an_error(stash, fill, identify):
    """Behind some proxies only the decoder can tell."""
    gallery, images = fill(*["red"] * 3)
    stash.library.images[int(images[1])].files[0].content = b"\x89PNG\r\n\x1a\n" + b"half a picture"
    stash.faults.add(Chunked(), where="original")
    answer = await identify(gallery)
    assert (answer.images_processed, answer.error_count) == (2, 1)


async def test_an_image_deleted_midway_is_an_error(stash, fill, identify, midway):
    gallery, images = fill(*["red"] * 40)
    midway(5, lambda: stash.library.delete_image(int(images[-1])))
    answer = await identify(gallery)
    assert (answer.total_images, answer.images_processed) == (40, 39)
    assert answer.errors == (f"Image {images[-1]}: not in Stash, or deleted meanwhile.",)


async def test_bad_pictures_are_errors_and_the_rest_goes_on(stash, fill, identify, people_of):
    gallery, images = fill(*["red"] * 8)
    broken = (b"", b"no picture", b"\xff\xd8\xff\xe0 half a JPEG")
    for image, data in zip(images, broken, strict=False):
        stash.library.images[int(image)].files[0].content = data
    stash.library.lose_file(int(images[3]))
    answer = await identify(gallery)
    assert people_of(answer) == {"Red": images[4:]}
    assert [said.split(":")[0] for said in answer.errors] == [f"Image {image}" for image in images[:4]]


async def test_only_ten_errors_are_told_and_all_are_counted(stash, fill, identify, progress):
    gallery, images = fill(*["red"] * 25)
    for image in images:
        stash.library.lose_file(int(image))
    answer = await identify(gallery)
    assert (len(answer.errors), answer.error_count, len(progress.problems)) == (10, 25, 25)


async def test_a_wrong_key_fails_at_once(stash, fill, state, pool, sees_colours, progress):
    gallery, _ = fill("red")
    async with StashClient(stash.url, "wrong") as client:
        tools = Tools(client, state, pool)
        with pytest.raises(StashKeyRefused):
            await identify_gallery(gallery, sees_colours, MatchOptions(), tools, progress)


async def test_a_key_that_is_changed_midway_fails_the_job(stash, fill, identify, midway, state):
    gallery, images = fill(*["red"] * 40)
    midway(10, lambda: setattr(stash, "api_key", "another"))
    with pytest.raises(StashKeyRefused):
        await identify(gallery)
    assert any(state.get_image_result(image) for image in images)


async def test_an_engine_that_fails_at_one_picture_leaves_the_others(
    fill, identify, colours, monkeypatch, caplog
):
    gallery, images = fill(*["red"] * 5, "green", *["red"] * 6)
    analyze = colours.engine.analyze

    def stumbling(pictures, **more):
        pictures = list(pictures)
        if any(one[5, 5, 1] > 200 for one in pictures):
            raise RuntimeError("no kernel")
        return analyze(pictures, **more)

    monkeypatch.setattr(colours.engine, "analyze", stumbling)
    answer = await identify(gallery)
    assert (answer.images_processed, answer.error_count) == (11, 1)
    assert answer.errors[0].startswith(f"Image {images[5]}: Stash Sense failed")
    assert "no kernel" in caplog.text

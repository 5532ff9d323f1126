"""The whole library: what of it is looked at, in which order, and that nothing is done twice."""

import pytest

from stash_sense.stash import listing
from stash_sense.stash.listing import LibraryFilter
from stash_sense.store.repositories.library_tags import TargetTags
from stash_sense.store.repositories.suggestion_list import SuggestionQuery
from stash_sense.store.repositories.suggestions import SEEN

pytestmark = pytest.mark.anyio


async def test_galleries_images_and_scenes_are_identified_each_once(world, look_at_all, fetched, state):
    _, images, _ = world
    result = await look_at_all()
    assert result["identified"] == {"images": 8, "galleries": 2, "scenes": 1}
    assert result["listed"] == {"images": 8, "scenes": 1}
    assert (result["people"], result["errors"]) == (3, [])
    assert fetched() == 8
    assert all(state.get_image_fingerprint(image) for image in images)


async def test_at_the_end_suggestions_are_derived_before_anybody_asks(world, look_at_all, state):
    _, images, (scene,) = world
    await look_at_all()
    assert state.refresh_suggestions(longest_s=0) == 0
    page = state.list_suggestions(SuggestionQuery(SEEN, 1.0, shown=100))
    targets = {(each.target_type, each.target_id) for group in page.groups for each in group.suggestions}
    assert ("scene", scene) in targets
    assert targets & {("image", image) for image in images}


async def test_a_second_run_after_no_change_fetches_nothing(world, look_at_all, fetched, parts_fetched):
    await look_at_all()
    fetched()
    result = await look_at_all()
    assert result["identified"] == {"images": 0, "galleries": 0, "scenes": 0}
    assert result["listed"] == {"images": 8, "scenes": 1}
    assert (fetched(), parts_fetched()) == (0, 0)


async def test_only_the_gallery_of_a_new_image_is_looked_at_again(
    world, look_at_all, fetched, stash, picture
):
    (first, _), *_ = world
    await look_at_all()
    fetched()
    stash.library.add_image(picture("blue", 99), galleries=[int(first)])
    result = await look_at_all()
    assert result["identified"] == {"images": 4, "galleries": 1, "scenes": 0}
    assert fetched() == 1


async def test_an_image_that_was_put_into_another_gallery_is_judged_there_without_a_fetch(
    world, look_at_all, fetched, stash, state
):
    (first, second), images, _ = world
    await look_at_all()
    fetched()
    stash.library.images[int(images[0])].galleries.append(int(second))
    assert (await look_at_all())["identified"]["galleries"] == 1
    assert fetched() == 0
    assert set(state.get_image_result(images[0]).gallery_ids) == {first, second}


async def test_an_image_in_several_galleries_is_fetched_once(look_at_all, stash, picture, fetched):
    galleries = [stash.library.add_gallery(f"Gallery {number}") for number in range(3)]
    stash.library.add_image(picture("red", 1), galleries=galleries)
    result = await look_at_all()
    assert result["identified"]["galleries"] == 3
    assert result["listed"]["images"] == 1
    assert fetched() == 1


async def test_an_edited_picture_is_looked_at_again_and_a_tagged_one_is_not(
    world, look_at_all, fetched, stash, picture
):
    _, images, _ = world
    await look_at_all()
    fetched()
    stash.library.images[int(images[-1])].performers.append(stash.library.add_performer("Anna"))
    stash.library.images[int(images[-1])].updated_at = stash.library.now()
    stash.library.replace_file(int(images[-2]), picture("blue", 123))
    await look_at_all()
    assert fetched() == 1


async def test_all_judges_everything_again_and_fetches_nothing(world, look_at_all, fetched, parts_fetched):
    await look_at_all()
    fetched()
    result = await look_at_all(only="all")
    assert result["identified"] == {"images": 8, "galleries": 2, "scenes": 1}
    assert (fetched(), parts_fetched()) == (0, 0)


@pytest.mark.parametrize(
    ("what", "images", "galleries", "scenes"),
    [
        (("images",), 8, 0, 0),
        (("galleries",), 5, 2, 0),
        (("scenes",), 0, 0, 1),
        (("images", "galleries"), 8, 2, 0),
    ],
)
async def test_only_what_is_wanted_is_looked_at(world, look_at_all, what, images, galleries, scenes):
    result = await look_at_all(what=what)
    assert result["identified"] == {"images": images, "galleries": galleries, "scenes": scenes}


async def test_filters_choose_and_combine(loose, look_at_all, stash):
    tag, other = stash.library.add_tag("A"), stash.library.add_tag("B")
    ids = loose("red", "green", "blue", "black")
    images = [stash.library.images[int(each)] for each in ids]
    images[0].tags, images[1].tags, images[2].tags = [tag], [other], [tag]
    images[0].studio = images[1].studio = 7
    images[1].organized = True
    images[2].performers = [stash.library.add_performer("Anna")]
    images[3].files[0].path = "/Pictures of/Holiday/1.png"

    async def chosen(**wanted):
        asked = LibraryFilter(**wanted)
        return (await look_at_all(what=("images",), only="all", filter=asked))["listed"]["images"]

    assert await chosen(tag_ids=(str(tag),)) == 2
    assert await chosen(tag_ids=(str(tag), str(other))) == 3
    assert await chosen(studio_ids=("7",)) == 2
    assert await chosen(studio_ids=("7",), tag_ids=(str(tag),)) == 1
    assert await chosen(organized=True) == 1
    assert await chosen(organized=False) == 3
    assert await chosen(no_performers=True) == 3
    assert await chosen(path="pictures of/holiday") == 1
    assert await chosen(since=images[1].created_at.isoformat()) == 2
    assert await chosen(tag_ids=("999",)) == 0


async def test_with_a_filter_images_of_galleries_that_do_not_match_are_looked_at(
    world, look_at_all, stash, fetched
):
    (first, _), images, _ = world
    tag = stash.library.add_tag("A")
    stash.library.galleries[int(first)].tags = [tag]
    for image in (images[0], images[3], images[5]):
        stash.library.images[int(image)].tags = [tag]
    result = await look_at_all(filter=LibraryFilter(tag_ids=(str(tag),)), what=("images", "galleries"))
    assert result["identified"] == {"images": 5, "galleries": 1, "scenes": 0}
    assert fetched() == 5


@pytest.mark.parametrize(("order", "first"), [("newest", 3), ("untagged", 2)])
async def test_the_newest_or_the_untagged_come_first(
    loose, look_at_all, stash, order, first, monkeypatch, new_progress
):
    monkeypatch.setattr(listing, "LISTED_TOGETHER", 1)
    ids = loose("red", "green", "blue")
    stash.library.images[int(ids[2])].performers = [stash.library.add_performer("Anna")]
    stash.record.forget()
    result = await look_at_all(order=order)
    order_of = [seen.path.split("/")[2] for seen in stash.record.seen if seen.kind == "original"]
    assert order_of[0] == ids[first - 1]
    assert sorted(order_of) == ids
    assert result["listed"]["images"] == 3


@pytest.mark.parametrize("order", ["newest", "untagged"])
async def test_a_library_that_changes_while_it_is_listed_is_neither_skipped_nor_repeated(
    loose, look_at_all, stash, order, monkeypatch, new_progress
):
    monkeypatch.setattr(listing, "LISTED_TOGETHER", 4)
    ids = loose(*["red"] * 20)
    for each in ids[::2]:
        stash.library.images[int(each)].performers = [1]
    progress, changed = new_progress(), []

    def change(done):
        if done >= 4 and not changed:
            changed.append(done)
            stash.library.delete_image(int(ids[0]))
            loose("green", "green", "green")
            for each in ids[1:8]:  # tagged ones become untagged, and the other way round
                image = stash.library.images[int(each)]
                image.performers = [] if image.performers else [1]

    progress.at_step = change
    await look_at_all(progress=progress, order=order)
    seen = [seen.path.split("/")[2] for seen in stash.record.seen if seen.kind == "original"]
    assert changed
    assert sorted(set(seen)) == sorted(seen)
    assert set(ids[1:]) <= set(seen)


async def test_what_stash_says_is_recorded_and_what_is_gone_forgotten(world, look_at_all, stash, state):
    _, images, scene = world
    await look_at_all()
    assert len(state.recorded_targets("image", "", 100)) == 8
    assert len(state.recorded_targets("gallery", "", 100)) == 2
    assert state.recorded_targets("scene", "", 100) == [scene]
    for image in images[:2]:
        stash.library.delete_image(int(image))
    del stash.library.galleries[2]
    result = await look_at_all()
    assert result["gone"] == 3
    assert state.recorded_targets("image", "", 100) == sorted(images[2:])
    assert state.recorded_targets("gallery", "", 100) == ["1"]


async def test_hundreds_that_are_gone_cost_a_few_requests(look_at_all, stash, state):
    await look_at_all()
    state.record_tags([TargetTags("image", str(number), ()) for number in range(1000, 1300)])
    stash.record.forget()
    result = await look_at_all()
    assert result["gone"] == 300
    assert sum(1 for seen in stash.record.seen if seen.operation) < 20


async def test_when_it_ends_the_suggestions_are_derived(world, look_at_all, state):
    await look_at_all()
    assert state.refresh_suggestions(longest_s=0) == 0


async def test_a_filtered_run_forgets_nothing(world, look_at_all, state):
    await look_at_all()
    await look_at_all(filter=LibraryFilter(path="nowhere"))
    await look_at_all(what=("images", "galleries"))
    assert len(state.recorded_targets("image", "", 100)) == 8
    assert len(state.recorded_targets("scene", "", 100)) == 1


async def test_progress_ends_at_the_total_and_never_falls(world, look_at_all, new_progress):
    progress = new_progress()
    await look_at_all(progress=progress)
    done = [step[0] for step in progress.steps]
    assert done == sorted(done)
    assert progress.steps[-1][:2] == (9, 9)
    assert progress.steps[-1][3] == 3


async def test_an_empty_library_is_a_result_of_zeros(look_at_all):
    result = await look_at_all()
    assert result["identified"] == {"images": 0, "galleries": 0, "scenes": 0}
    assert result["errors"] == []

"""Performers: reading and tagging."""

import pytest

from fakes.stash import StashStandIn
from stash_sense.domain.identity import StashId
from stash_sense.errors import NotInStash, StashRefused
from stash_sense.stash.client import StashClient
from stash_sense.stash.types import StashBox, Target

STASHDB, FANSDB = "https://stashdb.org/graphql", "https://fansdb.cc/graphql"


@pytest.fixture
def boxes(stash: StashStandIn) -> StashStandIn:
    stash.library.stash_boxes += [(FANSDB, "FansDB", "box-key"), (STASHDB, "StashDB", "box-key")]
    return stash


async def test_stash_boxes_come_in_stashs_own_order(boxes: StashStandIn, client: StashClient):
    assert await client.stash_boxes() == (StashBox(FANSDB, "FansDB"), StashBox(STASHDB, "StashDB"))


async def test_all_performers_come_once_each(stash: StashStandIn, client: StashClient):
    for number in range(450):
        stash.library.add_performer(f"Performer {number}")
    assert [performer.id for performer in await client.performers()] == [str(n) for n in range(1, 451)]


async def test_a_performer_has_its_stash_ids(stash: StashStandIn, client: StashClient):
    stash.library.add_performer("Ann", stash_ids=[(STASHDB, "u1"), (FANSDB, "u2")])
    (ann,) = await client.performers()
    assert ann.stash_ids == (StashId(STASHDB, "u1"), StashId(FANSDB, "u2"))


async def test_a_placeholder_is_no_portrait(stash: StashStandIn, client: StashClient):
    stash.library.add_performer("Ann", image=b"\xff\xd8\xff")
    stash.library.add_performer("Bea")
    ann, bea = await client.performers()
    assert (ann.portrait_url is not None, bea.portrait_url) == (True, None)


@pytest.fixture
def tagged(stash: StashStandIn) -> StashStandIn:
    """Ann on an image, a gallery and a scene; Bea on none."""
    ann = stash.library.add_performer("Ann")
    stash.library.add_performer("Bea")
    stash.library.add_image(performers=[ann])
    stash.library.galleries[stash.library.add_gallery("Beach")].performers.append(ann)
    stash.library.scenes[stash.library.add_scene("Film")].performers.append(ann)
    return stash


def performers_on(stash: StashStandIn, target: Target) -> list[int]:
    library = stash.library
    return {"image": library.images, "gallery": library.galleries, "scene": library.scenes}[target][
        1
    ].performers


@pytest.mark.parametrize("target", ["image", "gallery", "scene"])
async def test_adding_keeps_who_is_there(tagged: StashStandIn, client: StashClient, target: Target):
    assert await client.add_performers(target, ["1"], ["2"]) == ("1",)
    assert performers_on(tagged, target) == [1, 2]


@pytest.mark.parametrize("target", ["image", "gallery", "scene"])
async def test_removing_keeps_the_others(tagged: StashStandIn, client: StashClient, target: Target):
    await client.add_performers(target, ["1"], ["2"])
    await client.remove_performers(target, ["1"], ["1"])
    assert performers_on(tagged, target) == [2]


async def test_one_missing_image_leaves_all_as_they_were(tagged: StashStandIn, client: StashClient):
    with pytest.raises(StashRefused, match="image with id 99 not found"):
        await client.add_performers("image", ["1", "99"], ["2"])
    assert performers_on(tagged, "image") == [1]


async def test_tagging_nothing_asks_nothing(tagged: StashStandIn, client: StashClient):
    assert await client.add_performers("image", [], ["2"]) == ()
    assert tagged.record.counts["graphql"] == 0


async def test_an_id_that_is_no_number_is_not_sent(tagged: StashStandIn, client: StashClient):
    with pytest.raises(NotInStash, match="performer"):
        await client.add_performers("image", ["1"], ["stashdb.org:u1"])
    assert tagged.record.counts["graphql"] == 0

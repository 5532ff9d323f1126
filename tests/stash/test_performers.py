"""Performers: reading, finding by stash ids, tagging and creating."""

import pytest

from fakes.stash import LATEST, OLDEST, StashStandIn
from stash_sense.domain.people import StashId
from stash_sense.errors import NotInStash, StashRefused
from stash_sense.stash.client import StashClient
from stash_sense.stash.types import NewPerformer, PerformerName, StashBox, Target

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


@pytest.mark.parametrize("version", [OLDEST, LATEST])
async def test_performers_are_found_by_stash_ids_in_any_version(
    boxes: StashStandIn, client: StashClient, version: str
):
    boxes.version = version
    boxes.library.add_performer("Ann", stash_ids=[(STASHDB, "u1")])
    found = await client.find_performers_by_stash_ids([StashId(STASHDB, "u1")])
    assert [each.name for each in found.by_id[StashId(STASHDB, "u1")]] == ["Ann"]


async def test_one_stash_id_may_have_no_one_or_several_performers(boxes: StashStandIn, client: StashClient):
    for name in ("Ann", "Anna"):
        boxes.library.add_performer(name, stash_ids=[(STASHDB, "u1")])
    several, none = StashId(STASHDB, "u1"), StashId(STASHDB, "u2")
    found = await client.find_performers_by_stash_ids([several, none])
    assert [each.name for each in found.by_id[several]] == ["Ann", "Anna"]
    assert found.by_id[none] == ()


async def test_the_same_uuid_on_another_stash_box_is_somebody_else(boxes: StashStandIn, client: StashClient):
    boxes.library.add_performer("Ann", stash_ids=[(FANSDB, "u1")])
    found = await client.find_performers_by_stash_ids([StashId(STASHDB, "u1")])
    assert found.by_id[StashId(STASHDB, "u1")] == ()


async def test_an_underscore_in_a_stash_id_is_no_wildcard(boxes: StashStandIn, client: StashClient):
    boxes.library.add_performer("Ann", stash_ids=[(STASHDB, "u1")])
    found = await client.find_performers_by_stash_ids([StashId(STASHDB, "u_")])
    assert found.by_id[StashId(STASHDB, "u_")] == ()


async def test_fifty_stash_ids_take_three_requests(boxes: StashStandIn, client: StashClient):
    wanted = [StashId(STASHDB, f"u{n}") for n in range(50)]
    for each in wanted:
        boxes.library.add_performer(each.stash_id, stash_ids=[(STASHDB, each.stash_id)])
    found = await client.find_performers_by_stash_ids(wanted)
    assert [found.by_id[each][0].name for each in wanted] == [each.stash_id for each in wanted]
    assert boxes.record.counts["FindPerformersByStashIds"] == 3


@pytest.mark.parametrize("endpoint", ["https://other.example/graphql", "x' OR '1'='1", ""])
async def test_an_endpoint_that_stash_does_not_list_is_never_sent(
    boxes: StashStandIn, client: StashClient, endpoint: str
):
    found = await client.find_performers_by_stash_ids([StashId(endpoint, "u1")])
    assert found.not_asked == (StashId(endpoint, "u1"),)
    assert boxes.record.counts["FindPerformersByStashIds"] == 0


async def test_an_endpoint_that_would_break_stashs_sql_is_never_sent(
    stash: StashStandIn, client: StashClient
):
    stash.library.stash_boxes.append(("https://o'brien.example/graphql", "", ""))
    wanted = StashId("https://o'brien.example/graphql", "u1")
    assert (await client.find_performers_by_stash_ids([wanted])).not_asked == (wanted,)


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


async def test_a_performer_is_created_with_its_stash_id(stash: StashStandIn, client: StashClient):
    stash.version = OLDEST
    new = NewPerformer("Ann", gender="FEMALE", aliases=("Annie",), stash_ids=(StashId(STASHDB, "u1"),))
    assert await client.create_performer(new) == PerformerName("1", "Ann")
    created = stash.library.performers[1]
    assert (created.stash_ids, created.alias_list, created.gender) == ([(STASHDB, "u1")], ["Annie"], "FEMALE")


async def test_a_performer_is_created_with_its_portrait(stash: StashStandIn, client: StashClient):
    await client.create_performer(NewPerformer("Ann", image="data:image/jpeg;base64,/9j/"))
    assert stash.library.performers[1].image == b"\xff\xd8\xff"


async def test_a_name_that_is_taken_is_refused_in_stashs_words(tagged: StashStandIn, client: StashClient):
    with pytest.raises(StashRefused) as refused:
        await client.create_performer(NewPerformer("Ann"))
    assert refused.value.messages == ("performer with name 'Ann' already exists",)

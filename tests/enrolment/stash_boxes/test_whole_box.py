"""Everybody of a stash-box: listed while it changes, and brought up to date by the time of the last edit."""

import pytest

from fakes.stash_box import KEY
from stash_sense.enrolment.box_people import list_box
from stash_sense.enrolment.stash_boxes import choose_stash_box, estimate_box, requests_per_minute
from stash_sense.errors import NoSuchStashBox
from stash_sense.stash.types import StashBoxAccess
from stash_sense.stashbox.client import StashBoxClient
from stash_sense.stashbox.rate import RequestRate

from .conftest import BLUE, GREEN, picture, shades


@pytest.fixture
async def client(box, clock, tmp_path):
    rate = RequestRate(120, tmp_path / "rates" / "whole", clock)
    async with StashBoxClient(box.endpoint, KEY, rate) as client:
        yield client


@pytest.fixture
def crowd(box):
    """Three pages of people without pictures."""
    return [box.add_performer(f"P{number}") for number in range(250)]


async def test_everybody_comes_the_library_first(enrol, box, tag, people_of):
    ann = box.add_performer("Ann", images=shades(1))
    box.add_performer("Bea", images=shades(1, GREEN), country="SE", disambiguation="the other")
    tag("Ann of Stash", ann)
    report = await enrol(whole=True)
    assert list(people_of()) == ["Ann of Stash", "Bea"]
    bea = people_of()["Bea"][0]
    assert (bea.country, bea.disambiguation, bea.local_id) == ("SE", "the other", None)
    assert report.added == 2


async def test_a_second_time_only_pages_with_edits_are_read(enrol, box, tag, crowd, people_of):
    shown = box.add_performer("Shown", images=shades(1))
    await enrol(whole=True)
    box.edit(crowd[3], images=[box.add_image(picture(BLUE))], name="Edited")
    box.record.forget()
    report = await enrol(whole=True)
    assert people_of().keys() == {"Shown", "Edited"}
    assert (report.added, report.updated) == (1, 0)
    assert box.record.counts == {"graphql": 1, "QueryPerformers": 1, "box image": 1}
    assert box.performers[shown].name == "Shown"


async def test_somebody_who_was_deleted_is_found_out_and_listed(enrol, box, crowd, people_of):
    ann, bea = box.add_performer("Ann", images=shades(1)), box.add_performer("Bea", images=shades(1, GREEN))
    cleo = box.add_performer("Cleo", images=shades(1, BLUE))
    await enrol(whole=True)
    box.delete(ann)
    box.merge(bea, into=cleo)
    report = await enrol(whole=True)
    assert people_of().keys() == {"Cleo"}
    assert [person.name for person in report.deleted] == ["Ann"]
    assert [person.name for person in report.merged] == ["Bea"]
    assert f"127.0.0.1:{bea}" in people_of()["Cleo"][0].aliases


async def test_a_build_of_the_library_leaves_the_others(enrol, box, tag, stash, people_of):
    ann = box.add_performer("Ann", images=shades(1))
    box.add_performer("Bea", images=shades(1, GREEN))
    performer = tag("Ann", ann)
    await enrol(whole=True)
    await enrol()
    assert people_of().keys() == {"Ann", "Bea"}
    del stash.library.performers[performer]
    await enrol()
    assert people_of().keys() == {"Bea"}
    await enrol(whole=True)
    assert people_of().keys() == {"Ann", "Bea"}
    assert box.record.counts["box image"] == 3  # Ann's face was dropped with the performer


async def test_people_who_are_edited_while_the_pages_are_read_are_not_missed(client, box, crowd):
    def edit_some(page):
        if page == 1:
            for performer in crowd[100:160]:  # they move to the first page, others by sixty places
                box.edit(performer)

    box.on_page = edit_some
    people, are_all = await list_box(client, (), "")
    assert are_all
    assert people.keys() == set(crowd)


async def test_people_who_are_deleted_while_the_pages_are_read_hide_nobody(client, box, crowd):
    gone = crowd[100:105]

    def delete_some(page):
        if page == 2 and not box.performers[gone[0]].deleted:
            for performer in gone:  # of the second page: five of the third slip to it
                box.delete(performer)

    box.on_page = delete_some
    people, are_all = await list_box(client, (), "")
    assert are_all
    assert people.keys() >= set(crowd) - set(gone)


async def test_all_of_a_box_is_reckoned_before_it_is_fetched(client, box, crowd):
    for performer in crowd[150:]:  # on the first page
        box.edit(performer, images=[box.add_image(b"") for _ in range(7)])
    estimate = await estimate_box(client, 120)
    assert (estimate.people, estimate.pictures) == (250, 1250)
    assert round(estimate.hours * 120 * 60) == 1253
    assert len(box.record.seen) == 1


@pytest.mark.parametrize(
    ("set_in_stash", "allowed"), [(None, 120), (0, 120), (240, 120), (120, 120), (30, 30), (1, 1)]
)
def test_a_box_is_never_asked_more_often_than_stash_allows(set_in_stash, allowed):
    json = {
        "endpoint": "https://a/graphql",
        "name": "A",
        "api_key": "k",
        "max_requests_per_minute": set_in_stash,
    }
    assert requests_per_minute(StashBoxAccess.from_json(json)) == allowed


BOXES = [
    StashBoxAccess("https://stashdb.org/graphql", "StashDB", "k", None),
    StashBoxAccess("https://fansdb.cc/graphql", "Fans", "k", None),
    StashBoxAccess("http://fansdb.cc/graphql", "Other", "k", None),
]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("stashdb", 0),
        ("stashdb.org", 0),
        ("https://stashdb.org/graphql/", 0),
        ("http://fansdb.cc/graphql", 2),
        ("FANS", 1),
    ],
)
def test_a_stash_box_is_named_by_endpoint_host_or_name(text, place):
    assert choose_stash_box(BOXES, text) is BOXES[place]


@pytest.mark.parametrize(
    ("text", "why"), [("fansdb.cc", "more than one"), ("tpdb", "no stash-box that Stash knows")]
)
def test_another_name_is_refused_with_those_there_are(text, why):
    with pytest.raises(NoSuchStashBox, match=f"{why}.*StashDB"):
        choose_stash_box(BOXES, text)


def test_the_key_of_a_box_is_in_no_text():
    assert "secret" not in repr(StashBoxAccess("https://a/graphql", "A", "secret", None))

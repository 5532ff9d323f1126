"""What the client reads of a stash-box, what it sends there, and what it says when that fails."""

import logging
import traceback
import uuid
from collections.abc import Callable

import pytest
from graphql import parse, validate

from fakes.stash import StashStandIn, Status
from fakes.stash_box import KEY, StashBoxStandIn, box_schema
from stash_sense.errors import (
    BoxImageRefused,
    NotAStashBox,
    StashBoxError,
    StashBoxKeyRefused,
)
from stash_sense.graphql.execution import document_names, load_document
from stash_sense.stashbox.address import StashBoxAddress
from stash_sense.stashbox.client import StashBoxClient, _document_for
from stash_sense.stashbox.types import BoxImage

BOX = "stash_sense.stashbox"
PERFORMER = (
    b'{"data": {"queryPerformers": {"count": 1, "performers": [{"id": %s, "name": "A", "images": [], '
    b'"disambiguation": null, "country": null, "deleted": false, "merged_ids": [], '
    b'"merged_into_id": null}]}}}'
)


@pytest.mark.parametrize("name", document_names(BOX))
def test_the_document_is_valid(name: str):
    assert validate(box_schema(), parse(load_document(BOX, name).text)) == []


@pytest.mark.parametrize("count", [1, 2, 20])
def test_a_document_for_several_ids_is_valid(count: int):
    document = _document_for(count)
    assert validate(box_schema(), parse(document.text)) == []
    assert document.text.count("findPerformer(") == count


def test_both_documents_ask_for_the_same_fields():
    texts = [load_document(BOX, name).text.partition("fragment ")[2] for name in document_names(BOX)]
    assert texts[0] == texts[1]


async def test_twenty_people_are_one_request(client: StashBoxClient, box: StashBoxStandIn):
    ids = [box.add_performer(f"P{number}", country="SE") for number in range(20)]
    found = await client.find_performers(ids)
    assert [found[each].name for each in ids] == [f"P{number}" for number in range(20)]
    assert found[ids[0]].country == "SE"
    assert box.record.counts == {"graphql": 1, "FindPerformers": 1}


async def test_deleted_and_merged_people_are_told_and_nobody_is_nobody(
    client: StashBoxClient, box: StashBoxStandIn
):
    ann, anna, bea = (box.add_performer(name) for name in ("Ann", "Anna", "Bea"))
    box.merge(ann, into=anna)
    box.delete(bea)
    stranger = str(uuid.uuid4())
    found = await client.find_performers([ann, anna, bea, stranger])
    assert (found[ann].deleted, found[ann].merged_into) == (True, anna)
    assert found[anna].merged == (ann,)
    assert (found[bea].deleted, found[bea].merged_into) == (True, None)
    assert found[stranger] is None


async def test_an_id_that_the_box_cannot_read_fails_alone(client: StashBoxClient, box: StashBoxStandIn):
    ann = box.add_performer("Ann")
    found = await client.find_performers([ann, "not-a-uuid"])
    assert found[ann].name == "Ann"
    assert isinstance(found["not-a-uuid"], StashBoxError)


async def test_a_page_has_the_last_edited_first(client: StashBoxClient, box: StashBoxStandIn):
    first = box.add_performer("First")
    box.add_performer("Second")
    box.edit(first)
    page = await client.performers_page(1)
    assert (page.count, [each.name for each in page.performers]) == (2, ["First", "Second"])


async def test_a_picture_comes_at_600_px(
    client: StashBoxClient, box: StashBoxStandIn, png: Callable[..., bytes]
):
    image = box.add_image(png((900, 1200)))
    data = await client.image(BoxImage(image))
    assert data[16:24] == (450).to_bytes(4, "big") + (600).to_bytes(4, "big")  # of a PNG
    assert box.record.seen[0].query == "size=600"


async def test_a_picture_that_is_gone_or_a_page_is_one_refusal(client: StashBoxClient, box: StashBoxStandIn):
    gone, page = box.add_image(None), box.add_image(b"<html>login</html>")
    with pytest.raises(BoxImageRefused, match="no such picture any more"):
        await client.image(BoxImage(gone))
    with pytest.raises(BoxImageRefused, match="a page of HTML instead of a picture"):
        await client.image(BoxImage(page))
    assert box.record.counts["box image"] == 2


async def test_every_request_names_us_and_carries_the_key_in_its_header_alone(
    client: StashBoxClient, box: StashBoxStandIn, png: Callable[..., bytes]
):
    image = box.add_image(png())
    await client.find_performers([box.add_performer("Ann")])
    await client.performers_page(1)
    await client.image(BoxImage(image))
    for seen in box.record.seen:
        assert seen.headers["apikey"] == KEY
        assert seen.headers["user-agent"].startswith("stash-sense/")
        assert KEY not in seen.path + seen.query


async def test_no_other_host_sees_the_key(
    client: StashBoxClient, box: StashBoxStandIn, png: Callable[..., bytes]
):
    with StashStandIn() as other:
        box.external_host = other.url  # in the addresses of pictures
        image = box.add_image(png())
        found = await client.find_performers([box.add_performer("Ann", images=[png()])])
        await client.image(found[next(iter(found))].images[0])
        box.faults.add(Status(302, b"", headers={"Location": f"{other.url}/images/{image}"}))
        with pytest.raises(BoxImageRefused):
            await client.image(BoxImage(image))
        with pytest.raises(NotAStashBox, match="redirected"):
            await client.performers_page(1)
        assert found
        assert other.record.seen == []


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("https://box.example/cdn/a.jpg?v=2", "https://box.example/cdn/a.jpg?v=2&size=600"),
        ("https://other.example/cdn/a.jpg", "https://box.example/images/i?size=600"),
        ("http://box.example/cdn/a.jpg", "https://box.example/images/i?size=600"),
        ("https://box.example:444/a.jpg", "https://box.example/images/i?size=600"),
        ("https://me:pw@box.example/a.jpg", "https://box.example/images/i?size=600"),
        ("https://[", "https://box.example/images/i?size=600"),
        ("", "https://box.example/images/i?size=600"),
    ],
)
def test_a_picture_is_asked_for_at_the_boxs_own_origin(given: str, asked: str):
    assert str(StashBoxAddress.parse("https://box.example/graphql").image("i", given)) == asked


async def test_an_expired_key_is_said_with_the_place_of_a_new_one(connect, box: StashBoxStandIn):
    box.api_key = "another"
    async with connect() as client:
        with pytest.raises(StashBoxKeyRefused, match=r"has expired.*Metadata Providers"):
            await client.performers_page(1)
    assert len(box.record.seen) == 1


async def test_a_key_that_may_not_read_and_none_are_told_apart(connect, box: StashBoxStandIn):
    box.may_read = False
    async with connect() as client:
        with pytest.raises(StashBoxKeyRefused, match="may not read"):
            await client.find_performers([str(uuid.uuid4())])
    async with connect(key="") as client:
        with pytest.raises(StashBoxKeyRefused, match="Stash has none for it"):
            await client.performers_page(1)


@pytest.mark.parametrize("text", ["no key: {}", '{{"errors": [{{"message": "no key: {}"}}]}}'])
@pytest.mark.parametrize("code", [200, 403, 422, 500])
async def test_no_error_and_no_log_shows_the_key(
    client: StashBoxClient, box: StashBoxStandIn, caplog: pytest.LogCaptureFixture, code: int, text: str
):
    caplog.set_level(logging.DEBUG)
    box.faults.add(Status(code, text.format(KEY).encode(), "application/json"))
    with pytest.raises(StashBoxError) as failed:
        await client.performers_page(1)
    shown = "".join(traceback.format_exception(failed.value)) + caplog.text + repr(client)
    assert KEY[:8] not in shown


@pytest.mark.parametrize(
    "answer",
    [
        Status(200, b"<html>a site</html>", "text/html"),
        Status(404, b'{"message": "Not Found"}', "application/json"),
        Status(405, b"", "text/plain"),
        Status(200, b'{"performers": []}', "application/json"),
        Status(200, b"[" * 100_000, "application/json"),
        Status(422, b'{"errors": [{"message": "Cannot query field queryPerformers"}]}', "application/json"),
        Status(
            200, b'{"data": {"queryPerformers": {"count": "many", "performers": {}}}}', "application/json"
        ),
        Status(200, b'{"data": {"queryPerformers": null}}', "application/json"),
        Status(200, PERFORMER % b'"../../x", "updated": "2025-01-01T00:00:00Z"', "application/json"),
        Status(200, PERFORMER % b'"a", "updated": "yesterday"', "application/json"),
    ],
    ids=lambda answer: f"{answer.code}-{answer.body[:12]!r}",
)
async def test_what_is_no_stash_box_is_said_in_one_sentence(
    client: StashBoxClient, box: StashBoxStandIn, answer: Status
):
    box.faults.add(answer)
    with pytest.raises(NotAStashBox, match=r"127\.0\.0\.1: "):
        await client.performers_page(1)
    assert len(box.record.seen) == 1


@pytest.mark.parametrize(
    "endpoint", ["", "stashdb.org", "ftp://stashdb.org/graphql", "http://", "https://[::1/"]
)
def test_an_endpoint_that_is_no_address_is_refused(connect, endpoint: str):
    with pytest.raises(NotAStashBox):
        connect(endpoint or " ")

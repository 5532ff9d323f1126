"""The doctor's checks of a Stash, against the stand-in."""

import json

import pytest

from fakes.stash import Status
from stash_sense.stash.checks import check_stash
from stash_sense.stash.client import StashClient


@pytest.fixture
def library(stash, jpeg):
    for _ in range(3):
        stash.library.add_image(jpeg())
    stash.library.installed["stash-sense"] = ("0.1.0", True)
    return stash.library


@pytest.fixture
def findings(client, library):
    """Subject -> (state, message)."""

    async def findings(*, url_is_set=True):
        return {
            finding.subject: (finding.state, finding.message)
            for finding in await check_stash(client, url_is_set=url_is_set)
        }

    return findings


async def test_a_stash_that_is_fine(findings):
    assert {subject: state for subject, (state, _) in (await findings()).items()} == {
        "Stash": "ok",
        "Stash's version": "ok",
        "Stash's state": "ok",
        "Stash's pictures": "ok",
        "Plugin": "ok",
    }


@pytest.mark.parametrize(("url_is_set", "state"), [(True, "fault"), (False, "note")])
async def test_a_stash_that_is_away_is_a_fault_only_if_it_was_named(findings, stash, url_is_set, state):
    stash.down()
    found = await findings(url_is_set=url_is_set)
    assert [found["Stash"][0]] == [state]
    assert len(found) == 1


async def test_a_refused_key_is_a_fault(stash, limits):
    async with StashClient(stash.url, "another", limits) as client:
        (finding,) = await check_stash(client, url_is_set=False)
    assert finding.state == "fault"
    assert "Settings, Security" in finding.message


@pytest.mark.parametrize(("word", "advice"), [("NEEDS_MIGRATION", "migration"), ("SETUP", "setup")])
async def test_a_stash_that_is_not_ready_is_not_checked_further(findings, library, word, advice):
    library.status = word
    found = await findings()
    assert found["Stash's state"][0] == "fault"
    assert advice in found["Stash's state"][1]
    assert "Stash's pictures" not in found


@pytest.mark.parametrize(
    ("version", "state"), [("v0.25.1", "fault"), ("v0.26.2", "note"), ("v0.31.0", "ok"), ("", "note")]
)
async def test_an_old_version_is_a_note_or_a_fault(findings, stash, version, state):
    system = {"status": "OK", "databaseSchema": 75}
    answer = {"data": {"version": {"version": version, "hash": "abc"}, "systemStatus": system}}
    stash.faults.add(Status(200, json.dumps(answer).encode(), "application/json"), where="FindStatus")
    assert (await findings())["Stash's version"][0] == state


async def test_pictures_behind_a_login_page_are_a_fault(findings, stash):
    stash.faults.add(Status(200, b"<p>log in</p>", "text/html"), where="thumbnail")
    state, message = (await findings())["Stash's pictures"]
    assert state == "fault"
    assert "STASH_URL" in message


async def test_a_failing_query_for_images_is_a_fault(findings, stash):
    stash.faults.add(Status(500), where="FindImages")
    assert (await findings())["Stash's pictures"][0] == "fault"


async def test_one_lost_file_is_no_fault_but_all_are(findings, library):
    images = list(library.images)
    library.lose_file(images[0])
    assert (await findings())["Stash's pictures"][0] == "ok"
    for image in images[1:]:
        library.lose_file(image)
    state, message = (await findings())["Stash's pictures"]
    assert state == "fault"
    assert "none of 3" in message


async def test_no_image_yet_is_a_note(findings, library):
    library.images.clear()
    assert (await findings())["Stash's pictures"][0] == "note"


@pytest.mark.parametrize(
    ("installed", "words"), [({}, "not installed"), ({"stash-sense": ("1", False)}, "Enable it")]
)
async def test_a_plugin_that_is_missing_or_off_is_a_note(findings, library, installed, words):
    library.installed = installed
    state, message = (await findings())["Plugin"]
    assert state == "note"
    assert words in message


@pytest.mark.parametrize(
    "fault",
    [
        Status(422, json.dumps({"errors": [{"message": "Cannot query field"}]}).encode(), "application/json"),
        Status(500),
    ],
)
async def test_a_stash_that_does_not_tell_of_plugins_is_a_note(findings, stash, fault):
    stash.faults.add(fault, where="FindPlugins")
    state, message = (await findings())["Plugin"]
    assert state == "note"
    assert "unknown" in message

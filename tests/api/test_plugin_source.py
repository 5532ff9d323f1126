"""The plugin as the sidecar offers it: to Stash's server, which has no secret, and with true dates."""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256

import pytest
import yaml

from fakes.stash import install_from
from stash_sense import __version__
from stash_sense.runtime.plugin_source import OFFERED, OfferedPlugin

INDEX, ARCHIVE = "/plugin/index.yml", "/plugin/stash-sense.zip"


@pytest.fixture
def guarded(serve, settings_with):
    with serve(settings_with(token="a-token-of-our-own-0123456789")) as served:
        yield served


def test_stash_installs_the_plugin_without_a_secret(guarded, tmp_path):
    for path in (INDEX, ARCHIVE):
        (tmp_path / path.rpartition("/")[2]).write_bytes(guarded.stranger.get(path).content)
    plugin = install_from(tmp_path / "index.yml", "stash-sense", tmp_path / "plugins")
    assert plugin.manifest.version == __version__


def test_nothing_else_below_it_is_open(guarded):
    for path in ("/plugin", "/plugin/", "/plugin/x", "/plugin/../journal", "/plugin//index.yml"):
        assert guarded.stranger.get(path).status_code == 401


def test_the_index_is_asked_whether_it_is_newer(guarded):
    # Stash sends HEAD for an index that it remembers, and fetches it again if Last-Modified is later.
    answer = guarded.stranger.head(INDEX)
    (entry,) = yaml.safe_load(guarded.stranger.get(INDEX).text)
    modified = parsedate_to_datetime(answer.headers["last-modified"])
    assert (answer.status_code, answer.content) == (200, b"")
    assert f"{modified:%Y-%m-%d %H:%M:%S}" == entry["date"]


def test_the_date_outlives_a_restart(tmp_path):
    first = OfferedPlugin(tmp_path).source()
    record = tmp_path / OFFERED
    record.write_text(record.read_text().replace(first.date.strftime("%Y"), "2020"))
    assert OfferedPlugin(tmp_path).source().date == first.date.replace(year=2020)


def test_another_plugin_is_an_update_even_if_the_clock_was_set_back(tmp_path):
    (tmp_path / OFFERED).write_text(json.dumps({"sha256": "0" * 64, "date": "2999-01-01 00:00:00"}))
    assert OfferedPlugin(tmp_path).source().date == datetime(2999, 1, 1, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "damaged",
    [
        *("", "{", "[]", "{}", '{"sha256": 1, "date": 2}', "\0", "[" * 100_000),
        '{"sha256": "0", "date": "9999-12-31 23:59:59"}',
    ],
)
def test_a_damaged_record_of_it_is_made_again(damaged, tmp_path):
    (tmp_path / OFFERED).write_text(damaged)
    source = OfferedPlugin(tmp_path).source()
    assert json.loads((tmp_path / OFFERED).read_text())["sha256"] == sha256(source.archive).hexdigest()


def test_without_room_for_the_record_it_is_offered_all_the_same(tmp_path, caplog):
    source = OfferedPlugin(tmp_path / "missing").source()
    assert source.archive
    assert "offer an update" in caplog.text


@pytest.mark.parametrize(
    ("agent", "state"),
    [(f"stash-sense-plugin/{__version__}", "ok"), ("stash-sense-plugin/0.0.1", "fault"), ("curl/8", None)],
)
def test_the_status_page_tells_of_a_plugin_of_another_version(app, agent, state):
    app.sidecar.plugin_version = None
    app.client.get("/health", headers={"User-Agent": agent})
    page = app.client.get("/").text
    assert ("<h2>Plugin" in page) is (state is not None)
    assert ("Update the older" in page) is (state == "fault")


def test_a_stranger_cannot_say_which_plugin_is_in_use(guarded):
    guarded.stranger.get("/health", headers={"User-Agent": "stash-sense-plugin/6.6.6"})
    assert "6.6.6" not in guarded.client.get("/").text

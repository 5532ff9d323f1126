"""The page for a person: what each part is, what is wrong with it, and the last errors; never a secret."""

import re
import sqlite3
import time

import pytest

from fakes.stash import StashStandIn
from stash_sense.api.routes.state import format_ago
from waiting import until


def shown(served):
    """The page's text, its parts' states by name, and the overall one."""
    page = served.client.get("/").text
    parts = dict(re.findall(r'<h2>(\w+) <span class="mark (\w+)">', page))
    return page, parts, re.search(r'<p class="mark (\w+)">', page)[1]


def test_all_well(stash_app):
    until(lambda: stash_app.sidecar.stash_status.checked_at)
    page, parts, overall = shown(stash_app)
    assert parts == {"Recognition": "ok", "State": "ok", "Stash": "ok"}
    assert overall == "ok"
    for fact in ("v0.30", "stash-sense-default", stash_app.sidecar.stash_status.current.version):
        assert fact in page
    assert str(stash_app.store.path) in page


def test_no_stash_is_not_set_up_and_nothing_is_wrong(app):
    page, parts, overall = shown(app)
    assert (parts["Stash"], overall) == ("off", "ok")
    assert "STASH_URL" in page


def test_everything_wrong(serve, settings_with, tmp_path, pack_dir):
    (tmp_path / "models").symlink_to(pack_dir / "models")
    (tmp_path / "stash_sense.db").mkdir()
    with StashStandIn() as stash:
        url = stash.url.replace("://", "://owner:the-proxy-password@")
    with serve(settings_with(DATA_DIR=tmp_path, STASH_URL=url)) as served:
        until(lambda: served.sidecar.stash_status.checked_at)
        page, parts, overall = shown(served)
        assert parts == {"Recognition": "fault", "State": "fault", "Stash": "fault"}
        assert overall == "fault"
        for advice in ("stash-sense database build --from-stash", "is a folder", "Check that Stash"):
            assert page.count(advice) == 2  # at the part, and among the last errors
        assert "the-proxy-password" not in page
        served.client.get("/journal")
        assert served.client.get("/").text.count("is a folder") == 2  # said once, however often asked for


def test_a_migrated_state_shows_where_the_former_file_is(serve, settings_with, tmp_path, pack_dir):
    connection = sqlite3.connect(tmp_path / "stash_sense.db")
    connection.executescript(
        "CREATE TABLE schema_version (version INTEGER); INSERT INTO schema_version VALUES (5)"
    )
    connection.close()
    (tmp_path / "models").symlink_to(pack_dir / "models")
    with serve(settings_with(DATA_DIR=tmp_path)) as served:
        assert "stash_sense.db.v5-" in shown(served)[0]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s ago"),
        (59, "59 s ago"),
        (61, "1 min ago"),
        (7300, "2 h ago"),
        (200_000, "2 d ago"),
        (-5, "0 s ago"),
    ],
)
def test_how_long_ago(seconds, said, monkeypatch):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    assert format_ago(now - seconds) == said

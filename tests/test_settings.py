"""Settings: safe by default, and every one of them documented."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from stash_sense.errors import BadSetting
from stash_sense.settings import Settings

RUNNING = Path(__file__).parents[1] / "docs" / "running.md"


def test_every_default_is_safe():
    made = Settings(_env_file=None)
    assert made.loopback
    assert not made.allow_private_urls
    assert made.allowed_hosts == ()
    assert (made.host, made.port) == ("127.0.0.1", 6960)


def test_every_setting_is_documented_with_its_default():
    text = RUNNING.read_text("utf-8")
    for name, field in Settings.model_fields.items():
        assert f"`{field.validation_alias}`" in text, name
        if isinstance(field.default, int | float | str) and field.default != "":
            shown = str(field.default).lower() if isinstance(field.default, bool) else f"{field.default}"
            assert f"`{shown}`" in text.replace(",", ""), name


def test_hosts_are_separated_by_commas():
    made = Settings(STASH_SENSE_ALLOWED_HOSTS=" NAS.example , other.example.", _env_file=None)
    assert made.allowed_hosts == ("nas.example", "other.example")


def test_nothing_shows_a_secret():
    made = Settings(STASH_API_KEY=SecretStr("abcdef"), STASH_SENSE_TOKEN=SecretStr("ghijkl"), _env_file=None)
    assert not any(secret in repr(made) + str(made) for secret in ("abcdef", "ghijkl"))


def test_another_address_is_checked_like_the_first(monkeypatch):
    monkeypatch.delenv("STASH_SENSE_HOST", raising=False)
    settings = Settings(_env_file=None)
    assert settings.listening_on("0.0.0.0", 7000).port == 7000
    assert not settings.listening_on("::", None).loopback
    with pytest.raises(BadSetting, match="STASH_SENSE_HOST"):
        settings.listening_on("nas.example", None)


def test_empty_is_not_set_but_for_where_stash_is(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stash-sense.env").write_text("STASH_SENSE_PORT=7000\nSTASH_URL=http://nas:9999\n")
    monkeypatch.setenv("STASH_SENSE_PORT", "")
    monkeypatch.setenv("STASH_URL", "")
    assert (Settings.read().port, Settings.read().stash_url) == (7000, "")
    monkeypatch.delenv("STASH_URL")
    assert Settings.read().stash_url == "http://nas:9999"
    (tmp_path / "stash-sense.env").write_text("STASH_SENSE_PORT=\n")
    assert (Settings.read().port, Settings.read().stash_url) == (6960, "http://localhost:9999")

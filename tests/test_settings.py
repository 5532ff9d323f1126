"""Settings: safe by default, and every one of them documented."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr, ValidationError

from stash_sense.__main__ import main
from stash_sense.errors import BadSetting
from stash_sense.settings import FILE, Settings, env_name, read_settings

RUNNING = Path(__file__).parents[1] / "docs" / "running.md"


def test_every_default_is_safe():
    made = Settings()
    assert made.loopback
    assert not made.allow_private_urls
    assert made.allowed_hosts == ()
    assert (made.host, made.port) == ("127.0.0.1", 6960)


def test_every_setting_is_documented_with_its_default():
    text = RUNNING.read_text("utf-8")
    for name, field in Settings.model_fields.items():
        assert f"`{env_name(name)}`" in text, name
        if isinstance(field.default, int | float | str) and field.default != "":
            shown = str(field.default).lower() if isinstance(field.default, bool) else f"{field.default}"
            assert f"`{shown}`" in text.replace(",", ""), name


def test_hosts_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("STASH_SENSE_ALLOWED_HOSTS", " NAS.example , other.example.")
    assert Settings().allowed_hosts == ("nas.example", "other.example")


def test_nothing_shows_a_secret():
    made = Settings(stash_api_key=SecretStr("abcdef"), token=SecretStr("ghijkl"))
    assert not any(secret in repr(made) + str(made) for secret in ("abcdef", "ghijkl"))


def test_another_address_is_checked_like_the_first(monkeypatch):
    monkeypatch.delenv("STASH_SENSE_HOST", raising=False)
    settings = Settings()
    assert settings.with_values(host="0.0.0.0", port=7000).port == 7000
    assert not settings.with_values(host="::", port=None).loopback
    with pytest.raises(BadSetting, match="STASH_SENSE_HOST is"):
        settings.with_values(host="nas.example")


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The settings file of a data folder that the environment names."""
    for name in map(env_name, Settings.model_fields):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    return tmp_path / FILE


def test_empty_is_not_set_but_for_where_stash_is(file, monkeypatch):
    file.write_text('port = 7000\nstash_url = "http://nas:9999"\n')
    monkeypatch.setenv("STASH_SENSE_PORT", "")
    monkeypatch.setenv("STASH_URL", "")
    assert (read_settings().port, read_settings().stash_url) == (7000, "")
    monkeypatch.delenv("STASH_URL")
    assert read_settings().stash_url == "http://nas:9999"
    file.write_text("")
    assert (read_settings().port, read_settings().stash_url) == (6960, "http://localhost:9999")


@pytest.mark.parametrize("name", ["STASH_URL", "STASH_API_KEY", "DATA_DIR"])
def test_a_name_of_its_own_is_a_settings_only_name(file, monkeypatch, name):
    file.write_text('stash_url = "http://nas:9999"\nstash_api_key = "of-the-nas"\n')
    before = read_settings().model_dump()
    monkeypatch.setenv(f"STASH_SENSE_{name}", "http://elsewhere:9999")
    assert read_settings().model_dump() == before


def test_a_key_of_the_file_never_goes_to_an_address_of_the_environment(file, monkeypatch):
    file.write_text('stash_api_key = "of-the-nas"\n')
    monkeypatch.setenv("STASH_SENSE_STASH_URL", "http://elsewhere:9999")
    assert read_settings().stash_url == "http://localhost:9999"


def test_the_environment_comes_before_the_file(file, monkeypatch):
    file.write_text('port = 7000\nhost = "::1"\nallowed_hosts = ["NAS.example"]\n')
    monkeypatch.setenv("STASH_SENSE_PORT", "7001")
    settings = read_settings()
    assert (settings.port, settings.host, settings.allowed_hosts) == (7001, "::1", ("nas.example",))


STASH_PARTS = {"STASH_URL": "http://other:9999", "STASH_API_KEY": "another"}


def test_address_and_key_come_from_the_same_source(file, monkeypatch):
    file.write_text('stash_url = "http://nas:9999"\nstash_api_key = "of-the-nas"\nport = 7000\n')
    assert read_settings().stash_api_key.get_secret_value() == "of-the-nas"
    for name, value in STASH_PARTS.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert (settings.stash_url, settings.stash_api_key.get_secret_value()) == ("http://other:9999", "another")
    assert settings.port == 7000


@pytest.mark.parametrize("in_environment", STASH_PARTS)
@pytest.mark.parametrize(
    "text",
    ['stash_url = "http://nas:9999"\nstash_api_key = "of-the-nas"\n',
     'stash_url = "http://nas:9999"\n', 'stash_api_key = "of-the-nas"\n'],
)  # fmt: skip
def test_a_key_beside_an_address_of_another_source_is_refused(file, monkeypatch, in_environment, text):
    file.write_text(text)
    monkeypatch.setenv(in_environment, STASH_PARTS[in_environment])
    other = "stash_url" if in_environment == "STASH_API_KEY" else "stash_api_key"
    if other not in text:
        assert read_settings().model_dump()[in_environment.lower()]
        return
    with pytest.raises(BadSetting, match="put both in the same place") as raised:
        read_settings()
    assert not any(secret in str(raised.value) for secret in ("another", "of-the-nas"))


@pytest.mark.parametrize(
    "command", [["doctor"], ["token"], ["jobs"], ["state", "check"], ["database", "info"]]
)
def test_every_command_refuses_a_key_beside_the_address_of_another_source(file, monkeypatch, command):
    file.write_text('stash_url = "http://evil.example:9999"\n')
    monkeypatch.setenv("STASH_API_KEY", "of-mine")
    ran = CliRunner().invoke(main, command)
    assert ran.exit_code == 1
    assert "put both in the same place" in ran.output


@pytest.mark.parametrize("name", ["STASH_API_KEY", "STASH_SENSE_TOKEN"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("STASH_API_KEY=eyJ-key", "begins with 'STASH_API_KEY='"),
        ("STASH_SENSE_TOKEN=eyJ-key", "begins with 'STASH_SENSE_TOKEN='"),
        ("export STASH_API_KEY=eyJ-key", "begins with 'export STASH_API_KEY='"),
        ("stash_api_key = 'eyJ-key'", "begins with 'stash_api_key ='"),
        ("'eyJ-key'", "begins with"),
        ('"eyJ-key"', "begins with"),
        ("ApiKey: eyJ-key", "begins with 'ApiKey:'"),
        ("Bearer eyJ-key", "begins with 'Bearer '"),
        ("eyJ -key", "contains spaces, line breaks"),
        ("eyJ\n-key", "contains spaces, line breaks"),
        ("eyJ-k\u00e9y", "contains spaces, line breaks"),
    ],
)
def test_a_line_pasted_as_a_secret_is_recognised(file, monkeypatch, name, value, words):
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting, match=words) as raised:
        read_settings()
    assert "eyJ" not in str(raised.value)


def test_space_around_a_secret_is_no_part_of_it(file, monkeypatch):
    monkeypatch.setenv("STASH_API_KEY", " eyJ-key=\n")
    assert read_settings().stash_api_key.get_secret_value() == "eyJ-key="


def test_the_working_directory_has_no_say(file, tmp_path, monkeypatch):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / FILE).write_text("port = 7000\n")
    (folder / ".env").write_text("STASH_SENSE_PORT=7000\n")
    monkeypatch.chdir(folder)
    assert read_settings().port == 6960


def test_another_file_can_be_named(file, tmp_path):
    file.write_text("port = 7000\n")
    other = tmp_path / "other.toml"
    other.write_text(f'queue = 5\ndata_dir = "{tmp_path / "kept"}"\n')
    assert (read_settings(other).port, read_settings(other).queue) == (6960, 5)
    with pytest.raises(BadSetting, match="no such file"):
        read_settings(tmp_path / "missing.toml")


def test_a_data_folder_that_is_given_is_that_of_the_file_too(file, tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / FILE).write_text(f'port = 7000\ndata_dir = "{tmp_path}"\n')
    settings = read_settings(data_dir=folder)
    assert (settings.port, settings.data_dir) == (7000, folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("port = none", "cannot be read as TOML"),
        ('port = "none"', "STASH_SENSE_PORT is 'none': .* or in "),
        ("prot = 7000", "prot: there is no such setting"),
        ('stash_url = "http://user:secret@"', "STASH_URL: not an address"),
    ],
)
def test_a_wrong_file_is_one_sentence(file, text, message):
    file.write_text(text)
    with pytest.raises(BadSetting, match=message) as raised:
        read_settings()
    assert "secret" not in str(raised.value)


def test_settings_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 7000


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("08:00-23:00", ((8, 0), (23, 0))),
        ("8:30 - 6:00", ((8, 30), (6, 0))),
        ("", None),
    ],
)
def test_quiet_hours_are_two_times_of_the_day(monkeypatch, text, hours):
    monkeypatch.setenv("STASH_SENSE_QUIET_HOURS", text)
    quiet = Settings().quiet_hours
    assert (quiet and tuple((each.hour, each.minute) for each in quiet)) == hours


@pytest.mark.parametrize(
    "text", ["by day", "08:00", "08:00-25:00", "08:00-08:00", "08:00-12:00-13:00", "8-9-"]
)
def test_other_quiet_hours_are_refused(monkeypatch, text):
    monkeypatch.setenv("STASH_SENSE_QUIET_HOURS", text)
    with pytest.raises(BadSetting, match="STASH_SENSE_QUIET_HOURS"):
        read_settings()

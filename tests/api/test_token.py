"""The token of our own: made once, kept from others, and asked for wherever others can reach us."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from stash_sense.errors import NoSecret
from stash_sense.runtime.secret import ensure_secret, find_secret, serving_secret, token_file
from stash_sense.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(tmp_path):
    def made(**given):
        return Settings(**{"DATA_DIR": tmp_path / "data", **given})

    return made


def test_on_loopback_nothing_is_asked_and_nothing_made(settings):
    for host in ("127.0.0.1", "localhost", "::1", "127.9.9.9"):
        assert serving_secret(settings(host=host)) is None
    assert not token_file(settings()).exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4"])
def test_elsewhere_a_token_is_made_once(settings, host):
    first = serving_secret(settings(host=host))
    assert first.origin == "file"
    assert len(first.value) == 64
    assert serving_secret(settings(host=host)) == first


def test_a_token_that_is_there_is_asked_for_on_loopback_too(settings):
    made = ensure_secret(settings())
    assert serving_secret(settings()) == made


def test_only_its_owner_can_read_it(settings):
    ensure_secret(settings())
    assert stat.S_IMODE(token_file(settings()).stat().st_mode) == 0o600


def test_a_key_goes_before_a_token_and_that_before_the_file(settings):
    ensure_secret(settings())
    assert find_secret(settings(token=SecretStr("own"))).value == "own"
    both = settings(token=SecretStr("own"), STASH_API_KEY=SecretStr("key"))
    assert find_secret(both).origin == "stash-key"


def test_many_at_once_agree_on_one(settings):
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: ensure_secret(settings()).value, range(64)))
    assert len(set(made)) == 1
    assert sorted(path.name for path in token_file(settings()).parent.iterdir()) == [".token.lock", "token"]


def test_processes_at_once_agree_on_one(tmp_path):
    command = [sys.executable, "-m", "stash_sense", "--data-dir", tmp_path, "token"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(3)]
    assert len({one.communicate(timeout=60)[0] for one in running}) == 1


def test_one_that_others_can_read_is_refused(settings):
    ensure_secret(settings())
    token_file(settings()).chmod(0o644)
    with pytest.raises(NoSecret, match="chmod 600"):
        serving_secret(settings())


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"\xff\xfe"])
def test_one_that_is_none_is_refused(settings, content):
    token_file(settings()).parent.mkdir()
    token_file(settings()).write_bytes(content)
    token_file(settings()).chmod(0o600)
    with pytest.raises(NoSecret, match="Delete the file"):
        find_secret(settings())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_where_none_can_be_kept_it_refuses_to_start(settings, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(NoSecret, match="DATA_DIR"):
        serving_secret(settings(host="0.0.0.0"))


def test_where_the_folder_cannot_be_it_refuses_to_start(tmp_path):
    (tmp_path / "file").write_text("")
    settings = Settings(DATA_DIR=tmp_path / "file" / "data", host="0.0.0.0")
    with pytest.raises(NoSecret, match="STASH_SENSE_TOKEN"):
        serving_secret(settings)

"""Where Stash is, and its pictures' addresses put upon it."""

import pytest

from stash_sense.errors import BadAddress
from stash_sense.stash.address import StashAddress


def test_graphql_is_below_the_path_of_stash_url():
    assert (
        str(StashAddress.parse("https://home.example/stash/").graphql) == "https://home.example/stash/graphql"
    )


def test_the_graphql_address_itself_is_taken_for_stash_url():
    assert str(StashAddress.parse("http://nas:9999/graphql").graphql) == "http://nas:9999/graphql"


@pytest.mark.parametrize(
    "text", ["", "nas:9999", "ftp://nas", "http://", "http://nas:port", "file:///etc/passwd"]
)
def test_what_is_no_http_address_is_refused(text: str):
    with pytest.raises(BadAddress, match="STASH_URL"):
        StashAddress.parse(text)


def test_a_password_in_stash_url_is_never_shown():
    address = StashAddress.parse("http://me:hunter2@nas:9999?apikey=hunter2")
    assert "hunter2" not in f"{address} {address!r} {address.graphql}"


def test_a_password_in_stash_url_is_kept_for_the_proxy():
    assert StashAddress.parse("http://me:hunter2@nas:9999").login == ("me", "hunter2")


@pytest.mark.parametrize(
    ("stash_url", "given", "asked"),
    [
        ("http://nas:9999", "http://localhost:9999/image/1/image?t=7", "http://nas:9999/image/1/image?t=7"),
        ("http://nas:9999", "/image/1/thumbnail?t=7", "http://nas:9999/image/1/thumbnail?t=7"),
        ("https://h/stash", "http://x/stash/image/1/image?t=7", "https://h/stash/image/1/image?t=7"),
        ("https://h/stash", "http://x/image/1/image?t=7", "https://h/stash/image/1/image?t=7"),
        ("http://nas:9999", "https://ext/stash/image/1/image", "http://nas:9999/image/1/image"),
        ("http://h/image", "http://x/image/image/1/image", "http://h/image/image/1/image"),
        (
            "http://h",
            "http://x/performer/3/image?t=1&default=true",
            "http://h/performer/3/image?t=1&default=true",
        ),
        ("http://h", "http://x/scene/00ff_sprite.jpg", "http://h/scene/00ff_sprite.jpg"),
        ("http://h/s", "http://x/something/new", "http://h/s/something/new"),
        ("http://h/s", "http://x/s/something/new", "http://h/s/something/new"),
        ("http://h/s", "http://x/sand/new", "http://h/s/sand/new"),
        ("http://h", "//evil.example/a", "http://h/a"),
    ],
)
def test_the_url_of_an_image_is_rewritten_to_stash_url(stash_url: str, given: str, asked: str):
    assert str(StashAddress.parse(stash_url).media(given)) == asked


@pytest.mark.parametrize("key", ["apikey=secret", "ApiKey=secret"])
def test_a_key_in_a_pictures_address_is_dropped(key: str):
    asked = StashAddress.parse("http://nas").media(f"http://x/image/1/image?t=7&{key}&w=1")
    assert str(asked) == "http://nas/image/1/image?t=7&w=1"

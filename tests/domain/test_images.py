"""When two images show the same picture."""

import hashlib

import pytest

from stash_sense.domain.identity import PictureIdentity, picture_stamp

MD5, OSHASH, PHASH = ("md5", "aa"), ("oshash", "cc"), ("phash", "dd")
FILE = ("/data/a.jpg", 1000, "2024-05-01T12:00:00+02:00")


def test_a_moved_file_has_the_same_stamp():
    assert picture_stamp([MD5], "/b.jpg", 1000, "x") == picture_stamp([MD5], *FILE)


def test_another_fingerprint_is_another_stamp():
    assert picture_stamp([("md5", "bb")], *FILE) != picture_stamp([MD5], *FILE)


def test_the_order_of_fingerprints_changes_no_stamp():
    assert picture_stamp([MD5, OSHASH], *FILE) == picture_stamp([OSHASH, MD5], *FILE)


def test_a_perceptual_hash_computed_later_changes_no_stamp():
    assert picture_stamp([MD5, PHASH], *FILE) == picture_stamp([MD5], *FILE)


@pytest.mark.parametrize(
    "changed",
    [
        ("/b.jpg", 1000, "2024-05-01T12:00:00+02:00"),
        ("/data/a.jpg", 1001, "2024-05-01T12:00:00+02:00"),
        ("/data/a.jpg", 1000, "2024-05-01T12:00:01+02:00"),
    ],
)
def test_without_fingerprints_path_size_and_time_make_the_stamp(changed: tuple[str, int, str]):
    assert picture_stamp([], *changed) != picture_stamp([], *FILE)


def test_the_servers_time_zone_makes_no_other_picture():
    same = ("/data/a.jpg", 1000, "2024-05-01T10:00:00Z")
    assert picture_stamp([], *same) == picture_stamp([], *FILE)
    assert PictureIdentity.of([], *same) == PictureIdentity.of([], *FILE)


def test_a_time_without_a_zone_is_utc_for_both_identities():
    naive, utc = "2024-05-01T10:00:00", "2024-05-01T10:00:00Z"
    assert picture_stamp([], "/a.jpg", 1, naive) == picture_stamp([], "/a.jpg", 1, utc)
    assert PictureIdentity.of([], "/a.jpg", 1, naive) == PictureIdentity.of([], "/a.jpg", 1, utc)


def test_identities_that_files_hold_today_stay_valid():
    def digest(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    assert picture_stamp([OSHASH, MD5], *FILE) == digest("md5:aa|oshash:cc")[:32]
    assert picture_stamp([], *FILE) == digest("file:1000:2024-05-01T10:00:00+00:00:/data/a.jpg")[:32]
    identity = PictureIdentity.of([OSHASH, MD5], *FILE)
    assert identity.fingerprints == (MD5, OSHASH)
    assert identity.location == digest("/data/a.jpg\x001000\x002024-05-01T10:00:00+00:00")

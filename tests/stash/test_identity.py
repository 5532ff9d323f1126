"""The same picture, the same person."""

from dataclasses import replace

import pytest

from stash_sense.domain.people import PerformerKey, StashId, performer_key, stashdb_id
from stash_sense.stash.identity import picture_identity
from stash_sense.stash.types import Fingerprint, Image, VisualFile

UUID, OTHER = "50459d16-787c-47c9-8ce9-a4cac9404324", "0aa9e0c1-1111-4222-8333-444455556666"
STASHDB, FANSDB, LOCAL = (
    "https://stashdb.org/graphql",
    "https://fansdb.cc/graphql",
    "http://localhost:9998/graphql",
)


def file(**changes: object) -> VisualFile:
    plain = VisualFile(
        kind="picture",
        id="9",
        path="/data/a.jpg",
        size=1000,
        mod_time="2024-05-01T12:00:00+02:00",
        width=640,
        height=480,
        fingerprints=(Fingerprint("md5", "aa"),),
    )
    return replace(plain, **changes)


def image(*files: VisualFile, updated_at: str = "2024-05-01T12:00:00Z") -> Image:
    return Image("1", "", updated_at, files, "http://x/image/1/image", None, ())


def test_a_tag_does_not_make_another_picture():
    tagged = image(file(), updated_at="2025-01-01T00:00:00Z")
    assert picture_identity(tagged) == picture_identity(image(file()))


def test_a_moved_file_is_the_same_picture():
    assert picture_identity(image(file(path="/b.jpg", mod_time="x"))) == picture_identity(image(file()))


def test_another_fingerprint_is_another_picture():
    changed = file(fingerprints=(Fingerprint("md5", "bb"),))
    assert picture_identity(image(changed)) != picture_identity(image(file()))


def test_the_order_of_fingerprints_says_nothing():
    prints = (Fingerprint("md5", "aa"), Fingerprint("oshash", "cc"))
    assert picture_identity(image(file(fingerprints=prints))) == picture_identity(
        image(file(fingerprints=prints[::-1]))
    )


def test_a_perceptual_hash_computed_later_makes_no_other_picture():
    later = file(fingerprints=(Fingerprint("md5", "aa"), Fingerprint("phash", "dd")))
    assert picture_identity(image(later)) == picture_identity(image(file()))


def test_only_the_primary_file_counts():
    second = file(fingerprints=(Fingerprint("md5", "bb"),))
    assert picture_identity(image(file(), second)) == picture_identity(image(file()))


@pytest.mark.parametrize(
    "change", [{"path": "/b.jpg"}, {"size": 1001}, {"mod_time": "2024-05-01T12:00:01+02:00"}]
)
def test_without_fingerprints_path_size_and_time_decide(change: dict[str, object]):
    bare = file(fingerprints=())
    assert picture_identity(image(replace(bare, **change))) != picture_identity(image(bare))


def test_the_servers_time_zone_makes_no_other_picture():
    bare = file(fingerprints=())
    same = replace(bare, mod_time="2024-05-01T10:00:00Z")
    assert picture_identity(image(same)) == picture_identity(image(bare))


def test_an_image_without_a_file_has_no_identity():
    assert picture_identity(image()) is None


def test_without_stash_ids_a_performer_is_local():
    assert performer_key("12", [], [STASHDB]) == PerformerKey("local:12")


def test_the_first_configured_stash_box_gives_the_key_whatever_the_order_of_ids():
    ids = [StashId(STASHDB, UUID), StashId(FANSDB, OTHER)]
    expected = PerformerKey(f"fansdb.cc:{OTHER}", (f"stashdb.org:{UUID}",))
    assert performer_key("12", ids, [FANSDB, STASHDB]) == expected
    assert performer_key("12", ids[::-1], [FANSDB, STASHDB]) == expected


def test_an_id_of_a_stash_box_no_longer_configured_comes_last():
    ids = [StashId(FANSDB, OTHER), StashId(STASHDB, UUID)]
    assert performer_key("12", ids, [STASHDB]).key == f"stashdb.org:{UUID}"


def test_an_id_of_an_unknown_stash_box_is_still_better_than_a_local_one():
    assert performer_key("12", [StashId(FANSDB, OTHER)], []).key == f"fansdb.cc:{OTHER}"


def test_two_ids_on_one_stash_box_are_one_person():
    ids = [StashId(STASHDB, UUID), StashId(STASHDB, OTHER), StashId(STASHDB, UUID)]
    assert performer_key("1", ids, [STASHDB]) == PerformerKey(
        f"stashdb.org:{OTHER}", (f"stashdb.org:{UUID}",)
    )


def test_the_key_names_the_host_without_port_in_small_letters():
    assert (
        performer_key("1", [StashId(LOCAL.replace("l", "L", 1), UUID.upper())], []).key == f"localhost:{UUID}"
    )


def test_the_stashdb_id_is_the_bare_uuid():
    assert stashdb_id([StashId(FANSDB, OTHER), StashId(STASHDB, UUID)]) == UUID


def test_a_performer_of_another_stash_box_has_no_stashdb_id():
    assert stashdb_id([StashId(FANSDB, OTHER)]) is None

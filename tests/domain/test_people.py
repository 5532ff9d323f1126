"""One key for one person."""

from stash_sense.domain.identity import PerformerKey, StashId, performer_key, stashdb_id

UUID, OTHER = "50459d16-787c-47c9-8ce9-a4cac9404324", "0aa9e0c1-1111-4222-8333-444455556666"
STASHDB, FANSDB, LOCAL = (
    "https://stashdb.org/graphql",
    "https://fansdb.cc/graphql",
    "http://localhost:9998/graphql",
)


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

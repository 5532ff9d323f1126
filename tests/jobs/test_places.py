"""Places are shared: a quarter is the library's, and one client gets half of the rest."""

from contextlib import ExitStack

import pytest

from stash_sense.jobs.places import Places


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


def taken(stack, places, times, client="", **kind):
    """How many of so many requests get a place."""
    return sum(stack.enter_context(places.take(client, **kind)) for _ in range(times))


def test_uploads_of_any_number_of_clients_leave_a_quarter_to_the_library(stack):
    places = Places(18)
    clients = (f"10.0.0.{number}" for number in range(64))
    assert sum(taken(stack, places, 3, client, upload=True) for client in clients) == 14
    assert taken(stack, places, 9) == 4


def test_one_client_gets_half_of_the_places_for_uploads(stack):
    places = Places(18)
    assert taken(stack, places, 50, "10.0.0.9", upload=True) == 7
    assert taken(stack, places, 50, "10.0.0.8", upload=True) == 7


def test_the_library_may_use_what_nobody_uploads(stack):
    assert taken(stack, Places(18), 50, "10.0.0.9") == 18


@pytest.mark.parametrize("capacity", range(1, 40))
def test_there_is_a_place_for_either_kind(capacity):
    for kind in ({"upload": True}, {}):
        with Places(capacity).take("10.0.0.9", **kind) as has_place:
            assert has_place


def test_places_are_given_back(stack):
    places = Places(4)
    for _ in range(100):
        with places.take("10.0.0.9", upload=True) as has_place:
            assert has_place
    assert places.taken == 0
    assert not places._uploads

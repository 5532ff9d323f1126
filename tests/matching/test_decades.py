"""Distances and scores in decades of the false-match rate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from .world import PLAIN, default_pack, scorer_of, steep

SCORERS = pytest.mark.parametrize(
    "scorer", [scorer_of(PLAIN, 0.2), steep(), default_pack()], ids=["plain", "steep", "default pack"]
)


@SCORERS
@pytest.mark.parametrize(("distance", "decades"), [(0.6, 0), (0.4, 1)])
def test_the_usual_distance_is_0_and_a_tenth_of_its_rate_is_1(scorer, distance, decades):
    assert scorer.decades_at(distance) == pytest.approx(decades)


def test_below_the_stated_rates_a_decade_is_as_much_score_as_between_them():
    """0.9046 is a rate of 1e-3, 1.52 decades above 3e-5."""
    assert default_pack().decades_at(0.9046) == pytest.approx(np.log10(3e-5 / 1e-3), abs=0.02)


def test_a_picture_itself_is_so_many_decades_as_the_curve_has_room_for():
    assert default_pack().decades_at(0.0) == pytest.approx(9.36, abs=0.01)


@SCORERS
@given(distance=st.floats(0, 2))
def test_decades_lead_back_to_the_distance(scorer, distance):
    assert scorer.distance_at(scorer.decades_at(distance)) == pytest.approx(distance, abs=1e-9)


@SCORERS
@pytest.mark.parametrize(("decades", "distance"), [(1000, 0), (-1000, 2)])
def test_beyond_the_scale_a_distance_is_its_end(scorer, decades, distance):
    assert scorer.distance_at(decades) == distance


@SCORERS
@given(distance=st.floats(0, 2))
def test_a_searchs_score_is_as_many_decades_as_its_distance(scorer, distance):
    query = np.float32(scorer.calibration.curve.score(distance) + scorer._offset)
    decades = float(scorer.decades(np.array([query]))[0])
    assert decades == pytest.approx(
        scorer.decades_at(float(scorer.distances(np.array([query]))[0])), abs=1e-4
    )


@SCORERS
@pytest.mark.parametrize("slot", ["arcface", "facenet"])
@pytest.mark.parametrize(("distance", "decades"), [(0.6, 0), (0.4, 1)])
def test_a_slot_has_decades_of_its_own(scorer, slot, distance, decades):
    assert scorer.slot_decades_at(slot, distance) == pytest.approx(decades)


def test_a_slots_decades_are_on_its_own_curve():
    """In the default pack the second network has room for four decades, the first for ten."""
    decades = [default_pack().slot_decades_at(slot, 0.0) for slot in ("facenet", "arcface")]
    assert decades == pytest.approx([4.0, 9.96], abs=0.05)

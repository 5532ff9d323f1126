"""Fitting a calibration: the distance scale keeps its promise on the faces it was made on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from stash_sense.enrolment.calibrate import (
    FEWEST_PEOPLE,
    MOST_FACES,
    fit_calibration,
    fit_curve,
    fit_tail,
    score_at_rate,
)
from stash_sense.errors import BadInput
from stash_sense.matching.calibration import Calibration, Scorer

WEIGHTS = {"arcface": 2 / 3, "facenet": 1 / 3}


@pytest.fixture(scope="module")
def gaussian():
    """The curve of two million impostor scores, normal with mean 0.1 and deviation 0.1."""
    return fit_curve(np.random.default_rng(3).normal(0.1, 0.1, 2_000_000), -1.0, 1.0)


@pytest.mark.parametrize(
    ("rate", "distance"), [(1e-1, 1.3046), (1e-2, 1.1046), (1e-3, 0.9046), (1e-4, 0.7046)]
)
def test_measured_rates_have_their_distances(gaussian, rate, distance):
    score = norm.isf(rate, 0.1, 0.1)
    assert float(gaussian.distance(np.array([score]))[0]) == pytest.approx(distance, abs=0.02)


@pytest.mark.parametrize(("rate", "distance"), [(3e-5, 0.6), (3e-6, 0.4)])
def test_the_two_stated_rates_have_their_distances_within_a_factor_of_two(gaussian, rate, distance):
    """They come from a straight line through the tail; a normal tail bends a little below it."""
    score = norm.isf(rate, 0.1, 0.1)
    assert float(gaussian.distance(np.array([score]))[0]) == pytest.approx(distance, abs=0.06)


@pytest.mark.parametrize(("rate", "distance"), [(3e-5, 0.6), (3e-6, 0.4)])
def test_an_exponential_tail_is_met_exactly(rate, distance):
    """log10(rate) is then a straight line, as the fit takes it to be."""
    scores = np.random.default_rng(4).exponential(0.05, 3_000_000)
    score = -0.05 * np.log(rate)
    assert float(fit_curve(scores, -1.0, 2.0).distance(np.array([score]))[0]) == pytest.approx(
        distance, abs=0.025
    )


def test_the_curve_rises_nowhere(gaussian):
    distances = gaussian.distance(np.linspace(-2, 2, 5000))
    assert (np.diff(distances) <= 0).all()


def test_the_curve_stays_between_0_and_2(gaussian):
    assert gaussian.distance(np.array([-np.inf, -9, 9, np.inf])).tolist() == [2, 2, 0, 0]


@given(st.floats(0, 2))
def test_a_distance_leads_to_a_score_and_back(gaussian, distance):
    assert float(gaussian.distance(np.array(gaussian.score(distance)))) == pytest.approx(distance, abs=1e-9)


def test_the_score_at_a_rate_is_reached_by_that_share():
    assert score_at_rate(np.arange(1000.0), 0.01) == 990


def test_few_scores_give_the_highest_at_a_small_rate():
    assert score_at_rate(np.arange(10.0), 1e-6) == 9


def faces_of(people, faces_each=1, seed=0, dimension=64):
    """Random faces of random people: slot -> unit vectors, and owners."""
    random = np.random.default_rng(seed)
    count = people * faces_each
    rows = {}
    for slot in WEIGHTS:
        vectors = random.standard_normal((count, dimension)).astype(np.float32)
        rows[slot] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return rows, [f"p{i // faces_each}" for i in range(count)]


@pytest.fixture(scope="module")
def fitted():
    rows, owners = faces_of(1500)
    return rows, fit_calibration(rows, rows, owners, WEIGHTS, 0.2, "1,500 faces")


def test_a_fit_says_what_it_was_made_on(fitted):
    assert fitted[1].made_on == "1,500 faces: 1,500 people, 2,248,500 comparisons of different people"


def test_the_fused_distance_has_its_stated_false_match_rate(fitted):
    rows, calibration = fitted
    distances = Scorer(calibration, tuple(WEIGHTS)).fused(rows, rows)[~np.eye(1500, dtype=bool)]
    assert np.mean(distances <= 0.6) == pytest.approx(3e-5, rel=0.5)
    assert np.mean(distances <= 0.9046) == pytest.approx(1e-3, rel=0.05)


def test_each_slot_has_its_stated_false_match_rate(fitted):
    rows, calibration = fitted
    for slot in WEIGHTS:
        cosines = (rows[slot] @ rows[slot].T)[~np.eye(1500, dtype=bool)]
        assert np.mean(calibration.slots[slot].curve.distance(cosines) <= 0.6) == pytest.approx(3e-5, rel=0.7)


def test_identical_faces_have_distance_0(fitted):
    rows, calibration = fitted
    assert np.diag(Scorer(calibration, tuple(WEIGHTS)).fused(rows, rows)) == pytest.approx(0, abs=1e-3)


def test_the_same_person_is_no_impostor():
    rows, owners = faces_of(FEWEST_PEOPLE + 50, faces_each=2)
    for slot in WEIGHTS:
        rows[slot][1::2] = rows[slot][::2]  # both photos are the same: cosine 1 within a person
    calibration = fit_calibration(rows, rows, owners, WEIGHTS, 0.2, "")
    assert float(calibration.slots["arcface"].curve.distance(np.array([0.9]))[0]) < 0.4


def test_a_fit_is_read_back_from_its_own_numbers(fitted):
    assert Calibration.read(fitted[1].model_dump()) == fitted[1]


def test_too_few_people_are_refused():
    rows, owners = faces_of(FEWEST_PEOPLE - 1)
    with pytest.raises(
        BadInput,
        match=f"^{FEWEST_PEOPLE - 1} people with a face: a calibration needs at least {FEWEST_PEOPLE}",
    ):
        fit_calibration(rows, rows, owners, WEIGHTS, 0.2, "")


def test_nobody_is_refused():
    rows, owners = faces_of(0)
    with pytest.raises(BadInput, match="0 people"):
        fit_calibration(rows, rows, owners, WEIGHTS, 0.2, "")


@pytest.mark.parametrize("copies", [FEWEST_PEOPLE, 2 * FEWEST_PEOPLE])
def test_copies_of_one_photo_are_refused(copies):
    rows, _ = faces_of(1)
    same = {slot: np.repeat(vectors, copies, axis=0) for slot, vectors in rows.items()}
    with pytest.raises(BadInput, match="copies of the same photos"):
        fit_calibration(same, same, [f"p{i}" for i in range(copies)], WEIGHTS, 0.2, "")


def test_a_tail_of_copies_is_refused():
    rows, owners = faces_of(FEWEST_PEOPLE)
    half = {slot: np.concatenate([vectors, vectors]) for slot, vectors in rows.items()}
    with pytest.raises(BadInput, match="copies of the same photos"):
        fit_calibration(half, half, owners + [f"again {owner}" for owner in owners], WEIGHTS, 0.2, "")


def test_more_faces_than_fit_into_memory_are_sampled(monkeypatch):
    monkeypatch.setattr("stash_sense.enrolment.calibrate.MOST_FACES", FEWEST_PEOPLE)
    rows, owners = faces_of(2 * FEWEST_PEOPLE)
    assert f"{FEWEST_PEOPLE} people" in fit_calibration(rows, rows, owners, WEIGHTS, 0.2, "").made_on
    assert MOST_FACES == 4000


def test_the_tail_is_a_falling_line():
    slope, _ = fit_tail(np.sort(np.random.default_rng(0).normal(size=100_000)))
    assert slope < 0

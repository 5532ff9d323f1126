"""The distance scale: what the fit makes of scores, and which calibrations are refused."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from stash_sense.errors import BadCalibration, BadInput
from stash_sense.matching.calibration import Calibration, Curve, Scorer, uncalibrated
from stash_sense.matching.fit_calibration import (
    FEWEST_PEOPLE,
    MOST_FACES,
    fit_calibration,
    fit_curve,
    fit_tail,
    score_at_rate,
)
from stash_sense.models.manifest import load_manifest

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
    monkeypatch.setattr("stash_sense.matching.fit_calibration.MOST_FACES", FEWEST_PEOPLE)
    rows, owners = faces_of(2 * FEWEST_PEOPLE)
    assert f"{FEWEST_PEOPLE} people" in fit_calibration(rows, rows, owners, WEIGHTS, 0.2, "").made_on
    assert MOST_FACES == 4000


def test_the_tail_is_a_falling_line():
    slope, _ = fit_tail(np.sort(np.random.default_rng(0).normal(size=100_000)))
    assert slope < 0


@pytest.fixture
def raw():
    """The default pack's calibration, to be spoilt."""
    return copy.deepcopy(load_manifest("stash-sense-default").calibration)


def test_the_default_packs_calibration_is_read(raw):
    assert Calibration.read(raw).curve.score(0.6) > Calibration.read(raw).curve.score(1.0)


def spoil_falling(raw):
    raw["curve"]["scores"] = raw["curve"]["scores"][::-1]


def spoil_rising_distances(raw):
    raw["slots"]["arcface"]["curve"]["distances"][3] = 1.9


def spoil_equal_scores(raw):
    raw["curve"]["scores"][1] = raw["curve"]["scores"][0]


def spoil_lengths(raw):
    raw["curve"]["distances"].pop()


def spoil_weights(raw):
    raw["slots"]["arcface"]["weight"] = 0.9


def spoil_negative_weight(raw):
    raw["slots"]["arcface"]["weight"], raw["slots"]["facenet"]["weight"] = 1.5, -0.5


def spoil_sd(raw):
    raw["slots"]["facenet"]["sd"] = 0.0


def spoil_nan(raw):
    raw["slots"]["facenet"]["mean"] = float("nan")


def spoil_infinity(raw):
    raw["curve"]["scores"][-1] = float("inf")


def spoil_slack(raw):
    raw["gallery_slack"] = 2


def spoil_slots(raw):
    raw["slots"] = {}


def spoil_missing(raw):
    del raw["curve"]


def spoil_unknown(raw):
    raw["colour"] = "blue"


@pytest.mark.parametrize(
    "spoil", [value for name, value in list(globals().items()) if name.startswith("spoil_")]
)
def test_numbers_that_contradict_one_another_are_refused(raw, spoil):
    spoil(raw)
    with pytest.raises(BadCalibration, match="stash-sense models calibrate"):
        Calibration.read(raw)


def test_slots_that_the_calibration_does_not_know_are_refused(raw):
    with pytest.raises(BadCalibration, match="disagree on the slots"):
        Scorer(Calibration.read(raw), ("arcface",))


def test_without_a_calibration_the_plain_mean_cosine_ranks():
    scorer = Scorer(uncalibrated(("a", "b")), ("a", "b"))
    axes = np.eye(2, dtype=np.float32)
    assert scorer.fused({"a": axes[:1], "b": axes[:1]}, {"a": axes, "b": axes}).tolist() == [[0, 1]]


def test_a_search_by_dot_product_is_the_fused_distance(raw):
    """The identity on which the database's search rests, for negative cosines and either order of slots."""
    random = np.random.default_rng(0)
    probes, references = (
        {slot: random.standard_normal((n, 8)).astype(np.float32) for slot in WEIGHTS} for n in (3, 5)
    )
    for order in (("arcface", "facenet"), ("facenet", "arcface")):
        scorer = Scorer(Calibration.read(raw), order)
        rows = np.concatenate([references[slot] for slot in order], axis=1)
        by_search = scorer.distances(scorer.queries(probes) @ rows.T)
        assert by_search == pytest.approx(scorer.fused(probes, references), abs=1e-4)


def test_nobody_is_as_far_as_can_be(raw):
    scorer = Scorer(Calibration.read(raw), ("arcface", "facenet"))
    assert scorer.distances(np.array([-np.inf])).tolist() == [2]


def test_a_curve_needs_two_points():
    with pytest.raises(ValueError):
        Curve(scores=(1.0,), distances=(1.0,))

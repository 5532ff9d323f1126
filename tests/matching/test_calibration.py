"""The distance scale: what the fit makes of scores, and which calibrations are refused."""

import copy

import numpy as np
import pytest

from stash_sense.errors import BadCalibration
from stash_sense.matching.calibration import Calibration, Curve, Scorer, uncalibrated
from stash_sense.models.manifest import load_manifest

WEIGHTS = {"arcface": 2 / 3, "facenet": 1 / 3}


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

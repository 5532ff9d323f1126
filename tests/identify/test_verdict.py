"""match, ambiguous, unknown: which and why."""

import pytest

from stash_sense.identify.verdict import CROWD, RIVAL_MARGIN, crowd_allowance, judge

NAMES = ["Ada", "Grace", "<b>Hedy</b>"]


@pytest.fixture
def verdict(candidate):
    """The verdict on a face with candidates at these distances, for people in order."""

    def verdict(*distances, people=100, max_distance=0.6, calibrated=True):
        near = [candidate(person, distance) for person, distance in enumerate(distances)]
        within = [one for one in near if one.combined <= max_distance]
        nearest = near[0] if near else None
        said = judge(within, nearest, people, max_distance, NAMES.__getitem__, calibrated=calibrated)
        return said.word, said.reason

    return verdict


def test_one_near_person_is_a_match(verdict):
    assert verdict(0.3, 1.2) == ("match", "Ada at 0.30")


def test_a_match_may_stand_at_the_asked_distance_itself(verdict):
    assert verdict(0.6, 1.2)[0] == "match"


def test_a_rival_too_near_makes_it_ambiguous_and_is_named(verdict):
    assert verdict(0.3, 0.35) == ("ambiguous", "Ada at 0.30, but Grace at 0.35")


def test_a_rival_at_the_margin_is_far_enough(verdict):
    assert verdict(0.25, 0.25 + RIVAL_MARGIN + 1e-9)[0] == "match"


def test_nobody_near_enough_is_unknown_and_says_who_was_nearest(verdict):
    assert verdict(0.71, 0.9) == ("unknown", "nobody near enough: Ada at 0.71, asked 0.6")


def test_nobody_enrolled_is_unknown(verdict):
    assert verdict(people=0) == ("unknown", "nobody is enrolled")


def test_names_are_told_letter_for_letter(verdict):
    assert "Grace" in verdict(0.1, 0.15, 0.16)[1]


def test_many_people_enrolled_raise_the_bar(verdict):
    assert verdict(0.55)[0] == "match"
    word, reason = verdict(0.55, people=100_000)
    assert word == "unknown"
    assert reason == "Ada at 0.55 could be chance among 100,000 people (needs 0.30)"


def test_a_near_person_is_a_match_among_many_too(verdict):
    assert verdict(0.25, people=100_000)[0] == "match"


def test_up_to_a_crowd_the_asked_distance_is_enough():
    assert crowd_allowance(CROWD) == 0
    assert crowd_allowance(0) == 0


def test_ten_times_the_crowd_take_a_fifth_off():
    assert crowd_allowance(10 * CROWD) == pytest.approx(0.2)


def test_without_a_calibration_there_is_never_a_match(verdict):
    assert verdict(0.0, calibrated=False) == (
        "unknown",
        "the model pack is not calibrated: candidates only",
    )


def test_a_face_that_is_no_number_is_unknown(verdict):
    assert verdict(float("nan"))[0] == "unknown"


@pytest.mark.parametrize(("max_distance", "word"), [(0, "unknown"), (0.29, "unknown"), (2, "match")])
def test_the_asked_distance_decides(verdict, max_distance, word):
    assert verdict(0.3, 1.5, max_distance=max_distance)[0] == word

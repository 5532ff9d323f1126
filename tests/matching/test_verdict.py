"""match, ambiguous, unknown, for a face alone, and why. A decade is 0.2 of distance, and 0.6 is zero."""

import pytest

from stash_sense.domain.faces import Candidate
from stash_sense.domain.identity import Person
from stash_sense.matching.verdict import (
    CROWD,
    LEAD_COUNTS_TO,
    NAME_ALONE,
    OFFER_ALONE,
    RIVAL_LEAD,
    bar_at,
    crowd_decades,
    evidence_for,
    judge_face,
    lead_of,
)

from .world import SLOTS, default_pack

PEOPLE = [Person(name[:1], name) for name in ("Ada", "Grace", "<b>Hedy</b>")]


@pytest.fixture
def near(candidate):
    """Candidates at these distances, for people in order."""
    return lambda *distances: [candidate(person, distance) for person, distance in enumerate(distances)]


@pytest.fixture
def verdict(near, scorer):
    """The verdict on a face with candidates at these distances, for people in order."""

    def verdict(*distances, people=100, max_distance=0.6, calibrated=True):
        judged = judge_face(
            near(*distances), scorer, people, max_distance, PEOPLE.__getitem__, calibrated=calibrated
        )
        return judged.status, str(judged.reason)

    return verdict


def test_nobody_enrolled_is_unknown(verdict):
    assert verdict(people=0) == ("unknown", "The face database has nobody to compare with")


def test_a_face_that_is_no_number_is_unknown(verdict):
    assert verdict(float("nan"))[0] == "unknown"


def test_without_a_calibration_there_is_never_a_match(verdict):
    assert verdict(0.0, 1.5, calibrated=False) == (
        "unknown",
        "The model pack is not calibrated, so it can only suggest people",
    )


def test_without_a_calibration_nobody_near_enough_is_still_told(verdict):
    assert verdict(0.71, calibrated=False)[1] == "Nobody comes near enough; the nearest is Ada (29%)"


def test_nobody_near_enough_is_unknown_and_says_who_was_nearest(verdict):
    assert verdict(0.71, 0.9) == ("unknown", "Nobody comes near enough; the nearest is Ada (29%)")


def test_a_nearest_person_of_no_likeness_at_all_is_not_worth_a_name(verdict):
    assert verdict(0.996, 1.2) == ("unknown", "Nobody in the face database looks like this person")
    assert verdict(0.99, 1.2)[1] == "Nobody comes near enough; the nearest is Ada (1%)"


def test_one_near_person_is_a_match(verdict):
    assert verdict(0.3, 1.2) == ("match", "Looks like Ada (70%), and nobody else comes near")


def test_the_only_person_enrolled_can_be_a_match(verdict):
    assert verdict(0.3) == ("match", "Looks like Ada (70%), and nobody else comes near")


def test_a_match_with_a_second_person_within_the_distance_says_who_is_behind(verdict):
    reason = "Looks like Ada (90%), clearly ahead of Grace (50%)"
    assert verdict(0.1, 0.5) == ("match", reason)


def test_a_match_may_stand_at_the_asked_distance_itself(verdict):
    assert verdict(0.6, 1.5)[0] == "match"


def test_a_second_person_as_near_makes_it_ambiguous_and_is_named(verdict):
    assert verdict(0.3, 0.35) == ("ambiguous", "Not sure: 70% like Ada, but 65% like Grace")


@pytest.mark.parametrize(("lead", "word"), [(RIVAL_LEAD - 0.01, "ambiguous"), (RIVAL_LEAD + 0.01, "match")])
def test_however_near_a_lead_below_the_rivals_is_ambiguous(verdict, lead, word):
    assert verdict(0.1, 0.1 + 0.2 * lead)[0] == word


def test_a_second_person_not_far_behind_a_middling_first_makes_it_ambiguous(verdict):
    """0.25 decades near, 1.5 of lead, 0.56 from the second network: between offered and named."""
    assert verdict(0.55, 0.85) == ("ambiguous", "Not sure: 45% like Ada")


def test_a_stranger_may_come_as_near_with_others_behind(verdict):
    assert verdict(0.55, 0.75) == ("unknown", "Not sure: 45% like Ada, but a stranger could come as near")


def test_the_only_person_enrolled_without_enough_evidence_is_ambiguous(scorer):
    """The second network speaks against: 3.75 of lead, 0.5 near, less 1.88."""
    near = [Candidate(0, 0.5, 1.2, 0.1, 0)]
    verdict = judge_face(near, scorer, 1, 0.6, PEOPLE.__getitem__)
    assert (verdict.status, str(verdict.reason)) == ("ambiguous", "Not sure: 50% like Ada")


@pytest.mark.parametrize(
    ("evidence", "word"),
    [
        (OFFER_ALONE - 0.02, "unknown"),
        (OFFER_ALONE + 0.02, "ambiguous"),
        (NAME_ALONE - 0.02, "ambiguous"),
        (NAME_ALONE + 0.02, "match"),
    ],
)
def test_the_bars_of_a_face_alone(verdict, evidence, word):
    """At 0.5, half a decade near and 0.75 from the second network: the rest is the lead."""
    assert verdict(0.5, 0.5 + 0.2 * (evidence - 1.25))[0] == word


def test_names_are_told_letter_for_letter(scorer, candidate):
    verdict = judge_face([candidate(2, 0.1)], scorer, 3, 0.6, PEOPLE.__getitem__)
    assert "<b>Hedy</b> (90%)" in str(verdict.reason)


def test_many_people_enrolled_raise_the_bar(verdict):
    assert verdict(0.55, 1.5)[0] == "match"
    word, reason = verdict(0.55, 1.5, people=33_330)
    assert word == "unknown"
    assert reason == "Not sure: 45% like Ada, which may be chance among 33,330 people"


def test_a_near_person_is_a_match_among_many_too(verdict):
    assert verdict(0.25, 1.2, people=100_000)[0] == "match"


@pytest.mark.parametrize(("max_distance", "word"), [(0, "unknown"), (0.29, "unknown"), (2, "match")])
def test_the_asked_distance_decides(verdict, max_distance, word):
    assert verdict(0.3, 1.5, max_distance=max_distance)[0] == word


def test_a_smaller_asked_distance_asks_for_more_evidence(verdict):
    """2.9 decades of evidence: enough to be named at 0.6; at 0.5 half a decade too little."""
    distances = (0.5, 0.5 + 0.2 * 1.65)
    assert (verdict(*distances)[0], verdict(*distances, max_distance=0.5)[0]) == ("match", "ambiguous")


@pytest.mark.parametrize("people", [0, 1, CROWD])
def test_up_to_a_crowd_people_do_not_raise_the_bars(people):
    assert crowd_decades(people) == 0


@pytest.mark.parametrize(("people", "decades"), [(10 * CROWD, 1), (100 * CROWD, 2)])
def test_ten_times_the_crowd_raise_the_bars_by_a_decade(people, decades):
    assert crowd_decades(people) == pytest.approx(decades)


@pytest.mark.parametrize(
    ("max_distance", "people", "bar"), [(0.6, CROWD, 0), (0.4, CROWD, 1), (0.6, 10 * CROWD, 1), (0.8, 1, -1)]
)
def test_the_bar_counts_from_the_asked_distance_and_the_crowd(scorer, max_distance, people, bar):
    assert bar_at(max_distance, people, scorer) == pytest.approx(bar)


def test_the_lead_is_what_parts_the_first_two(near, scorer):
    assert lead_of(near(0.5, 0.9, 1.0), scorer) == pytest.approx(2)


def test_the_lead_of_the_only_person_is_as_much_as_counts(near, scorer):
    assert lead_of(near(0.5), scorer) == LEAD_COUNTS_TO


def test_nearness_lead_and_the_second_network_add_up(scorer):
    near = [Candidate(0, 0.5, 0.3, 0.7, 0), Candidate(1, 0.8, 0.8, 0.8, 1)]
    assert evidence_for(near, scorer) == pytest.approx(0.5 + 1.5 + 0.75 * (1.5 + 0.5))


def test_a_second_person_very_far_behind_says_no_more(near, scorer):
    far, farther = evidence_for(near(0.5, 1.25), scorer), evidence_for(near(0.5, 1.9), scorer)
    assert far == pytest.approx(farther)


@pytest.mark.parametrize(
    ("facenet", "part"), [(0.0, 2.625), (0.7, 0.0), (1.4, -2.625), (1.5, -3.0), (2.0, -3.0)]
)
def test_the_second_networks_part_is_bounded(scorer, facenet, part):
    """Against it no more than three decades; here three and a half ahead is as near as can be."""
    assert evidence_for([Candidate(0, 0.6, facenet, 0.6, 0)], scorer) - LEAD_COUNTS_TO == pytest.approx(part)


@pytest.mark.parametrize("facenet", [0.0, 0.05])
def test_nor_does_it_speak_for_anybody_by_more(facenet):
    """In the default pack that network alone goes to four and a half decades."""
    evidence = evidence_for([Candidate(0, 0.6, facenet, 0.6, 0)], default_pack())
    assert evidence == pytest.approx(LEAD_COUNTS_TO + 3.0)


def test_the_network_that_counts_less_is_asked():
    assert default_pack().second_slot == "facenet"


def test_a_pack_of_one_network_has_no_second_opinion(near, scorer):
    one = scorer.calibration.model_copy(
        update={"slots": {"arcface": scorer.calibration.slots["arcface"].model_copy(update={"weight": 1.0})}}
    )
    alone = type(scorer)(one, SLOTS[:1])
    assert evidence_for(near(0.5, 0.8), alone) == pytest.approx(0.5 + 1.5)

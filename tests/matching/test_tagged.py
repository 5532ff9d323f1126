"""A person who is tagged already may take a track from farther away."""

import pytest

from stash_sense.matching.naming import name_tracks
from stash_sense.matching.track_judge import TAGGED

from .world import cosine, enrolled, faces_of, on, steep


def tracks(*seen, tagged=(), database=None):
    people = database or enrolled()
    return name_tracks(faces_of(*seen), people, steep(), 0.6, tagged=frozenset(tagged))


def outcome(*seen, **options):
    (track,) = tracks(*seen, **options)
    return track.status, track.person, track.why


FAR = on(0, {0: cosine(0.5 - TAGGED)})


def test_a_person_who_is_not_tagged_stays_unknown_from_there():
    assert outcome(FAR) == ("unknown", None, "far")


def test_a_tagged_person_is_named_from_farther_away():
    assert outcome(FAR, tagged=[0]) == ("match", 0, "tagged")


def test_a_tag_does_not_name_a_stranger():
    assert outcome(on(0, {0: cosine(-0.5 - TAGGED)}), tagged=[0]) == ("unknown", None, "far")


def test_the_tag_is_no_reason_where_it_is_not_needed():
    assert outcome(on(0, {0: 0.8}), tagged=[0]) == ("match", 0, "")


def test_the_tag_decides_between_two_who_are_as_near():
    rivals = on(0, {0: 0.69, 1: 0.67})
    assert outcome(rivals) == ("ambiguous", None, "rival")
    assert outcome(rivals, tagged=[1]) == ("match", 1, "tagged")


def test_a_tag_does_not_outweigh_a_person_who_is_much_nearer():
    assert outcome(on(0, {0: 0.9, 1: 0.3}), tagged=[1]) == ("match", 0, "")


def test_a_tagged_person_is_found_behind_many_who_are_nearer():
    crowd = {person: cosine(1.3 - TAGGED) for person in range(1, 6)}
    face = on(0, {0: cosine(1.2 - TAGGED), **crowd})
    assert outcome(face, database=enrolled(6)) == ("unknown", None, "far")
    assert outcome(face, database=enrolled(6), tagged=[0]) == ("match", 0, "tagged")


@pytest.mark.parametrize("rejected", [frozenset(), frozenset({0})])
def test_a_person_rejected_on_the_face_is_not_named_by_a_tag(rejected):
    (track,) = tracks(on(0, {0: cosine(0.5 - TAGGED)}, rejected=rejected), tagged=[0])
    assert track.person == (None if rejected else 0)


def test_the_distance_shown_is_the_true_one():
    (track,) = tracks(FAR, tagged=[0])
    assert track.candidates[0].combined == pytest.approx(steep().distance_at(0.5 - TAGGED), abs=1e-3)

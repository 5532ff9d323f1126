"""Who is in a scene and when; by the steep calibration."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from stash_sense.domain.decisions import FaceDecisions
from stash_sense.domain.faces import EmbeddedFace, Quality
from stash_sense.domain.identity import Person
from stash_sense.domain.reasons import ReasonCode
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.matching.scene_people import BEST_FACES, find_scene_people
from stash_sense.matching.track_judge import TAGGED

from .world import SLOTS, FakeGallery, cosine, embedding, enrolled, steep


@dataclass
class People(FakeGallery):
    """People with names: the first is person-0."""

    def person(self, index):
        return Person(f"person-{index}", f"Person {index}")

    def find(self, keys):
        return {key: int(key[7:]) for key in keys if key.startswith("person-")}


def face(cosines, own=60, quality=0.9):
    box, points = np.array([0, 0, 50, 50], np.float32), np.zeros((5, 2), np.float32)
    return EmbeddedFace(box, 0.9, points, Quality(quality, 50, 0, 0), embedding(cosines, own))


ADA, BOB = {0: 0.8}, {1: 0.8}


def scene(*frames, duration_s=10.0, people=4, **options):
    """frames: (time, faces)."""
    database = People(enrolled(people).references)
    return find_scene_people(frames, duration_s, database, steep(), MatchOptions(), **options)


def every_second(cosines, seconds=5, **more):
    return [(float(second), [face(cosines, 24 + second, **more)]) for second in range(seconds)]


def names(evidence):
    return {person.match.performer_id: person.faces for person in evidence.persons}


def test_a_scene_without_frames_shows_nobody():
    assert (scene().persons, scene().unknown) == ((), ())


def test_a_person_is_named_with_faces_spans_and_share():
    evidence = scene(*every_second(ADA), (5.0, []), (8.0, []))
    (ada,) = evidence.persons
    assert (ada.status, ada.index, ada.match.name) == ("match", 0, "Person 0")
    assert ada.faces == ((0, 0), (1, 0), (2, 0), (3, 0), (4, 0))
    assert ada.spans == ((0.0, 4.5),)
    assert ada.proportion == pytest.approx(5 / 7)
    assert (ada.reason.code, ada.reason.count) == (ReasonCode.MOMENTS, 5)


def test_two_faces_of_a_frame_are_two_people():
    evidence = scene(*[(float(at), [face(ADA, 24 + at), face(ADA, 40 + at)]) for at in range(3)])
    assert len(evidence.persons) == 1
    assert [track.reason.code for track in evidence.unknown] == [ReasonCode.TAKEN]


def test_frames_within_a_second_are_one_moment():
    frames = [(at * 0.1, [face(ADA, 24 + at)]) for at in range(5)]
    (ada,) = scene(*frames).persons
    assert (ada.moments, len(ada.best_faces)) == (1, 1)
    assert ada.reason.code == ReasonCode.NEAREST


def test_tracks_of_one_person_are_one():
    """Alike enough to be named each, and not to be grouped: the two halves of a scene decades apart."""
    half = {0: 0.62, 10: 0.7}, {0: 0.62, 11: 0.7}
    evidence = scene(*[(4.0 * at, [face(half[at % 2], 24 + at)]) for at in range(4)])
    assert names(evidence) == {"person-0": ((0, 0), (1, 0), (2, 0), (3, 0))}


def test_a_stranger_is_one_unknown_track_with_whom_it_may_show():
    shots = [(6.0 * at, [face({0: 0.45, 10: 0.8}, 24 + at)]) for at in range(5)]
    evidence = scene(*shots, duration_s=30.0)
    (track,) = evidence.unknown
    assert (evidence.persons, track.status, track.match, track.index) == ((), "ambiguous", None, None)
    assert [match.performer_id for match in track.matches] == ["person-0"]


def test_the_best_faces_come_first_and_are_moments_apart():
    frames = [(at * 0.5, [face(ADA, 24 + at % 30, quality=0.5 + 0.01 * at)]) for at in range(30)]
    (ada,) = scene(*frames, duration_s=15.0).persons
    assert ada.best == ada.best_faces[0] == (29, 0)
    assert ada.best_faces == tuple((29 - 2 * at, 0) for at in range(BEST_FACES))


def test_the_template_is_a_unit_vector_near_to_the_person():
    (ada,) = scene(*every_second(ADA)).persons
    assert set(ada.template) == set(SLOTS)
    assert np.linalg.norm(ada.template["arcface"]) == pytest.approx(1, abs=1e-5)
    assert ada.template["arcface"][0] > 0.8


def test_those_seen_longest_come_first():
    frames = [(float(at), [face(ADA, 24 + at)] if at < 2 else [face(BOB, 24 + at)]) for at in range(6)]
    assert list(names(scene(*frames))) == ["person-1", "person-0"]


def test_a_decision_on_one_face_holds_for_its_track():
    frames = every_second({10: 0.8})
    evidence = scene(*frames, decisions={(2, 0): FaceDecisions("elsewhere:7", "Grace")})
    (grace,) = evidence.persons
    assert (grace.match.name, grace.match.combined_score, grace.index) == ("Grace", 0.0, -1)
    assert len(grace.faces) == 5
    assert grace.reason.code == ReasonCode.CONFIRMED


def test_a_person_rejected_on_one_face_does_not_name_its_track():
    rejected = FaceDecisions(rejected=frozenset({"person-0"}))
    evidence = scene(*every_second(ADA), decisions={(2, 0): rejected})
    assert evidence.persons == ()


def test_an_ignored_face_is_in_no_track():
    evidence = scene(*every_second(ADA), decisions={(1, 0): FaceDecisions(ignored=True)})
    assert names(evidence) == {"person-0": ((0, 0), (2, 0), (3, 0), (4, 0))}


def test_a_face_with_a_broken_vector_is_in_no_track():
    broken = replace(face(ADA), embeddings=dict.fromkeys(SLOTS, np.full(64, np.nan, np.float32)))
    assert names(scene((0.0, [broken]), (2.0, [face(ADA)]))) == {"person-0": ((1, 0),)}


def test_a_tagged_person_is_named_from_farther_away_and_the_reason_says_so():
    far = (0.0, [face({0: cosine(0.5 - TAGGED)})])
    assert scene(far).persons == ()
    (ada,) = scene(far, tagged=frozenset({0})).persons
    assert (ada.index, ada.reason.code) == (0, ReasonCode.TAGGED)


def test_a_pack_without_calibration_names_nobody():
    evidence = scene(*every_second(ADA), calibrated=False)
    (track,) = evidence.unknown
    assert (evidence.persons, track.status) == ((), "unknown")
    assert track.reason.code == ReasonCode.NOT_CALIBRATED

"""Faces are followed from frame to frame while they stay in place and alike."""

import numpy as np
import pytest

from stash_sense.domain.faces import EmbeddedFace, Quality
from stash_sense.matching.naming import name_tracks
from stash_sense.matching.shots import FOLLOW_S, follow_faces
from stash_sense.matching.templates import build_templates
from stash_sense.matching.tracks import FaceSimilarity, TrackFace, group_faces

from .world import alike, embedding, enrolled, steep

ADA, BOB = {0: 0.8}, {1: 0.8}


def face(cosines, left=0.0, own=60):
    box = np.array([left, 0, left + 100, 100], np.float32)
    return EmbeddedFace(
        box, 0.9, np.zeros((5, 2), np.float32), Quality(0.9, 99, 0, 0), embedding(cosines, own)
    )


def shots(*frames, step_s=1.0):
    return follow_faces([(at * step_s, faces) for at, faces in enumerate(frames)], steep())


@pytest.mark.parametrize(("moved", "followed"), [(0, True), (40, True), (60, False), (500, False)])
def test_a_face_is_followed_while_its_boxes_overlap(moved, followed):
    (one,), (other,) = shots([face(ADA)], [face(ADA, moved, own=59)])
    assert (one == other) is followed


def test_a_cut_to_another_person_in_the_same_place_is_none():
    (one,), (other,) = shots([face(ADA)], [face(BOB, own=59)])
    assert one != other


def test_frames_too_far_apart_are_not_followed():
    (one,), (other,) = shots([face(ADA)], [face(ADA)], step_s=FOLLOW_S + 1)
    assert one != other


def test_faces_that_cross_keep_to_their_own():
    (one, two), (three, four) = shots([face(ADA), face(BOB, 30, 59)], [face(BOB, 0, 59), face(ADA, 30)])
    assert (one, two) == (four, three)


def test_a_face_follows_the_nearest_of_two_that_are_alike():
    (one,), (two, three) = shots([face(ADA)], [face(ADA, 30), face(ADA, 5, own=59)])
    assert one == three != two


def test_frames_without_faces_end_a_shot():
    (one,), _, (other,) = shots([face(ADA)], [], [face(ADA)])
    assert one != other


def test_no_frames_are_no_shots():
    assert shots() == []


def in_shot(at, cosines, shot, quality=1.0):
    return TrackFace(at, embedding(cosines, 24 + at), quality, time_s=float(3 * at), shot=shot)


def test_the_faces_of_a_shot_are_one_track_however_different():
    """From the front and in profile, which by themselves are like two people."""
    faces = [
        in_shot(0, alike(6, 10), shot=1),
        in_shot(1, alike(6, 11), shot=1),
        in_shot(2, alike(6, 11), shot=2),
    ]
    tracks = group_faces(faces, FaceSimilarity(faces, steep()))
    assert {tuple(sorted(moment)) for track in tracks for moment in track} == {(0, 1), (2,)}


def test_a_shot_is_one_witness():
    """A face alone needs no more evidence for being seen for long, and has no gap to its own other frames."""
    stranger = {0: 0.45, 10: 0.8}  # more like itself than like the person
    one_shot = [in_shot(at, stranger, shot=1) for at in range(4)]
    (track,) = name_tracks(one_shot, enrolled(), steep(), 0.6)
    alone = name_tracks(one_shot[:1], enrolled(), steep(), 0.6)
    assert (track.status, track.why) == (alone[0].status, alone[0].why) == ("match", "")


def test_a_template_is_the_mean_of_the_best_faces_of_each_moment():
    faces = [in_shot(0, {0: 0.8}, 1, quality=0.9), in_shot(1, {0: 0.6}, 1, quality=0.3)]
    similarity = FaceSimilarity(faces, steep())
    (template,) = build_templates([[[0, 1]]], faces, similarity, enrolled(), 5)
    mean = 0.75 * faces[0].embeddings["arcface"] + 0.25 * faces[1].embeddings["arcface"]
    assert np.allclose(template.vectors["arcface"], mean / np.linalg.norm(mean), atol=1e-5)


def test_a_moment_is_as_heavy_as_its_best_face():
    faces = [in_shot(0, {0: 0.8}, 1), in_shot(1, {0: 0.8}, 1), in_shot(2, {1: 0.8}, 2)]
    similarity = FaceSimilarity(faces, steep())
    (template,) = build_templates([[[0, 1], [2]]], faces, similarity, enrolled(), 5)
    assert template.vectors["arcface"][0] == pytest.approx(template.vectors["arcface"][1], abs=1e-5)

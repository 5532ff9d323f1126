"""Decisions on faces keep them from others, however similar they are."""

import pytest

from stash_sense.matching.tracks import FaceSimilarity, group_faces

from .world import alike, faces_of, on, steep

ALIKE = alike(6)


def tracks(*seen):
    faces = faces_of(*seen)
    put = group_faces(faces, FaceSimilarity(faces, steep()))
    return {frozenset(face for moment in track for face in moment) for track in put}


def sets(*faces):
    return {frozenset(each) for each in faces}


def copy(image, **said):
    return on(image, ALIKE, own=40, **said)


def test_faces_confirmed_as_two_people_are_never_together():
    assert tracks(on(0, ALIKE, confirmed=0), on(1, ALIKE, confirmed=1)) == sets({0}, {1})


def test_nor_are_their_copies():
    assert tracks(copy(0, confirmed=0), copy(1, confirmed=1)) == sets({0}, {1})


def test_people_who_are_not_enrolled_are_told_apart():
    assert tracks(on(0, ALIKE, confirmed=-1), on(1, ALIKE, confirmed=-2)) == sets({0}, {1})


def test_faces_confirmed_as_one_person_are_together():
    assert tracks(on(0, ALIKE, confirmed=0), on(1, ALIKE, confirmed=0)) == sets({0, 1})


def test_to_be_confirmed_as_one_person_does_not_make_faces_alike():
    assert tracks(on(0, alike(6, 10), confirmed=0), on(1, alike(6, 11), confirmed=0)) == sets({0}, {1})


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_face_confirmed_and_one_that_is_not_them_are_never_together(order):
    said = {"confirmed": 0}, {"rejected": frozenset({0})}
    assert tracks(*[on(image, ALIKE, **said[at]) for image, at in enumerate(order)]) == sets({0}, {1})


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_nor_are_their_copies_when_one_is_rejected(order):
    said = {"confirmed": 0}, {"rejected": frozenset({0})}
    assert tracks(*[copy(image, **said[at]) for image, at in enumerate(order)]) == sets({0}, {1})


def test_a_face_that_is_not_one_person_may_be_together_with_another_who_is_confirmed():
    assert tracks(on(0, ALIKE, confirmed=1), on(1, ALIKE, rejected=frozenset({0}))) == sets({0, 1})


def test_faces_that_are_not_two_people_may_be_together():
    rejecting = [on(at, ALIKE, rejected=frozenset({at})) for at in range(2)]
    assert tracks(*rejecting) == sets({0, 1})


def test_a_face_without_a_word_goes_to_the_nearer_of_two_confirmed():
    seen = on(0, {10: 0.8}, confirmed=0), on(1, {10: 0.9}, confirmed=1), on(2, {10: 0.9})
    assert tracks(*seen) == sets({0}, {1, 2})


def test_whom_a_face_without_a_word_joined_keeps_others_from_it():
    """The last is like the middle one only, and not like the first, whose person it is not."""
    first, middle = on(0, {10: 0.9}, confirmed=0), on(1, {10: 0.9, 11: 0.4})
    rejecting = on(2, {10: 0.4, 11: 0.85}, rejected=frozenset({0}))
    assert tracks(middle, rejecting) == sets({0, 1})
    assert tracks(first, middle, rejecting) == sets({0, 1}, {2})


def test_what_was_said_of_a_copy_counts_for_its_moment():
    poor = copy(1, quality=0.3, rejected=frozenset({0}))
    assert tracks(copy(0), poor, on(2, ALIKE, confirmed=0)) == sets({0, 1}, {2})


def test_what_was_said_of_a_copy_keeps_the_next_copy_out():
    """In the order of their quality: the second rejects whom the third is confirmed as."""
    said = {}, {"rejected": frozenset({0})}, {"confirmed": 0}
    faces = [copy(at, quality=1 - at / 10, **own) for at, own in enumerate(said)]
    assert tracks(*faces) == sets({0, 1}, {2})


def test_a_face_that_is_apart_is_alone():
    assert tracks(on(0, ALIKE), on(1, ALIKE, apart=True), on(2, ALIKE)) == sets({0, 2}, {1})


def test_a_face_that_is_apart_is_without_its_copies():
    assert tracks(copy(0, apart=True), copy(1), copy(2)) == sets({0}, {1, 2})


def test_two_faces_that_are_apart_are_two_tracks():
    assert tracks(on(0, ALIKE, apart=True), on(1, ALIKE, apart=True)) == sets({0}, {1})


def test_a_face_that_is_apart_and_confirmed_is_alone():
    assert tracks(on(0, ALIKE, apart=True, confirmed=0), on(1, ALIKE, confirmed=0)) == sets({0}, {1})


def test_apart_faces_of_a_contact_sheet_are_alone():
    sheet = [on(0, alike(0.1)) for _ in range(3)]
    assert tracks(*sheet, on(0, alike(0.1), apart=True)) == sets({0, 1, 2}, {3})

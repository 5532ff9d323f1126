"""Clusters of a library: the nearest are joined first, by the average, and never what must stay apart."""

import numpy as np
import pytest

from stash_sense.matching import near_tracks
from stash_sense.matching.calibration import Scorer, uncalibrated
from stash_sense.matching.clusters import (
    SURE,
    LinkRules,
    compare_clusters,
    join_decades,
    least_decades,
    link_clusters,
    shared_moments,
)
from stash_sense.matching.constraints import TrackConstraints
from stash_sense.matching.near_tracks import near_pairs

SCORER = Scorer(uncalibrated(("facenet", "arcface")), ("facenet", "arcface"))


def at(*degrees):
    """Places on a circle."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def decades(degrees):
    return float(SCORER.decades(np.cos(np.radians([degrees]), dtype=np.float32))[0])


def link(places, *, limit=30.0, decided=(), moments=(), decisions=None, pairs=None):
    """The clusters of places whose limit lies at this angle, as sets of positions, the first's first."""
    count = len(places)
    rules = LinkRules(np.isin(np.arange(count), decided), shared_moments(moments), decisions or {})
    if pairs is None:
        pairs = np.argwhere(np.triu(np.ones((count, count), bool), 1))
    sizes = np.ones(count, np.int64)
    labels = link_clusters(places.copy(), sizes, pairs, rules, SCORER, decades(limit))
    return [set(np.flatnonzero(labels == label).tolist()) for label in dict.fromkeys(labels.tolist())]


def test_places_within_the_limit_are_joined_and_others_stay_alone():
    assert link(at(0, 100, 10, 200, 105)) == [{0, 2}, {1, 4}, {3}]


def test_nothing_is_linked_of_nothing():
    assert link(np.zeros((0, 2), np.float32), pairs=np.empty((0, 2), np.int64)) == []
    assert near_pairs(np.zeros((0, 2), np.float32), 0.5).tolist() == []


def test_a_chain_of_neighbours_is_not_one_person():
    chain = link(at(*range(0, 181, 20)), limit=25)
    assert len(chain) > 2
    assert max(map(len, chain)) < 5


def test_the_nearest_are_joined_first_whatever_the_order():
    angles = np.array([0, 4, 30, 33, 90, 95, 200])
    expected = {frozenset(angles[sorted(own)].tolist()) for own in link(at(*angles), limit=20)}
    assert frozenset((0, 4)) in expected
    for seed in range(10):
        shuffled = np.random.default_rng(seed).permutation(angles)
        assert {
            frozenset(shuffled[sorted(own)].tolist()) for own in link(at(*shuffled), limit=20)
        } == expected


def test_only_given_pairs_are_compared():
    assert link(at(0, 1, 2), pairs=np.array([[0, 1]])) == [{0, 1}, {2}]


def test_two_of_one_moment_are_never_joined_not_even_by_a_third():
    clusters = link(at(0, 4, 8), moments=((0, 7), (2, 7)))
    assert not any({0, 2} <= own for own in clusters)
    assert len(clusters) == 2


def test_a_moment_keeps_whole_clusters_apart():
    clusters = link(at(0, 0, 10, 10), moments=((0, 7), (2, 7)))
    assert sorted(map(sorted, clusters)) == [[0, 1], [2, 3]]


def test_two_decided_clusters_are_never_joined_not_even_by_a_third():
    clusters = link(at(0, 4, 8), decided=(0, 2))
    assert not any({0, 2} <= own for own in clusters)


def test_a_decided_cluster_keeps_its_position():
    places = at(0, 1)
    rules = LinkRules(np.array([False, True]))
    pairs = np.array([[0, 1]])
    labels = link_clusters(places, np.array([1, 5]), pairs, rules, SCORER, decades(40) - 2 * SURE)
    assert labels.tolist() == [1, 1]


def test_a_track_joins_a_decided_cluster_only_where_that_is_sure():
    angle = 30
    near = SCORER.decades(np.array([np.cos(np.radians(angle))], np.float32))[0]
    for margin, joined in ((0.9 * SURE, False), (1.1 * SURE, True)):
        rules = LinkRules(np.array([True, False]))
        labels = link_clusters(
            at(0, angle), np.array([1, 1]), np.array([[0, 1]]), rules, SCORER, float(near - margin)
        )
        assert (labels[0] == labels[1]) is np.bool_(joined)


def test_a_cluster_of_several_never_joins_a_decided_one():
    clusters = link(at(0, 1, 2, 3), decided=(0,), pairs=np.array([[1, 2], [1, 3], [2, 3]]))
    assert clusters == [{0}, {1, 2, 3}]
    rules = LinkRules(np.array([True, False]))
    labels = link_clusters(at(0, 0), np.array([4, 3]), np.array([[0, 1]]), rules, SCORER, decades(90))
    assert labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("some", "other", "joined"),
    [
        (TrackConstraints(1, frozenset(), False), TrackConstraints(None, frozenset({1}), False), False),
        (TrackConstraints(1, frozenset(), False), TrackConstraints(2, frozenset(), False), False),
        (TrackConstraints(1, frozenset(), False), TrackConstraints(1, frozenset(), False), True),
        (TrackConstraints(None, frozenset(), True), None, False),
        (TrackConstraints(None, frozenset({1}), False), None, True),
    ],
)
def test_what_a_person_decided_holds_however_alike(some, other, joined):
    decisions = {i: each for i, each in enumerate((some, other)) if each is not None}
    assert (link(at(0, 0), decisions=decisions) == [{0, 1}]) is joined


def test_a_decision_holds_for_the_cluster_that_a_track_joined():
    decisions = {0: TrackConstraints(1, frozenset(), False), 2: TrackConstraints(None, frozenset({1}), False)}
    clusters = link(at(0, 2, 6), decisions=decisions)
    assert not any({0, 2} <= own for own in clusters)
    assert {0, 1} in clusters


def test_the_limit_rises_with_the_library_and_never_falls():
    limits = [join_decades(tracks) for tracks in (0, 1, 1000, 10_000, 100_000, 10**9)]
    assert limits == sorted(limits)
    assert limits[0] == limits[2] < limits[3]
    assert all(least_decades(tracks) < join_decades(tracks) for tracks in (0, 1000, 10**6))


def crowd(people, each, seed=0, dimensions=32):
    """Places of faces, those of a person side by side, and whose they are."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((people, dimensions))
    owners = np.repeat(np.arange(people), each)
    places = centres[owners] + 0.15 * rng.standard_normal((len(owners), dimensions))
    return (places / np.linalg.norm(places, axis=1, keepdims=True)).astype(np.float16), owners


def test_all_pairs_are_compared_in_a_small_library():
    places, _ = crowd(60, 3)
    dots = places.astype(np.float32) @ places.astype(np.float32).T
    expected = np.argwhere(np.triu(dots >= 0.8, 1))
    assert np.array_equal(near_pairs(places, 0.8, threads=2), expected)


def test_each_row_keeps_its_nearest_where_many_are_near():
    places = np.ones((60, 2), np.float32)
    pairs = near_pairs(places, 0.5)
    assert np.bincount(pairs.ravel(), minlength=60).min() >= near_tracks.NEIGHBOURS
    assert len(np.unique(pairs, axis=0)) == len(pairs)


@pytest.mark.parametrize("threads", [1, 2])
def test_cells_find_nearly_all_that_comparing_all_finds(monkeypatch, threads):
    monkeypatch.setattr(near_tracks, "CELL_TRACKS", 50)
    places, owners = crowd(500, 4)
    expected = set(map(tuple, near_pairs(places, 0.8).tolist()))
    monkeypatch.setattr(near_tracks, "COMPARED_ALL", 100)
    found = set(map(tuple, near_pairs(places, 0.8, threads=threads).tolist()))
    assert found <= expected
    assert len(found) > 0.99 * len(expected)
    pairs = np.array(sorted(found), np.int64)
    rules = LinkRules(np.zeros(len(places), bool))
    labels = link_clusters(places, np.ones(len(places), np.int64), pairs, rules, SCORER, decades(45))
    assert all(len(set(owners[labels == label])) == 1 for label in set(labels.tolist()))
    assert len(set(labels.tolist())) < 520


def test_cells_bear_places_that_are_all_the_same(monkeypatch):
    monkeypatch.setattr(near_tracks, "COMPARED_ALL", 10)
    monkeypatch.setattr(near_tracks, "CELL_TRACKS", 2)
    for places in (np.ones((40, 4), np.float16), np.zeros((40, 4), np.float16)):
        pairs = near_pairs(places, 0.5)
        assert (len(pairs) > 0) is bool(places.any())


def test_a_difference_counts_what_joined_and_what_parted():
    same = compare_clusters([5, 5, 9], [1, 1, 2])
    assert (same.before, same.after, same.joined, same.divided, same.tracks) == (2, 2, 0, 0, 0)
    changed = compare_clusters([1, 1, 2, 3], [1, 2, 3, 3])
    assert (changed.before, changed.after, changed.joined, changed.divided, changed.tracks) == (3, 3, 1, 1, 4)
    nothing = compare_clusters([], [])
    assert (nothing.before, nothing.after, nothing.tracks) == (0, 0, 0)

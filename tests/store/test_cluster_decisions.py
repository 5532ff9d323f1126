"""What a person decides about a cluster stands: names, merges, splits and hiding, until it is undone."""

import pytest

from stash_sense.errors import Conflict, NotStored
from stash_sense.recognition.unknown_people import link_library

from .clusters import ANNA, BERTA, SCORER, clusters, faces, faces_of, link
from .conftest import PACK


def test_naming_confirms_all_tracks_at_once_and_one_undo_takes_it_back(db, add_picture):
    ids = [add_picture(image, 1)[0] for image in range(3)]
    link(db)
    (cluster,) = clusters(db)
    named = db.name_cluster(cluster.cluster_id, ANNA, "Anna")
    assert (named.status, named.performer_id, named.track_count) == ("named", ANNA, 0)
    assert [db.get_face(face).verdict for face in ids] == ["match"] * 3
    assert clusters(db) == []
    db.unname_cluster(cluster.cluster_id)
    link(db)
    assert [db.get_face(face).verdict for face in ids] == ["unknown"] * 3
    assert faces(db) == [set(ids)]
    assert db.list_decisions() == []


def test_taking_a_name_back_leaves_decisions_that_were_there_before(db, add_picture):
    one = add_picture(1, 1)[0]
    add_picture(2, 1)
    link(db)
    (cluster,) = clusters(db)
    db.decide(one, "confirmed", ANNA)
    db.name_cluster(cluster.cluster_id, ANNA)
    db.unname_cluster(cluster.cluster_id)
    assert [decision.decision.kind for decision in db.list_decisions()] == ["confirmed"]


def test_a_named_cluster_keeps_its_name_and_offers_what_joins_it(db, add_picture):
    add_picture(1, 1)
    link(db)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, ANNA)
    new = add_picture(2, 1)[0]
    link(db)
    (offered,) = clusters(db)
    assert (offered.cluster_id, offered.status, offered.track_count) == (cluster.cluster_id, "named", 1)
    assert db.get_face(new).verdict == "unknown"  # only a person says so
    db.name_cluster(cluster.cluster_id, ANNA)
    assert db.get_face(new).verdict == "match"
    assert clusters(db) == []
    db.unname_cluster(cluster.cluster_id)
    assert db.list_decisions() == []


def test_naming_a_cluster_as_somebody_else_needs_the_name_taken_back(db, add_picture):
    add_picture(1, 1)
    link(db)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, ANNA)
    with pytest.raises(Conflict, match="back first"):
        db.name_cluster(cluster.cluster_id, BERTA)


def test_a_face_that_is_not_the_person_is_left_out_of_the_naming(db, add_picture):
    one, other = add_picture(1, 1)[0], add_picture(2, 1)[0]
    link(db)
    db.decide(other, "rejected", ANNA)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, ANNA)
    assert faces_of(db, cluster.cluster_id) == {one}
    link(db)
    assert faces(db) == [{other}]
    db.unname_cluster(cluster.cluster_id)
    assert faces(db) == [{one, other}]


def test_a_rejected_face_never_joins_the_cluster_of_that_person(db, add_picture):
    add_picture(1, 1)
    link(db)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, ANNA)
    new = add_picture(2, 1)[0]
    db.decide(new, "rejected", ANNA)
    link(db)
    assert faces(db) == [{new}]
    assert link_library(db, PACK, SCORER).difference.tracks == 0


def test_rejecting_the_person_takes_a_face_out_of_the_named_cluster(db, add_picture):
    one, other = add_picture(1, 1)[0], add_picture(2, 1)[0]
    link(db)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, ANNA)
    db.decide(other, "rejected", ANNA)
    link(db)
    assert faces_of(db, cluster.cluster_id) == {one}
    assert faces(db) == [{other}]


def test_a_face_set_apart_leaves_and_stays_alone(db, add_picture):
    ids = [add_picture(image, 1)[0] for image in range(3)]
    link(db)
    db.decide(ids[0], "apart")
    link(db)
    assert faces(db) == [{ids[1], ids[2]}, {ids[0]}]
    add_picture(9, 1)
    link(db)
    assert [len(each) for each in faces(db)] == [3, 1]
    db.apply_full_pass(link_library(db, PACK, SCORER).labels)
    assert [len(each) for each in faces(db)] == [3, 1]


def test_split_faces_are_not_joined_again_by_themselves(db, add_picture):
    ids = [add_picture(image, 1)[0] for image in range(3)]
    link(db)
    (cluster,) = clusters(db)
    other = db.split_cluster(cluster.cluster_id, [ids[0]])
    assert faces_of(db, other.cluster_id) == {ids[0]}
    add_picture(9, 2)
    link(db)
    db.apply_full_pass(link_library(db, PACK, SCORER).labels)
    assert faces_of(db, cluster.cluster_id) == {ids[1], ids[2]}
    assert faces_of(db, other.cluster_id) == {ids[0]}


def test_a_split_is_undone(db, add_picture):
    ids = [add_picture(image, 1)[0] for image in range(3)]
    link(db)
    (cluster,) = clusters(db)
    db.split_cluster(cluster.cluster_id, [ids[0]])
    assert db.undo_cluster_change(cluster.cluster_id) == "split"
    assert faces(db) == [set(ids)]
    with pytest.raises(NotStored):
        db.undo_cluster_change(cluster.cluster_id)


def test_a_split_of_all_faces_or_of_none_is_refused(db, add_picture):
    one = add_picture(1, 1)[0]
    elsewhere = add_picture(2, 2)[0]
    link(db)
    cluster = next(each for each in clusters(db) if faces_of(db, each.cluster_id) == {one})
    with pytest.raises(Conflict):
        db.split_cluster(cluster.cluster_id, [one])
    with pytest.raises(NotStored):
        db.split_cluster(cluster.cluster_id, [elsewhere])


def test_merged_clusters_stay_together_and_a_merge_is_undone(db, add_picture):
    ids = [add_picture(image, person)[0] for image, person in enumerate((1, 1, 2))]
    link(db)
    big, small = clusters(db)
    merged = db.merge_clusters(big.cluster_id, [small.cluster_id])
    assert merged.track_count == 3
    link(db)
    db.apply_full_pass(link_library(db, PACK, SCORER).labels)
    assert faces(db) == [set(ids)]
    with pytest.raises(NotStored):
        db.get_cluster(small.cluster_id)
    assert db.undo_cluster_change(big.cluster_id) == "merge"
    assert faces(db) == [set(ids[:2]), {ids[2]}]


def test_a_named_cluster_is_not_merged_split_or_hidden(db, add_picture):
    add_picture(1, 1)
    add_picture(2, 2)
    link(db)
    one, other = clusters(db)
    db.name_cluster(one.cluster_id, ANNA)
    for refused in (
        lambda: db.merge_clusters(one.cluster_id, [other.cluster_id]),
        lambda: db.merge_clusters(other.cluster_id, [one.cluster_id]),
        lambda: db.split_cluster(one.cluster_id, [1]),
        lambda: db.ignore_cluster(one.cluster_id, ignored=True),
    ):
        with pytest.raises(Conflict):
            refused()


def test_a_hidden_cluster_is_listed_apart_and_shown_again(db, add_picture):
    add_picture(1, 1)
    link(db)
    (cluster,) = clusters(db)
    db.ignore_cluster(cluster.cluster_id, ignored=True)
    add_picture(2, 1)
    link(db)
    assert clusters(db) == []  # what joins a hidden one is hidden
    assert [each.track_count for each in clusters(db, hidden=True)] == [2]
    db.ignore_cluster(cluster.cluster_id, ignored=False)
    assert [each.status for each in clusters(db)] == ["open"]


def test_a_bridge_never_joins_two_clusters_that_a_person_touched(db, add_picture):
    one, other = add_picture(1, 1)[0], add_picture(2, 1)[0]
    link(db)
    (cluster,) = clusters(db)
    second = db.split_cluster(cluster.cluster_id, [other])
    for image in range(10, 16):
        add_picture(image, 1)
    link(db)
    assert one in faces_of(db, cluster.cluster_id)
    assert other in faces_of(db, second.cluster_id)
    assert other not in faces_of(db, cluster.cluster_id)

"""Clusters of unknown people in the state: new tracks join them, and they follow the faces."""

from typing import Any

import numpy as np
import pytest

from stash_sense.domain.identity import Person, PictureIdentity
from stash_sense.recognition.unknown_people import cluster_new_tracks
from stash_sense.store.database import RecommendationsDB

from .clusters import ANNA, SCORER, clusters, faces, faces_of, link
from .conftest import PACK, looks


def test_faces_of_one_unknown_person_are_one_cluster_and_the_largest_comes_first(db, add_picture):
    ids = [add_picture(image, person)[0] for image, person in enumerate((1, 2, 1, 2, 1))]
    assert link(db).new == 5
    assert faces(db) == [{ids[0], ids[2], ids[4]}, {ids[1], ids[3]}]


def test_nothing_is_linked_twice(db, add_picture):
    add_picture(1, 1)
    link(db)
    assert link(db).new == 0
    assert len(clusters(db)) == 1


def test_new_tracks_join_stored_clusters(db, add_picture):
    first = add_picture(1, 1)[0]
    link(db)
    (before,) = clusters(db)
    second = add_picture(2, 1)[0]
    assert link(db).joined == 1
    assert faces(db) == [{first, second}]
    assert clusters(db)[0].cluster_id == before.cluster_id


def test_two_faces_of_one_picture_are_two_people_however_alike(db, add_picture):
    one, other = add_picture(1, 1, 1)
    link(db)
    assert sorted(map(sorted, faces(db))) == [[one], [other]]
    add_picture(2, 1)
    link(db)
    assert [len(each) for each in faces(db)] == [2, 1]


def test_copies_of_a_picture_are_one_track(db, add_picture):
    picture = PictureIdentity.of([("md5", "the same")])
    (one,) = add_picture(1, 1, picture=picture)
    (copy,) = add_picture(2, 1, picture=picture)
    link(db)
    (cluster,) = clusters(db)
    assert (cluster.track_count, cluster.image_count) == (1, 2)
    assert faces_of(db, cluster.cluster_id) == {one, copy}


def test_a_copy_that_comes_later_is_with_the_picture_even_in_a_named_cluster(db, add_picture):
    picture = PictureIdentity.of([("md5", "the same")])
    (one,) = add_picture(1, 1, picture=picture)
    link(db)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, ANNA)
    (copy,) = add_picture(2, 1, picture=picture)
    link(db)
    assert faces_of(db, cluster.cluster_id) == {one, copy}
    assert clusters(db) == []


def test_a_face_with_a_name_is_in_no_cluster(db, add_picture, face, result):
    db.store_image_result(result("1", face(0.1, ANNA)))
    add_picture(2, 1)
    link(db)
    assert len(clusters(db)) == 1


def test_a_face_that_gets_a_name_leaves_its_cluster(db, add_picture):
    one, other = add_picture(1, 1)[0], add_picture(2, 1)[0]
    link(db)
    db.decide(one, "confirmed", ANNA)
    link(db)
    assert faces(db) == [{other}]


def test_an_ignored_face_leaves_its_cluster_and_comes_back_with_the_decision_taken_back(db, add_picture):
    one, other = add_picture(1, 1)[0], add_picture(2, 1)[0]
    link(db)
    decision = db.decide(one, "ignored")
    link(db)
    assert faces(db) == [{other}]
    db.undecide(decision.decision_id)
    link(db)
    assert faces(db) == [{one, other}]


def test_a_deleted_image_leaves_its_cluster(db, add_picture, path, rows):
    one = add_picture(1, 1)[0]
    add_picture(2, 1)
    link(db)
    db.delete_image("2")
    link(db)
    (cluster,) = clusters(db)
    assert (faces(db), cluster.track_count) == ([{one}], 1)
    db.delete_image("1")
    link(db)
    assert clusters(db) == []
    assert rows(path, "SELECT count(*) FROM stash_sense_clusters") == [(0,)]


def test_an_image_analysed_again_keeps_its_place(db, add_picture, face, result):
    (one,) = add_picture(1, 1)
    add_picture(2, 1)
    link(db)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, ANNA)
    again = db.store_image_result(result("1", face(0.03, **looks(1, 77)))).face_ids
    link(db)
    assert again == (one,)
    assert one in faces_of(db, cluster.cluster_id)
    assert clusters(db) == []


def test_another_picture_under_the_same_image_is_another_track(db, add_picture):
    add_picture(1, 1)
    other = add_picture(2, 1)[0]
    link(db)
    add_picture(1, 2, picture=PictureIdentity.of([("md5", "replaced")]))
    link(db)
    assert {other} in faces(db)
    assert [len(each) for each in faces(db)] == [1, 1]


def test_clusters_survive_another_model_pack(db, add_picture):
    ids = [add_picture(image, 1)[0] for image in range(3)]
    link(db)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, ANNA)
    assert cluster_new_tracks(db, "other-pack", SCORER).gone == 0
    assert add_picture(0, 1, pack="other-pack") == [ids[0]]
    new = add_picture(9, 1, pack="other-pack")[0]
    cluster_new_tracks(db, "other-pack", SCORER)
    assert faces_of(db, cluster.cluster_id) == {*ids, new}


def test_the_state_is_the_same_after_a_restart(path, db, add_picture):
    add_picture(1, 1)
    add_picture(2, 1)
    link(db)
    before = faces(db)
    with RecommendationsDB(path) as again:
        assert faces(again) == before
        assert link(again).new == 0


def test_a_person_who_is_deleted_leaves_no_cluster_and_no_vector(db, add_picture, path, rows):
    for image in range(2):
        add_picture(image, 1)
    kept = add_picture(7, 2)[0]
    link(db)
    big, _ = clusters(db)
    db.name_cluster(big.cluster_id, ANNA, "Anna Adams")
    db.delete_person(ANNA)
    assert rows(path, "SELECT count(*) FROM stash_sense_track_vectors") == [(0,)]
    assert rows(path, "SELECT status FROM stash_sense_clusters") == [("open",)]
    assert rows(path, "SELECT count(*) FROM stash_sense_cluster_changes") == [(0,)]
    assert b"Anna Adams" not in path.read_bytes()
    link(db)
    assert faces(db) == [{kept}]
    new = add_picture(8, 2)[0]  # what was packed of others is made again
    link(db)
    assert faces(db) == [{kept, new}]


def test_a_cluster_follows_its_person_to_another_key(db, add_picture):
    add_picture(1, 1)
    link(db)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, "local:5", "Anna", "5")
    db.decide(add_picture(2, 2)[0], "confirmed", ANNA)
    person = Person(ANNA, "Anna", stash_ids=(("https://stashdb.org/graphql", "anna"),), local_id="5")
    db.follow_people(lambda keys: {key: person for key in keys if key in ("local:5", ANNA)})
    assert db.get_cluster(cluster.cluster_id).performer_id == ANNA


def test_what_changes_while_tracks_are_linked_is_looked_at_again(db, add_picture):
    one = add_picture(1, 1)[0]
    add_picture(2, 1)
    changed = db.changed_tracks(PACK, 10)
    db.decide(one, "ignored")
    db.link_changed(PACK, changed.changes, {}, [], lambda *_: np.empty(0, np.int64))
    assert set(db.changed_tracks(PACK, 10).changes)


def test_a_failure_in_the_middle_changes_nothing(db, add_picture):
    add_picture(1, 1)
    add_picture(2, 1)

    def fail(*_: Any) -> Any:
        raise KeyboardInterrupt

    changed = db.changed_tracks(PACK, 10)
    first, second = (track.face_ids[0] for track in changed.tracks)
    with pytest.raises(KeyboardInterrupt):
        db.link_changed(PACK, changed.changes, {}, [(first, second)], fail)
    assert clusters(db) == []
    assert link(db).new == 2

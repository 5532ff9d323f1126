"""Clusters of unknown people in the state: they follow the faces, and never undo what a person decided."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stash_sense.domain.identity import Person, PictureIdentity
from stash_sense.errors import Conflict, NotStored
from stash_sense.matching.calibration import Scorer, uncalibrated
from stash_sense.recognition.unknown_people import cluster_new_tracks, link_library
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.clusters import StoredCluster

from .conftest import PACK

SCORER = Scorer(uncalibrated(("facenet", "arcface")), ("facenet", "arcface"))
ANNA, BERTA = "stashdb.org:anna", "stashdb.org:berta"


def looks(person: int, seed: int = 0) -> dict[str, Any]:
    """The embeddings of a face of a person: those of one are alike, those of two have nothing in common."""
    rng = np.random.default_rng(1000 * person + seed)
    vector = np.zeros(16, np.float32)
    vector[person] = 1
    vector += rng.normal(0, 0.01, 16).astype(np.float32)
    return {"facenet": vector, "arcface": vector}


@pytest.fixture
def add(
    db: RecommendationsDB, face: Callable[..., Any], result: Callable[..., Any]
) -> Callable[..., list[int]]:
    """Stores an image with the faces of these people side by side; returns the faces' ids."""

    def store(image: int, *people: int, **more: Any) -> list[int]:
        faces = [face(0.02 + 0.3 * i, **looks(person, image)) for i, person in enumerate(people)]
        return list(db.store_image_result(result(str(image), *faces, **more)).face_ids)

    return store


def link(db: RecommendationsDB) -> Any:
    return cluster_new_tracks(db, PACK, SCORER)


def clusters(db: RecommendationsDB, *, hidden: bool = False) -> list[StoredCluster]:
    return list(db.list_clusters(hidden=hidden).clusters)


def faces(db: RecommendationsDB) -> list[set[Any]]:
    """The faces of each cluster, largest first."""
    return [faces_of(db, cluster.cluster_id) for cluster in clusters(db)]


def faces_of(db: RecommendationsDB, cluster_id: int) -> set[Any]:
    return {member.face_id for member in db.cluster_members(cluster_id)[0]}


def test_faces_of_one_unknown_person_are_one_cluster_and_the_largest_comes_first(db, add):
    ids = [add(image, person)[0] for image, person in enumerate((1, 2, 1, 2, 1))]
    assert link(db).new == 5
    assert faces(db) == [{ids[0], ids[2], ids[4]}, {ids[1], ids[3]}]


def test_nothing_is_linked_twice(db, add):
    add(1, 1)
    link(db)
    assert link(db).new == 0
    assert len(clusters(db)) == 1


def test_new_tracks_join_stored_clusters(db, add):
    first = add(1, 1)[0]
    link(db)
    (before,) = clusters(db)
    second = add(2, 1)[0]
    assert link(db).joined == 1
    assert faces(db) == [{first, second}]
    assert clusters(db)[0].cluster_id == before.cluster_id


def test_two_faces_of_one_picture_are_two_people_however_alike(db, add):
    one, other = add(1, 1, 1)
    link(db)
    assert sorted(map(sorted, faces(db))) == [[one], [other]]
    add(2, 1)
    link(db)
    assert [len(each) for each in faces(db)] == [2, 1]


def test_copies_of_a_picture_are_one_track(db, add):
    picture = PictureIdentity.of([("md5", "the same")])
    (one,) = add(1, 1, picture=picture)
    (copy,) = add(2, 1, picture=picture)
    link(db)
    (cluster,) = clusters(db)
    assert (cluster.track_count, cluster.image_count) == (1, 2)
    assert faces_of(db, cluster.cluster_id) == {one, copy}


def test_a_copy_that_comes_later_is_with_the_picture_even_in_a_named_cluster(db, add):
    picture = PictureIdentity.of([("md5", "the same")])
    (one,) = add(1, 1, picture=picture)
    link(db)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, ANNA)
    (copy,) = add(2, 1, picture=picture)
    link(db)
    assert faces_of(db, cluster.cluster_id) == {one, copy}
    assert clusters(db) == []


def test_a_face_with_a_name_is_in_no_cluster(db, add, face, result):
    db.store_image_result(result("1", face(0.1, ANNA)))
    add(2, 1)
    link(db)
    assert len(clusters(db)) == 1


def test_a_face_that_gets_a_name_leaves_its_cluster(db, add):
    one, other = add(1, 1)[0], add(2, 1)[0]
    link(db)
    db.decide(one, "confirmed", ANNA)
    link(db)
    assert faces(db) == [{other}]


def test_an_ignored_face_leaves_its_cluster_and_comes_back_with_the_decision_taken_back(db, add):
    one, other = add(1, 1)[0], add(2, 1)[0]
    link(db)
    decision = db.decide(one, "ignored")
    link(db)
    assert faces(db) == [{other}]
    db.undecide(decision.decision_id)
    link(db)
    assert faces(db) == [{one, other}]


def test_naming_confirms_all_tracks_at_once_and_one_undo_takes_it_back(db, add):
    ids = [add(image, 1)[0] for image in range(3)]
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


def test_taking_a_name_back_leaves_decisions_that_were_there_before(db, add):
    one = add(1, 1)[0]
    add(2, 1)
    link(db)
    (cluster,) = clusters(db)
    db.decide(one, "confirmed", ANNA)
    db.name_cluster(cluster.cluster_id, ANNA)
    db.unname_cluster(cluster.cluster_id)
    assert [decision.decision.kind for decision in db.list_decisions()] == ["confirmed"]


def test_a_named_cluster_keeps_its_name_and_offers_what_joins_it(db, add):
    add(1, 1)
    link(db)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, ANNA)
    new = add(2, 1)[0]
    link(db)
    (offered,) = clusters(db)
    assert (offered.cluster_id, offered.status, offered.track_count) == (cluster.cluster_id, "named", 1)
    assert db.get_face(new).verdict == "unknown"  # only a person says so
    db.name_cluster(cluster.cluster_id, ANNA)
    assert db.get_face(new).verdict == "match"
    assert clusters(db) == []
    db.unname_cluster(cluster.cluster_id)
    assert db.list_decisions() == []


def test_naming_a_cluster_as_somebody_else_needs_the_name_taken_back(db, add):
    add(1, 1)
    link(db)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, ANNA)
    with pytest.raises(Conflict, match="back first"):
        db.name_cluster(cluster.cluster_id, BERTA)


def test_a_face_that_is_not_the_person_is_left_out_of_the_naming(db, add):
    one, other = add(1, 1)[0], add(2, 1)[0]
    link(db)
    db.decide(other, "rejected", ANNA)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, ANNA)
    assert faces_of(db, cluster.cluster_id) == {one}
    link(db)
    assert faces(db) == [{other}]
    db.unname_cluster(cluster.cluster_id)
    assert faces(db) == [{one, other}]


def test_a_rejected_face_never_joins_the_cluster_of_that_person(db, add):
    add(1, 1)
    link(db)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, ANNA)
    new = add(2, 1)[0]
    db.decide(new, "rejected", ANNA)
    link(db)
    assert faces(db) == [{new}]
    assert link_library(db, PACK, SCORER).difference.tracks == 0


def test_rejecting_the_person_takes_a_face_out_of_the_named_cluster(db, add):
    one, other = add(1, 1)[0], add(2, 1)[0]
    link(db)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, ANNA)
    db.decide(other, "rejected", ANNA)
    link(db)
    assert faces_of(db, cluster.cluster_id) == {one}
    assert faces(db) == [{other}]


def test_a_face_set_apart_leaves_and_stays_alone(db, add):
    ids = [add(image, 1)[0] for image in range(3)]
    link(db)
    db.decide(ids[0], "apart")
    link(db)
    assert faces(db) == [{ids[1], ids[2]}, {ids[0]}]
    add(9, 1)
    link(db)
    assert [len(each) for each in faces(db)] == [3, 1]
    db.apply_full_pass(link_library(db, PACK, SCORER).labels)
    assert [len(each) for each in faces(db)] == [3, 1]


def test_split_faces_are_not_joined_again_by_themselves(db, add):
    ids = [add(image, 1)[0] for image in range(3)]
    link(db)
    (cluster,) = clusters(db)
    other = db.split_cluster(cluster.cluster_id, [ids[0]])
    assert faces_of(db, other.cluster_id) == {ids[0]}
    add(9, 2)
    link(db)
    db.apply_full_pass(link_library(db, PACK, SCORER).labels)
    assert faces_of(db, cluster.cluster_id) == {ids[1], ids[2]}
    assert faces_of(db, other.cluster_id) == {ids[0]}


def test_a_split_is_undone(db, add):
    ids = [add(image, 1)[0] for image in range(3)]
    link(db)
    (cluster,) = clusters(db)
    db.split_cluster(cluster.cluster_id, [ids[0]])
    assert db.undo_cluster_change(cluster.cluster_id) == "split"
    assert faces(db) == [set(ids)]
    with pytest.raises(NotStored):
        db.undo_cluster_change(cluster.cluster_id)


def test_a_split_of_all_faces_or_of_none_is_refused(db, add):
    one = add(1, 1)[0]
    elsewhere = add(2, 2)[0]
    link(db)
    cluster = next(each for each in clusters(db) if faces_of(db, each.cluster_id) == {one})
    with pytest.raises(Conflict):
        db.split_cluster(cluster.cluster_id, [one])
    with pytest.raises(NotStored):
        db.split_cluster(cluster.cluster_id, [elsewhere])


def test_merged_clusters_stay_together_and_a_merge_is_undone(db, add):
    ids = [add(image, person)[0] for image, person in enumerate((1, 1, 2))]
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


def test_a_named_cluster_is_not_merged_split_or_hidden(db, add):
    add(1, 1)
    add(2, 2)
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


def test_a_hidden_cluster_is_listed_apart_and_shown_again(db, add):
    add(1, 1)
    link(db)
    (cluster,) = clusters(db)
    db.ignore_cluster(cluster.cluster_id, ignored=True)
    add(2, 1)
    link(db)
    assert clusters(db) == []  # what joins a hidden one is hidden
    assert [each.track_count for each in clusters(db, hidden=True)] == [2]
    db.ignore_cluster(cluster.cluster_id, ignored=False)
    assert [each.status for each in clusters(db)] == ["open"]


def test_a_bridge_never_joins_two_clusters_that_a_person_touched(db, add):
    one, other = add(1, 1)[0], add(2, 1)[0]
    link(db)
    (cluster,) = clusters(db)
    second = db.split_cluster(cluster.cluster_id, [other])
    for image in range(10, 16):
        add(image, 1)
    link(db)
    assert one in faces_of(db, cluster.cluster_id)
    assert other in faces_of(db, second.cluster_id)
    assert other not in faces_of(db, cluster.cluster_id)


def test_a_deleted_image_leaves_its_cluster(db, add, path, rows):
    one = add(1, 1)[0]
    add(2, 1)
    link(db)
    db.delete_image("2")
    link(db)
    (cluster,) = clusters(db)
    assert (faces(db), cluster.track_count) == ([{one}], 1)
    db.delete_image("1")
    link(db)
    assert clusters(db) == []
    assert rows(path, "SELECT count(*) FROM stash_sense_clusters") == [(0,)]


def test_an_image_analysed_again_keeps_its_place(db, add, face, result):
    (one,) = add(1, 1)
    add(2, 1)
    link(db)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, ANNA)
    again = db.store_image_result(result("1", face(0.03, **looks(1, 77)))).face_ids
    link(db)
    assert again == (one,)
    assert one in faces_of(db, cluster.cluster_id)
    assert clusters(db) == []


def test_another_picture_under_the_same_image_is_another_track(db, add):
    add(1, 1)
    other = add(2, 1)[0]
    link(db)
    add(1, 2, picture=PictureIdentity.of([("md5", "replaced")]))
    link(db)
    assert {other} in faces(db)
    assert [len(each) for each in faces(db)] == [1, 1]


def test_clusters_survive_another_model_pack(db, add):
    ids = [add(image, 1)[0] for image in range(3)]
    link(db)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, ANNA)
    assert cluster_new_tracks(db, "other-pack", SCORER).gone == 0
    assert add(0, 1, pack="other-pack") == [ids[0]]
    new = add(9, 1, pack="other-pack")[0]
    cluster_new_tracks(db, "other-pack", SCORER)
    assert faces_of(db, cluster.cluster_id) == {*ids, new}


def test_the_state_is_the_same_after_a_restart(path, db, add):
    add(1, 1)
    add(2, 1)
    link(db)
    before = faces(db)
    with RecommendationsDB(path) as again:
        assert faces(again) == before
        assert link(again).new == 0


def test_a_person_who_is_deleted_leaves_no_cluster_and_no_vector(db, add, path, rows):
    for image in range(2):
        add(image, 1)
    kept = add(7, 2)[0]
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
    new = add(8, 2)[0]  # what was packed of others is made again
    link(db)
    assert faces(db) == [{kept, new}]


def test_a_cluster_follows_its_person_to_another_key(db, add):
    add(1, 1)
    link(db)
    (cluster,) = clusters(db)
    db.name_cluster(cluster.cluster_id, "local:5", "Anna", "5")
    db.decide(add(2, 2)[0], "confirmed", ANNA)
    person = Person(ANNA, "Anna", stash_ids=(("https://stashdb.org/graphql", "anna"),), local_id="5")
    db.follow_people(lambda keys: {key: person for key in keys if key in ("local:5", ANNA)})
    assert db.get_cluster(cluster.cluster_id).performer_id == ANNA


def test_what_changes_while_tracks_are_linked_is_looked_at_again(db, add):
    one = add(1, 1)[0]
    add(2, 1)
    changed = db.changed_tracks(PACK, 10)
    db.decide(one, "ignored")
    db.link_changed(PACK, changed.changes, {}, [], lambda *_: np.empty(0, np.int64))
    assert set(db.changed_tracks(PACK, 10).changes)


def test_a_failure_in_the_middle_changes_nothing(db, add):
    add(1, 1)
    add(2, 1)

    def fail(*_: Any) -> Any:
        raise KeyboardInterrupt

    changed = db.changed_tracks(PACK, 10)
    first, second = (track.face_ids[0] for track in changed.tracks)
    with pytest.raises(KeyboardInterrupt):
        db.link_changed(PACK, changed.changes, {}, [(first, second)], fail)
    assert clusters(db) == []
    assert link(db).new == 2


def test_pages_of_clusters_show_each_once_in_a_stable_order(db, add):
    for person in range(7):
        add(person, person)
    link(db)
    seen: list[int] = []
    after = None
    while True:
        page = db.list_clusters(after, 3)
        assert page.total == 7
        seen += [cluster.cluster_id for cluster in page.clusters]
        after = page.after
        if after is None:
            break
    assert seen == sorted(seen)
    assert len(set(seen)) == 7


def test_pages_of_members_show_each_once(db, add):
    ids = [add(image, 1)[0] for image in range(5)]
    link(db)
    (cluster,) = clusters(db)
    first, after = db.cluster_members(cluster.cluster_id, 0, 3)
    rest, end = db.cluster_members(cluster.cluster_id, after or 0, 3)
    assert [member.face_id for member in (*first, *rest)] == ids
    assert end is None


def test_members_say_where_they_are(db, add):
    add(1, 1, gallery_ids=["4", "5"])
    link(db)
    (cluster,) = clusters(db)
    (member,), _ = db.cluster_members(cluster.cluster_id)
    assert (member.target_type, member.target_id, member.gallery_ids) == ("image", "1", ("4", "5"))


def test_a_full_pass_is_shown_before_it_is_applied(db, add, path: Path, rows: Callable[..., Sequence[Any]]):
    ids = [add(image, 1)[0] for image in range(4)]
    changed = db.changed_tracks(PACK, 10)
    db.link_changed(PACK, changed.changes, {}, [], lambda *_: np.empty(0, np.int64))  # each alone
    result = link_library(db, PACK, SCORER)
    assert (result.difference.before, result.difference.after, result.difference.joined) == (4, 1, 3)
    assert len(clusters(db)) == 4
    db.apply_full_pass(result.labels)
    assert faces(db) == [set(ids)]
    assert link_library(db, PACK, SCORER).difference.tracks == 0


def test_a_full_pass_parts_what_should_not_be_together(db, add):
    ids = [add(image, person)[0] for image, person in enumerate((1, 1, 2, 2))]
    changed = db.changed_tracks(PACK, 10)
    pairs = [(ids[0], other) for other in ids[1:]]
    db.link_changed(PACK, changed.changes, {}, pairs, lambda nodes, *_: np.zeros(len(nodes), np.int64))
    assert len(clusters(db)) == 1
    result = link_library(db, PACK, SCORER)
    assert result.difference.divided == 1
    db.apply_full_pass(result.labels)
    assert sorted(map(sorted, faces(db))) == [ids[:2], ids[2:]]


def test_a_full_pass_leaves_what_was_decided_meanwhile(db, add):
    ids = [add(image, 1)[0] for image in range(3)]
    link(db)
    (cluster,) = clusters(db)
    result = link_library(db, PACK, SCORER)
    other = db.split_cluster(cluster.cluster_id, [ids[0]])
    db.apply_full_pass(result.labels)
    assert faces_of(db, other.cluster_id) == {ids[0]}

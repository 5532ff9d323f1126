"""Clusters as they are listed, and all of them put together again on command."""

import numpy as np

from stash_sense.recognition.unknown_people import link_library

from .clusters import SCORER, clusters, faces, faces_of, link
from .conftest import PACK


def test_pages_of_clusters_show_each_once_in_a_stable_order(db, add_picture):
    for person in range(7):
        add_picture(person, person)
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


def test_pages_of_members_show_each_once(db, add_picture):
    ids = [add_picture(image, 1)[0] for image in range(5)]
    link(db)
    (cluster,) = clusters(db)
    first, after = db.cluster_members(cluster.cluster_id, 0, 3)
    rest, end = db.cluster_members(cluster.cluster_id, after or 0, 3)
    assert [member.face_id for member in (*first, *rest)] == ids
    assert end is None


def test_members_say_where_they_are(db, add_picture):
    add_picture(1, 1, gallery_ids=["4", "5"])
    link(db)
    (cluster,) = clusters(db)
    (member,), _ = db.cluster_members(cluster.cluster_id)
    assert (member.target_type, member.target_id, member.gallery_ids) == ("image", "1", ("4", "5"))


def test_a_full_pass_is_shown_before_it_is_applied(db, add_picture, path, rows):
    ids = [add_picture(image, 1)[0] for image in range(4)]
    changed = db.changed_tracks(PACK, 10)
    db.link_changed(PACK, changed.changes, {}, [], lambda *_: np.empty(0, np.int64))  # each alone
    result = link_library(db, PACK, SCORER)
    assert (result.difference.before, result.difference.after, result.difference.joined) == (4, 1, 3)
    assert len(clusters(db)) == 4
    db.apply_full_pass(result.labels)
    assert faces(db) == [set(ids)]
    assert link_library(db, PACK, SCORER).difference.tracks == 0


def test_a_full_pass_parts_what_should_not_be_together(db, add_picture):
    ids = [add_picture(image, person)[0] for image, person in enumerate((1, 1, 2, 2))]
    changed = db.changed_tracks(PACK, 10)
    pairs = [(ids[0], other) for other in ids[1:]]
    db.link_changed(PACK, changed.changes, {}, pairs, lambda nodes, *_: np.zeros(len(nodes), np.int64))
    assert len(clusters(db)) == 1
    result = link_library(db, PACK, SCORER)
    assert result.difference.divided == 1
    db.apply_full_pass(result.labels)
    assert sorted(map(sorted, faces(db))) == [ids[:2], ids[2:]]


def test_a_full_pass_leaves_what_was_decided_meanwhile(db, add_picture):
    ids = [add_picture(image, 1)[0] for image in range(3)]
    link(db)
    (cluster,) = clusters(db)
    result = link_library(db, PACK, SCORER)
    other = db.split_cluster(cluster.cluster_id, [ids[0]])
    db.apply_full_pass(result.labels)
    assert faces_of(db, other.cluster_id) == {ids[0]}

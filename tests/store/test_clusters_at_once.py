"""Unknown people are put together once, by several at once and often killed; nobody near is missed."""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stash_sense.matching.calibration import Scorer, uncalibrated
from stash_sense.matching.clusters import least_decades
from stash_sense.recognition import unknown_people
from stash_sense.recognition.unknown_people import PACKING_ERROR, cluster_new_tracks, link_library
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.maintenance import check_state

from .conftest import PACK

SCORER = Scorer(uncalibrated(("facenet", "arcface")), ("facenet", "arcface"))
SCRIPT = Path(__file__).parent / "scripts" / "cluster_until_killed.py"
PEOPLE = 12
ANNA = "stashdb.org:anna"


@pytest.fixture
def put(face: Callable[..., Any], result: Callable[..., Any]) -> Callable[..., list[int]]:
    """Stores images with a face each, of PEOPLE in turn; returns the faces' ids."""

    def put(state: RecommendationsDB, images: Sequence[int]) -> list[int]:
        results = []
        for image in images:
            own = np.zeros((2, 16), np.float32)
            own[:, image % PEOPLE] = 1
            own += np.random.default_rng(image).normal(0, 0.01, (2, 16)).astype(np.float32)
            looks = dict(zip(("facenet", "arcface"), own, strict=True))
            results.append(result(str(image), face(0.1, **looks)))
        state.store_image_results(results)
        return [state.get_image_result(str(image)).faces[0].face_id for image in images]

    return put


def assert_whole(path: Path, rows: Callable[..., Any], people: Mapping[int, int]) -> None:
    """Every face is in one cluster with all of its person, and packed once. people: face -> person."""
    assert check_state(path).ok
    stored = rows(path, "SELECT face_id, cluster_id, id FROM stash_sense_library_tracks")
    assert sorted(face for face, _, _ in stored) == sorted(people)
    assert len({cluster for _, cluster, _ in stored}) == len(set(people.values()))
    assert len({(cluster, people[face]) for face, cluster, _ in stored}) == len(set(people.values()))
    counts = rows(path, "SELECT sum(track_count) FROM stash_sense_clusters")
    assert counts == [(len(people),)]
    packed = rows(path, "SELECT track_ids FROM stash_sense_track_vectors")
    ids = np.concatenate([np.frombuffer(row[0], np.int64) for row in packed])
    assert sorted(ids.tolist()) == sorted(track for _, _, track in stored)
    assert rows(path, "SELECT count(*) FROM stash_sense_changed_pictures") == [(0,)]


def test_killed_at_any_moment_nothing_is_lost_and_nothing_twice(
    path: Path, put: Callable[..., list[int]], rows: Callable[..., Any], torture: bool, tell: Any
) -> None:
    moments = random.Random(3)
    images, people, done = 0, {}, 0
    for _ in range(50 if torture else 3):
        with RecommendationsDB(path) as state:
            new = range(images, images + 60)
            people |= {face: i % PEOPLE for i, face in zip(new, put(state, new), strict=True)}
            images += 60
        with subprocess.Popen(
            [sys.executable, str(SCRIPT), str(path), PACK], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(moments.uniform(0, 0.15))
            process.kill()
            done += process.stdout.read() == "done\n"
        left = rows(path, "SELECT count(*) FROM stash_sense_changed_pictures")[0][0]
        assert rows(path, "SELECT count(*) FROM stash_sense_library_tracks") == [(images - left,)]
    tell(f"{done} ended before they were killed")
    with RecommendationsDB(path) as state:
        cluster_new_tracks(state, PACK, SCORER)
    assert_whole(path, rows, people)


def test_two_at_once_put_each_track_into_one_cluster(
    path: Path,
    put: Callable[..., list[int]],
    rows: Callable[..., Any],
    torture: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unknown_people, "PICTURES_TOGETHER", 7)
    with RecommendationsDB(path) as one, RecommendationsDB(path) as other, ThreadPoolExecutor(3) as threads:
        people: dict[int, int] = {}
        came = 0
        for number in range(40 if torture else 4):
            new = range(60 * number, 60 * number + 60)
            people |= {face: i % PEOPLE for i, face in zip(new, put(one, new), strict=True)}
            calls = [threads.submit(cluster_new_tracks, state, PACK, SCORER) for state in (one, other, one)]
            came += sum(call.result().new for call in calls)
            assert_whole(path, rows, people)
        assert came == len(people)


def test_a_full_pass_beside_new_tracks_and_a_person_who_names_loses_neither(
    path: Path, put: Callable[..., list[int]], rows: Callable[..., Any], torture: bool
) -> None:
    with RecommendationsDB(path) as one, RecommendationsDB(path) as other, ThreadPoolExecutor(3) as threads:
        people = {face: i % PEOPLE for i, face in enumerate(put(one, range(60)))}
        cluster_new_tracks(one, PACK, SCORER)
        named = one.list_clusters().clusters[0].cluster_id
        faces = {member.face_id for member in one.cluster_members(named)[0]}

        def full_pass() -> None:
            other.apply_full_pass(link_library(other, PACK, SCORER).labels)

        for number in range(1, 20 if torture else 3):
            new = range(60 * number, 60 * number + 60)
            people |= {face: i % PEOPLE for i, face in zip(new, put(one, new), strict=True)}
            calls = [
                threads.submit(full_pass),
                threads.submit(cluster_new_tracks, one, PACK, SCORER),
                threads.submit(one.name_cluster, named, ANNA),
            ]
            for call in calls:
                call.result()
            cluster_new_tracks(one, PACK, SCORER)
            members = {member.face_id for member in one.cluster_members(named, limit=5000)[0]}
            assert faces <= members
            assert len({people[face] for face in members}) == 1
        full_pass()
        cluster_new_tracks(one, PACK, SCORER)
    stored = rows(path, "SELECT face_id, cluster_id FROM stash_sense_library_tracks")
    assert sorted(face for face, _ in stored) == sorted(people)
    assert len({(cluster, people[face]) for face, cluster in stored}) == len({own for _, own in stored})


def test_new_tracks_meet_all_that_are_near_of_any_length_and_no_others(
    path: Path, face: Callable[..., Any], result: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unknown_people, "NEAREST_TRACKS", 200)
    rng = np.random.default_rng(5)
    near: dict[Any, Sequence[int]] = {}

    class Watched(RecommendationsDB):
        def link_changed(self, pack: str, changes: Any, found: Any, between: Any, link: Any) -> Any:
            near.update(found)
            return super().link_changed(pack, changes, found, between, link)

    own = np.eye(16, dtype=np.float32)[np.arange(216) % 8][:, None] + rng.normal(0, 0.2, (216, 2, 16))
    own *= rng.uniform(0.2, 5, (216, 2, 1))
    vectors = [dict(zip(("facenet", "arcface"), each.astype(np.float32), strict=True)) for each in own]
    with Watched(path) as state:
        for images in (range(200), range(200, 216)):
            near.clear()
            state.store_image_results([result(str(i), face(0.1, **vectors[i])) for i in images])
            cluster_new_tracks(state, PACK, SCORER)
        faces = [state.get_image_result(str(i)).faces[0].face_id for i in range(216)]
        tracks = {
            member.face_id: member.track_id
            for cluster in state.list_clusters(limit=200).clusters
            for member in state.cluster_members(cluster.cluster_id)[0]
        }
    places = SCORER.places({slot: np.stack([each[slot] for each in vectors]) for slot in SCORER.slots})
    scores = places[200:] @ places[:200].T
    least = SCORER.score_at(least_decades(200))
    assert near
    for line, of in zip(scores, faces[200:], strict=True):
        found = set(near.get(of, ()))
        wanted = {tracks[faces[at]] for at in np.flatnonzero(line >= least)}
        assert wanted <= found
        assert found <= {tracks[faces[at]] for at in np.flatnonzero(line >= least - 2 * PACKING_ERROR)}

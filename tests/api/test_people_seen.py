"""Who is seen in the library and where, and where a face is seen again."""

from itertools import count

import numpy as np
import pytest

from stash_sense.domain.decisions import StoredMatch
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.recognition import similar_faces
from stash_sense.recognition.parameters import pack_key
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.library_tags import TargetTags
from stash_sense.store.repositories.results import ImageResult
from store.scenes import face, frame, run, track

from .test_failures import problem

NUMBERS = count(1)


@pytest.fixture(scope="module")
def served(serve, settings_with):
    with serve(settings_with()) as served:
        yield served


@pytest.fixture
def store(served):
    """The empty state."""
    served.store.delete_everything()
    return served.store


@pytest.fixture
def see(served, store):
    """Stores an image of people, (name, distance) from left to right, and what they look like: face ids."""
    recognizer = served.sidecar.recognition.require()
    pack, sizes = pack_key(recognizer.pack), recognizer.pack.dimensions

    def see(image, *people, looks=None, picture=None, galleries=()):
        faces = []
        for n, (name, distance) in enumerate(people):
            chance = np.random.default_rng(next(NUMBERS))
            vectors = {}
            for slot, size in sizes.items():
                vector = chance.standard_normal(size) * (0.01 if looks else 1.0)
                if looks:
                    vector[looks] += 1
                vectors[slot] = vector / np.linalg.norm(vector)
            candidates = (StoredMatch(name, distance, name=name),)
            box = Box(0.05 + 0.3 * n, 0.1, 0.2, 0.2)
            faces.append(DetectedFace(box, 0.9, "match", "because", candidates, 0.9, **vectors))
        identity = PictureIdentity.of([("md5", picture or f"{image} {next(NUMBERS)}")])
        result = ImageResult(image, identity, pack, "v1", faces, gallery_ids=tuple(galleries))
        return store.store_image_result(result).face_ids

    return see


def get(served, path, **query):
    answer = served.client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_people_have_counts_and_their_best_face(served, see):
    see("1", ("Anna", 0.3), ("Berta", 0.2))
    best = see("2", ("Anna", 0.1))
    page = get(served, "/people")
    assert [(each["name"], each["image_count"], each["scene_count"]) for each in page["people"]] == [
        ("Anna", 2, 0),
        ("Berta", 1, 0),
    ]
    assert (page["total"], page["next_cursor"]) == (2, None)
    assert page["people"][0]["cover_face_id"] == str(best[0])
    assert page["people"][0]["last_seen"]


def test_people_come_in_pages_by_name(served, see):
    for image, name in enumerate(["Dora", "anna", "Cilla", "Berta"]):
        see(str(image), (name, 0.2))
    first = get(served, "/people", sort="name", limit=3)
    second = get(served, "/people", sort="name", limit=3, cursor=first["next_cursor"])
    names = [each["name"] for page in (first, second) for each in page["people"]]
    assert (names, second["next_cursor"]) == (["anna", "Berta", "Cilla", "Dora"], None)


def test_people_and_appearances_count_galleries_and_scenes(served, store, see):
    for image, distance, gallery in (("1", 0.5, "50"), ("2", 0.45, "50"), ("3", 0.5, "51"), ("4", 0.1, "52")):
        see(image, ("local:7", distance), galleries=[gallery])
    store.forget_targets("gallery", ["52"])
    store.record_tags([TargetTags("gallery", "50", ("7",)), TargetTags("image", "3", (), ("53",))])
    see("5", ("local:7", 0.3), galleries=["54"])
    video = store.begin_scene(run("12"))
    (ids,) = store.add_scene_frames(video, run().pack, [frame(2.5, face())])
    store.store_scene_tracks(video, [track(list(ids), "local:7")], "v1", None, {})
    page = get(served, "/people/local:7/appearances")
    places = {(each["target_type"], each["target_id"]): each for each in page["appearances"]}
    assert list(places) == [
        ("scene", "12"),
        *(("gallery", gallery) for gallery in ("54", "50")),
        *(("image", image) for image in ("5", "4", "3", "2", "1")),
    ]
    (scene, gallery) = (places["scene", "12"], places["gallery", "50"])
    assert (scene["times_s"], scene["tagged"], scene["face_ids"][0][0]) == ([2.5], None, "s")
    best_first = [places["image", image]["face_ids"][0] for image in ("2", "1")]
    assert (gallery["tagged"], gallery["confidence"], gallery["face_ids"]) == (True, 0.55, best_first)
    got, cursor = [], None
    while True:
        page = get(served, "/people/local:7/appearances", limit=1, **({"cursor": cursor} if cursor else {}))
        got += [(each["target_type"], each["target_id"]) for each in page["appearances"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert got == list(places)
    (person,) = get(served, "/people")["people"]
    assert (person["image_count"], person["scene_count"]) == (5, 1)


def test_appearances_say_where_and_whether_tagged(served, store, see):
    faces = {image: see(image, ("local:7", 0.2))[0] for image in ("1", "2", "10", "11")}
    store.record_tags([TargetTags("image", "1", ("7",), title="Beach"), TargetTags("image", "2", ())])
    store.forget_targets("image", ["11"])
    page = get(served, "/people/local:7/appearances", limit=2)
    rest = get(served, "/people/local:7/appearances", limit=2, cursor=page["next_cursor"])
    places = [*page["appearances"], *rest["appearances"]]
    assert [(each["target_id"], each["tagged"], each["title"]) for each in places] == [
        ("10", None, None),
        ("2", False, None),
        ("1", True, "Beach"),
    ]
    assert [each["face_ids"] for each in places] == [[str(faces[image])] for image in ("10", "2", "1")]
    assert (page["total"], rest["next_cursor"]) == (3, None)


@pytest.mark.parametrize("sort", ["name", "count", "last_seen"])
def test_nobody_is_missed_where_somebody_leaves_the_list_between_two_pages(served, store, see, sort):
    faces = {name: see(name, (name, 0.2))[0] for name in ("Anna", "Berta", "Cilla", "Dora")}
    first = get(served, "/people", sort=sort, limit=2)
    store.decide(faces[first["people"][0]["name"]], "ignored")
    second = get(served, "/people", sort=sort, limit=2, cursor=first["next_cursor"])
    assert [each["name"] for each in second["people"]] == ["Cilla", "Dora"]
    assert (second["total"], second["next_cursor"]) == (3, None)


def test_where_the_person_of_a_cursor_is_forgotten_nobody_is_missed(served, store, see):
    for name in ("Anna", "Berta", "Cilla"):
        see(name, (name, 0.2))
    first = get(served, "/people", limit=1)
    store.delete_person(["Anna"])
    second = get(served, "/people", limit=2, cursor=first["next_cursor"])
    assert [each["name"] for each in second["people"]] == ["Berta", "Cilla"]


def test_appearances_neither_double_nor_miss_what_changes_between_two_pages(served, store, see):
    for image in ("1", "2", "3", "4", "5"):
        see(image, ("local:7", 0.2))
    first = get(served, "/people/local:7/appearances", limit=2)
    see("6", ("local:7", 0.2))
    second = get(served, "/people/local:7/appearances", limit=2, cursor=first["next_cursor"])
    store.forget_targets("image", ["5", "4"])
    third = get(served, "/people/local:7/appearances", limit=2, cursor=second["next_cursor"])
    places = [each["target_id"] for page in (first, second, third) for each in page["appearances"]]
    assert (places, third["total"], third["next_cursor"]) == (["5", "4", "3", "2", "1"], 4, None)


def test_somebody_whom_nobody_knows_is_not_found(served, store):
    problem(served.client.get("/people/nobody/appearances"), 404, "not-stored")


def test_similar_faces_are_the_nearest_of_other_pictures(served, see, monkeypatch):
    monkeypatch.setattr(similar_faces, "BLOCK", 2)
    (probe,) = see("1", ("Anna", 0.2), looks=3, picture="same")
    see("2", ("Anna", 0.2), looks=3, picture="same")
    near = {str(see(image, ("Berta", 0.2), looks=3)[0]) for image in ("3", "4")}
    see("5", ("Cilla", 0.2), looks=3, picture="copy")
    see("6", ("Cilla", 0.2), looks=3, picture="copy")
    far = see("7", ("Dora", 0.2))
    faces = get(served, f"/faces/{probe}/similar")["faces"]
    assert [each["target_id"] for each in faces[3:]] == ["7"]
    assert faces[3]["face_id"] == str(far[0])
    assert near < {each["face_id"] for each in faces[:3]}
    assert all(each["distance"] < 0.4 for each in faces[:3])
    assert get(served, f"/faces/{probe}/similar", limit=1)["faces"] == faces[:1]


@pytest.mark.parametrize("face_id", ["999999", "s999999", "abc"])
def test_similar_faces_of_no_face_are_not_found(served, store, face_id):
    problem(served.client.get(f"/faces/{face_id}/similar"), 404, "not-stored")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/people", {"sort": "age"}),
        ("/people", {"limit": 201}),
        ("/people/x/appearances", {"cursor": ""}),
        ("/faces/1/similar", {"limit": 0}),
    ],
)
def test_a_bad_query_is_refused(served, path, query):
    problem(served.client.get(path, params=query), 422, "bad-parameter")

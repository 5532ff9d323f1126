"""After a new face database the library is matched again by itself, and who got a name is listed."""

import pytest

from stash_sense.runtime import rematcher
from stash_sense.runtime.from_settings import database_dir
from waiting import until

from .databases import write_version
from .galleries import WAITS, fetched, fill, varied_photos
from .test_failures import problem

OTHERS = ["Joe Biden", "Eileen Collins"]


@pytest.fixture
def served(serve, settings_with, stash, monkeypatch):
    """A sidecar whose database does not know Barack Obama yet: `learn()` brings him in."""
    monkeypatch.setattr(rematcher, "POLL_S", 0.02)
    settings = settings_with(STASH_URL=stash.url)
    place = database_dir(settings)
    whole = place.rename(place.with_name("whole"))
    write_version(place, OTHERS, source=whole)
    with serve(settings, **WAITS) as served:
        served.learn = lambda: _learn(served, place, whole)
        yield served


def _learn(served, place, whole):
    version = write_version(place, source=whole)
    until(lambda: served.client.get("/database/info").json()["version"] == version)
    return version


def listed(served, **query):
    return served.client.get("/database/newly-named", params=query).json()


def matched(served):
    return until(lambda: (page := listed(served))["faces"] and not page["matching"] and page)["faces"]


def test_who_got_a_name_where_and_how_sure(served, stash, put, look):
    image = put()
    assert look(image, served=served)["faces"][0]["name"] is None
    stash.record.forget()
    version = served.learn()
    (face,) = matched(served)
    assert (face["name"], face["image_id"], face["scene_id"]) == ("Barack Obama", image, None)
    assert (face["db_version"], face["gallery_ids"]) == (version, [])
    assert 0 < face["confidence"] == pytest.approx(1 - face["distance"])
    assert served.client.get(f"/references/{face['reference_id']}").status_code == 200
    assert not fetched(stash)


def test_suggestions_are_derived_again_before_anybody_asks(served, put, look):
    image = put()
    look(image, served=served)
    served.learn()
    matched(served)
    until(lambda: served.store.refresh_suggestions(longest_s=0) == 0)
    (group,) = served.client.get("/suggestions").json()["groups"]
    assert [group["name"], group["suggestions"][0]["target_id"]] == ["Barack Obama", image]


def test_in_a_gallery_it_says_which(served, stash, samples):
    place, _ = fill(stash, varied_photos(samples, 2, seed=88))
    served.client.post("/identify/gallery", json={"gallery_id": place})
    served.learn()
    assert {tuple(face["gallery_ids"]) for face in matched(served)} == {(place,)}


def test_what_is_tagged_decided_or_dismissed_leaves_the_list(served, stash, put, look):
    tagged, decided, dismissed, gone = images = [put() for _ in range(4)]
    for image in images:
        look(image, served=served)
    served.learn()
    faces = {face["image_id"]: face for face in matched(served)}
    assert set(faces) == set(images)
    barack = stash.library.add_performer("barack obama")
    stash.library.images[int(tagged)].performers = [barack]
    key = faces[decided]["performer_id"]
    body = {"face_id": faces[decided]["face_id"], "performer_id": key, "word": "confirmed"}
    assert served.client.post("/decisions", json=body).status_code < 300
    answer = served.client.post("/database/newly-named/dismiss", json={"ids": [faces[dismissed]["id"]] * 2})
    assert answer.json() == {"dismissed": 1}
    assert [face["image_id"] for face in listed(served)["faces"]] == [gone]
    del stash.library.images[int(gone)]
    assert listed(served)["faces"] == []
    stash.library.images[int(tagged)].performers = []
    assert listed(served) == {"faces": [], "next_before": None, "matching": False}


def test_the_list_can_be_read_while_stash_is_away(served, stash, put, look):
    look(put(), served=served)
    served.learn()
    matched(served)
    stash.down()
    assert len(listed(served)["faces"]) == 1


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": ["1"]}, {"ids": [0]}, {"ids": [2**63]}, []])
def test_bad_ids_are_refused(app, body):
    problem(app.client.post("/database/newly-named/dismiss", json=body), 422, "bad-parameter")


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 201}, {"before": -1}, {"page": 2}])
def test_a_bad_query_is_refused(app, query):
    problem(app.client.get("/database/newly-named", params=query), 422, "bad-parameter")

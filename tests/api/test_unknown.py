"""Unknown people over HTTP: clusters follow what is identified, and a person's word on them is kept."""

import pytest

from stash_sense.runtime import clustering
from stash_sense.runtime.from_settings import database_dir
from waiting import until

from .databases import write_version
from .galleries import WAITS
from .test_newly_named import OTHERS


@pytest.fixture
def served(serve, settings_with, stash, monkeypatch):
    """A sidecar whose face database does not know Barack Obama."""
    monkeypatch.setattr(clustering, "POLL_S", 0.02)
    settings = settings_with(STASH_URL=stash.url)
    place = database_dir(settings)
    write_version(place, OTHERS, source=place.rename(place.with_name("whole")))
    with serve(settings, **WAITS) as served:
        yield served


def listed(served, **query):
    return served.client.get("/unknown", params=query).json()


def test_an_empty_library_has_no_unknown_people(served):
    assert listed(served) == {"clusters": [], "total": 0, "next_cursor": None}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/unknown/99", None),
        ("POST", "/unknown/99/name", {"local_id": "5"}),
        ("POST", "/unknown/99/unname", None),
        ("POST", "/unknown/99/merge", {"cluster_ids": [98]}),
        ("POST", "/unknown/99/split", {"face_ids": ["1"]}),
        ("POST", "/unknown/99/undo", None),
        ("POST", "/unknown/99/ignore", {"ignored": True}),
    ],
)
def test_a_cluster_that_is_not_there_is_a_404_that_says_so(served, method, path, body):
    answer = served.client.request(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-stored")
    assert "cluster 99" in answer.json()["detail"]


@pytest.mark.parametrize(
    "cursor", ["x", "W10", "WzEsMl0x", "WyJhIiwxXQ", "Wy0xLDFd", "W3RydWUsMV0", "bnVsbA", "ä"]
)
def test_a_cursor_that_no_answer_gave_is_a_422(served, cursor):
    answer = served.client.get("/unknown", params={"cursor": cursor})
    assert answer.status_code == 422
    assert "cursor" in answer.json()["detail"]


def test_a_name_needs_somebody(served):
    answer = served.client.post("/unknown/99/name", json={})
    assert answer.status_code == 422
    assert "performer_id" in answer.json()["detail"]


def test_an_unknown_face_is_listed_named_and_unnamed(served, put, look):
    face_id = look(put(), served=served)["faces"][0]["face_id"]
    (cluster,) = until(lambda: listed(served)["clusters"])
    assert cluster["face_ids"] == [cluster["cover_face_id"]] == [face_id]
    path = f"/unknown/{cluster['cluster_id']}"
    (member,) = served.client.get(path).json()["members"]
    assert (member["target_type"], member["face_id"]) == ("image", face_id)
    named = served.client.post(f"{path}/name", json={"local_id": 77, "name": "Zoe"}).json()
    assert (named["status"], named["performer_id"], named["track_count"]) == ("named", "local:77", 0)
    decisions = served.client.get("/decisions").json()["decisions"]
    assert [decision["word"] for decision in decisions] == ["confirmed"]
    assert listed(served)["total"] == 0
    assert served.client.post(f"{path}/unname").json()["status"] == "open"
    assert served.client.get("/decisions").json()["decisions"] == []
    served.client.post(f"{path}/ignore", json={"ignored": True})
    assert listed(served)["total"] == 0
    assert listed(served, hidden=True)["total"] == 1

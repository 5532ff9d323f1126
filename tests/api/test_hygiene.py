"""References that deserve a look over HTTP: listed with their pictures, set aside and used again by id."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from filelock import FileLock

from fakes.stash import StashStandIn
from stash_sense.domain.progress import NO_PROGRESS
from stash_sense.enrolment.quarantine_list import QUARANTINE, QuarantineList, photo_id
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.writer import LOCK
from stash_sense.runtime import hygiene_reports
from stash_sense.runtime.from_settings import database_dir, enrol, open_pack
from waiting import until

from .databases import write_version
from .galleries import WAITS, ended
from .test_failures import problem

ANN = "Joe Biden"


@pytest.fixture
def people(samples, tmp_path):
    """A folder of the sample people, one of them with a second picture that shows another one."""
    folder = shutil.copytree(samples / "people", tmp_path / "people")
    (wrong,) = (folder / "Barack Obama").iterdir()
    shutil.copy(wrong, folder / ANN / "wrong.jpg")
    return folder


@pytest.fixture
def served(serve, settings_with, people):
    """A sidecar with this folder enrolled: `build()` enrols it again."""
    settings = settings_with()
    place = database_dir(settings)
    shutil.rmtree(place)
    pack = open_pack(settings)

    def build():
        enrol(settings, [people], place, pack, NO_PROGRESS)

    build()
    with serve(settings) as served:
        served.build, served.place = build, place
        yield served


def hygiene(served, **query):
    answer = served.client.get("/database/hygiene", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ready(served, **query):
    return until(lambda: (page := hygiene(served, **query))["ready"] and page)


def names(served):
    with FaceDatabase.open(served.place) as database:
        return {database.person(index).name: len(database.rows(index)) for index in range(database.people)}


def picture(served, reference_id):
    answer = served.client.get(f"/references/{reference_id}")
    assert answer.headers["content-type"] == "image/jpeg", answer.text
    return answer.content


def test_what_seems_wrong_is_listed_with_its_picture_and_those_to_compare(served):
    page = ready(served)
    assert (page["done"], page["total"]) == (page["total"], sum(names(served).values()))
    (finding,) = page["findings"]
    assert finding["person"]["name"] == ANN
    assert finding["photo"].endswith("wrong.jpg")
    assert (finding["in_use"], finding["kept"]) == (False, False)
    assert picture(served, finding["reference_id"])
    (other,) = finding["person"]["reference_ids"]
    assert picture(served, other)


def test_people_who_look_alike_are_listed_with_the_two_pictures(served, people):
    shutil.copytree(people / "Barack Obama", people / "Barry")
    served.build()
    until(lambda: hygiene(served)["version"] == FaceDatabase.open(served.place).manifest.version)
    page = ready(served, kind="look-alike")
    (pair,) = page["look_alikes"]
    assert page["counts"]["look-alike"] == 1
    assert page["findings"] == []
    assert {person["name"] for person in pair["people"]} == {"Barack Obama", "Barry"}
    for person in pair["people"]:
        assert picture(served, person["reference_ids"][0])
    assert all(pair["references"])


def test_a_reference_set_aside_is_gone_at_once_and_listed_without_a_new_comparison(served, monkeypatch):
    page = ready(served)
    before = names(served)
    assert served.client.post("/database/restore", json={"references": [page["findings"][0]["reference"]]})
    served.build()
    page = until(lambda: (again := ready(served))["version"] != page["version"] and again)
    (finding,) = page["findings"]
    assert (finding["in_use"], finding["kept"]) == (True, True)
    assert finding["like"]["name"] == "Barack Obama"
    assert names(served)[ANN] == before[ANN] + 1

    monkeypatch.setattr(hygiene_reports, "inspect_references", None)
    answer = served.client.post("/database/quarantine", json={"references": [finding["reference"]]})
    assert answer.status_code == 200, answer.text
    version = served.client.get("/database/info").json()["version"]
    assert answer.json() == {"references": [finding["reference"]], "version": version}
    assert names(served) == before
    page = ready(served)
    assert page["version"] == version
    (finding,) = page["findings"]
    assert (finding["code"], finding["in_use"], finding["like"]) == ("by-hand", False, None)
    for person in finding["person"]["reference_ids"]:
        assert picture(served, person)


def test_a_reference_restored_waits_for_the_next_update_and_says_so(served):
    (finding,) = ready(served)["findings"]
    reference = finding["reference"]
    answer = served.client.post("/database/restore", json={"references": [reference]})
    assert answer.json() == {"references": [reference], "update_at": None}
    (finding,) = ready(served)["findings"]
    assert (finding["in_use"], finding["kept"]) == (False, True)
    served.build()
    until(lambda: ready(served)["findings"][0]["in_use"])


def test_a_long_comparison_is_waited_for_in_the_background_and_made_once(served, monkeypatch):
    go, begun = threading.Event(), []
    inspect = hygiene_reports.inspect_references

    def slow(database, pack, progress):
        begun.append(database.manifest.version)
        go.wait()
        return inspect(database, pack, progress)

    monkeypatch.setattr(hygiene_reports, "WAIT_S", 0.01)
    monkeypatch.setattr(hygiene_reports, "inspect_references", slow)
    for _ in range(3):
        page = hygiene(served)
        assert (page["ready"], page["findings"]) == (False, [])
    assert served.client.get("/health").status_code == 200
    go.set()
    assert ready(served)["findings"]
    assert hygiene(served)["ready"]
    assert len(begun) == 1


def test_another_face_database_ends_the_comparison_of_the_former(served, monkeypatch):
    inspect = hygiene_reports.inspect_references
    versions = []

    def endless(database, pack, progress):
        versions.append(database.manifest.version)
        while len(versions) == 1:
            progress.update(0)
        return inspect(database, pack, progress)

    monkeypatch.setattr(hygiene_reports, "WAIT_S", 0.01)
    monkeypatch.setattr(hygiene_reports, "inspect_references", endless)
    assert not hygiene(served)["ready"]
    version = write_version(served.place)
    page = until(lambda: (page := hygiene(served))["version"] == version and page["ready"] and page)
    assert versions == [versions[0], version]
    assert page["version"] == version


def test_stopping_ends_a_comparison(serve, settings_with, monkeypatch):
    ended = threading.Event()

    def endless(database, pack, progress):
        try:
            while True:
                progress.update(0)
        finally:
            ended.set()

    monkeypatch.setattr(hygiene_reports, "WAIT_S", 0.01)
    monkeypatch.setattr(hygiene_reports, "inspect_references", endless)
    with serve(settings_with()) as served:
        assert not hygiene(served)["ready"]
    assert ended.is_set()


def test_pages(served):
    with FaceDatabase.open(served.place) as database:
        others = [photo_id(photo) for photo in database.photos() if not photo.skipped][:2]
    assert served.client.post("/database/quarantine", json={"references": others}).status_code == 200
    whole = ready(served)["findings"]
    assert [finding["code"] for finding in whole] == ["by-hand", "by-hand", "other-person"]
    first = ready(served, limit=2)
    assert (first["findings"], first["next_offset"]) == (whole[:2], 2)
    last = ready(served, limit=2, offset=2)
    assert (last["findings"], last["next_offset"]) == (whole[2:], None)
    assert ready(served, kind="by-hand")["findings"] == whole[:2]


def test_an_unknown_reference_changes_nothing(served):
    (known,) = (finding["reference"] for finding in ready(served)["findings"])
    for call in ("quarantine", "restore"):
        body = {"references": [known, "0" * 16]}
        problem(served.client.post(f"/database/{call}", json=body), 404, "no-reference")
    assert not (served.place / QUARANTINE).exists()


def test_several_at_once_wait_for_each_other(served):
    with FaceDatabase.open(served.place) as database:
        references = [photo_id(photo) for photo in database.photos() if not photo.skipped]
    before = sum(names(served).values())

    def decide(reference):
        answers = [
            served.client.post(f"/database/{call}", json={"references": [reference]})
            for call in ("quarantine", "restore", "quarantine")
        ]
        return [answer.status_code for answer in answers]

    with ThreadPoolExecutor(3) as threads:
        assert [*threads.map(decide, references[:2])] == [[200, 200, 200]] * 2
    assert sum(names(served).values()) == before - 2
    decided = QuarantineList.read(served.place)
    assert (decided.set_aside, decided.kept) == ({*references[:2]}, frozenset())


def test_a_running_build_is_not_disturbed(served):
    (known,) = (finding["reference"] for finding in ready(served)["findings"])
    with FileLock(served.place / LOCK):
        body = {"references": [known]}
        problem(served.client.post("/database/quarantine", json=body), 503, "busy")
    assert not (served.place / QUARANTINE).exists()


def test_one_from_stash_is_brought_back_by_an_update_that_follows(
    serve, settings_with, samples, without_database
):
    with StashStandIn() as stash:
        for name in ("Joe Biden", "Barack Obama"):
            stash.library.add_performer(name, image=min((samples / "people" / name).iterdir()))
        settings = settings_with(DATA_DIR=without_database, STASH_URL=stash.url)
        with serve(settings, **WAITS) as served:
            assert ended(served.client, served.client.post("/jobs/database", json={}).json()["job_id"])
            served.place = database_dir(settings)
            with FaceDatabase.open(served.place) as database:
                reference = photo_id(next(iter(database.photos())))
            body = {"references": [reference]}
            assert served.client.post("/database/quarantine", json=body).status_code == 200
            assert len(names(served)) == 1
            update_at = served.client.post("/database/restore", json=body).json()["update_at"]
            assert update_at == served.client.get("/database/info").json()["next_update"] is not None


@pytest.mark.parametrize("body", [{}, {"references": []}, {"references": ["x"]}, {"references": [1]}, []])
def test_bad_references_are_refused(app, body):
    for call in ("quarantine", "restore"):
        problem(app.client.post(f"/database/{call}", json=body), 422, "bad-parameter")


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 201}, {"offset": -1}, {"kind": "x"}, {"page": 2}])
def test_a_bad_query_is_refused(app, query):
    problem(app.client.get("/database/hygiene", params=query), 422, "bad-parameter")

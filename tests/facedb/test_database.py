"""What was written is read back; what is damaged is refused with what to do."""

import json
import shutil

import numpy as np
import pytest

from stash_sense.domain.identity import Person
from stash_sense.errors import BadDatabase, NoDatabase
from stash_sense.facedb import layout
from stash_sense.facedb.database import FaceDatabase, current_version
from stash_sense.facedb.layout import Photo, Reference

PEOPLE = {"Ada": 2, "Grace": 1, "Hedy": 3}


@pytest.fixture
def version(build, place):
    """The folder of a whole version with three people."""
    build(PEOPLE)
    return place / current_version(place)


@pytest.fixture
def alter(version):
    """Change the manifest's fields."""

    def alter(**changes):
        path = version / layout.MANIFEST
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return alter


def test_people_are_read_back_in_order(version, place, names):
    assert names(place) == list(PEOPLE)


def test_vectors_are_read_back_a_slot_at_a_time(version, place, vectors):
    with FaceDatabase.open(place) as database:
        read = database.vectors(database.rows(2))
    assert (np.concatenate([read["arcface"], read["facenet"]], axis=1) == vectors(2, 3)).all()


def test_vectors_of_single_rows_are_read_back(version, place, vectors):
    with FaceDatabase.open(place) as database:
        assert (database.vectors(np.array([5, 0]))["arcface"][1] == vectors(0, 2)[0, :4]).all()


def test_rows_of_a_person_lie_side_by_side(version, place):
    with FaceDatabase.open(place) as database:
        assert [database.rows(person) for person in range(3)] == [range(2), range(2, 3), range(3, 6)]


def test_a_reference_is_read_back(version, place):
    with FaceDatabase.open(place) as database:
        assert database.reference(4) == Reference("/people/Hedy/1.jpg", (1.0, 2.0, 3.0, 4.5), 0.5)


def test_photos_are_read_back(version, place):
    with FaceDatabase.open(place) as database:
        assert list(database.photos())[2] == Photo("/people/Grace/0.jpg", "stamp", "Grace")


def test_everything_of_a_person_is_read_back(writer, place):
    ada = Person("stashdb.org:1", "Ada", ("Countess", "A. A. L."), "GB", "https://example.org/a.jpg")
    with writer() as one:
        one.add_person(ada, [Reference("a", (0, 0, 1, 1), 1, {"turned": True})], np.ones((1, 6), np.float32))
        one.commit([])
    with FaceDatabase.open(place) as database:
        assert database.person(0) == ada
        assert database.reference(0).details == {"turned": True}


def test_a_search_over_a_database_finds_its_people(version, place, vectors):
    with FaceDatabase.open(place) as database:
        queries = np.stack([vectors(number, faces)[-1] for number, faces in enumerate(PEOPLE.values())])
        queries /= np.linalg.norm(queries, axis=1, keepdims=True)
        assert database.search(queries.astype(np.float64), 1).rows.shape == (3, 1)


def test_a_database_of_nobody_opens(build):
    with FaceDatabase.open(build({})) as database:
        assert (database.people, list(database.photos())) == (0, [])
        assert database.search(np.ones((1, 6), np.float32), 2).people.tolist() == [[-1, -1]]


def test_a_place_without_a_database_says_how_to_build_one(place):
    with pytest.raises(NoDatabase, match="stash-sense database build --people"):
        FaceDatabase.open(place)


def test_a_place_where_no_build_has_ended_has_no_database(place):
    (place / ".building-1").mkdir(parents=True)
    with pytest.raises(NoDatabase):
        FaceDatabase.open(place)


FILES = [
    *(layout.VECTORS, layout.STARTS),
    *(f"{name}{end}" for name in ("people", "references", "photos") for end in (".jsonl", ".offsets.i64")),
]


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named(version, place, file):
    (version / file).unlink()
    with pytest.raises(BadDatabase, match=f"{file}: missing.*Build the database again"):
        FaceDatabase.open(place)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("change", ["cut", "grown", "empty"])
def test_a_file_of_another_size_is_named(version, place, file, change):
    path = version / file
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[:-1], "grown": whole + b"\0", "empty": b""}[change])
    with pytest.raises(BadDatabase, match=f"{file}: .* bytes, not {len(whole)} bytes"):
        FaceDatabase.open(place)


@pytest.mark.parametrize("file", ["people.offsets.i64", layout.STARTS])
def test_a_table_of_zeros_is_refused(version, place, file):
    path = version / file
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(BadDatabase):
        FaceDatabase.open(place)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", "\udcff"])
def test_a_damaged_manifest_is_refused(version, place, text):
    (version / layout.MANIFEST).write_text(text, "utf-8", "surrogateescape")
    with pytest.raises(BadDatabase, match=r"manifest.json: missing or damaged.*Build the database again"):
        FaceDatabase.open(place)


@pytest.mark.parametrize(
    "changes", [{"faces": 5}, {"people": 2}, {"photos": 7}, {"people": -1}, {"sizes": {}}]
)
def test_a_manifest_that_contradicts_itself_is_refused(alter, place, changes):
    alter(**changes)
    with pytest.raises(BadDatabase, match="damaged"):
        FaceDatabase.open(place)


@pytest.mark.parametrize("number", [0, 3, "1"])
def test_another_format_is_refused_by_its_number(alter, place, number):
    alter(format=number, what_that_format_adds=1)
    with pytest.raises(BadDatabase, match=f"format {number}; .* reads formats 1 and 2"):
        FaceDatabase.open(place)


def test_a_version_that_is_gone_is_refused(version, place):
    shutil.rmtree(version)
    with pytest.raises(BadDatabase, match="Build the database again"):
        FaceDatabase.open(place)


def test_a_pointer_that_is_no_text_is_refused(version, place):
    (place / layout.CURRENT).write_bytes(b"\xff\xfe")
    with pytest.raises(BadDatabase, match="CURRENT: cannot be read"):
        FaceDatabase.open(place)


@pytest.mark.parametrize("damage", ["manifest", "pointer", "version"])
def test_building_again_mends_a_damaged_database(version, place, build, names, damage):
    if damage == "manifest":
        (version / layout.MANIFEST).write_text("{")
    elif damage == "pointer":
        (place / layout.CURRENT).write_bytes(b"\xff\xfe")
    else:
        shutil.rmtree(version)
    build({"Ada": 1})
    assert names(place) == ["Ada"]


def test_a_version_removed_while_it_is_being_opened_gives_way_to_the_newest(
    version, place, build, names, monkeypatch
):
    """Two builds that end between reading CURRENT and opening what it names."""
    real = FaceDatabase.open_version.__func__
    calls = []

    def slow(cls, folder):
        if not calls:
            calls.append(folder)
            build({"Second": 1})
            build({"Third": 1})
        return real(cls, folder)

    monkeypatch.setattr(FaceDatabase, "open_version", classmethod(slow))
    assert names(place) == ["Third"]


def test_an_open_database_stays_whole_while_newer_ones_are_built(version, place, build, vectors):
    with FaceDatabase.open(place) as database:
        for _ in range(3):
            build({"Other": 1})
        assert database.person(2).name == "Hedy"
        assert (database.vectors(range(5, 6))["arcface"][0] == vectors(2, 3)[2, :4]).all()


def test_closing_twice_is_once(version, place):
    database = FaceDatabase.open(place)
    database.close()
    database.close()

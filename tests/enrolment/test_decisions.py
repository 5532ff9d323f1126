"""Faces that a person confirmed become references: good ones, at most eight a person, chosen to differ."""

import numpy as np
import pytest

from stash_sense.domain.decisions import Decision
from stash_sense.domain.faces import Box, SceneFaceId
from stash_sense.domain.progress import NO_PROGRESS
from stash_sense.enrolment import decisions
from stash_sense.enrolment.decisions import build_from_decisions, decisions_report_json
from stash_sense.enrolment.quarantine_list import restore_references, set_references_aside
from stash_sense.errors import Conflict, NoDatabase
from stash_sense.facedb.database import FaceDatabase
from stash_sense.store.repositories.confirmed_faces import ConfirmedFace

RED, GREEN = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)


class State:
    """What is confirmed."""

    def __init__(self):
        self.faces = []

    def confirm(self, face_id, name, colour, quality=0.9, fault=""):
        vector = np.array(colour, np.float32) / np.linalg.norm(colour)
        details = {"quality": [80.0, 0.1, 0.1, fault]}
        decision = Decision(len(self.faces) + 1, Box(0.1, 0.1, 0.2, 0.2), "confirmed", name, name, "")
        box = Box(0.1, 0.1, 0.2, 0.2)
        self.faces.append(ConfirmedFace(face_id, decision, box, quality, details, vector, vector))

    def confirmed_faces(self, _):
        return list(self.faces)


@pytest.fixture
def state():
    return State()


@pytest.fixture
def crops():
    """The faces whose crops were read."""
    return []


@pytest.fixture
def learn(state, place, colours, crops):
    async def crop_of(face_id):
        crops.append(str(face_id))
        return b"jpeg of " + str(face_id).encode()

    async def learn(*, new=True, pack=colours):
        return await build_from_decisions(state, place, pack, NO_PROGRESS, crop_of, learn=new)

    return learn


@pytest.fixture
def red_and_green(build, photo, tmp_path):
    photo(tmp_path / "two" / "Red" / "1.png", "red")
    photo(tmp_path / "two" / "Green" / "1.png", "green")
    build(tmp_path / "two")


def learned(place):
    with FaceDatabase.open(place) as database:
        rows = range(database.manifest.faces)
        return {
            database.reference(row).photo: database.crop(row)
            for row in rows
            if database.reference(row).photo.startswith("face:")
        }


async def test_confirmed_faces_join_their_person_and_new_people_are_made(
    red_and_green, state, learn, enrolled, place
):
    with FaceDatabase.open(place) as database:
        red = next(each for each in map(database.person, range(2)) if each.name == "Red")
    state.confirm(7, red.key, (0.9, 0.1, 0.0))
    state.confirm(SceneFaceId(8), "local:12", (0.0, 0.0, 1.0))
    report = await learn()
    assert (report.people, report.faces, report.analyzed) == (2, 2, 2)
    assert enrolled() == {"Red": 2, "Green": 1, "local:12": 1}
    assert learned(place) == {"face:7": b"jpeg of 7", "face:s8": b"jpeg of s8"}
    with FaceDatabase.open(place) as database:
        assert database.manifest.sources[-1] == "decisions"
        assert len(database.manifest.sources) == 2


async def test_the_same_again_reads_no_crop_and_writes_no_version(red_and_green, state, learn, crops):
    state.confirm(7, "Red", RED)
    first = await learn()
    crops.clear()
    again = await learn()
    assert (again.version, crops, again.analyzed) == (first.version, [], 0)


async def test_what_is_taken_back_is_gone_with_the_next_build(red_and_green, state, learn, enrolled, place):
    state.confirm(7, "Anna", RED)
    state.confirm(8, "Anna", (0.9, 0.2, 0.0))
    await learn()
    before = enrolled()
    del state.faces[0]
    await learn()
    assert [*learned(place)] == ["face:8"]
    state.faces.clear()
    report = await learn()
    assert decisions_report_json(report)["gone"] == ["Anna"]
    assert "Anna" in before
    assert "Anna" not in enrolled()
    with FaceDatabase.open(place) as database:
        assert "decisions" not in database.manifest.sources
    assert await learn() is None


async def test_at_most_eight_are_taken_that_differ_and_the_best_is_among_them(
    red_and_green, state, learn, place
):
    for number in range(20):
        state.confirm(number, "Anna", (1.0, 0.02 * number, 0.0), quality=0.5)
    state.confirm(99, "Anna", (1.0, 0.101, 0.0), quality=0.95)
    await learn()
    taken = learned(place)
    assert len(taken) == 8
    assert {"face:0", "face:19", "face:99"} <= {*taken}


async def test_a_poor_face_is_refused_with_its_reason(red_and_green, state, learn, place):
    state.confirm(7, "Anna", RED)
    state.confirm(8, "Anna", RED, quality=0.1, fault="blurred")
    report = await learn()
    assert [(photo.path, photo.code) for photo in report.skipped] == [("face:8", "poor-face")]
    assert [*learned(place)] == ["face:7"]


async def test_the_one_that_shows_another_person_is_not_learned(red_and_green, state, learn, place):
    for number, colour in enumerate(((1.0, 0.0, 0.0), (0.8, 0.6, 0.0), (0.8, 0.0, 0.6), (-1.0, 0.0, 0.0))):
        state.confirm(number, "Anna", colour)
    report = await learn()
    assert sorted(learned(place)) == ["face:0", "face:1", "face:2"]
    assert [(photo.path, photo.code) for photo in report.quarantined] == [("face:3", "other-person")]


async def test_without_the_setting_nothing_is_learned_and_what_is_taken_back_goes(
    red_and_green, state, learn, place
):
    state.confirm(7, "Anna", RED)
    assert await learn(new=False) is None
    await learn()
    state.confirm(8, "Anna", (0.9, 0.2, 0.0))
    await learn(new=False)
    assert [*learned(place)] == ["face:7"]
    del state.faces[0]
    await learn(new=False)
    assert learned(place) == {}


async def test_one_set_aside_stays_out_until_it_is_restored(red_and_green, state, learn, place):
    state.confirm(7, "Anna", RED)
    state.confirm(8, "Anna", (0.9, 0.2, 0.0))
    await learn()
    with FaceDatabase.open(place) as database:
        (reference,) = [decisions.photo_id(each) for each in database.photos() if each.path == "face:7"]
    set_references_aside(place, [reference])
    await learn()
    assert [*learned(place)] == ["face:8"]
    restore_references(place, [reference])
    await learn()
    assert [*learned(place)] == ["face:7", "face:8"]


async def test_a_build_of_another_source_keeps_them(
    red_and_green, state, learn, build, photo, tmp_path, place
):
    state.confirm(7, "Anna", RED)
    await learn()
    photo(tmp_path / "two" / "Blue" / "1.png", "blue")
    build(tmp_path / "two")
    assert [*learned(place)] == ["face:7"]


async def test_a_database_of_another_pack_is_left_alone(red_and_green, state, learn, make_pack, enrolled):
    state.confirm(7, "Anna", RED)
    with pytest.raises(Conflict, match="another model pack"):
        await learn(pack=make_pack("colours-2"))
    assert enrolled() == {"Red": 1, "Green": 1}


async def test_without_a_database_nothing_is_made(state, learn):
    state.confirm(7, "Anna", RED)
    with pytest.raises(NoDatabase):
        await learn()


async def test_of_thousands_of_faces_of_a_person_the_best_are_compared(
    red_and_green, state, learn, place, monkeypatch
):
    compared = []
    distances = decisions.reference_distances

    def measured(vectors, pack):
        compared.append(len(vectors))
        return distances(vectors, pack)

    monkeypatch.setattr(decisions, "reference_distances", measured)
    for number in range(decisions.MOST_COMPARED + 100):
        state.confirm(number, "Anna", (1.0, 0.0005 * number, 0.0), quality=0.5)
    state.confirm(9999, "Anna", (1.0, 0.1, 0.0), quality=0.95)
    await learn()
    assert compared == [decisions.MOST_COMPARED]
    assert "face:9999" in learned(place)

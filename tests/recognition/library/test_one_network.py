"""A pack of one embedding network: enrolled, recognised, stored, matched again, calibrated like any other."""

import numpy as np
import pytest

from stash_sense.domain.identity import Person
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.build import database_writer
from stash_sense.enrolment.calibrate import FEWEST_PEOPLE, calibrate, enrolled_faces
from stash_sense.enrolment.folder import build_from_folders
from stash_sense.errors import BadInput
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Reference
from stash_sense.matching.calibration import Calibration
from stash_sense.models.manifest import DEFAULT_PACK, PackManifest
from stash_sense.models.prepare import PreparedPack, prepare_pack
from stash_sense.recognition.recognizer import FaceRecognizer, LoadedPack, load_pack

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def one_network(pack_dir) -> LoadedPack:
    """The default pack without its second network, calibrated by the curve of the first."""
    prepared = prepare_pack(DEFAULT_PACK, pack_dir)
    whole = prepared.manifest.model_dump()
    slot = Calibration.read(whole["calibration"]).slots["arcface"]
    scores = [round((score - slot.mean) / slot.sd, 5) for score in slot.curve.scores]
    whole["id"] = "one-network"
    whole["files"] = [file for file in whole["files"] if file["role"] != "facenet"]
    whole["slots"]["facenet"] = None
    whole["calibration"] |= {
        "slots": {"arcface": {**whole["calibration"]["slots"]["arcface"], "weight": 1.0}},
        "curve": {"scores": scores, "distances": list(slot.curve.distances)},
    }
    manifest = PackManifest.model_validate(whole)
    return load_pack(PreparedPack(manifest, prepared.paths, manifest.fingerprint))


@pytest.fixture(scope="module")
def enrolled_place(one_network, samples, tmp_path_factory):
    place = tmp_path_factory.mktemp("people")
    build_from_folders([samples / "people"], place, one_network, NoProgress())
    return place


@pytest.fixture
def recognizer(one_network, enrolled_place):
    with FaceDatabase.open(enrolled_place) as database:
        yield FaceRecognizer(one_network, database)


@pytest.fixture
def image(stash, samples):
    return str(stash.library.add_image(samples / "gallery" / "obama2.jpg", path="/data/obama2.jpg"))


async def test_it_names_stores_and_reads_back(look_at, recognizer, image, fetched):
    first = await look_at(image, recognizer=recognizer)
    (face,) = first.faces
    assert (face.verdict.status, face.matches[0].name) == ("match", "Barack Obama")
    assert face.matches[0].facenet_distance == face.matches[0].combined_score
    assert fetched() == 1
    again = await look_at(image, recognizer=recognizer)
    assert (fetched(), again.reused, again.faces[0].matches) == (0, True, face.matches)


async def test_its_faces_are_matched_again_without_the_picture(
    look_at, one_network, image, fetched, samples, tmp_path, recognizer
):
    people = tmp_path / "people"
    (people / "Ms Collins").mkdir(parents=True)
    portrait = next((samples / "people" / "Eileen Collins").iterdir())
    (people / "Ms Collins" / portrait.name).write_bytes(portrait.read_bytes())
    build_from_folders([people], tmp_path / "other", one_network, NoProgress())
    await look_at(image, recognizer=recognizer)
    fetched()
    with FaceDatabase.open(tmp_path / "other") as other:
        answer = await look_at(image, recognizer=FaceRecognizer(one_network, other))
    assert (fetched(), answer.faces[0].verdict.status) == (0, "unknown")


async def test_its_scenes_are_stored_and_read_back(look_at_scene, recognizer, add_scene, parts_fetched):
    scene = add_scene()
    await look_at_scene(scene, recognizer=recognizer)
    assert parts_fetched() > 0
    await look_at_scene(scene, recognizer=recognizer)
    assert parts_fetched() == 0


def test_its_database_has_one_slot(recognizer):
    assert [(slot.name, slot.dimension) for slot in recognizer.database.manifest.slots] == [("arcface", 128)]


def test_it_is_calibrated_on_those_enrolled_with_it(one_network, tmp_path):
    rng = np.random.default_rng(0)
    with database_writer(tmp_path, one_network) as writer:
        for number in range(FEWEST_PEOPLE):
            vector = rng.standard_normal((1, 128)).astype(np.float32)
            reference = Reference(f"/{number}.jpg", (0, 0, 9, 9), 1.0)
            writer.add_person(Person(str(number), str(number)), [reference], vector / np.linalg.norm(vector))
        writer.commit(["/people"])
    with FaceDatabase.open(tmp_path) as database:
        made = calibrate([enrolled_faces(database, one_network)], one_network)
    assert list(made.slots) == ["arcface"]
    assert made.made_on.startswith(f"{FEWEST_PEOPLE} faces: {FEWEST_PEOPLE} people")
    assert made.curve.score(0.4) > made.curve.score(0.6) > 3  # of a standard normal: 3e-5 lies at 4


def test_a_database_of_another_pack_calibrates_nothing(recognizer, pack):
    with pytest.raises(BadInput, match="built with the pack one-network, not with stash-sense-default"):
        enrolled_faces(recognizer.database, pack)

"""Two performers of one name, or with one portrait: both are offered, and reasons tell them apart."""

import pytest

from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.stash import build_from_stash
from stash_sense.facedb.database import FaceDatabase
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.recognizer import FaceRecognizer


@pytest.fixture
async def namesakes(stash, tools, pool, picture, make_pack, tmp_path):
    """Enrols two performers named Jane Doe, told apart by Stash, from these colours."""
    opened = []

    async def enrol(*colours) -> FaceRecognizer:
        for colour, born in zip(colours, (1980, 1990), strict=True):
            number = stash.library.add_performer("Jane Doe", image=picture(colour, 250))
            stash.library.performers[number].disambiguation = f"born {born}"
        await build_from_stash(tools.stash, tmp_path / "people", make_pack(), NoProgress(), pool=pool)
        opened.append(FaceDatabase.open(tmp_path / "people"))
        return FaceRecognizer(make_pack(), opened[-1])

    yield enrol
    for database in opened:
        database.close()


async def test_reasons_name_the_performer_as_the_library_does(namesakes, fill, look_at, identify, state):
    recognizer = await namesakes("red", "green")
    gallery, (image, _) = fill("red", "red")
    answer = await look_at(image, recognizer=recognizer)
    (face,) = answer.faces
    assert face.named.name == "Jane Doe"
    assert "Jane Doe (born 1980)" in str(face.verdict.reason)
    assert "Jane Doe (born 1980)" in str(
        (await look_at(image, recognizer=recognizer)).faces[0].verdict.reason
    )
    (person,) = (await identify(gallery, recognizer=recognizer)).performers
    assert (person.name, "Jane Doe (born 1980)" in str(person.reason)) == ("Jane Doe", True)
    state.decide(int(answer.face_ids[0]), "confirmed", "local:2")
    state.decide(int(answer.face_ids[0]), "rejected", "local:2")
    state.decide(int(answer.face_ids[0]), "rejected", "local:1")
    assert (await look_at(image, recognizer=recognizer)).faces[0].matches == ()


@pytest.mark.parametrize("pictures", [1, 2, 3])
@pytest.mark.parametrize("top_k", [1, 5])
async def test_two_performers_with_one_portrait_are_a_question(
    namesakes, fill, identify, look_at, pictures, top_k
):
    recognizer = await namesakes("red", "red")
    gallery, images = fill(*["red"] * pictures)
    answer = await identify(gallery, MatchOptions(top_k=top_k), recognizer=recognizer)
    assert answer.performers == ()
    (track,) = answer.unknown
    assert track.verdict == "ambiguous"
    assert {match["performer_id"] for match in track.nearest} == {"local:1", "local:2"}
    for image in images:
        assert (await look_at(image, recognizer=recognizer)).faces[0].verdict.status == "ambiguous"

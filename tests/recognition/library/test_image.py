"""One image of a Stash: looked at once, stored, and found again; every failure says what it is."""

import sqlite3
from contextlib import closing

import pytest

from stash_sense.domain.reasons import Reason, ReasonCode
from stash_sense.errors import (
    NoPicture,
    NotAnImage,
    NotAPicture,
    NotInStash,
    StashKeyRefused,
    StashUnreachable,
    UnreadableImage,
)
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition import parameters
from stash_sense.recognition.image import identify_image
from stash_sense.recognition.parameters import Tools
from stash_sense.runtime.from_settings import recognizer as open_recognizer
from stash_sense.stash.client import StashClient


async def test_an_image_is_named_and_stored(fill, look_at, state):
    _, (image,) = fill("red")
    answer = await look_at(image)
    (face,) = answer.faces
    assert (face.verdict.status, face.matches[0].name) == ("match", "Red")
    assert (answer.stored, answer.reused, answer.width, answer.height) == (True, False, 40, 36)
    assert face.box.tolist() == pytest.approx([0, 0, 40, 36])
    assert state.get_image_fingerprint_faces(image)[0]["performer_id"] == "Red"
    assert answer.face_ids == (str(state.get_image_result(image).faces[0].face_id),)


async def test_the_same_picture_is_not_fetched_again(fill, look_at, fetched, stash):
    _, (image,) = fill("red")
    first = await look_at(image)
    assert fetched() == 1
    stash.library.images[int(image)].updated_at = stash.library.now()
    again = await look_at(image)
    assert (fetched(), again.reused) == (0, True)
    assert again.face_ids[0] == first.face_ids[0]
    assert again.faces[0].matches == first.faces[0].matches
    assert again.faces[0].verdict == first.faces[0].verdict


async def test_another_picture_under_the_same_id_is_looked_at(fill, look_at, fetched, stash, picture):
    _, (image,) = fill("red")
    await look_at(image)
    stash.library.replace_file(int(image), picture("green"))
    fetched()
    answer = await look_at(image)
    assert (fetched(), answer.faces[0].matches[0].name) == (1, "Green")


async def test_another_image_of_the_same_picture_is_not_fetched(fill, look_at, fetched, stash, picture):
    _, (image,) = fill("red")
    await look_at(image)
    other = str(stash.library.add_image(picture("red", 0)))
    fetched()
    answer = await look_at(other)
    assert (fetched(), answer.faces[0].matches[0].name) == (0, "Red")


async def test_a_stored_reason_keeps_its_code_and_people(fill, look_at):
    _, (image,) = fill("red")
    fresh, stored = [(await look_at(image)).faces[0] for _ in range(2)]
    assert stored.verdict.reason == fresh.verdict.reason
    assert (stored.verdict.reason.code, stored.verdict.reason.people[0].name) == (ReasonCode.NEAREST, "Red")


async def test_a_reason_stored_without_a_code_is_still_shown(fill, look_at, state):
    _, (image,) = fill("red")
    await look_at(image)
    with closing(sqlite3.connect(state.path)) as connection, connection:
        connection.execute("UPDATE stash_sense_faces SET reason = 'Red at 0.32', details = NULL")
    (face,) = (await look_at(image)).faces
    assert (face.verdict.reason.code, str(face.verdict.reason)) == (None, "Red at 0.32")


async def test_force_looks_again_and_keeps_the_face_id(fill, look_at, fetched):
    _, (image,) = fill("red")
    first = await look_at(image)
    again = await look_at(image, force=True)
    assert (fetched(), again.reused) == (2, False)
    assert again.face_ids[0] == first.face_ids[0]


@pytest.mark.parametrize(
    "options",
    [
        MatchOptions(top_k=1),
        MatchOptions(max_distance=0.1),
        MatchOptions(max_distance=1.9),
        MatchOptions(20, 2.0, 0.9),
    ],
)
async def test_other_options_are_answered_without_a_fetch_and_as_if_fresh(fill, look_at, fetched, options):
    _, (image,) = fill((200, 160, 30))
    await look_at(image)
    fetched()
    again = await look_at(image, options)
    assert fetched() == 0
    fresh = await look_at(image, options, force=True)
    assert [one.matches for one in again.faces] == [one.matches for one in fresh.faces]
    assert [one.verdict for one in again.faces] == [one.verdict for one in fresh.faces]


async def test_less_sure_faces_than_were_looked_for_need_the_picture(fill, look_at, fetched):
    _, (image,) = fill("red")
    await look_at(image)
    await look_at(image, MatchOptions(min_face_confidence=0.2))
    assert fetched() == 2
    await look_at(image, MatchOptions(min_face_confidence=0.3))
    await look_at(image)
    assert fetched() == 0


async def test_faces_less_sure_than_asked_are_not_shown(fill, look_at, fetched):
    _, (image,) = fill("red")
    assert (await look_at(image, MatchOptions(min_face_confidence=0.95))).faces == ()
    assert len((await look_at(image)).faces) == 1
    assert fetched() == 1


async def test_an_original_serves_for_a_thumbnail_and_not_the_other_way_round(fill, look_at, fetched):
    _, (one, other) = fill("red", "green")
    await look_at(one)
    await look_at(one, source="thumbnail")
    assert fetched() == 1
    await look_at(other, source="thumbnail")
    await look_at(other)
    assert fetched() == 2


async def test_boxes_of_a_thumbnail_are_in_pixels_of_the_original(stash, look_at, picture):
    image = str(stash.library.add_image(picture("red", size=(1280, 960))))
    answer = await look_at(image, source="thumbnail")
    assert (answer.width, answer.height) == (1280, 960)
    assert answer.faces[0].box.tolist() == pytest.approx([0, 0, 1280, 960])


async def test_another_database_is_matched_without_a_fetch(
    fill, look_at, fetched, build, people, photo, colours, place, state
):
    _, (image,) = fill("blue")
    first = await look_at(image)
    assert first.faces[0].matches[0].name == "Blue"
    (people / "Blue").rename(people / "Azure")
    build(people)
    fetched()
    with open_recognizer(colours, place) as newer:
        again = await look_at(image, recognizer=newer)
    assert fetched() == 0
    assert (again.faces[0].matches[0].name, again.face_ids[0]) == ("Azure", first.face_ids[0])
    assert state.get_image_result(image).db_version == newer.database.manifest.version


async def test_another_pack_analyses_the_picture_again(
    fill, look_at, fetched, build, people, make_pack, place
):
    _, (image,) = fill("red")
    await look_at(image)
    pack = make_pack("colours-2")
    build(people, pack=pack)
    with open_recognizer(pack, place) as other:
        answer = await look_at(image, recognizer=other)
    assert (fetched(), answer.faces[0].matches[0].name) == (2, "Red")


async def test_decisions_are_honoured(fill, look_at, state):
    _, (image,) = fill("red")
    face_id = (await look_at(image)).face_ids[0]
    said = state.decide(int(face_id), "rejected", "Red")
    (face,) = (await look_at(image)).faces
    assert (face.verdict.status, face.matches) == ("unknown", ())
    state.undecide(said.decision_id)
    state.decide(int(face_id), "confirmed", "Green", "Green")
    again = await look_at(image, force=True)
    (face,) = again.faces
    assert (face.named.name, face.matches[0].name, again.face_ids) == ("Green", "Green", (face_id,))


async def test_what_cannot_be_stored_is_answered_all_the_same(fill, look_at, state, locked, caplog):
    _, (image,) = fill("red")
    face_id = (await look_at(image)).face_ids[0]
    state.decide(int(face_id), "ignored")
    with locked():
        answer = await look_at(image, force=True)
    assert (answer.stored, len(answer.faces)) == (False, 1)
    assert answer.face_ids[0].startswith("seen-")
    assert answer.faces[0].verdict.reason == Reason(ReasonCode.IGNORED)
    assert "was not stored" in caplog.text


async def test_new_matches_that_cannot_be_stored_are_answered_all_the_same(fill, look_at, locked):
    _, (image,) = fill("red")
    face_id = (await look_at(image)).face_ids[0]
    with locked():
        answer = await look_at(image, MatchOptions(top_k=2))
    assert (answer.stored, answer.face_ids[0]) == (False, face_id)


async def test_a_video_is_no_picture(stash, look_at):
    clip = str(stash.library.add_image(b"video", video=True))
    with pytest.raises(NotAPicture, match="is a video"):
        await look_at(clip)


async def test_an_image_without_a_file_has_no_picture(stash, look_at, fill):
    _, (image,) = fill("red")
    stash.library.images[int(image)].files.clear()
    with pytest.raises(NoPicture, match="no file"):
        await look_at(image)


async def test_an_image_whose_file_is_gone_says_so(stash, look_at, fill):
    _, (image,) = fill("red")
    stash.library.lose_file(int(image))
    with pytest.raises(NoPicture, match=f"Image {image}"):
        await look_at(image)


@pytest.mark.parametrize(("data", "error"), [(b"GIF89a", UnreadableImage), (b"%PDF-1.7 hello", NotAnImage)])
async def test_a_bad_picture_is_refused_by_name(stash, look_at, data, error):
    image = str(stash.library.add_image(data, path="/data/x.jpg", size=(100, 100)))
    with pytest.raises(error, match=f"^Image {image}: "):
        await look_at(image)


async def test_an_unknown_image_is_not_there(look_at):
    with pytest.raises(NotInStash):
        await look_at("404")


async def test_a_stash_that_is_down_says_so_soon(stash, look_at, fill):
    _, (image,) = fill("red")
    stash.down()
    with pytest.raises(StashUnreachable):
        await look_at(image)


async def test_a_wrong_key_says_so(stash, fill, state, pool, sees_colours):
    _, (image,) = fill("red")
    async with StashClient(stash.url, "wrong") as client:
        with pytest.raises(StashKeyRefused):
            await identify_image(image, sees_colours, MatchOptions(), Tools(client, state, pool))


async def test_a_result_of_an_older_program_is_not_taken_for_ours(fill, look_at, state, fetched):
    """A row of version 6 alone holds no faces."""
    _, (image,) = fill("red")
    state.create_image_fingerprint(image, 1)
    state.add_image_fingerprint_face(image, "somebody", 0.9, 0.1)
    answer = await look_at(image)
    assert (fetched(), answer.faces[0].matches[0].name) == (1, "Red")
    with sqlite3.connect(state.path) as connection:
        rows = connection.execute("SELECT performer_id FROM image_fingerprint_faces").fetchall()
    connection.close()
    assert rows == [("Red",)]


async def test_a_result_of_an_older_analysis_is_analysed_again_and_keeps_its_decisions(
    fill, look_at, state, fetched, monkeypatch
):
    _, (image,) = fill("red")
    with monkeypatch.context() as older:
        older.setattr(parameters, "ANALYSIS", "older")
        face_id = (await look_at(image)).face_ids[0]
    state.decide(int(face_id), "confirmed", "Green", "Green")
    fetched()
    again = await look_at(image)
    assert (fetched(), again.reused, again.face_ids) == (1, False, (face_id,))
    assert again.faces[0].named.name == "Green"
    await look_at(image)
    assert fetched() == 0


async def test_a_result_stored_before_there_were_versions_of_the_analysis_is_analysed_again(
    fill, look_at, state, fetched
):
    _, (image,) = fill("red")
    await look_at(image)
    with closing(sqlite3.connect(state.path)) as connection, connection:
        connection.execute(
            "UPDATE stash_sense_image_results SET settings = json_remove(settings, '$.analysis')"
        )
    fetched()
    await look_at(image)
    assert fetched() == 1

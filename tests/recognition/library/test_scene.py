"""Scenes identified against a Stash over HTTP: from where frames come, and what is answered again."""

import io

import numpy as np
import pytest
from PIL import Image

from fakes.stash import Status
from stash_sense.domain.faces import SceneFaceId
from stash_sense.errors import NotInStash, NoVideo, StashKeyRefused, VideoChanged
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.scene import stored_scene_answer
from stash_sense.runtime.from_settings import recognizer as open_recognizer

from .conftest import GREEN
from .videos import SIZE, make_video


def names(answer) -> list[str]:
    return [person["name"] for person in answer.persons]


async def test_a_scene_says_who_and_when(look_at_scene, add_scene, progress):
    answer = await look_at_scene(add_scene())
    assert names(answer) == ["Red", "Green"]
    red, green = answer.persons
    (span,) = red["spans"]
    assert span[0] == 0
    assert 18 <= span[1] <= 24
    assert 26 <= green["first_s"] <= 32
    assert (red["verdict"], red["performer_id"], red["proportion"]) == (
        "match",
        "Red",
        pytest.approx(0.5, abs=0.2),
    )
    assert red["best_frame"]["face_id"].startswith("s")
    assert 1 <= len(red["best_faces"]) <= 8
    assert (answer.source, answer.width, answer.height, answer.duration_s) == ("stream", *SIZE, 40.0)
    assert (answer.frames_analyzed, answer.stored, answer.reused) == (len(answer.frames), True, False)
    assert progress.steps[-1] == (answer.frames_analyzed, answer.frames_analyzed, answer.faces_detected, 2)
    assert answer.unknown == ()


async def test_a_file_that_opens_here_and_has_its_size_is_read_here(
    look_at_scene, add_scene, film, parts_fetched
):
    answer = await look_at_scene(add_scene(path=str(film)))
    assert (answer.source, names(answer), parts_fetched()) == ("file", ["Red", "Green"], 0)


async def test_a_file_of_another_size_is_another_file(look_at_scene, add_scene, film, tmp_path):
    other = tmp_path / "other.mp4"
    other.write_bytes(film.read_bytes() + b"more")
    assert (await look_at_scene(add_scene(path=str(other)))).source == "stream"


async def test_a_file_that_is_asked_for_and_not_here_is_refused(look_at_scene, add_scene):
    with pytest.raises(NoVideo, match="does not open here"):
        await look_at_scene(add_scene(), source="file")


async def test_asked_again_no_byte_of_video_is_read(look_at_scene, add_scene, parts_fetched, sees_colours):
    scene = add_scene()
    first = await look_at_scene(scene)
    assert parts_fetched() > 0
    calls = sees_colours.pack.engine.pictures
    again = await look_at_scene(scene)
    assert (parts_fetched(), sees_colours.pack.engine.pictures) == (0, calls)
    assert again.reused
    assert again.as_json() == first.as_json() | {"reused": True}


async def test_the_interactive_answer_is_there_once_all_is_stored(
    tools, sees_colours, add_scene, look_at_scene, progress
):
    scene = add_scene()
    assert await stored_scene_answer(scene, sees_colours, MatchOptions(), tools, progress) is None
    first = await look_at_scene(scene)
    again = await stored_scene_answer(scene, sees_colours, MatchOptions(), tools, progress)
    assert again.persons == first.persons


async def test_a_new_database_matches_again_without_the_video(
    look_at_scene, add_scene, parts_fetched, sees_colours, build, people, photo, colours, place
):
    scene = add_scene()
    await look_at_scene(scene)
    parts_fetched()
    photo(people / "Green" / "2.png", (40, 250, 40))
    (people / "Green").rename(people / "Emerald")
    build(people)
    with open_recognizer(colours, place) as other:
        answer = await look_at_scene(scene, recognizer=other)
    assert (names(answer), parts_fetched()) == (["Red", "Emerald"], 0)


async def test_other_options_need_no_video(look_at_scene, add_scene, parts_fetched):
    scene = add_scene()
    await look_at_scene(scene)
    parts_fetched()
    await look_at_scene(scene, MatchOptions(top_k=1, max_distance=0.5, min_face_confidence=0.8))
    assert parts_fetched() == 0


async def test_force_reads_the_video_again_and_keeps_the_ids_of_faces(
    look_at_scene, add_scene, parts_fetched, new_progress
):
    scene = add_scene()
    first = await look_at_scene(scene)
    parts_fetched()
    again = await look_at_scene(scene, force=True, progress=new_progress("job-2"))
    assert parts_fetched() > 0
    assert [person["best_faces"] for person in again.persons] == [
        person["best_faces"] for person in first.persons
    ]


async def test_another_file_is_looked_at_anew(look_at_scene, add_scene, stash, tmp_path):
    scene = add_scene()
    await look_at_scene(scene)
    green = make_video(tmp_path / "green.mp4", [(GREEN, 10)])
    stash.library.replace_video(int(scene), green.read_bytes())
    assert names(await look_at_scene(scene)) == ["Green"]


async def test_fewer_frames_are_looked_at_where_fewer_are_allowed(look_at_scene, add_scene):
    scene = add_scene()
    few = await look_at_scene(scene, max_frames=4)
    assert (few.frames_analyzed, few.stopped) == (4, "max-frames")
    more = await look_at_scene(scene)
    assert set(few.frames) <= set(more.frames)
    assert more.frames_analyzed > 4


@pytest.mark.parametrize("content", [b"not a video at all", b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 4000])
async def test_a_broken_file_is_not_read_again_until_it_changes(
    look_at_scene, add_scene, parts_fetched, stash, film, content
):
    scene = add_scene(content)
    with pytest.raises(Exception) as first:
        await look_at_scene(scene)
    assert parts_fetched() > 0
    with pytest.raises(Exception) as again:
        await look_at_scene(scene)
    assert (parts_fetched(), str(again.value), again.value.code) == (0, str(first.value), first.value.code)
    with pytest.raises(Exception, match=r"\."):
        await look_at_scene(scene, force=True)
    assert parts_fetched() > 0
    stash.library.replace_video(int(scene), film)
    assert names(await look_at_scene(scene)) == ["Red", "Green"]


@pytest.fixture
def sprite():
    """Four cells, two of them red, 160 px wide; and their list."""
    sheet = np.zeros((180, 320, 3), np.uint8)
    sheet[:90] = (255, 30, 30)
    out = io.BytesIO()
    Image.fromarray(sheet).save(out, "JPEG", quality=95)
    cells = [(0, "0,0"), (10, "160,0"), (20, "0,90"), (30, "160,90")]
    text = "WEBVTT\n\n" + "\n\n".join(
        f"00:00:{time_s:02}.000 --> 00:00:{time_s + 10:02}.000\nx_sprite.jpg#xywh={at},160,90"
        for time_s, at in cells
    )
    return {"sprite": out.getvalue(), "vtt": text.encode()}


async def test_a_sprite_serves_as_a_declared_last_resort(look_at_scene, add_scene, sprite, parts_fetched):
    scene = add_scene(b"not a video", media=sprite)
    answer = await look_at_scene(scene)
    assert (answer.source, answer.frames) == ("sprite", (0, 10, 20, 30))
    assert "Only the small pictures of Stash's sprite" in answer.errors[0]
    assert answer.faces_detected == 2
    again = await look_at_scene(scene)
    assert (again.reused, again.errors) == (True, answer.errors)


async def test_a_sprite_that_was_looked_at_does_not_stand_in_the_videos_way(look_at_scene, add_scene, sprite):
    scene = add_scene(media=sprite)
    assert (await look_at_scene(scene, source="sprite")).source == "sprite"
    assert (await look_at_scene(scene)).source == "stream"


async def test_a_scene_without_sprite_says_what_is_wrong_with_the_video(look_at_scene, add_scene):
    with pytest.raises(Exception, match="video"):
        await look_at_scene(add_scene(b"not a video"))


async def test_a_scene_that_is_gone_or_has_no_file_says_so(look_at_scene, add_scene, stash):
    with pytest.raises(NotInStash):
        await look_at_scene("99")
    scene = add_scene()
    stash.library.scenes[int(scene)].files[0].content = None
    with pytest.raises(NoVideo, match="Rescan"):
        await look_at_scene(scene)
    stash.library.scenes[int(scene)].files.clear()
    with pytest.raises(NoVideo, match="Rescan"):
        await look_at_scene(scene)


async def test_a_login_page_is_no_video(look_at_scene, add_scene, stash):
    stash.faults.add(Status(302, headers={"Location": "/login"}), where="stream")
    with pytest.raises(StashKeyRefused):
        await look_at_scene(add_scene())


async def test_an_image_of_the_same_number_is_no_scene(look_at_scene, stash, picture):
    stash.library.add_image(picture())
    with pytest.raises(NotInStash, match="scene 1"):
        await look_at_scene("1")


def confirm(state, face_id: str, word: str, performer: str | None = None) -> int:
    return state.decide(SceneFaceId(int(face_id.removeprefix("s"))), word, performer).decision_id


async def test_decisions_hold_for_the_track_and_are_undone(look_at_scene, add_scene, state):
    scene = add_scene()
    red = (await look_at_scene(scene)).persons[0]
    face_id = red["best_faces"][0]["face_id"]
    decision = confirm(state, face_id, "rejected", "Red")
    answer = await look_at_scene(scene)
    assert "Red" not in names(answer)
    assert answer.unknown[0]["face_count"] == red["face_count"]
    state.undecide(decision)
    assert names(await look_at_scene(scene)) == ["Red", "Green"]
    confirm(state, face_id, "confirmed", "Blue")
    answer = await look_at_scene(scene)
    assert answer.persons[0]["name"] == "Blue"
    assert (answer.persons[0]["confirmed"], answer.persons[0]["face_count"]) == (True, red["face_count"])
    decision = confirm(state, face_id, "ignored")
    answer = await look_at_scene(scene)
    assert (names(answer), answer.unknown) == (["Green"], ())
    state.undecide(decision)
    assert names(await look_at_scene(scene)) == ["Red", "Green"]


async def test_decisions_are_found_again_by_another_sampling(
    look_at_scene, add_scene, state, new_progress, stash, monkeypatch
):
    scene = add_scene()
    answer = await look_at_scene(scene)
    confirm(state, answer.persons[0]["best_faces"][0]["face_id"], "confirmed", "Blue")
    with state._pool.writing() as connection:  # as if no frame of this run were at the same moment
        connection.execute("UPDATE stash_sense_scene_frames SET time_s = time_s + 0.4")
        connection.execute("UPDATE stash_sense_videos SET db_version = NULL")
    answer = await look_at_scene(scene)
    assert names(answer) == ["Blue", "Green"]
    (listed,) = state.list_decisions()
    assert listed.face_id is not None  # it moved there
    again = await look_at_scene(scene, force=True, progress=new_progress("job-2"))
    assert names(again) == ["Blue", "Green"]


async def test_a_video_that_changes_while_it_is_read_leaves_no_mixed_frames(
    look_at_scene, add_scene, stash, progress, noisy_film, small_blocks, one_batch_ahead, state
):
    scene = add_scene(noisy_film)
    grown = noisy_film.read_bytes() + b"more"

    def change(done: int) -> None:
        if done >= 4:
            stash.library.scenes[int(scene)].files[0].content = grown
            stash.library.scenes[int(scene)].files[0].size = len(grown)

    progress.at_step = change
    with pytest.raises(VideoChanged, match="changed while it was read"):
        await look_at_scene(scene)
    assert max(done for done, *_ in progress.steps) >= 4
    with state._pool.reading() as connection:
        left = connection.execute("SELECT count(*) FROM stash_sense_scene_frames WHERE NOT former")
        assert left.fetchone() == (0,)

"""Scenes identified against a Stash over HTTP: from where frames come, and what is answered again."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fakes.stash import Status
from stash_sense.domain.faces import SceneFaceId
from stash_sense.errors import NotInStash, NoVideo, StashKeyRefused, VideoChanged
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.scene import identify_scene, stored_scene_answer
from stash_sense.runtime.from_settings import recognizer as open_recognizer
from stash_sense.stash import scene_stream

from .conftest import SHORT
from .videos import SIZE, make_large_video, make_video

RED, GREEN, BLACK = "0xff1e1e", "0x1eff1e", "black"


@pytest.fixture(scope="session")
def film(tmp_path_factory) -> Path:
    """Red for 20 s, nobody for 10 s, green for 10 s."""
    path = tmp_path_factory.mktemp("videos") / "film.mp4"
    return make_video(path, [(RED, 20), (BLACK, 10), (GREEN, 10)])


@pytest.fixture
def add_scene(stash, film):
    """Puts the film, or another file's bytes, into Stash; where the sidecar cannot open it, if not asked."""

    def add_scene(content=film, **more) -> str:
        more.setdefault("path", "/videos/elsewhere.mp4")
        return str(stash.library.add_scene("Film", content=content, size=SIZE, duration=40.0, **more))

    return add_scene


@pytest.fixture
def identify(tools, sees_colours, progress):
    async def identify(scene, options=None, recognizer=None, progress=progress, **more):
        more.setdefault("outage_limits", SHORT)
        return await identify_scene(
            scene, recognizer or sees_colours, options or MatchOptions(), tools, progress, **more
        )

    return identify


@pytest.fixture
def fetched(stash):
    """How many parts of videos were fetched since the last call."""

    def fetched() -> int:
        count = stash.record.counts["stream"]
        stash.record.forget()
        return count

    return fetched


def names(answer) -> list[str]:
    return [person["name"] for person in answer.persons]


async def test_a_scene_says_who_and_when(identify, add_scene, progress):
    answer = await identify(add_scene())
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


async def test_a_file_that_opens_here_and_has_its_size_is_read_here(identify, add_scene, film, fetched):
    answer = await identify(add_scene(path=str(film)))
    assert (answer.source, names(answer), fetched()) == ("file", ["Red", "Green"], 0)


async def test_a_file_of_another_size_is_another_file(identify, add_scene, film, tmp_path):
    other = tmp_path / "other.mp4"
    other.write_bytes(film.read_bytes() + b"more")
    assert (await identify(add_scene(path=str(other)))).source == "stream"


async def test_a_file_that_is_asked_for_and_not_here_is_refused(identify, add_scene):
    with pytest.raises(NoVideo, match="does not open here"):
        await identify(add_scene(), source="file")


async def test_asked_again_no_byte_of_video_is_read(identify, add_scene, fetched, sees_colours):
    scene = add_scene()
    first = await identify(scene)
    assert fetched() > 0
    calls = sees_colours.pack.engine.pictures
    again = await identify(scene)
    assert (fetched(), sees_colours.pack.engine.pictures) == (0, calls)
    assert again.reused
    assert again.as_json() == first.as_json() | {"reused": True}


async def test_the_interactive_answer_is_there_once_all_is_stored(
    tools, sees_colours, add_scene, identify, progress
):
    scene = add_scene()
    assert await stored_scene_answer(scene, sees_colours, MatchOptions(), tools, progress) is None
    first = await identify(scene)
    again = await stored_scene_answer(scene, sees_colours, MatchOptions(), tools, progress)
    assert again.persons == first.persons


async def test_a_new_database_matches_again_without_the_video(
    identify, add_scene, fetched, sees_colours, build, people, photo, colours, place
):
    scene = add_scene()
    await identify(scene)
    fetched()
    photo(people / "Green" / "2.png", (40, 250, 40))
    (people / "Green").rename(people / "Emerald")
    build(people)
    with open_recognizer(colours, place) as other:
        answer = await identify(scene, recognizer=other)
    assert (names(answer), fetched()) == (["Red", "Emerald"], 0)


async def test_other_options_need_no_video(identify, add_scene, fetched):
    scene = add_scene()
    await identify(scene)
    fetched()
    await identify(scene, MatchOptions(top_k=1, max_distance=0.5, min_face_confidence=0.8))
    assert fetched() == 0


async def test_force_reads_the_video_again_and_keeps_the_ids_of_faces(
    identify, add_scene, fetched, new_progress
):
    scene = add_scene()
    first = await identify(scene)
    fetched()
    again = await identify(scene, force=True, progress=new_progress("job-2"))
    assert fetched() > 0
    assert [person["best_faces"] for person in again.persons] == [
        person["best_faces"] for person in first.persons
    ]


async def test_another_file_is_looked_at_anew(identify, add_scene, stash, tmp_path):
    scene = add_scene()
    await identify(scene)
    green = make_video(tmp_path / "green.mp4", [(GREEN, 10)])
    stash.library.replace_video(int(scene), green.read_bytes())
    assert names(await identify(scene)) == ["Green"]


async def test_fewer_frames_are_looked_at_where_fewer_are_allowed(identify, add_scene):
    scene = add_scene()
    few = await identify(scene, max_frames=4)
    assert (few.frames_analyzed, few.stopped) == (4, "max-frames")
    more = await identify(scene)
    assert set(few.frames) <= set(more.frames)
    assert more.frames_analyzed > 4


@pytest.mark.parametrize("content", [b"not a video at all", b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 4000])
async def test_a_broken_file_is_not_read_again_until_it_changes(
    identify, add_scene, fetched, stash, film, content
):
    scene = add_scene(content)
    with pytest.raises(Exception) as first:
        await identify(scene)
    assert fetched() > 0
    with pytest.raises(Exception) as again:
        await identify(scene)
    assert (fetched(), str(again.value), again.value.code) == (0, str(first.value), first.value.code)
    with pytest.raises(Exception, match=r"\."):
        await identify(scene, force=True)
    assert fetched() > 0
    stash.library.replace_video(int(scene), film)
    assert names(await identify(scene)) == ["Red", "Green"]


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


async def test_a_sprite_serves_as_a_declared_last_resort(identify, add_scene, sprite, fetched):
    scene = add_scene(b"not a video", media=sprite)
    answer = await identify(scene)
    assert (answer.source, answer.frames) == ("sprite", (0, 10, 20, 30))
    assert "Only the small pictures of Stash's sprite" in answer.errors[0]
    assert answer.faces_detected == 2
    again = await identify(scene)
    assert (again.reused, again.errors) == (True, answer.errors)


async def test_a_sprite_that_was_looked_at_does_not_stand_in_the_videos_way(identify, add_scene, sprite):
    scene = add_scene(media=sprite)
    assert (await identify(scene, source="sprite")).source == "sprite"
    assert (await identify(scene)).source == "stream"


async def test_a_scene_without_sprite_says_what_is_wrong_with_the_video(identify, add_scene):
    with pytest.raises(Exception, match="video"):
        await identify(add_scene(b"not a video"))


async def test_a_scene_that_is_gone_or_has_no_file_says_so(identify, add_scene, stash):
    with pytest.raises(NotInStash):
        await identify("99")
    scene = add_scene()
    stash.library.scenes[int(scene)].files[0].content = None
    with pytest.raises(NoVideo, match="Rescan"):
        await identify(scene)
    stash.library.scenes[int(scene)].files.clear()
    with pytest.raises(NoVideo, match="Rescan"):
        await identify(scene)


async def test_a_login_page_is_no_video(identify, add_scene, stash):
    stash.faults.add(Status(302, headers={"Location": "/login"}), where="stream")
    with pytest.raises(StashKeyRefused):
        await identify(add_scene())


async def test_an_image_of_the_same_number_is_no_scene(identify, stash, picture):
    stash.library.add_image(picture())
    with pytest.raises(NotInStash, match="scene 1"):
        await identify("1")


def confirm(state, face_id: str, word: str, performer: str | None = None) -> int:
    return state.decide(SceneFaceId(int(face_id.removeprefix("s"))), word, performer).decision_id


async def test_decisions_hold_for_the_track_and_are_undone(identify, add_scene, state):
    scene = add_scene()
    red = (await identify(scene)).persons[0]
    face_id = red["best_faces"][0]["face_id"]
    decision = confirm(state, face_id, "rejected", "Red")
    answer = await identify(scene)
    assert "Red" not in names(answer)
    assert answer.unknown[0]["face_count"] == red["face_count"]
    state.undecide(decision)
    assert names(await identify(scene)) == ["Red", "Green"]
    confirm(state, face_id, "confirmed", "Blue")
    answer = await identify(scene)
    assert answer.persons[0]["name"] == "Blue"
    assert (answer.persons[0]["confirmed"], answer.persons[0]["face_count"]) == (True, red["face_count"])
    decision = confirm(state, face_id, "ignored")
    answer = await identify(scene)
    assert (names(answer), answer.unknown) == (["Green"], ())
    state.undecide(decision)
    assert names(await identify(scene)) == ["Red", "Green"]


async def test_decisions_are_found_again_by_another_sampling(
    identify, add_scene, state, new_progress, stash, monkeypatch
):
    scene = add_scene()
    answer = await identify(scene)
    confirm(state, answer.persons[0]["best_faces"][0]["face_id"], "confirmed", "Blue")
    with state._pool.writing() as connection:  # as if no frame of this run were at the same moment
        connection.execute("UPDATE stash_sense_scene_frames SET time_s = time_s + 0.4")
        connection.execute("UPDATE stash_sense_videos SET db_version = NULL")
    answer = await identify(scene)
    assert names(answer) == ["Blue", "Green"]
    (listed,) = state.list_decisions()
    assert listed.face_id is not None  # it moved there
    again = await identify(scene, force=True, progress=new_progress("job-2"))
    assert names(again) == ["Blue", "Green"]


async def test_a_video_that_changes_while_it_is_read_leaves_no_mixed_frames(
    identify, add_scene, stash, progress, tmp_path, state, monkeypatch
):
    monkeypatch.setattr(scene_stream, "BLOCK", 4096)
    monkeypatch.setattr(scene_stream, "MOST_BLOCKS", 1)
    monkeypatch.setattr(scene_stream, "_BLOCKS_KEPT", 2)
    video = make_large_video(tmp_path / "large.mp4")
    scene = add_scene(video)
    grown = video.read_bytes() + b"more"

    def change(done: int) -> None:
        if done >= 4:
            stash.library.scenes[int(scene)].files[0].content = grown
            stash.library.scenes[int(scene)].files[0].size = len(grown)

    progress.at_step = change
    with pytest.raises(VideoChanged, match="changed while it was read"):
        await identify(scene)
    assert max(done for done, *_ in progress.steps) >= 4
    with state._pool.reading() as connection:
        left = connection.execute("SELECT count(*) FROM stash_sense_scene_frames WHERE NOT former")
        assert left.fetchone() == (0,)

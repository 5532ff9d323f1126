"""`stash-sense identify` on videos: who is in each and when, as a table, as JSON and on the contact sheet."""

import json
from pathlib import Path

import cv2
import pytest

from fakes.videos import write_video

SAMPLES = Path(__file__).parents[2] / "samples"
SIZE = (480, 270)
SECONDS = 4
RATE = 5

pytestmark = pytest.mark.slow


def shot(photo, seconds=SECONDS):
    """A photo in the middle of the picture, as frames."""
    pixels = cv2.imread(str(SAMPLES / "gallery" / photo))
    scale = SIZE[1] / pixels.shape[0]
    pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    left = (SIZE[0] - pixels.shape[1]) // 2
    pixels = pixels[:, max(0, -left) : max(0, -left) + SIZE[0]]
    rest = SIZE[0] - pixels.shape[1]
    padded = cv2.copyMakeBorder(
        pixels, 0, 0, rest // 2, rest - rest // 2, cv2.BORDER_CONSTANT, value=(90, 90, 90)
    )
    return [padded] * (seconds * RATE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A clip with two people one after another, one with nobody, one that is cut off, and a note."""
    folder = tmp_path_factory.mktemp("clips")
    write_video(
        folder / "clip.mp4",
        pictures=[*shot("obama2.jpg"), *shot("coffee.png"), *shot("astronaut_mirrored.jpg")],
        rate=RATE,
        gop=RATE,
    )
    write_video(folder / "nobody.mkv", pictures=shot("coffee.png"), rate=RATE, gop=RATE)
    cut = (folder / "clip.mp4").read_bytes()[:3000]
    (folder / "cut.mp4").write_bytes(cut)
    (folder / "note.txt").touch()
    return folder


@pytest.fixture(scope="module")
def identified(folder, here, tmp_path_factory):
    """The run over that folder: (result of the command, JSON, HTML)."""
    out = tmp_path_factory.mktemp("out")
    done = here(
        "identify", folder, folder / "clip.mp4", "--people", SAMPLES / "people",
        "--json", out / "result.json", "--html", out / "sheet.html",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return done, json.loads((out / "result.json").read_text("utf-8")), (out / "sheet.html").read_text("utf-8")


@pytest.fixture
def scenes(identified):
    return {scene["path"].rsplit("/", 1)[-1]: scene for scene in identified[1]["scenes"]}


def test_each_person_is_named_with_the_times_on_screen(scenes):
    clip = scenes["clip.mp4"]
    spans = {person["name"]: person["spans"] for person in clip["persons"]}
    assert set(spans) == {"Barack Obama", "Eileen Collins"}
    ((first, until),) = spans["Barack Obama"]
    assert first == 0
    assert until == pytest.approx(SECONDS, abs=1)
    ((since, last),) = spans["Eileen Collins"]
    assert since == pytest.approx(2 * SECONDS, abs=1)
    assert last == pytest.approx(3 * SECONDS, abs=0.5)
    assert clip["duration_s"] == pytest.approx(3 * SECONDS, abs=0.5)
    assert {person["verdict"] for person in clip["persons"]} == {"match"}


def test_a_person_has_the_fields_of_the_contract(scenes):
    person = scenes["clip.mp4"]["persons"][0]
    assert {
        "track_id", "performer_id", "name", "verdict", "reason", "frame_count", "proportion", "spans",
        "first_s", "best_match", "all_matches", "best_frame", "stash_ids", "local_id", "stashdb_id",
    } <= set(person)  # fmt: skip
    assert person["best_frame"]["face_id"] is None


def test_a_video_without_a_face_names_nobody(scenes):
    assert (scenes["nobody.mkv"]["persons"], scenes["nobody.mkv"]["unknown"]) == ([], [])
    assert scenes["nobody.mkv"]["frames_analyzed"] > 0


def test_a_video_that_cannot_be_read_is_one_line_beside_the_others(identified, scenes):
    assert scenes["cut.mp4"]["error"].startswith("cut.mp4: ")
    assert scenes["cut.mp4"]["persons"] == []
    assert scenes["cut.mp4"]["error"] in identified[1]["errors"]
    assert scenes["cut.mp4"]["error"] in identified[0].output


def test_a_video_given_twice_counts_once_and_a_note_is_a_line(identified, scenes):
    assert len(identified[1]["scenes"]) == len(scenes) == 3
    assert any("1 file of another kind is not read (1 .txt)" in error for error in identified[1]["errors"])


def test_the_table_lists_people_and_times(identified):
    lines = identified[0].output.splitlines()
    assert any("clip.mp4" in line and "0:00-0:0" in line for line in lines)
    assert "3 videos, " in identified[0].output
    assert "photos" not in identified[0].output


def test_the_contact_sheet_has_a_timeline_for_each_person(identified):
    page = identified[2]
    assert "The people in 3 videos" in page
    assert page.count('class="timeline"') == 2
    assert page.count("data:image/jpeg;base64,") >= 4
    assert 'aria-label="Barack Obama: 0:00 to 0:0' in page


def test_photos_and_videos_go_together(here, folder):
    done = here(
        "identify", folder / "nobody.mkv", SAMPLES / "gallery" / "coffee.png", "--people", SAMPLES / "people"
    )
    assert done.exit_code == 0, done.output
    assert "1 photo, 0 faces" in done.output
    assert "1 video, " in done.output

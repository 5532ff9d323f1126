"""`stash-sense identify` on real photos."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[2] / "samples"

REASON = {"reason", "reason_code", "reason_people", "reason_count"}
FACE = {"box", "quality", "quality_reason", "verdict", "performer_id", "name", "matches"} | REASON
MATCH = {
    *("performer_id", "name", "distance", "confidence", "facenet_distance", "arcface_distance"),
    *("stashdb_id", "stash_ids", "local_id", "country", "image_url", "reference_id", "support"),
}
PERFORMER = {"stashdb_id", "stash_ids", "local_id"} | {
    *("performer_id", "name", "image_count", "best_distance", "avg_distance", "confidence", "images"),
    *("face_count", "faces_alone"),
}


def test_exactly_the_people_of_the_sample_gallery_are_named(demo):
    people = {one["name"]: one["image_count"] for one in demo[1]["performers"]}
    assert people == {"Barack Obama": 4, "Joe Biden": 1, "Eileen Collins": 1}


def test_a_person_who_is_not_enrolled_stays_unknown(demo):
    (hopper,) = [one for one in demo[1]["images"] if one["path"].endswith("grace_hopper.jpg")]
    assert [face["verdict"] for face in hopper["faces"]] == ["unknown"]


def test_photos_without_a_person_name_no_one(demo):
    animals = [one for one in demo[1]["images"] if one["path"].endswith(".png")]
    assert [face["matches"] for one in animals for face in one["faces"]] == []


def test_a_photo_stored_lying_gives_its_box_upright(demo):
    (biden,) = [one for one in demo[1]["images"] if one["path"].endswith("biden_lying.jpg")]
    assert biden["height"] > biden["width"]
    box = biden["faces"][0]["box"]
    assert box["y"] + box["height"] < biden["height"] / 2


def test_the_json_has_the_fields_of_the_contract(demo):
    result = demo[1]
    assert set(result) == {"images", "performers", "unknown", "scenes", "errors"}
    assert all(set(one) == {"path", "width", "height", "faces", "error"} for one in result["images"])
    faces = [face for one in result["images"] for face in one["faces"]]
    assert all(set(face) == FACE for face in faces)
    assert all(set(face["box"]) == {"x", "y", "width", "height", "confidence"} for face in faces)
    assert all(set(match) == MATCH for face in faces for match in face["matches"])
    assert all(set(one) == PERFORMER for one in result["performers"])


def test_performers_stand_in_the_order_of_the_contract(demo):
    order = [(-one["image_count"], one["best_distance"]) for one in demo[1]["performers"]]
    assert order == sorted(order)


def test_the_images_of_a_performer_stand_in_gallery_order(demo):
    paths = [one["path"] for one in demo[1]["images"]]
    for one in demo[1]["performers"]:
        places = [paths.index(path) for path in one["images"]]
        assert places == sorted(set(places))


def test_the_table_names_people_and_reasons(demo):
    assert "Barack Obama" in demo[0].stdout
    assert "Nobody in the face database looks like this person" in demo[0].stdout
    assert "9 photos" in demo[0].stdout


def test_a_second_run_embeds_no_photo_again(stash_sense, demo):
    done = stash_sense("-v", "identify", SAMPLES / "gallery" / "obama2.jpg", "--people", SAMPLES / "people")
    assert done.returncode == 0
    report = stash_sense("database", "build", "--people", SAMPLES / "people", "--json")
    assert json.loads(report.stdout)["embedded"] == 0


def test_json_to_the_output_is_nothing_but_json(stash_sense):
    done = stash_sense(
        "identify", SAMPLES / "gallery" / "obama2.jpg", "--people", SAMPLES / "people", "--json", "-"
    )
    (image,) = json.loads(done.stdout)["images"]
    assert image["faces"][0]["matches"][0]["name"] == "Barack Obama"


def test_plain_evidence_lists_by_the_plain_rule(stash_sense):
    done = stash_sense(
        "identify", SAMPLES / "gallery", "--people", SAMPLES / "people", "--evidence", "plain", "--json", "-"
    )
    people = {one["name"]: one["image_count"] for one in json.loads(done.stdout)["performers"]}
    assert people["Barack Obama"] == 4


def test_the_sheet_loads_nothing_and_runs_nothing(demo):
    sheet = demo[2]
    assert "<script" not in sheet
    assert "http" not in sheet.replace("http-equiv", "")
    assert sheet.count("data:image/jpeg;base64,") >= 9


def test_names_never_become_markup(stash_sense, tmp_path):
    name = '<img src=x onerror=alert(1)> "O\'Neil" \u202eevil\u202c & \U0001f600'
    (tmp_path / "people" / name).mkdir(parents=True)
    (tmp_path / "people" / name / "1.jpg").write_bytes((SAMPLES / "people/Joe Biden/biden.jpg").read_bytes())
    done = stash_sense(
        "identify", SAMPLES / "gallery" / "biden_lying.jpg", "--people", tmp_path / "people",
        "--json", tmp_path / "r.json", "--html", tmp_path / "s.html",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "r.json").read_text("utf-8"))["performers"][0]["name"] == name
    assert "<img src=x" not in (tmp_path / "s.html").read_text("utf-8")
    assert "\u202e" not in done.stdout


def test_a_terminal_escape_in_a_name_is_not_printed(stash_sense, tmp_path):
    (tmp_path / "people" / "\x1b[31mred").mkdir(parents=True)
    (tmp_path / "people" / "\x1b[31mred" / "1.jpg").write_bytes(
        (SAMPLES / "people/Joe Biden/biden.jpg").read_bytes()
    )
    done = stash_sense("identify", SAMPLES / "gallery" / "biden_lying.jpg", "--people", tmp_path / "people")
    assert "\x1b[31mred" not in done.stdout
    assert "[31mred" in done.stdout


def test_an_undecodable_file_name_does_no_harm(stash_sense, tmp_path):
    odd = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    with open(odd, "wb") as file:  # noqa: PTH123 - a bytes path is the point
        file.write((SAMPLES / "gallery/obama2.jpg").read_bytes())
    done = stash_sense(
        "identify", tmp_path, "--people", SAMPLES / "people", "--json", tmp_path / "r.json", "--html",
        tmp_path / "s.html",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "r.json").read_text("utf-8"))["images"][0]["path"].endswith("\udce9.jpg")


def test_bad_photos_are_entries_with_a_reason_and_the_rest_goes_on(stash_sense, tmp_path):
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("not a photo")
    whole = (SAMPLES / "gallery/obama2.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "whole.jpg").write_bytes(whole)
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    done = stash_sense("identify", tmp_path, "--people", SAMPLES / "people", "--json", "-")
    result = json.loads(done.stdout)
    assert done.returncode == 0
    assert {os.path.basename(one["path"]) for one in result["images"] if one["error"]} == {  # noqa: PTH119
        "empty.jpg", "text.jpg", "half.jpg", "dot.png",
    }  # fmt: skip
    assert len(result["errors"]) == 4
    assert result["performers"][0]["name"] == "Barack Obama"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", "--people", SAMPLES / "people"], "no such photo"),
        ([SAMPLES / "gallery", "--people", "nowhere"], "not a folder"),
        ([SAMPLES / "gallery", "--people", SAMPLES / "gallery"], "one folder per person"),
    ],
)
def test_a_wrong_folder_is_one_sentence(here, arguments, said):
    done = here("identify", *arguments)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)  # else it would be a traceback
    assert done.stderr.startswith("Error: ")
    assert said in done.stderr


def test_a_folder_without_photos_says_what_is_looked_for(here, tmp_path):
    done = here("identify", tmp_path, "--people", SAMPLES / "people")
    assert done.exit_code == 1
    assert "HEIC" in done.stderr


@pytest.mark.parametrize(
    "option", ["--max-distance=3", "--top-k=0", "--min-face-confidence=2", "--evidence=x"]
)
def test_a_value_out_of_range_is_refused(here, option):
    done = here("identify", SAMPLES / "gallery", "--people", SAMPLES / "people", option)
    assert done.exit_code == 2


def test_an_unwritable_target_is_one_sentence(stash_sense):
    done = stash_sense(
        "identify", SAMPLES / "gallery" / "obama2.jpg", "--people", SAMPLES / "people",
        "--json", "/nowhere/result.json",
    )  # fmt: skip
    assert done.returncode == 1
    assert "cannot be written" in done.stderr


def test_ctrl_c_stops_cleanly(data_dir, tmp_path):
    photos, people = tmp_path / "photos", tmp_path / "People"
    photos.mkdir()
    for number in range(300):
        (photos / f"{number}.jpg").hardlink_to(_copy(tmp_path))
    shutil.copytree(SAMPLES / "people", people)  # these folders have no database yet
    built = set(data_dir.glob("people/*/CURRENT"))
    process = subprocess.Popen(
        [sys.executable, "-m", "stash_sense", "--data-dir", data_dir, "identify", photos, "--people", people],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while set(data_dir.glob("people/*/CURRENT")) == built:  # then it identifies
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in said
    assert "Traceback" not in said


def _copy(folder):
    original = folder / "photo"
    if not original.exists():
        original.write_bytes((SAMPLES / "gallery/obama3.jpg").read_bytes())
    return original

"""The plugin's server side beside the real sidecar, as separate processes, with Stash's key between them."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.ports import free_port
from stash_sense.domain.progress import NoProgress
from stash_sense.runtime.from_settings import database_dir, enrol, open_pack
from stash_sense.settings import Settings
from waiting import until

from .conftest import KEY, SESSION

pytestmark = pytest.mark.slow


@pytest.fixture
def real(stash, pack_dir: Path, samples: Path, tmp_path: Path):
    """`stash-sense serve`, known to the stand-in Stash; the sample people are enrolled."""
    stash.api_key, stash.session = KEY, SESSION
    settings = Settings(DATA_DIR=pack_dir)
    enrol(settings, [samples / "people"], database_dir(settings), open_pack(settings), NoProgress())
    port = free_port()
    stash.library.plugins["stash-sense"]["sidecarUrl"] = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "stash_sense", "--data-dir", pack_dir, "serve", "--port", str(port)]
    environment = {**os.environ, "STASH_URL": stash.url, "STASH_API_KEY": KEY}
    process = subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.DEVNULL)
    yield process
    process.terminate()
    process.wait(60)


def until_ready(call):
    """The state as told to those with the secret, once the database is open."""
    answers = []

    def ready():
        answers.append(call("health").answer.get("output", {}))
        return answers[-1].get("loaded", {}).get("database")

    until(ready)
    return answers[-1]


def test_what_is_built_answers_the_plugin(real, call, stash, samples):
    health = until_ready(call)
    assert "journal" in health["features"]
    assert call("database_info").output["people"] == 3

    tag = {"target_type": "gallery", "target_ids": ["45"], "local_id": "7", "batch_id": "one Accept All"}
    entry = call("journal_begin", **tag).output
    assert entry["batch_id"] == tag["batch_id"]
    ended = call("journal_end", entry_id=entry["entry_id"], status="done", added_ids=["45"]).output
    assert ended["status"] == "done"
    assert call("undone", entry_id=entry["entry_id"]).output["status"] == "undone"
    assert call("undone", entry_id=entry["entry_id"]).error.startswith("Request failed: Journal entry")
    assert call("journal", limit=1).output["entries"][0]["entry_id"] == entry["entry_id"]

    version = call("database_info").output["version"]
    picture = call("reference", reference_id=f"{version}.0").output["image"]
    assert base64.b64decode(picture.partition(",")[2]).startswith(b"\xff\xd8")
    assert call("reference", reference_id="no-such").output == {"image": None}
    known = call("reference", reference_id="no-such", performer_id="Barack Obama").output["image"]
    assert known.startswith("data:image/jpeg;base64,")
    assert call("identify_scene", scene_id="1").error.startswith("Identification failed: ")
    assert call("decide", face_id="1", performer_id="x", word="rejected").error.startswith("Request failed: ")


def test_an_image_and_a_gallery_are_identified(real, call, stash, samples):
    gallery = stash.library.add_gallery("Free photos")
    images = [
        stash.library.add_image(path, galleries=[gallery], path=f"/data/{path.name}")
        for path in sorted((samples / "gallery").glob("obama*.jpg"))
    ]
    assert "jobs-gallery" in until_ready(call)["features"]
    (face,) = call("identify_image", image_id=str(images[0])).output["faces"]
    assert face["matches"][0]["name"] == "Barack Obama"
    decision = call("decide", face_id=face["face_id"], performer_id="Barack Obama", word="confirmed").output
    call("undecide", decision_id=decision["decision_id"])
    assert call("crop", face_id=face["face_id"]).output["image"].startswith("data:image/jpeg;base64,")
    ids = [face["face_id"], "no-such-face"]
    crops = call("crops", face_ids=ids).output["images"]
    assert crops[ids[0]].startswith("data:image/jpeg;base64,")
    assert crops[ids[1]] is None
    named = {"performer_id": "local:7", "name": "Barack Obama", "word": "confirmed"}
    on_faces = call("decide_faces", face_ids=ids, **named).output
    assert on_faces["missing"] == ids[1:]
    assert call("undecide_all", decision_ids=on_faces["decision_ids"]).output == {"undone": 1, "missing": []}
    apart = call("decide", face_id=face["face_id"], word="apart").output
    call("undecide", decision_id=apart["decision_id"])

    job_id = call("start_gallery", gallery_id=str(gallery)).output["job_id"]
    until(lambda: call("job", job_id=job_id).output["status"] == "done")
    job = call("job", job_id=job_id).output
    assert call("job", job_id=job_id, since=job["revision"]).output == {**job, "result": None}
    assert call("clear_jobs").output == {"cleared": 1}
    assert call("jobs").output["jobs"] == []
    assert call("resume_job", job_id=job_id).error.startswith("Request failed: ")  # it is done
    (person,) = job["result"]["performers"]
    assert (person["name"], person["image_count"]) == ("Barack Obama", len(images))
    (listed,) = call("jobs", target=f"gallery:{gallery}").output["jobs"]
    assert listed["job_id"] == job_id
    assert call("identify_gallery", gallery_id=str(gallery)).output["performers"] == [person]

"""`stash-sense unknown`: the list of the sidecar, and putting all together again."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from stash_sense.__main__ import main
from stash_sense.cli import unknown
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.recognition.parameters import pack_key
from stash_sense.runtime.from_settings import open_pack, state_file
from stash_sense.settings import Settings
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.results import ImageResult


@pytest.fixture
def run(tmp_path, pack_dir, monkeypatch):
    (tmp_path / "models").symlink_to(pack_dir / "models")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(main, ["unknown", *arguments], catch_exceptions=False)


def test_without_a_state_recluster_says_what_to_do(run):
    result = run("recluster")
    assert result.exit_code == 1
    assert "Identify images" in result.output


def test_recluster_shows_what_would_change_and_applies_it_only_on_command(run, tmp_path):
    settings = Settings(DATA_DIR=tmp_path)
    pack = open_pack(settings)
    key, size = pack_key(pack), pack.dimensions["arcface"]
    vector = np.eye(size, dtype=np.float32)[0]
    with RecommendationsDB(state_file(settings)) as state:
        for image in ("1", "2"):
            face = DetectedFace(Box(0.1, 0.1, 0.3, 0.3), 0.9, facenet=vector, arcface=vector)
            state.store_image_result(
                ImageResult(image, PictureIdentity.of([("md5", image)]), key, "v1", [face])
            )
        changed = state.changed_tracks(key, 10)
        state.link_changed(key, changed.changes, {}, [], lambda *_: np.empty(0, np.int64))
    assert "2 unknown people would become 1" in run("recluster").output
    figures = json.loads(run("recluster", "--apply", "--json").output)
    assert figures == {"before": 2, "after": 1, "joined": 1, "divided": 0, "tracks": 2, "applied": True}
    assert json.loads(run("recluster", "--json").output)["tracks"] == 0


def test_the_list_is_a_table_of_people(run, monkeypatch):
    cluster = {
        "cluster_id": 12,
        "status": "open",
        "performer_id": None,
        "name": None,
        "track_count": 9,
        "face_count": 9,
        "image_count": 8,
        "scene_count": 1,
        "nearest": [{"name": "Jane Doe"}],
    }

    class Sidecar:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def get(self, path, **query):
            assert (path, query) == ("/unknown", {"limit": 5, "hidden": "false"})
            return {"clusters": [cluster], "total": 3, "next_cursor": None}

    monkeypatch.setattr(unknown, "sidecar_client", lambda _: Sidecar())
    output = run("list", "--limit", "5").output
    assert "12" in output
    assert "Jane Doe" in output
    assert "1 of 3 unknown people" in output

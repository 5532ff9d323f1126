"""Manifests are data, checked when read."""

import json
from importlib import resources
from typing import get_args

import pytest
from pydantic import ValidationError

from stash_sense import errors
from stash_sense.models import manifest
from stash_sense.models.manifest import Recipe
from stash_sense.models.prepare import CONVERTERS


def raw(pack_id: str) -> dict:
    path = resources.files("stash_sense.models").joinpath("packs", f"{pack_id}.json")
    return json.loads(path.read_text("utf-8"))


def test_the_default_pack_comes_first_and_needs_no_download():
    packs = manifest.list_packs()
    others = ["auraface-v1", "insightface-buffalo-l", "stash-sense-community"]
    assert [pack.id for pack in packs] == ["stash-sense-default", *others]
    assert packs[0].downloads == ()


def test_an_unknown_pack_is_refused_with_the_names_there_are():
    with pytest.raises(errors.UnknownPack, match="there are stash-sense-default, auraface-v1, "):
        manifest.load_manifest("nope")


def test_the_community_pack_states_its_figures():
    pack = manifest.load_manifest("stash-sense-community")
    assert {file.name: (file.size, file.sha256[:8]) for file in pack.downloads} == {
        "facenet512.onnx": (93_985_006, "4b6fcd19"),
        "arcface.onnx": (136_564_309, "2eff37a1"),
    }
    assert pack.calibration is None
    assert (pack.slots.facenet.crop_size, pack.slots.facenet.size) == (112, 160)
    assert not any(file.licence.stated for file in pack.downloads)


def test_a_pack_of_one_network_says_what_it_downloads_and_on_what_terms():
    aura, buffalo = manifest.load_manifest("auraface-v1"), manifest.load_manifest("insightface-buffalo-l")
    assert [(file.name, file.size) for file in aura.downloads] == [("glintr100.onnx", 260_694_151)]
    assert (aura.detector.kind, buffalo.detector.kind) == ("yunet", "scrfd")
    assert list(aura.slots.filled) == list(buffalo.slots.filled) == ["arcface"]
    assert "licence Apache-2.0" in manifest.licence_text(aura)
    assert manifest.licence_text(buffalo).count("non-commercial research only. Check") == 2


def test_a_file_for_an_empty_slot_is_refused():
    data = raw("stash-sense-default")
    del data["slots"]["facenet"]
    with pytest.raises(ValidationError, match="each slot"):
        manifest.parse_manifest(json.dumps(data))


def test_the_licence_says_so_where_none_is_stated():
    assert manifest.licence_text(manifest.load_manifest("stash-sense-community")).count("NOT STATED") == 2
    assert "NOT STATED" not in manifest.licence_text(manifest.load_manifest(manifest.DEFAULT_PACK))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("id",), "../escape"),
        (("files", 0, "name"), "../yunet.onnx"),
        (("files", 0, "sha256"), "abc"),
        (("files", 0, "role"), "facenet"),
        (("files", 1, "name"), "yunet.onnx"),
        (("files", 0, "recipe", "name"), "unheard-of"),
        (("slots", "arcface", "template"), [[1, 2]]),
        (("slots", "arcface", "pixels", "colour"), "GRB"),
        (("surprise",), 1),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(path, value):
    data = raw("stash-sense-default")
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ValidationError):
        manifest.parse_manifest(json.dumps(data))


def test_every_recipe_but_as_is_has_a_converter():
    names = set(get_args(Recipe.model_fields["name"].annotation))
    assert names == {"onnx-as-is", *CONVERTERS}


def test_another_embedder_is_another_manifest_and_no_new_code():
    data = raw("stash-sense-community")
    data["id"] = "auraface-v1"
    data["slots"]["arcface"]["pixels"] = {"colour": "RGB", "layout": "NCHW", "mean": 127.5, "scale": 127.5}
    slot = manifest.parse_manifest(json.dumps(data)).slots.arcface
    assert (slot.pixels.layout, slot.crop_size, slot.dimension) == ("NCHW", 112, 512)


def test_the_fingerprint_outlives_a_calibration_and_a_title_but_not_a_recipe():
    data = raw("stash-sense-default")
    before = manifest.parse_manifest(json.dumps(data)).fingerprint
    data["title"], data["calibration"] = "Another title", {"anything": 1}
    data["slots"]["arcface"]["title"] = "Another network's title"
    assert manifest.parse_manifest(json.dumps(data)).fingerprint == before
    data["files"][0]["recipe"]["version"] += 1
    assert manifest.parse_manifest(json.dumps(data)).fingerprint != before

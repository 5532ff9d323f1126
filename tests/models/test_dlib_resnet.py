"""dlib's network as ONNX, against dlib itself."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stash_sense.models import dlib_file, dlib_resnet, manifest
from stash_sense.models.manifest import package_file

pytestmark = pytest.mark.slow

REFERENCE = json.loads(Path(__file__).with_name("dlib_reference.json").read_text("utf-8"))


def chip(k: int) -> np.ndarray:
    """A 150x150 RGB picture from a formula, so that dlib's answer to it can be written down."""
    y, x = np.mgrid[0:150, 0:150]
    colours = [
        x * (k + 1) + y * 2 + 40 * k,
        x * y // (7 + k),
        ((x - 70) ** 2 + (y - 80) ** 2) // (20 + k),
    ]
    return (np.stack(colours, axis=-1) % 256).astype(np.uint8)


@pytest.fixture(scope="module")
def weights() -> bytes:
    (file,) = [file for file in manifest.load_manifest(manifest.DEFAULT_PACK).files if file.role == "facenet"]
    return package_file(file.source).read_bytes()


def test_embeddings_equal_what_dlib_itself_computes(real, runner):
    pictures = np.stack([chip(k) for k in range(3)]).transpose(0, 3, 1, 2).astype(np.float32)
    (embeddings,) = runner(real[1].paths["facenet"])({"data": pictures})
    assert np.abs(embeddings - np.array(REFERENCE["descriptors"])).max() < 2e-6


def test_one_face_or_many_gives_the_same(real, runner):
    run = runner(real[1].paths["facenet"])
    pictures = np.stack([chip(k) for k in range(3)]).transpose(0, 3, 1, 2).astype(np.float32)
    (together,) = run({"data": pictures})
    alone = np.concatenate([run({"data": pictures[k : k + 1]})[0] for k in range(3)])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_input_and_size_are_read_from_the_file(weights):
    picture, layers = dlib_file.read_network(weights)
    assert picture.size == 150
    np.testing.assert_allclose(picture.mean, (122.782, 117.001, 104.298), atol=1e-4)
    assert sum(isinstance(layer, dlib_file.Conv) for layer in layers) == 29
    assert sum(isinstance(layer, dlib_file.Branch) for layer in layers) == 4


@settings(max_examples=25, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_is_refused(weights, share):
    with pytest.raises(ValueError, match=r"\w"):
        dlib_resnet.convert_dlib_resnet(weights[: int(share * len(weights))])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"loss_metric_2", b"loss_metric_3"),
        (b"input_rgb_image_sized", b"input_rgb_image_padded"),
        (b"con_4", b"con_9"),
        (b"affine_", b"bn_con2"),
    ],
)
def test_a_layer_we_do_not_know_is_refused_by_name(weights, old, new):
    with pytest.raises(ValueError, match=r"of the kind|bytes|version"):
        dlib_resnet.convert_dlib_resnet(weights.replace(old, new))


def test_bytes_after_the_last_layer_are_refused(weights):
    with pytest.raises(ValueError, match="bytes are left"):
        dlib_resnet.convert_dlib_resnet(weights + b"\0")

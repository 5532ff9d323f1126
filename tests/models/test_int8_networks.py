"""SFace and YuNet after conversion, against the graphs as they are shipped."""

import numpy as np
import onnx
import pytest

from stash_sense.models import dequantize, manifest, sface
from stash_sense.models.dequantize import expand_blocks
from stash_sense.models.manifest import package_file

pytestmark = pytest.mark.slow

SFACE_NORMS = (4.58661, 3.68097, 2.30237)
SFACE_FIRST = (-0.272396, 0.076666, 0.040162)


def shipped(role: str) -> onnx.ModelProto:
    (file,) = [file for file in manifest.load_manifest(manifest.DEFAULT_PACK).files if file.role == role]
    return onnx.load(package_file(file.source))


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """(3, 3, 112, 112): noise, a smooth ramp, and black."""
    noise = np.random.default_rng(7).uniform(0, 255, (3, 112, 112))
    ramp = np.broadcast_to(np.linspace(0, 255, 112), (3, 112, 112))
    return np.stack([noise, ramp, np.zeros((3, 112, 112))]).astype(np.float32)


@pytest.fixture(scope="module")
def shipped_sface(runner, pictures) -> np.ndarray:
    """What the shipped SFace says, its 29 dangling inputs removed and nothing else."""
    model = shipped("arcface")
    inputs = [value for value in model.graph.input if value.name == "data"]
    constants = {tensor.name for tensor in model.graph.initializer}
    assert sum(value.name not in constants for value in model.graph.input) == 1 + 29
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    run = runner(model)
    return np.concatenate([run({"data": picture[None]})[0] for picture in pictures])


def test_sface_equals_the_shipped_graph(real, runner, pictures, shipped_sface):
    (embeddings,) = runner(real[1].paths["arcface"])({"data": pictures})
    assert np.abs(embeddings - shipped_sface).max() < 1e-4


def test_sface_numbers_are_those_we_measured_with(real, runner, pictures):
    (embeddings,) = runner(real[1].paths["arcface"])({"data": pictures})
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), SFACE_NORMS, rtol=1e-4)
    np.testing.assert_allclose(embeddings[:, 0], SFACE_FIRST, atol=1e-4)


def test_sface_has_no_slow_operator_left(real):
    kinds = {node.op_type for node in onnx.load(real[1].paths["arcface"]).graph.node}
    assert kinds == {"Sub", "Conv", "Relu", "Mul", "Add", "Flatten", "Gemm"}


def test_sface_refuses_another_graph(real):
    with pytest.raises(ValueError, match="expected Sub"):
        sface.convert_sface(shipped("detector"))


def _runnable_yunet() -> onnx.ModelProto:
    """The shipped YuNet with block sizes dropped where one scale serves the whole bias.

    onnxruntime refuses to run those nodes; OpenCV ignores the attribute.
    """
    model = shipped("detector")
    sizes = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and sizes[node.input[1]] == [1]:
            left = [attribute for attribute in node.attribute if attribute.name != "block_size"]
            del node.attribute[:]
            node.attribute.extend(left)
    return model


def test_yunet_equals_the_shipped_graph(real, runner):
    picture = np.random.default_rng(3).uniform(0, 255, (1, 3, 640, 640)).astype(np.float32)
    before = runner(_runnable_yunet())({"input": picture})
    after = runner(real[1].paths["detector"])({"input": picture})
    assert len(after) == 12
    for old, new in zip(before, after, strict=True):
        np.testing.assert_allclose(new, old, atol=2e-5)


def test_yunet_keeps_the_names_and_order_of_its_outputs(real):
    before, after = shipped("detector"), onnx.load(real[1].paths["detector"])
    assert [value.name for value in after.graph.output] == [value.name for value in before.graph.output]


@pytest.mark.parametrize(("count", "height", "width"), [(1, 32, 32), (2, 96, 160), (1, 1024, 704)])
def test_yunet_takes_any_size_and_batch(real, runner, count, height, width):
    picture = np.zeros((count, 3, height, width), dtype=np.float32)
    outputs = runner(real[1].paths["detector"])({"input": picture})
    cells = [height * width // stride**2 for stride in (8, 16, 32)]
    assert [output.shape for output in outputs] == [
        (count, n, width) for width in (1, 1, 4, 10) for n in cells
    ]


def test_a_batch_is_the_same_as_one_after_another(real, runner):
    run = runner(real[1].paths["detector"])
    pictures = np.random.default_rng(5).uniform(0, 255, (2, 3, 96, 128)).astype(np.float32)
    together = run({"input": pictures})
    second = run({"input": pictures[1:]})
    for both, one in zip(together, second, strict=True):
        np.testing.assert_allclose(both[1:], one, atol=1e-5)


def test_blocks_expand_to_their_own_scale_and_the_last_may_be_short():
    quantised = np.array([[1, 2, 3, 4, 5]], dtype=np.int8)
    scale, zero = np.array([[0.5, 2.0]], dtype=np.float32), np.array([[0, 1]], dtype=np.int8)
    expanded = expand_blocks(quantised, scale, zero, axis=1, block_size=3)
    assert expanded.tolist() == [[0.5, 1.0, 1.5, 6.0, 8.0]]


def test_a_quantised_value_that_is_no_constant_is_refused():
    model = shipped("detector")
    del model.graph.initializer[:]
    with pytest.raises(ValueError, match="not a constant"):
        dequantize.convert_yunet(model)

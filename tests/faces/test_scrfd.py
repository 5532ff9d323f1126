"""SCRFD's outputs read right, from a real network that gives outputs of the same form."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from stash_sense.errors import AlteredFile
from stash_sense.faces.detect import Detector, DetectorSpec
from stash_sense.faces.scrfd import Scrfd, by_stride, decode_anchors, to_network_input
from stash_sense.faces.session import OnnxSession

DISTANCES = [1.0, 2.0, 3.0, 4.0]
POINTS = [-1.0, -1.0, 1.0, -1.0, 0.0, 0.0, -1.0, 1.0, 1.0, 1.0]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A network whose score is how bright a cell is, with nine outputs."""
    nodes, constants, outputs = [], [], []

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    half, zero = constant("half", np.float32(0.5)), constant("zero", np.float32(0))
    column = constant("column", np.array([-1, 1], np.int64))
    twice = constant("twice", np.array([1, 2], np.int64))
    rows = {4: constant("distances", np.float32([DISTANCES])), 10: constant("points", np.float32([POINTS]))}
    for stride in (8, 16, 32):
        cells, scores = f"cells{stride}", f"score{stride}"
        nodes += [
            helper.make_node(
                "AveragePool", ["input.1"], [f"mean{stride}"], kernel_shape=[stride] * 2, strides=[stride] * 2
            ),
            helper.make_node("ReduceMean", [f"mean{stride}"], [f"grey{stride}"], axes=[1], keepdims=1),
            helper.make_node("Mul", [f"grey{stride}", half], [f"scaled{stride}"]),
            helper.make_node("Add", [f"scaled{stride}", half], [f"bright{stride}"]),
            helper.make_node("Reshape", [f"bright{stride}", column], [cells]),
            helper.make_node("Tile", [cells, twice], [f"pair{stride}"]),
            helper.make_node("Reshape", [f"pair{stride}", column], [scores]),
            helper.make_node("Mul", [scores, zero], [f"none{stride}"]),
        ]
        outputs.append((0, stride, scores))
        for size, row in rows.items():
            nodes.append(helper.make_node("Add", [f"none{stride}", row], [f"out{size}_{stride}"]))
            outputs.append((size, stride, f"out{size}_{stride}"))
    graph = helper.make_graph(
        nodes,
        "scrfd",
        [helper.make_tensor_value_info("input.1", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for _, _, name in sorted(outputs)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path_factory.mktemp("scrfd") / "tiny.onnx"
    onnx.save(model, str(path))
    return Scrfd(OnnxSession(path))


def picture(*cells, stride=32, size=(96, 160)):
    """Black but for these cells (column, row), which are white."""
    pixels = np.zeros((*size, 3), np.uint8)
    for column, row in cells:
        pixels[row * stride : (row + 1) * stride, column * stride : (column + 1) * stride] = 255
    return pixels


def test_a_bright_cell_is_a_face_at_its_anchor(network):
    found = max(network.find(picture((2, 1)), 0.9), key=lambda face: face.box[2] - face.box[0])
    assert found.box.tolist() == [64 - 32, 32 - 64, 64 + 96, 32 + 128]
    assert found.landmarks.tolist() == [[32, 0], [96, 0], [64, 32], [32, 64], [96, 64]]
    assert found.score == pytest.approx(1, abs=0.01)


def test_each_stride_has_its_own_cells(network):
    boxes = [face.box for face in network.find(picture((3, 2), stride=8), 0.9)]
    assert np.array([24 - 8, 16 - 16, 24 + 24, 16 + 32]).tolist() in [box.tolist() for box in boxes]


def test_the_two_anchors_of_a_cell_are_one_face(network):
    faces = network.find(picture((1, 1), stride=8), 0.9)
    assert len(faces) == 1


def test_what_scores_below_the_floor_is_left_out(network):
    grey = np.full((96, 160, 3), 128, np.uint8)
    assert network.find(grey, 0.6) == []
    assert network.find(grey, 0.4) != []


@pytest.mark.parametrize("size", [(1, 1), (33, 95), (97, 31)])
def test_pictures_of_any_size_are_padded(network, size):
    assert network.find(np.zeros((*size, 3), np.uint8), 0.5) == []


def test_red_comes_first_and_values_are_about_zero():
    blob = to_network_input(np.array([[[0, 0, 255]]], np.uint8))
    assert blob.shape == (1, 3, 32, 32)
    assert blob[0, :, 0, 0].tolist() == pytest.approx([127.5 / 128, -127.5 / 128, -127.5 / 128])


def test_outputs_with_a_batch_axis_and_in_any_order_are_read_too():
    rng = np.random.default_rng(0)
    shapes = [(1, count, size) for count in (2, 30, 8) for size in (10, 1, 4)]
    strides = by_stride({str(number): rng.random(shape) for number, shape in enumerate(shapes)})
    assert [len(score) for score, _, _ in strides] == [30, 8, 2]


def test_no_candidate_is_no_face():
    assert decode_anchors([(np.zeros(0), np.zeros((0, 4)), np.zeros((0, 10)))] * 3, 32, 0.5) == []


def test_outputs_of_another_network_are_refused():
    with pytest.raises(AlteredFile, match="not those of SCRFD"):
        by_stride({"a": np.zeros((1, 4)), "b": np.zeros((1, 2))})


def test_it_serves_as_a_packs_detector(network):
    detector = Detector(network, DetectorSpec(640, 224, 0.1, 0.5, 0.7))
    faces = detector.find(picture((2, 1)), 0.5)
    assert any(face.box.tolist() == [32, -32, 160, 160] for face in faces)

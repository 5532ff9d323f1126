"""Networks with int8 weights in blocks, back to float32; among them the detector, YuNet 2023mar.

Source of the blocks: the ONNX operators DequantizeLinear (opset 21, `block_size`) and Reshape. YuNet also
loses its fixed 640x640 input: input `input` (n, 3, h, w) float32 BGR 0..255, h and w multiples of 32. Outputs
for the strides s of 8, 16 and 32, with cells = (h / s) * (w / s), row by row: `cls_s` and `obj_s` (n, cells,
1), `bbox_s` (n, cells, 4), `kps_s` (n, cells, 10). Source of YuNet: libfacedetection (MIT).
"""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Float32 = NDArray[np.float32]


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """The node's attributes as plain Python values."""
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def initializers(graph: onnx.GraphProto) -> dict[str, NDArray[np.generic]]:
    """Every constant tensor of the graph, by name."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def expand_blocks(
    quantised: NDArray[np.generic],
    scale: NDArray[np.generic],
    zero_point: NDArray[np.generic],
    axis: int,
    block_size: int,
) -> Float32:
    """One blockwise int8 tensor as float32 of the same shape.

    `scale` and `zero_point` have `ceil(n / block_size)` entries along `axis`, where `quantised` has n.
    """
    size = quantised.shape[axis]

    def spread(values: NDArray[np.generic]) -> NDArray[np.generic]:
        repeated = np.repeat(values, block_size, axis=axis) if block_size else values
        return np.take(repeated, np.arange(size), axis=axis)

    steps = quantised.astype(np.int32) - spread(zero_point).astype(np.int32)
    return (steps.astype(np.float32) * spread(scale).astype(np.float32)).astype(np.float32)


def dequantize(model: onnx.ModelProto) -> tuple[list[onnx.NodeProto], dict[str, NDArray[np.generic]]]:
    """Compute every constant DequantizeLinear and Reshape; return the other nodes, and all constants by name.

    Raises ValueError if a DequantizeLinear has an input that is not a constant.
    """
    constants = initializers(model.graph)
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear":
            if any(name not in constants for name in node.input):
                raise ValueError(f"{node.output[0]}: de-quantises something that is not a constant")
            options = attributes(node)
            quantised, scale, zero_point = (constants[name] for name in node.input)
            axis, block_size = options.get("axis", 1), options.get("block_size", 0)
            constants[node.output[0]] = expand_blocks(quantised, scale, zero_point, axis, block_size)
        elif node.op_type == "Reshape" and all(name in constants for name in node.input):
            values, shape = (constants[name] for name in node.input)
            constants[node.output[0]] = values.reshape([int(side) for side in shape])
        else:
            nodes.append(node)
    return nodes, constants


def convert_yunet(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with float32 weights and free batch, height and width."""
    nodes, constants = dequantize(model)
    # The heads end in Reshape(1, -1, k): a 0 copies the batch instead of fixing it at one.
    for node in nodes:
        if node.op_type == "Reshape":
            shape = np.array(constants[node.input[1]], dtype=np.int64)
            if shape[0] == 1:
                shape[0] = 0
            constants[node.input[1]] = shape
    used = {name for node in nodes for name in node.input}
    outputs = [
        helper.make_tensor_value_info(
            value.name,
            TensorProto.FLOAT,
            ["n", f"cells_{value.name.rsplit('_', 1)[1]}", value.type.tensor_type.shape.dim[2].dim_value],
        )
        for value in model.graph.output
    ]
    graph = helper.make_graph(
        nodes,
        "yunet",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        outputs,
        [
            numpy_helper.from_array(np.ascontiguousarray(constants[name]), name)
            for name in sorted(used & set(constants))
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

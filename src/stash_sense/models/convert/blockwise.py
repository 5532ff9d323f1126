from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

Float32 = NDArray[np.float32]


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """The node's attributes as plain Python values."""
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def initialisers(graph: onnx.GraphProto) -> dict[str, NDArray[np.generic]]:
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


def without_blocks(model: onnx.ModelProto) -> tuple[list[onnx.NodeProto], dict[str, NDArray[np.generic]]]:
    """The nodes left when every constant DequantizeLinear and Reshape is computed, and all constants.

    Raises ValueError where a DequantizeLinear works on something that is not a constant.
    """
    constants = initialisers(model.graph)
    left: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear":
            if any(name not in constants for name in node.input):
                raise ValueError(f"{node.output[0]}: de-quantises something that is not a constant")
            given = attributes(node)
            quantised, scale, zero_point = (constants[name] for name in node.input)
            axis, block_size = given.get("axis", 1), given.get("block_size", 0)
            constants[node.output[0]] = expand_blocks(quantised, scale, zero_point, axis, block_size)
        elif node.op_type == "Reshape" and all(name in constants for name in node.input):
            values, shape = (constants[name] for name in node.input)
            constants[node.output[0]] = values.reshape([int(side) for side in shape])
        else:
            left.append(node)
    return left, constants

"""dlib's face recognition ResNet v1 as an ONNX graph.

Input `data` (n, 3, 150, 150) float32 RGB 0..255; output `embedding` (n, 128) float32, of a norm of about 1.4.
The mean and the division by 256 are inside. Affine layers are folded into the convolutions before them.
Source of the network: dlib's `examples/dnn_face_recognition_ex.cpp` (weights CC0).
"""

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from stash_sense.models.dlib_file import (
    AddTagged,
    Affine,
    Branch,
    Conv,
    Dense,
    Float32,
    Input,
    Layer,
    Pooling,
    Relu,
    Tag,
    read_network,
)


class _Graph:
    """Grows an ONNX graph and keeps the shape (channels, side, side) of the value at its tip."""

    def __init__(self, picture: Input) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.tip = "data"
        self.shape = (3, picture.size, picture.size)

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        name = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def window(self, window: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> None:
        """The sides of the tip after a window has passed over it (dlib rounds down, as ONNX does)."""
        height, width = (
            (side + 2 * pad - size) // step + 1
            for side, size, step, pad in zip(self.shape[1:], window, stride, padding, strict=True)
        )
        self.shape = (self.shape[0], height, width)

    def conv(self, layer: Conv) -> None:
        name = f"conv_{len(self.nodes)}"
        self.tip = self.node(
            "Conv",
            self.tip,
            self.constant(f"{name}_weights", layer.weights),
            self.constant(f"{name}_bias", layer.bias),
            output=name,
            kernel_shape=list(layer.weights.shape[2:]),
            strides=list(layer.stride),
            pads=[*layer.padding, *layer.padding],
        )
        height, width = layer.weights.shape[2:]
        self.window((height, width), layer.stride, layer.padding)
        self.shape = (layer.weights.shape[0], *self.shape[1:])

    def pool(self, layer: Pooling) -> None:
        if layer.window == (0, 0):
            self.tip = self.node("GlobalAveragePool", self.tip)
            self.shape = (self.shape[0], 1, 1)
            return
        self.tip = self.node(
            "MaxPool" if layer.kind == "max" else "AveragePool",
            self.tip,
            kernel_shape=list(layer.window),
            strides=list(layer.stride),
            pads=[*layer.padding, *layer.padding],
        )
        self.window(layer.window, layer.stride, layer.padding)

    def padded(self, value: str, shape: tuple[int, int, int], target: tuple[int, int, int]) -> str:
        """The value with zeros after its last channel, row and column, so that it has the target's shape."""
        missing = [large - small for small, large in zip(shape, target, strict=True)]
        if not any(missing):
            return value
        name = f"pad_{len(self.nodes)}"
        pads = np.array([0, 0, 0, 0, 0, *missing], dtype=np.int64)
        return self.node("Pad", value, self.constant(f"{name}_sizes", pads), output=name)

    def add(self, other: str, shape: tuple[int, int, int]) -> None:
        channels, height, width = (max(sides) for sides in zip(self.shape, shape, strict=True))
        target = (channels, height, width)
        mine, theirs = self.padded(self.tip, self.shape, target), self.padded(other, shape, target)
        self.tip = self.node("Add", mine, theirs)
        self.shape = target

    def dense(self, layer: Dense) -> None:
        flat = self.node("Flatten", self.tip)
        self.tip = self.node("Gemm", flat, self.constant("dense_weights", layer.weights), output="embedding")


def _folded(layers: list[Layer]) -> list[Layer]:
    """The layers without affine ones: each is folded into the convolution before it.

    So is the division of the input by 256; being a power of two, it changes no digit of the weights.
    """
    folded: list[Layer] = []
    scale = 1 / 256
    for layer in layers:
        if not isinstance(layer, Affine):
            folded.append(layer)
            continue
        conv = folded.pop()
        if not isinstance(conv, Conv):
            raise ValueError("an affine layer without a convolution before it")  # noqa: TRY004
        gamma, beta = layer.gamma.astype(np.float64), layer.beta.astype(np.float64)
        weights = conv.weights.astype(np.float64) * gamma[:, None, None, None] * scale
        bias = conv.bias.astype(np.float64) * gamma + beta
        folded.append(replace(conv, weights=weights.astype(np.float32), bias=bias.astype(np.float32)))
        scale = 1.0
    return folded


def _build(graph: _Graph, layers: list[Layer]) -> None:
    remembered = (graph.tip, graph.shape)
    for layer in _folded(layers):
        match layer:
            case Conv():
                graph.conv(layer)
            case Relu():
                graph.tip = graph.node("Relu", graph.tip)
            case Pooling():
                graph.pool(layer)
            case Tag():
                remembered = (graph.tip, graph.shape)
            case Branch():
                here = (graph.tip, graph.shape)
                graph.tip, graph.shape = remembered
                remembered = here
            case AddTagged():
                graph.add(*remembered)
            case Dense():
                graph.dense(layer)


def convert_dlib_resnet(data: bytes) -> onnx.ModelProto:
    """dlib's serialised network as ONNX. Raises ValueError where it is not the network we know."""
    picture, layers = read_network(data)
    graph = _Graph(picture)
    mean: Float32 = np.array(picture.mean, dtype=np.float32).reshape(3, 1, 1)
    graph.tip = graph.node("Sub", "data", graph.constant("mean", mean))
    _build(graph, layers)
    if graph.tip != "embedding":
        raise ValueError("the network does not end in a dense layer")
    size = picture.size
    onnx_graph = helper.make_graph(
        graph.nodes,
        "dlib-resnet-v1",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["n", 3, size, size])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 128])],
        graph.constants,
    )
    return helper.make_model(onnx_graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

"""SFace 2021dec without int8 blocks, folded and rearranged so that onnxruntime runs it faster.

Input `data` (n, 3, 112, 112) float32 RGB 0..255; output `fc1` (n, 128) float32. Equal to the shipped
graph to 1e-5. Source of the network: OpenCV Zoo (Apache-2.0).

The shipped graph spends more time in its 27 PRelus than it must: onnxruntime has a fast kernel for Relu
but none for PRelu. With slope s, `PRelu(x) = s * x + Relu((1 - s) * x)` as long as s <= 1. Scaling x is
free (it goes into the weights before it), and so is turning its sign (it goes into the weights after it),
by which the few channels with s > 1 take the same form: with v = -x, `-PRelu(x) = v + Relu((s - 1) * v)`.
What is left is built in the cheapest of three ways.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from stash_sense.models.dequantize import attributes, dequantize

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class _Stage:
    """One convolution with its batch normalisation folded in, and the slopes (channels,) of its PRelu."""

    name: str
    weights: Float64
    bias: Float64
    slopes: Float64
    group: int
    strides: tuple[int, int]
    pads: tuple[int, int, int, int]

    @property
    def depthwise(self) -> bool:
        return self.group > 1

    @property
    def strided(self) -> bool:
        return self.strides != (1, 1)


@dataclass(frozen=True)
class _Network:
    mean: float
    stages: list[_Stage]
    head_weights: Float64
    head_bias: Float64


class _Parser:
    """Walks the shipped graph: Sub, Mul, then Conv + BatchNormalization + PRelu, then the dense head."""

    def __init__(self, model: onnx.ModelProto) -> None:
        nodes, constants = dequantize(model)
        # At inference these two do nothing, and the dense head needs no node to flatten its input.
        self._nodes = [node for node in nodes if node.op_type not in {"Constant", "Dropout", "Flatten"}]
        self._constants = constants
        self._at = 0

    def _take(self, kind: str) -> onnx.NodeProto:
        node = self._nodes[self._at] if self._at < len(self._nodes) else None
        if node is None or node.op_type != kind:
            raise ValueError(
                f"expected {kind} as node {self._at} of the graph, found {node and node.op_type}"
            )
        self._at += 1
        return node

    def _constant(self, name: str) -> Float64:
        return self._constants[name].astype(np.float64)

    def _norm(self) -> tuple[Float64, Float64]:
        """A BatchNormalization as `scale * x + shift`, both (channels,)."""
        node = self._take("BatchNormalization")
        gamma, beta, mean, variance = (self._constant(name) for name in node.input[1:5])
        scale = gamma / np.sqrt(variance + attributes(node)["epsilon"])
        return scale, beta - mean * scale

    def _stage(self, scale_in: float) -> _Stage:
        conv = self._take("Conv")
        scale, shift = self._norm()
        slopes = self._constant(self._take("PRelu").input[1]).ravel()
        options = attributes(conv)
        strides, pads, group = options["strides"], options["pads"], options["group"]
        return _Stage(
            name=conv.output[0].removesuffix("_conv2d"),
            weights=self._constant(conv.input[1]) * scale[:, None, None, None] * scale_in,
            bias=shift,
            slopes=slopes,
            group=group,
            strides=(strides[0], strides[1]),
            pads=(pads[0], pads[1], pads[2], pads[3]),
        )

    def read(self) -> _Network:
        mean = self._constant(self._take("Sub").input[1]).item()
        scale_in = self._constant(self._take("Mul").input[1]).item()
        stages = [self._stage(scale_in)]
        while self._nodes[self._at].op_type == "Conv":
            stages.append(self._stage(1.0))
        scale, shift = self._norm()
        dense = self._take("Gemm")
        weights, bias = self._constant(dense.input[1]), self._constant(dense.input[2])
        cells = weights.shape[1] // scale.size  # the flattened input counts channel by channel
        bias = bias + weights @ np.repeat(shift, cells)
        weights = weights * np.repeat(scale, cells)
        scale, shift = self._norm()
        return _Network(mean, stages, weights * scale[:, None], bias * scale + shift)


@dataclass(frozen=True)
class _Single:
    """An activation as one tensor; `signs` (channels,) is -1 where the tensor holds its negative."""

    tensor: str
    signs: Float64


@dataclass(frozen=True)
class _Pair:
    """An activation that is not added up yet: `ratio * linear + rectified`, per channel."""

    linear: str
    rectified: str
    ratio: Float64
    signs: Float64


@dataclass(frozen=True)
class _Slopes:
    """PRelu of x as `signs * (linear * v + Relu(rise * v))`, v = signs * x, rise > 0; all (channels,)."""

    signs: Float64
    linear: Float64
    rise: Float64

    @classmethod
    def of(cls, slopes: Float64) -> "_Slopes":
        steep = slopes > 1
        rise = np.abs(1 - slopes)
        if rise.min() < 1e-4:
            raise ValueError("a PRelu with a slope of one: it does nothing and cannot be rewritten")
        return cls(np.where(steep, -1.0, 1.0), np.where(steep, 1.0, slopes), rise)


class _Builder:
    """Grows the new graph, stage by stage."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, values: Float64) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype=np.float32), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def conv(self, stage: _Stage, tag: str, source: str, weights: Float64, bias: Float64 | None) -> str:
        name = f"{stage.name}_{tag}"
        inputs = [source, self.constant(f"{name}_weights", weights)]
        if bias is not None:
            inputs.append(self.constant(f"{name}_bias", bias))
        return self.node(
            "Conv",
            inputs,
            name,
            group=stage.group,
            kernel_shape=list(weights.shape[2:]),
            strides=list(stage.strides),
            pads=list(stage.pads),
        )

    def stage(
        self, stage: _Stage, source: _Single | _Pair, *, cheap: bool, keep_pair: bool
    ) -> _Single | _Pair:
        """One convolution and its PRelu.

        A cheap convolution reading one tensor is done twice: its Relu is then fused into the first and
        the sum into the second, which costs less than two passes over the result. Otherwise the result is
        `linear` and `rectified`, added up here or, before a strided depthwise convolution, left as a pair:
        that convolution adds them up itself, on a quarter of the values.
        """
        slopes = _Slopes.of(stage.slopes)
        weights = stage.weights
        if stage.depthwise:
            weights = weights * source.signs[:, None, None, None]
        else:
            weights = weights * source.signs[None, :, None, None]

        def scaled(by: Float64, values: Float64 = weights) -> Float64:
            return values * by[:, None, None, None]

        name, up, level = stage.name, slopes.signs * slopes.rise, slopes.signs * slopes.linear
        if isinstance(source, _Pair):
            from_linear = self.conv(
                stage, "from_linear", source.linear, scaled(up * source.ratio), stage.bias * up
            )
            from_rectified = self.conv(stage, "from_rectified", source.rectified, scaled(up), None)
            value = self.node("Add", [from_rectified, from_linear], name)
        elif cheap:
            rising = self.conv(stage, "rising", source.tensor, scaled(up), stage.bias * up)
            linear = self.conv(stage, "linear", source.tensor, scaled(level), stage.bias * level)
            rectified = self.node("Relu", [rising], f"{name}_rectified")
            return _Single(self.node("Add", [linear, rectified], f"{name}_prelu"), slopes.signs)
        else:
            value = self.conv(stage, "conv", source.tensor, scaled(up), stage.bias * up)
        rectified = self.node("Relu", [value], f"{name}_rectified")
        ratio = slopes.linear / slopes.rise
        if keep_pair:
            return _Pair(value, rectified, ratio, slopes.signs)
        linear = self.node(
            "Mul", [value, self.constant(f"{name}_ratio", ratio.reshape(-1, 1, 1))], f"{name}_linear"
        )
        return _Single(self.node("Add", [linear, rectified], f"{name}_prelu"), slopes.signs)


def convert_sface(model: onnx.ModelProto) -> onnx.ModelProto:
    """The rearranged network with a free batch. Raises ValueError where the graph is not SFace's."""
    network = _Parser(model).read()
    builder = _Builder()
    centred = builder.node("Sub", ["data", builder.constant("mean", np.array([network.mean]))], "centred")
    tip: _Single | _Pair = _Single(centred, np.ones(3))
    for stage, following in zip(network.stages, [*network.stages[1:], None], strict=True):
        keep_pair = following is not None and following.depthwise and following.strided
        tip = builder.stage(
            stage,
            tip,
            cheap=stage.depthwise or stage is network.stages[0],
            keep_pair=keep_pair and not stage.depthwise,
        )
    if isinstance(tip, _Pair):
        raise ValueError("the graph ends before its dense head")  # noqa: TRY004
    cells = network.head_weights.shape[1] // tip.signs.size
    flat = builder.node("Flatten", [tip.tensor], "flat")
    head = builder.constant("head_weights", network.head_weights * np.repeat(tip.signs, cells))
    builder.node("Gemm", [flat, head, builder.constant("head_bias", network.head_bias)], "fc1", transB=1)
    graph = helper.make_graph(
        builder.nodes,
        "sface",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["n", 3, 112, 112])],
        [helper.make_tensor_value_info("fc1", TensorProto.FLOAT, ["n", network.head_bias.size])],
        builder.constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

"""Reading dlib's serialized networks: the layers of a file, from the input to the output.

Sources: the file format as dlib's headers document it (`dlib/serialize.h`, `dlib/float_details.h`,
`dlib/cuda/tensor.h`, the `serialize` functions of `dlib/dnn/core.h`, `layers.h`, `input.h` and `loss.h`,
Boost licence). Only the layers of the face recognition network are supported; anything else raises
ValueError.

The shape of a file: a loss layer (version 1, its own fields), then the versions of all layers from the
output down to the input, then the fields of all layers from the input up to the output. Version 2 is a
computing layer, 3 the computing layer that holds the input, 1 a tag or a skip, which has no fields.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Input:
    """Square RGB input: `size` pixels a side, `mean` of the three colours, then divided by 256."""

    mean: tuple[float, float, float]
    size: int


@dataclass(frozen=True)
class Conv:
    """Convolution: weights (filters, channels, height, width), bias (filters,)."""

    weights: Float32
    bias: Float32
    stride: tuple[int, int]
    padding: tuple[int, int]


@dataclass(frozen=True)
class Affine:
    """Per-channel `gamma * x + beta`, both (channels,)."""

    gamma: Float32
    beta: Float32


@dataclass(frozen=True)
class Pooling:
    """Maximum or mean over a window; a window of (0, 0) is the whole picture."""

    kind: str
    window: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]


@dataclass(frozen=True)
class Dense:
    """`x @ weights`, weights (inputs, outputs), without a bias."""

    weights: Float32


@dataclass(frozen=True)
class Relu:
    """`max(x, 0)`."""


@dataclass(frozen=True)
class AddTagged:
    """Adds the output that the nearest tag below remembers; the smaller one is padded with zeros."""


@dataclass(frozen=True)
class Tag:
    """Remembers this output."""


@dataclass(frozen=True)
class Branch:
    """Remembers this output, and continues from the one remembered before it: a tag, then a skip."""


Layer = Conv | Affine | Pooling | Dense | Relu | AddTagged | Tag | Branch


class _Reader:
    """Takes dlib's primitive values off a byte string."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def raw(self, count: int) -> bytes:
        if count < 0 or self._at + count > len(self._data):
            raise ValueError(f"the file ends at byte {len(self._data)}, in the middle of a value")
        self._at += count
        return self._data[self._at - count : self._at]

    def integer(self) -> int:
        """One control byte (sign, number of bytes), then the magnitude, little end first."""
        control = self.raw(1)[0]
        length = control & 0x0F
        if not 1 <= length <= 8:
            raise ValueError(f"an integer of {length} bytes at byte {self._at - 1}")
        magnitude = int.from_bytes(self.raw(length), "little")
        return -magnitude if control & 0x80 else magnitude

    def real(self) -> float:
        """Mantissa, then the exponent of two."""
        mantissa, exponent = self.integer(), self.integer()
        if not -2000 < exponent < 2000:
            raise ValueError("a number that is infinite or not a number")
        return math.ldexp(float(mantissa), exponent)

    def truth(self) -> bool:
        value = self.raw(1)
        if value not in {b"0", b"1"}:
            raise ValueError(f"neither true nor false at byte {self._at - 1}")
        return value == b"1"

    def text(self) -> str:
        return self.raw(self.integer()).decode("latin-1")

    def pair(self) -> tuple[int, int]:
        return self.integer(), self.integer()

    def expect(self, *versions: int) -> int:
        version = self.integer()
        if version not in versions:
            raise ValueError(
                f"version {version} at byte {self._at}, expected {' or '.join(map(str, versions))}"
            )
        return version

    def shape(self) -> tuple[int, ...]:
        return tuple(self.integer() for _ in range(4))

    def tensor(self) -> Float32:
        self.expect(2)
        shape = self.shape()
        values = np.frombuffer(self.raw(4 * math.prod(shape)), dtype="<f4")
        return values.reshape(shape).astype(np.float32)

    def alias(self) -> tuple[int, ...]:
        """The shape of a parameter in the layer's tensor; its place follows from the order."""
        self.expect(1)
        return self.shape()

    @property
    def done(self) -> bool:
        return self._at == len(self._data)


def _conv(reader: _Reader) -> Conv:
    values = reader.tensor().ravel()
    filters = reader.integer()
    window, stride, padding = reader.pair(), reader.pair(), reader.pair()
    shape, bias_shape = reader.alias(), reader.alias()
    for _ in range(4):  # learning rates and weight decays
        reader.real()
    size = math.prod(shape)
    if shape[0] != filters or shape[2:] != window or size + math.prod(bias_shape) != values.size:
        raise ValueError("a convolution whose weights do not have its shape")
    return Conv(values[:size].reshape(shape), values[size:].copy(), stride, padding)


def _affine(reader: _Reader) -> Affine:
    values = reader.tensor().ravel()
    gamma, beta = reader.alias(), reader.alias()
    reader.integer()  # per channel or per value: the shapes say it
    if math.prod(gamma) + math.prod(beta) != values.size:
        raise ValueError("an affine layer whose numbers do not have its shape")
    size = math.prod(gamma)
    return Affine(values[:size].copy(), values[size:].copy())


def _dense(reader: _Reader) -> Dense:
    outputs, inputs = reader.integer(), reader.integer()
    values = reader.tensor()
    reader.alias()
    reader.alias()
    reader.integer()  # bias mode
    for _ in range(4):
        reader.real()
    if values.size != outputs * inputs:
        raise ValueError("a dense layer with a bias or of another shape")
    return Dense(values.reshape(inputs, outputs))


def _layer(reader: _Reader) -> Layer:
    kind = reader.text()
    match kind:
        case "con_4":
            return _conv(reader)
        case "affine_" | "affine_2":
            return _affine(reader)
        case "fc_2":
            return _dense(reader)
        case "relu_":
            return Relu()
        case "add_prev_":
            return AddTagged()
        case "max_pool_2" | "avg_pool_2":
            return Pooling(kind[:3], reader.pair(), reader.pair(), reader.pair())
        case _:
            raise ValueError(f"a layer of the kind {kind!r}")


def _training_state(reader: _Reader) -> None:
    for _ in range(3):
        reader.truth()
    for _ in range(3):
        reader.tensor()


def _input(reader: _Reader) -> Input:
    kind = reader.text()
    if kind != "input_rgb_image_sized":
        raise ValueError(f"an input of the kind {kind!r}")
    red, green, blue = reader.real(), reader.real(), reader.real()
    height, width = reader.pair()
    if height != width:
        raise ValueError(f"an input of {width}x{height}, not square")
    return Input((red, green, blue), height)


def read_network(data: bytes) -> tuple[Input, list[Layer]]:
    """The input and the layers above it, the lowest first. Raises ValueError on anything unknown."""
    reader = _Reader(data)
    reader.expect(1)
    loss = reader.text()
    if loss != "loss_metric_2":
        raise ValueError(f"a loss of the kind {loss!r}")
    reader.real()
    reader.real()
    versions = [reader.expect(1, 2, 3)]
    while versions[-1] != 3:
        versions.append(reader.expect(1, 2, 3))
    picture = _input(reader)
    layers: list[Layer] = [_layer(reader)]
    _training_state(reader)
    reader.integer()  # how many samples one picture becomes
    for version in reversed(versions[:-1]):
        if version == 2:
            layers.append(_layer(reader))
            _training_state(reader)
        elif layers[-1] == Tag():
            layers[-1] = Branch()  # the file does not say which mark is which, but only one order makes sense
        else:
            layers.append(Tag())
    if not reader.done:
        raise ValueError("bytes are left after the last layer")
    return picture, layers

"""Inference sessions, behind a small Protocol so that tests need no weights."""

import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from stash_sense.domain.faces import Detection, Pixels
from stash_sense.errors import MissingFile
from stash_sense.memory import give_back_memory

Array = NDArray[np.float32]

_SAME_AS_REQUESTED = 1
"""The arena grows by what is asked for instead of doubling."""

_IDENTITY = (
    b'\x08\x08\x12\x00:7\n\x10\n\x01x\x12\x01y"\x08Identity\x12\x01gZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04'
    b"\n\x02\x08\x01b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\x11"
)
"""An ONNX file whose output is its input, x, one float32: onnxruntime empties an arena only after a call."""


class Session(Protocol):
    """One network, ready to run; safe to call from several threads at once."""

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Named arrays in, every output by its name out."""
        ...

    @property
    def input_name(self) -> str:
        """The name of the network's only input."""
        ...


class DetectionNetwork(Protocol):
    """A network that finds faces; safe to call from several threads at once."""

    def find(self, image: Pixels, min_score: float) -> list[Detection]:
        """Faces with at least `min_score`, in pixels of `image` (H, W, 3) uint8 BGR as it is, best first."""
        ...


class OnnxSession:
    """A network on onnxruntime; each call uses one thread.

    Two one-thread calls at once beat one two-thread call on every machine measured (docs/decisions/0008), so
    the caller provides the parallelism.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._session = _open(str(path))
        except Exception as error:  # onnxruntime's exceptions share no public base
            raise MissingFile(
                f"{path}: onnxruntime cannot open this network ({error}). "
                "Run `stash-sense models verify` to repair it."
            ) from error
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._input = str(self._session.get_inputs()[0].name)

    @property
    def input_name(self) -> str:
        """The name of the network's only input."""
        return self._input

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Named arrays in, every output by its name out."""
        return dict(zip(self._outputs, self._session.run(self._outputs, dict(inputs)), strict=True))


def _open(model: str | bytes) -> ort.InferenceSession:
    with _making_arena:
        _share_arena()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # An arena of its own would keep the memory of as many calls as ever ran at a time, for each network.
    options.add_session_config_entry("session.use_env_allocators", "1")
    # What lasts as long as the network is not to lie scattered in what is emptied.
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    # One block for all of a call, which this is for, fits in no gap that several smaller ones left.
    options.enable_mem_pattern = False
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


_making_arena = threading.Lock()


@cache
def _share_arena() -> None:
    """Let all networks take the memory of their calls from one arena of the process.

    From glibc's heap every call takes other memory than the last: onnxruntime asks for aligned blocks, and a
    block that was freed is too small for the next one of its size. That costs a tenth of the time.
    """
    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(memory, ort.OrtArenaCfg({"arena_extend_strategy": _SAME_AS_REQUESTED}))


def give_back_network_memory() -> None:
    """`give_back_memory`, also of what the networks' arena keeps for further calls. Takes milliseconds."""
    options = ort.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    _identity().run(None, {"x": np.zeros(1, np.float32)}, options)
    give_back_memory()


@cache
def _identity() -> ort.InferenceSession:
    return _open(_IDENTITY)

"""Inference sessions, behind a small Protocol so that tests need no weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from stash_sense.domain.faces import Detection, Pixels
from stash_sense.errors import MissingFile

Array = NDArray[np.float32]


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
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Its arena would keep the memory of as many calls as ever ran at a time, for each network.
        options.enable_cpu_mem_arena = False
        # One block for all of a call, which this is for, is so large that it comes from the system each time.
        options.enable_mem_pattern = False
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
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

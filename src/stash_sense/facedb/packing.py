"""Ten bits a number: how the vectors of a large face database are kept, and how well they are rounded.

A number is `centre + gain * step * (code - 512)`: there is a centre and a gain for each place in a vector, a
step for each row, and a code from 1 to 1023 for each number. The upper eight bits of the codes lie together,
for the search reads only these; the lower two lie four to a byte.

Rounded one by one, the numbers of a vector err independently, and so does its score in every direction. Faces
are not spread over all directions, though. So the error of each number is carried on to the numbers after it,
by the second moments of the slot's vectors, such that what remains lies where faces have little.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

HIGHEST = 511
"""The largest code, counted from the middle."""
MIDDLE = 512
FINE_PER_BYTE = 4
DAMPING = 0.01
"""Share of the mean second moment that every direction is taken to have: none takes errors for free."""
CARRIED_TOGETHER = 64
"""Numbers within which errors are carried on one by one; to the rest they are carried in one product."""


def fine_width(dimension: int) -> int:
    """Bytes of a row's lower bits."""
    return -(-dimension // FINE_PER_BYTE)


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """Packed rows. upper (n, d) uint8; lower (n, fine_width(d)) uint8; steps (n,) float32."""

    upper: NDArray[np.uint8]
    lower: NDArray[np.uint8]
    steps: Array


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """What all rows share. centre, gain (d,) float32."""

    centre: Array
    gain: Array

    def equals(self, other: "Scale") -> bool:
        """Whether rows packed by either mean the same numbers."""
        return np.array_equal(self.centre, other.centre) and np.array_equal(self.gain, other.gain)

    def unpack(self, packed: Packed) -> Array:
        """The rows as they are remembered, (n, d) float32."""
        numbers = packed.upper.astype(np.float32)
        numbers *= FINE_PER_BYTE
        numbers += _LOWER[packed.lower].reshape(len(numbers), -1)[:, : len(self.centre)]
        numbers *= packed.steps[:, None]
        numbers *= self.gain
        numbers += self.centre
        return numbers


_SHIFTS = np.arange(0, 8, 2, dtype=np.uint8)
_LOWER = (np.arange(256)[:, None] >> _SHIFTS & 3).astype(np.float32) - MIDDLE
"""(256, 4): what the lower bits of four numbers in a byte add to their upper ones, from the middle."""


class Packer:
    """Packs rows.

    carry: of each slot, (d, d) float32, unit upper triangular: how much of a number's error each number after
    it takes over.
    """

    def __init__(self, scale: Scale, carry: Sequence[Array]) -> None:
        self.scale = scale
        self.carry = carry

    @classmethod
    def fitted(cls, rows: Array, widths: Sequence[int]) -> Self:
        """A packer for vectors like these, (n, d) float32, n at least 1. widths: of the slots, in order."""
        edges = np.cumsum([0, *widths]).tolist()
        centre = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        gain = np.empty_like(centre)
        carry = []
        for low, high in pairwise(edges):
            slot = rows[:, low:high]
            spread = float(np.sqrt(np.square(slot - centre[low:high]).mean(dtype=np.float64)))
            gain[low:high] = spread if spread > 1e-6 else 1.0  # all rows are alike
            carry.append(_carry(slot, len(rows)))
        return cls(Scale(centre, gain), carry)

    def pack(self, rows: Array) -> Packed:
        """Pack rows (n, d) float32."""
        # A number of all rows side by side: the loop below walks over the numbers.
        work = np.ascontiguousarray(((rows - self.scale.centre) / self.scale.gain).T)
        steps = np.abs(work).max(axis=0) / np.float32(HIGHEST)
        steps[steps == 0] = 1
        work /= steps
        codes = np.empty(work.shape, np.int16)
        low = 0
        for carry in self.carry:
            high = low + len(carry)
            _round(work[low:high], carry, codes[low:high])
            low = high
        codes = codes.T + np.int16(MIDDLE)
        upper = (codes >> 2).astype(np.uint8)
        lower = np.zeros((len(rows), fine_width(len(work)), FINE_PER_BYTE), np.uint8)
        lower.reshape(len(rows), -1)[:, : len(work)] = codes & 3
        return Packed(upper, np.bitwise_or.reduce(lower << _SHIFTS, axis=2), steps)


def _carry(slot: Array, count: int) -> Array:
    # The weights of least squares: what is left of an error is what no number after it can mend.
    moments = (slot.T @ slot).astype(np.float64) / count
    size = len(moments)
    damped = moments + np.eye(size) * (DAMPING * np.trace(moments) / size + 1e-9)
    factor = np.linalg.cholesky(np.linalg.inv(damped)).T
    return np.asarray(factor / np.diag(factor)[:, None], np.float32)


def _round(work: Array, carry: Array, codes: NDArray[np.int16]) -> None:
    """Round work (d, n) to whole numbers into codes (d, n), and carry the errors on. Changes `work`."""
    for begin in range(0, len(work), CARRIED_TOGETHER):
        end = min(begin + CARRIED_TOGETHER, len(work))
        errors = np.empty((end - begin, work.shape[1]), np.float32)
        for i in range(begin, end):
            rounded = np.clip(np.rint(work[i]), -HIGHEST, HIGHEST)
            codes[i] = rounded
            errors[i - begin] = work[i] - rounded
            work[i + 1 : end] -= carry[i, i + 1 : end, None] * errors[i - begin]
        work[end:] -= carry[begin:end, end:].T @ errors

"""The decision of one spin update in every lane: heat bath (Glauber 1963) or Metropolis (1953).

Both draw the unlikely outcome and leave the favoured one otherwise, so that no rounding of a probability near
one can flip a spin against a strong field. With t = 2 beta |local field| the unlikely outcome has probability

    heat bath    1 / (1 + e^t), whatever the spin was
    Metropolis   e^-t if the spin is where the field wants it; else it flips
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.sampler import njit
from qspin_backends.common.simd import absolute, fma, less, minimum, not_less, to_float32
from qspin_backends.common.simd_bits import bits_of, floats_of, shift_left

__all__ = ["Move", "decide", "decide_spins", "exp2", "scales"]

_LARGEST = np.float32(126.0)  # 2**126 is finite in float32, and rarer events never happen
_ROUNDER = np.float32(1.5 * 2**23)  # x + this has the nearest integer to x in its low bits
_RANGE = np.float32(2.0**31)  # random numbers lie below
_SIGN, _ONE = np.uint32(0x80000000), np.uint32(0x3F800000)  # bits of float32: the sign, and those of 1
_C0, _C1, _C2, _C3, _C4, _C5 = (  # of 2**x on [-1/2, 1/2], largest relative error 9e-8
    np.float32(c) for c in (1.0, 0.693146978, 0.240222421, 0.0555073374, 0.00967151279, 0.00132647273)
)


class Move(Enum):
    """How a spin is updated."""

    HEAT_BATH = "heat_bath"
    METROPOLIS = "metropolis"

    @property
    def heat_bath(self) -> float:
        """1 for heat bath, 0 for Metropolis: what the odds e^t of the favoured outcome are raised by."""
        return float(self is Move.HEAT_BATH)

    def metropolis_mask(self, word: np.dtype[Any]) -> Any:
        """A word with all bits set for Metropolis, none for heat bath."""
        return word.type(0 if self is Move.HEAT_BATH else np.iinfo(word).max)


@njit(inline="always")
def exp2(x):
    """2**x for lanes of 0 <= x <= 126, relative error below 3e-7: exponent bits times a polynomial."""
    shifted = x + _ROUNDER
    rest = x - (shifted - _ROUNDER)
    y = fma(rest, _C5, _C4)
    y = fma(rest, y, _C3)
    y = fma(rest, y, _C2)
    y = fma(rest, y, _C1)
    y = fma(rest, y, _C0)
    return floats_of(bits_of(y) + shift_left(bits_of(shifted), 23))


@njit(inline="always")
def decide(local, scale, drawn, old, heat_bath, metropolis):
    """New spins of the lanes, as bits.

    Parameters
    ----------
    local : Vector, local fields dE/ds, float32 or float64
    scale : Vector of float32, 2 beta log2(e)
    drawn : Vector of float32, uniform in (0, 2**31]
    old : unsigned integer, spins before, 1 is up
    heat_bath : float32, 1 for heat bath, 0 for Metropolis
    metropolis : unsigned integer, all bits set for Metropolis, none for heat bath
    """
    unlikely = less(_odds(to_float32(local), scale, drawn, heat_bath), _RANGE)
    favoured = less(local, 0.0)
    return favoured ^ (unlikely & ~((old ^ favoured) & metropolis))


@njit(inline="always")
def decide_spins(local, scale, drawn, before, heat_bath, metropolis):
    """The same for spins that are float32 lanes -1 and +1, before and after; `local` is float32.

    A spin is its sign bit: that of the field turned around where the outcome is the likely one.
    """
    likely = not_less(_odds(local, scale, drawn, heat_bath), _RANGE)
    field = bits_of(local)
    if metropolis:
        likely = likely | ~(bits_of(before) ^ field)
    return floats_of(((field ^ likely) & _SIGN) | _ONE)


@njit(inline="always")
def _odds(local, scale, drawn, heat_bath):
    """The unlikely outcome is where this lies below `_RANGE`."""
    return drawn * (exp2(minimum(absolute(local) * scale, _LARGEST)) + heat_bath)


def scales(betas: ArrayLike) -> NDArray[np.float32]:
    """2 beta log2(e): what `decide` multiplies fields by."""
    return (2.0 * math.log2(math.e) * np.asarray(betas)).astype(np.float32)

"""What the angles are trained for: a functional of the distribution of energies, with its derivative."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from qspin_backends.common import amplitudes

if TYPE_CHECKING:
    from qspin_backends.qaoa.statevector import StateVector

__all__ = ["CVaR", "Expectation", "Gibbs", "Objective"]

Floats = NDArray[np.float64]

_BINS = 4096
_ROUNDS = 3  # each narrows the quantile by the number of bins


class Objective(Protocol):
    """Units of energy; the derivative by the probability of each position are its weights."""

    def value(self, vector: StateVector, re: Floats, im: Floats) -> float: ...

    def value_and_weights(self, vector: StateVector, re: Floats, im: Floats) -> tuple[float, Floats]: ...


@dataclass(frozen=True)
class Expectation:
    """The mean energy."""

    def value(self, vector: StateVector, re: Floats, im: Floats) -> float:
        return vector.mean(re, im, vector.energies)

    def value_and_weights(self, vector: StateVector, re: Floats, im: Floats) -> tuple[float, Floats]:
        return self.value(vector, re, im), vector.energies


@dataclass(frozen=True)
class CVaR:
    """The mean energy of the lowest fraction (Barkoutsos et al. 2020, Quantum 4, 256).

    Parameters
    ----------
    fraction : of the probability, in (0, 1]
    """

    fraction: float

    def value(self, vector: StateVector, re: Floats, im: Floats) -> float:
        return self.value_and_weights(vector, re, im)[0]

    def value_and_weights(self, vector: StateVector, re: Floats, im: Floats) -> tuple[float, Floats]:
        """max over v of v - <max(v - E, 0)> / fraction, whose maximum is at the quantile v."""
        quantile = _quantile(self.fraction, re, im, vector.energies)
        weights = np.minimum(vector.energies - quantile, 0.0) / self.fraction
        return quantile + vector.mean(re, im, weights), weights


@dataclass(frozen=True)
class Gibbs:
    """-ln <exp(-eta E)> / eta (Li, Fan, Coram, Riley, Leichenauer 2020, Phys. Rev. Research 2, 023074).

    Parameters
    ----------
    eta : units of 1/energy
    """

    eta: float

    def value(self, vector: StateVector, re: Floats, im: Floats) -> float:
        return self.value_and_weights(vector, re, im)[0]

    def value_and_weights(self, vector: StateVector, re: Floats, im: Floats) -> tuple[float, Floats]:
        lowest = float(vector.energies.min())
        weights = np.exp(-self.eta * (vector.energies - lowest))
        mean = vector.mean(re, im, weights)
        weights *= -1 / (self.eta * mean)
        return lowest - math.log(mean) / self.eta, weights


def _quantile(fraction: float, re: Floats, im: Floats, energies: Floats) -> float:
    """The energy below which lies that fraction of the probability, by histograms that narrow down on it."""
    low, high = float(energies.min()), float(energies.max())
    below = 0.0
    for _ in range(_ROUNDS):
        width = (high - low) * (1 + 1e-12) / _BINS
        if not width > 1e-14 * max(abs(low), abs(high)):
            break
        weights = np.zeros(_BINS)
        amplitudes.histogram(re, im, energies, low, width, weights)
        cumulated = below + np.cumsum(weights)
        k = min(int(np.searchsorted(cumulated, fraction)), _BINS - 1)
        below = float(cumulated[k - 1]) if k else below
        low, high = low + k * width, low + (k + 1) * width
    return low

"""Closed formulas to hold samples against."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ellipk
from scipy.stats import binom

__all__ = ["onsager_energy", "onsager_magnetisation", "random_overlap"]


def onsager_energy(temperature: ArrayLike) -> NDArray[np.float64]:
    """Energy per spin of the infinite 2D Ising ferromagnet, J = 1 (Onsager 1944, Phys. Rev. 65, 117).

    Parameters
    ----------
    temperature : in units of J

    Examples
    --------
    >>> print(f"{onsager_energy(2.0):.6f} {onsager_energy(3.0):.6f}")
    -1.745565 -0.817310
    """
    doubled = 2 / np.asarray(temperature, dtype=np.float64)
    modulus = 2 * np.sinh(doubled) / np.cosh(doubled) ** 2
    bracket = 1 + 2 / np.pi * (2 * np.tanh(doubled) ** 2 - 1) * ellipk(modulus**2)
    return -bracket / np.tanh(doubled)


def onsager_magnetisation(temperature: ArrayLike) -> NDArray[np.float64]:
    """Spontaneous magnetisation of the infinite 2D Ising ferromagnet, J = 1 (Yang 1952, Phys. Rev. 85, 808).

    Examples
    --------
    >>> print(f"{onsager_magnetisation(2.0):.6f} {onsager_magnetisation(3.0):.1f}")
    0.911319 0.0
    """
    rest = 1 - np.sinh(2 / np.asarray(temperature, dtype=np.float64)) ** -4.0
    return np.maximum(rest, 0.0) ** 0.125


def random_overlap(n_spins: int) -> float:
    """Mean |q| of two random configurations of N spins; sqrt(2 / (pi N)) for large N.

    Examples
    --------
    >>> random_overlap(1), random_overlap(2)
    (1.0, 0.5)
    """
    agreeing = np.arange(n_spins + 1)
    return float(binom.pmf(agreeing, n_spins, 0.5) @ np.abs(2 * agreeing / n_spins - 1))

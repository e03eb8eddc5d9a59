"""The Ising ferromagnet on the infinite square lattice, exactly."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import ellipk

from qspin.theory._results import checked_values, temperature_curve, told

__all__ = ["square_lattice"]


def square_lattice(temperature: ArrayLike) -> xr.Dataset:
    """Energy (Onsager 1944, Phys. Rev. 65, 117) and magnetisation (Yang 1952, Phys. Rev. 85, 808).

    Exact for infinitely many spins with J = -1 on every bond; the transition is at T = 2 / ln(1 + sqrt 2) =
    2.269185.

    Parameters
    ----------
    temperature : one or several, above 0, in units of |J|

    Returns
    -------
    over ``beta``, with ``temperature``, in the order given: ``energy`` per spin and ``m_abs``

    Raises
    ------
    InputError
        If a temperature is not positive.

    Examples
    --------
    >>> square_lattice([2.0, 3.0]).energy.values.round(6).tolist()
    [-1.745565, -0.81731]
    >>> square_lattice([2.0, 3.0]).m_abs.values.round(6).tolist()
    [0.911319, 0.0]
    """
    temperatures = checked_values(temperature, "temperature", least=0.0, open_end=True)
    found = {"energy": _energy(temperatures), "m_abs": _magnetisation(temperatures)}
    return told(
        temperature_curve(temperatures, found),
        source="Onsager 1944; Yang 1952",
        valid="infinitely many spins",
        error="exact",
    )


def _energy(temperatures: NDArray[np.float64]) -> NDArray[np.float64]:
    doubled = 2 / temperatures
    falling = np.exp(-2 * doubled)  # cosh of it is no number any more where it is cold
    modulus = -4 * np.exp(-doubled) * np.expm1(-2 * doubled) / (1 + falling) ** 2
    bracket = 1 + 2 / np.pi * (2 * np.tanh(doubled) ** 2 - 1) * ellipk(modulus**2)
    return np.asarray(-bracket / np.tanh(doubled))


def _magnetisation(temperatures: NDArray[np.float64]) -> NDArray[np.float64]:
    doubled = 2 / temperatures
    rest = 1 - 16 * np.exp(-4 * doubled) / np.expm1(-2 * doubled) ** 4
    return np.asarray(np.maximum(rest, 0.0) ** 0.125)

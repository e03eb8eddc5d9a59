"""Functions of one number that features are made with, and what a linear student sees of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, nearest_name

__all__ = ["Activation", "ActivationName", "activation_of"]

ActivationName = Literal["erf", "linear", "relu", "sign", "tanh"]

_TAIL = 12.0  # standard deviations, beyond which nothing is left
_NODES = 200
_ROUNDING = 1e-14  # of a variance that is zero


class Activation(NamedTuple):
    """``sigma(u) = mean + slope u + rest``, three parts without correlation for u ~ N(0, 1).

    Parameters
    ----------
    function : sigma, of arrays
    mean : E sigma(u)
    slope : E u sigma(u)
    rest : variance of what is left, E sigma(u)^2 - mean^2 - slope^2
    """

    function: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    mean: float
    slope: float
    rest: float

    def centred(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """sigma less its mean."""
        return self.function(values) - self.mean


@cache
def activation_of(name: str) -> Activation:
    """An activation by its name.

    Raises
    ------
    InputError
        If there is none of that name.

    Examples
    --------
    >>> relu = activation_of("relu")
    >>> [round(float(part), 4) for part in (relu.mean, relu.slope, relu.rest)]
    [0.3989, 0.5, 0.0908]
    """
    if not isinstance(name, str) or name not in _FUNCTIONS:
        raise InputError(f"no activation {name!r}: {nearest_name(str(name), list(_FUNCTIONS))}")
    function = _FUNCTIONS[name]
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    half, halved = _TAIL * (nodes + 1) / 2, _TAIL * weights / 2
    u = np.concatenate([-half[::-1], half])  # in two pieces: some have a kink or a step at 0
    density = np.concatenate([halved[::-1], halved]) * np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)
    values = function(u)
    mean, slope = float(density @ values), float(density @ (u * values))
    rest = float(density @ (values - mean - slope * u) ** 2)
    return Activation(function, mean, slope, rest if rest > _ROUNDING else 0.0)


def _erf(values: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import erf

    return np.asarray(erf(values))


_FUNCTIONS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "erf": _erf,
    "linear": lambda values: values,
    "relu": lambda values: np.maximum(values, 0.0),
    "sign": np.sign,
    "tanh": np.tanh,
}

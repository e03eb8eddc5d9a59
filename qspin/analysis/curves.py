"""Curves of different problems or samplers held against each other, temperature by temperature."""

from __future__ import annotations

from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from qspin.analysis.temperature import Interpolation, interpolated
from qspin.arguments import checked_arguments
from qspin.significance import STANDARD_ERRORS

__all__ = [
    "STANDARD_ERRORS",
    "Comparison",
    "Curve",
    "at_reached",
    "compare_curves",
    "half_temperature",
]


class Comparison(NamedTuple):
    """Two curves at common temperatures, ascending in T; arrays (n,).

    `is_interpolated` tells whether their ladders share too little, so that one of them was interpolated.
    `limit` is the number of standard errors beyond which a difference is one: four, and where errors are over
    few instances as many as Student's t has at the same rarity.
    """

    temperature: NDArray[np.float64]
    first: NDArray[np.float64]
    first_error: NDArray[np.float64]
    second: NDArray[np.float64]
    second_error: NDArray[np.float64]
    is_interpolated: bool = False
    limit: float = STANDARD_ERRORS

    @property
    def difference(self) -> NDArray[np.float64]:
        return self.first - self.second

    @property
    def error(self) -> NDArray[np.float64]:
        return np.hypot(self.first_error, self.second_error)

    @property
    def significant(self) -> NDArray[np.bool_]:
        return np.abs(self.difference) > self.limit * self.error

    @property
    def largest(self) -> int:
        """Where the significant difference is largest, or any difference if none is significant."""
        size = np.abs(self.difference)
        return int(np.argmax(np.where(self.significant, size, -1.0) if self.significant.any() else size))


class Curve:
    """One quantity of a result against the temperature, made once to be held against many others.

    Parameters
    ----------
    result : over ``beta`` with ``temperature``, `name` and ``name_error``
    """

    def __init__(self, result: xr.Dataset, name: str = "q_abs"):
        self._result, self._name = result, name
        temperatures = result["temperature"].values
        self._known, first = np.unique(temperatures, return_index=True)
        self._values, self._errors = (result[part].values[first] for part in (name, f"{name}_error"))
        self._n_instances = float(result.attrs.get("n_instances", np.inf))
        self.ladder = np.unique(temperatures[np.isfinite(result["beta"].values)])
        """Temperatures that were set, ascending, each once."""

    @cached_property
    def _interpolation(self) -> Interpolation:
        return Interpolation(self._result, self._name)

    def at(self, temperatures: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
        """Values and standard errors, and whether some of them lie between what was sampled."""
        place = np.clip(np.searchsorted(self._known, temperatures), 0, len(self._known) - 1)
        sampled = self._known[place] == temperatures
        values, errors = self._values[place], self._errors[place]
        if sampled.all():
            return values, errors, False
        between, spread = self._interpolation.at(temperatures)
        return np.where(sampled, values, between), np.where(sampled, errors, spread), True

    def against(self, other: Curve, at: ArrayLike | None = None) -> Comparison | None:
        """See `compare_curves`."""
        chosen = _common_temperatures(self.ladder, other.ladder) if at is None else np.asarray(at, float)
        if not chosen.size:
            return None
        (a, a_error, a_between), (b, b_error, b_between) = (curve.at(chosen) for curve in (self, other))
        limit = _limit(min(self._n_instances, other._n_instances))
        return Comparison(chosen, a, a_error, b, b_error, a_between or b_between, limit)


@cache
def _limit(n_instances: float) -> float:
    """Standard errors over so many instances that are as rare as four of a normal distribution."""
    if not n_instances > 1 or np.isinf(n_instances):
        return STANDARD_ERRORS
    return float(stats.t.isf(stats.norm.sf(STANDARD_ERRORS), n_instances - 1))


@checked_arguments
def compare_curves(
    first: xr.Dataset, second: xr.Dataset, name: str = "q_abs", *, at: ArrayLike | None = None
) -> Comparison | None:
    """Hold two curves of samplers with a thermostat against each other.

    At the temperatures that they share; or, where their ladders overlap and share less than one of them has
    there, at those of the sparser one, between which the other is interpolated.

    Parameters
    ----------
    at : temperatures to compare at instead, interpolated where they were not sampled

    Returns
    -------
    None if the ladders do not overlap or a curve lacks the quantity
    """
    if name not in first or name not in second:
        return None
    return Curve(first, name).against(Curve(second, name), at)


def _common_temperatures(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ascending temperatures at which two ladders are compared."""
    if np.array_equal(first, second):
        return first
    ladders = [first, second]
    shared = np.intersect1d(first, second, assume_unique=True)
    finite = [ladder[np.isfinite(ladder)] for ladder in ladders]
    if not all(ladder.size for ladder in finite):
        return shared
    low, high = max(t.min() for t in finite), min(t.max() for t in finite)
    inside = [t[(t >= low) & (t <= high)] for t in finite]
    if np.isfinite(shared).sum() >= min(map(len, inside)):
        return shared
    return min(inside, key=len)


def at_reached(device: xr.Dataset, curve: xr.Dataset) -> Comparison:
    """Mean |q| of a device against a curve, at the temperatures of the device that the curve covers.

    Parameters
    ----------
    device : with measured or matched temperatures
    curve : of a sampler with a thermostat; interpolated
    """
    temperature, spread = (device[name].values for name in ("temperature", "temperature_error"))
    expected, error = interpolated(curve, "q_abs", temperature, spread)
    inside = np.isfinite(expected)
    own, own_error = (device[name].values[inside] for name in ("q_abs", "q_abs_error"))
    return Comparison(temperature[inside], own, own_error, expected[inside], error[inside], True)


@checked_arguments
def half_temperature(curve: xr.Dataset) -> tuple[float, float] | None:
    """Temperature where mean |q| falls through 1/2, coming from the cold side, and its standard error.

    Linear interpolation in ln T between the two neighbouring temperatures; None if it never crosses.
    """
    if "q_abs" not in curve:
        return None
    ordered = curve.isel(beta=np.isfinite(curve["temperature"].values)).sortby("temperature")
    x, q = np.log(ordered["temperature"].values), ordered["q_abs"].values
    falling = np.flatnonzero((q[:-1] >= 0.5) & (q[1:] < 0.5))
    if not falling.size:
        return None
    k = int(falling[0])
    slope = (q[k + 1] - q[k]) / (x[k + 1] - x[k])
    share = (0.5 - q[k]) / (q[k + 1] - q[k])
    temperature = float(np.exp(x[k] + (0.5 - q[k]) / slope))
    errors = ordered["q_abs_error"].values[k : k + 2]
    return temperature, float(temperature * np.hypot((1 - share) * errors[0], share * errors[1]) / abs(slope))

"""Temperatures that were measured, not set: of a device without a thermostat."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.samples import SampleSet
from qspin.spectrum import rounding_of

__all__ = [
    "at_matched_temperatures",
    "at_measured_temperatures",
    "has_measured_temperatures",
    "interpolated",
    "matched_temperature",
]

MEASURED = ("beta_effective", "beta_effective_error")


@checked_arguments
def has_measured_temperatures(samples: SampleSet) -> bool:
    """Whether the sampler measured effective inverse temperatures.

    Not a measure of its own: it says which measures are put at measured temperatures.
    """
    return "beta_effective" in samples.dataset


@checked_arguments
def at_measured_temperatures(curve: xr.Dataset, samples: SampleSet) -> xr.Dataset:
    """A curve over ``beta`` with the temperatures that were measured as its own.

    Not a measure of its own: all measures over ``beta`` are put at these temperatures.

    Parameters
    ----------
    curve : of `samples`, such as `overlap_curve` gives it
    samples : whose ``beta_effective`` was measured

    Returns
    -------
    the curve with ``temperature`` = 1 / beta_effective, NaN where that is not known or not positive, its
    standard error ``temperature_error``, the measured variables, and of an annealer ``coupling_scale`` and
    ``chain_break_fraction`` (beta,), the mean over reads

    Raises
    ------
    InputError
        If nothing was measured.
    """
    if not has_measured_temperatures(samples):
        raise InputError("these samples hold no beta_effective: their sampler measured no temperature")
    measured = {name: ("beta", samples.dataset[name].values) for name in MEASURED}
    beta, error = (samples.dataset[name].values for name in MEASURED)
    temperature, spread = _inverse(beta, error)
    if "coupling_scale" in samples.dataset:
        measured["coupling_scale"] = ("beta", samples.dataset["coupling_scale"].values)
    if "chain_break_fraction" in samples.dataset:
        measured["chain_break_fraction"] = (
            "beta",
            samples.dataset["chain_break_fraction"].mean("replica").values,
        )
    return curve.assign(measured).assign_coords(
        temperature=("beta", temperature), temperature_error=("beta", spread)
    )


@checked_arguments
def at_matched_temperatures(
    curve: xr.Dataset, betas: ArrayLike, errors: ArrayLike, reference: str
) -> xr.Dataset:
    """A curve of a device with the temperatures at which a reference has its mean energies as its own.

    Parameters
    ----------
    curve : of samples without a thermostat; a ``beta_effective`` that the device measured itself stays what
        it is, but is no longer the temperature
    betas, errors : as `effective_temperature` gives them, row by row, units of 1/energy; NaN where there is
        none
    reference : its name, kept as the attribute ``temperature_of``

    Returns
    -------
    the curve with ``temperature`` and ``temperature_error``, NaN where beta is not known or not positive
    """
    beta, error = np.asarray(betas, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    temperature, spread = _inverse(beta, error)
    placed = curve.assign_coords(temperature=("beta", temperature), temperature_error=("beta", spread))
    placed = placed.assign(beta_matched=("beta", beta), beta_matched_error=("beta", error))
    return placed.assign_attrs(temperature_of=reference)


def _inverse(
    beta: NDArray[np.float64], error: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """1 / beta and its standard error; NaN where beta is not positive."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(beta > 0, 1 / beta, np.nan), np.where(beta > 0, error / beta**2, np.nan)


@checked_arguments
def interpolated(
    curve: xr.Dataset, name: str, temperatures: ArrayLike, errors: ArrayLike = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A quantity of a curve at other temperatures, by monotone cubics in ln T, and its standard error.

    Parameters
    ----------
    curve : over ``beta`` with ``temperature``, `name` and ``name_error``
    temperatures : where (n,), NaN outside the curve
    errors : standard errors of these temperatures; they enter by the slope of the curve

    Returns
    -------
    values, errors : the error holds that of the neighbours, NaN where theirs is unknown, and that of
        interpolation, judged by how far the cubic and the straight line are apart there or in a neighbouring
        interval, and by how much the curve rises between the two points
    """
    return Interpolation(curve, name).at(temperatures, errors)


class Interpolation:
    """What `interpolated` does, made once for many sets of temperatures.

    Parameters
    ----------
    curve, name : as for `interpolated`
    """

    def __init__(self, curve: xr.Dataset, name: str):
        self._x, self._values, self._errors = _by_temperature(curve, name)
        if len(self._x) > 1:
            self._smooth = PchipInterpolator(self._x, self._values, extrapolate=False)
            self._slope = self._smooth.derivative()
            self._intervals = _interval_errors(self._x, self._values, self._smooth)

    def at(
        self, temperatures: ArrayLike, errors: ArrayLike = 0.0
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Values and their standard errors, as `interpolated` returns them."""
        wanted, x = np.asarray(temperatures, dtype=np.float64), self._x
        if len(x) < 2:
            return np.full(wanted.shape, np.nan), np.full(wanted.shape, np.nan)
        at = np.log(wanted)
        inside = np.isfinite(at)
        places = np.where(inside, at, x[0])
        doubt = np.where(inside, _interpolation_error(x, self._intervals, places), np.nan)
        slope = self._slope(at) * np.asarray(errors) / wanted
        statistical = np.hypot(np.interp(at, x, self._errors), slope)
        return self._smooth(at), np.hypot(statistical, doubt)


def _interval_errors(
    x: NDArray[np.float64], values: NDArray[np.float64], smooth: PchipInterpolator
) -> NDArray[np.float64]:
    """Of every interval the distance of cubic and straight line, or if it is larger, the cube of the rise.

    In units of the rise of the whole curve: one that rises by a tenth of that is known to a thousandth, by
    half to an eighth.
    """
    apart = np.abs(smooth((x[:-1] + x[1:]) / 2) - (values[:-1] + values[1:]) / 2)
    padded = np.concatenate([apart[:1], apart, apart[-1:]])
    rise, all_of_it = np.abs(np.diff(values)), max(float(np.ptp(values)), 1e-300)
    return np.max([padded[:-2], apart, padded[2:], rise * (rise / all_of_it) ** 2], axis=0)


def _interpolation_error(
    x: NDArray[np.float64], intervals: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """That of the interval in its middle, zero at the points that were measured."""
    k = np.clip(np.searchsorted(x, at) - 1, 0, len(x) - 2)
    share = np.clip((at - x[k]) / (x[k + 1] - x[k]), 0, 1)
    return 4 * share * (1 - share) * intervals[k]


@checked_arguments
def matched_temperature(curve: xr.Dataset, energy: float, error: float) -> tuple[float, float]:
    """Where the energy per spin of a curve is `energy`, and its standard error; NaN where it is nowhere.

    An energy at or below that of the coldest temperature, but for rounding, is only a bound: NaN.

    Parameters
    ----------
    curve : `energy_curve` of a sampler with a thermostat, of the same problem
    energy, error : mean energy per spin and its standard error
    """
    x, values, own = _by_temperature(curve, "energy")
    if not len(x) or energy <= values[0] + rounding_of(values, 1):
        return float("nan"), float("nan")
    rising = np.flatnonzero((values[:-1] <= energy) & (energy < values[1:]))
    if not rising.size:
        return float("nan"), float("nan")
    k = int(rising[0])
    smooth = PchipInterpolator(x, values)
    at = float(brentq(lambda t: float(smooth(t)) - energy, x[k], x[k + 1]))
    temperature, slope = float(np.exp(at)), float(smooth.derivative()(at))
    return temperature, temperature * float(np.hypot(error, np.interp(at, x, own))) / slope


def _by_temperature(
    curve: xr.Dataset, name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """ln T, a quantity and its error, ascending in T; where T and the quantity are known, each T once."""
    known = np.isfinite(curve["temperature"].values) & np.isfinite(curve[name].values)
    temperature, first = np.unique(curve["temperature"].values[known], return_index=True)
    errors = curve[f"{name}_error"].values[known][first]
    return np.log(temperature), curve[name].values[known][first], errors

"""Temperatures that were measured, not set: of a device without a thermostat."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

from qspin.errors import InputError
from qspin.samples import SampleSet

__all__ = ["at_measured_temperatures", "has_measured_temperatures", "interpolated", "matched_temperature"]

MEASURED = ("beta_effective", "beta_effective_error")


def has_measured_temperatures(samples: SampleSet) -> bool:
    """Whether the sampler measured effective inverse temperatures."""
    return "beta_effective" in samples.dataset


def at_measured_temperatures(curve: xr.Dataset, samples: SampleSet) -> xr.Dataset:
    """A curve over ``beta`` with the temperatures that were measured as its own.

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
    with np.errstate(divide="ignore", invalid="ignore"):
        temperature = np.where(beta > 0, 1 / beta, np.nan)
        spread = np.where(beta > 0, error / beta**2, np.nan)
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


def interpolated(
    curve: xr.Dataset, name: str, temperatures: ArrayLike, errors: ArrayLike = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A quantity of a curve at other temperatures, by monotone cubics in ln T, and its standard error.

    Parameters
    ----------
    curve : over ``beta`` with ``temperature``, `name` and ``name_error``
    temperatures : where (n,), NaN outside the curve
    errors : standard errors of these temperatures; they enter by the slope of the curve
    """
    x, values, own = _by_temperature(curve, name)
    wanted = np.asarray(temperatures, dtype=np.float64)
    if len(x) < 2:
        return np.full(wanted.shape, np.nan), np.full(wanted.shape, np.nan)
    smooth, at = PchipInterpolator(x, values, extrapolate=False), np.log(wanted)
    slope = smooth.derivative()(at)
    return smooth(at), np.hypot(np.interp(at, x, own), slope * np.asarray(errors) / wanted)


def matched_temperature(curve: xr.Dataset, energy: float, error: float) -> tuple[float, float]:
    """Where the energy per spin of a curve is `energy`, and its standard error; NaN where it is nowhere.

    Parameters
    ----------
    curve : `energy_curve` of a sampler with a thermostat, of the same problem
    energy, error : mean energy per spin and its standard error
    """
    x, values, own = _by_temperature(curve, "energy")
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
    """ln T, a quantity and its error, ascending in T; only where T is finite."""
    ordered = curve.isel(beta=np.isfinite(curve["temperature"].values)).sortby("temperature")
    errors = np.nan_to_num(ordered[f"{name}_error"].values)
    return np.log(ordered["temperature"].values), ordered[name].values, errors

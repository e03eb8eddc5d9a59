"""Temperatures that were measured, not set: of a device without a thermostat."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError
from qspin.samples import SampleSet

__all__ = ["at_measured_temperatures", "has_measured_temperatures", "interpolated", "matched_temperature"]

MEASURED = ("coupling_scale", "beta_effective", "beta_effective_error")


def has_measured_temperatures(samples: SampleSet) -> bool:
    """Whether the sampler measured an effective inverse temperature at each of its coupling scales."""
    return "beta_effective" in samples.dataset


def at_measured_temperatures(curve: xr.Dataset, samples: SampleSet) -> xr.Dataset:
    """A curve over ``beta`` with the temperatures that were measured as its own.

    Parameters
    ----------
    curve : of `samples`, such as `overlap_curve` gives it
    samples : whose ``beta_effective`` was measured

    Returns
    -------
    the curve with ``temperature`` = 1 / beta_effective, NaN where that is not known or not positive, its standard error
    ``temperature_error``, the measured variables, and ``chain_break_fraction`` (beta,), the mean over reads

    Raises
    ------
    InputError
        If nothing was measured.
    """
    if not has_measured_temperatures(samples):
        raise InputError("these samples hold no beta_effective: their sampler measured no temperature")
    measured = {name: ("beta", samples.dataset[name].values) for name in MEASURED}
    beta, error = (samples.dataset[name].values for name in MEASURED[1:])
    with np.errstate(divide="ignore", invalid="ignore"):
        temperature = np.where(beta > 0, 1 / beta, np.nan)
        spread = np.where(beta > 0, error / beta**2, np.nan)
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
    """A quantity of a curve at other temperatures, linearly in ln T, and its standard error.

    Parameters
    ----------
    curve : over ``beta`` with ``temperature``, `name` and ``name_error``
    temperatures : where (n,), NaN outside the curve
    errors : standard errors of these temperatures; they enter by the slope of the curve
    """
    ordered = curve.isel(beta=np.isfinite(curve["temperature"].values)).sortby("temperature")
    x, y = np.log(ordered["temperature"].values), ordered[name].values
    wanted = np.asarray(temperatures, dtype=np.float64)
    if len(x) < 2:
        return np.full(wanted.shape, np.nan), np.full(wanted.shape, np.nan)
    at = np.log(wanted)
    value = np.interp(at, x, y, left=np.nan, right=np.nan)
    own = np.interp(at, x, np.nan_to_num(ordered[f"{name}_error"].values))
    k = np.clip(np.searchsorted(x, np.nan_to_num(at)) - 1, 0, len(x) - 2)
    slope = (y[k + 1] - y[k]) / (x[k + 1] - x[k])
    return value, np.hypot(own, slope * np.asarray(errors) / wanted)


def matched_temperature(curve: xr.Dataset, energy: float, error: float) -> tuple[float, float]:
    """Where the energy per spin of a curve is `energy`, and its standard error; NaN where it is nowhere.

    Linear in ln T between neighbours, for energies that rise with temperature.

    Parameters
    ----------
    curve : `energy_curve` of a sampler with a thermostat, of the same problem
    energy, error : mean energy per spin and its standard error
    """
    ordered = curve.isel(beta=np.isfinite(curve["temperature"].values)).sortby("temperature")
    x, y = np.log(ordered["temperature"].values), ordered["energy"].values
    rising = np.flatnonzero((y[:-1] <= energy) & (energy < y[1:]))
    if not rising.size:
        return float("nan"), float("nan")
    k = int(rising[0])
    slope = (y[k + 1] - y[k]) / (x[k + 1] - x[k])
    temperature = float(np.exp(x[k] + (energy - y[k]) / slope))
    own = float(np.nan_to_num(ordered["energy_error"].values[k : k + 2]).max())
    return temperature, temperature * float(np.hypot(error, own)) / slope

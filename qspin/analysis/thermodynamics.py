"""Energy, heat capacity and magnetisation at every temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.analysis.resampling import Variance, jackknife, variance_over_replicas
from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.samples import SampleSet

__all__ = ["energy_curve", "magnetisation_curve", "replica_means", "replica_variances"]


@checked_arguments
def energy_curve(samples: SampleSet) -> xr.Dataset:
    """Energy and heat capacity per spin at every temperature, with errors over replicas.

    The heat capacity is beta^2 times the variance of the energy, without bias however few replicas and draws
    there are (`resampling.variance_over_replicas`).

    Returns
    -------
    dataset over ``beta`` with, per spin, ``energy`` and its standard error ``energy_error``, of which a 95 %
    interval takes `confidence_factor` (Student's t); ``heat_capacity``, its 95 % interval
    ``heat_capacity_low`` to ``heat_capacity_high``, and ``heat_capacity_error``, from the upper side of that
    interval (`resampling.variance_interval`). Of one replica there are no errors, of one energy there is no
    heat capacity; where all energies are equal it is 0 with an unknown error.
    """
    n = max(samples.n_spins, 1)
    means = replica_means(samples)
    variances = replica_variances(samples)
    n_draws = 2 if samples.has_averages else samples.energies.sizes["draw"]  # of sweeps there are many
    mean, error = np.array([jackknife(row) for row in means]).T
    capacities = [
        variance_over_replicas(m, v, n_draws, tolerance=samples.energy_tolerance).times(beta**2 / n)
        for m, v, beta in zip(means, variances, samples.betas, strict=True)
    ]
    return _curve(
        samples,
        {"energy": mean / n, "energy_error": error / n, **_columns("heat_capacity", capacities)},
    )


@checked_arguments
def magnetisation_curve(samples: SampleSet) -> xr.Dataset:
    """Mean |m|, m^2 and susceptibility at every temperature, with errors over replicas.

    Returns
    -------
    dataset over ``beta`` with ``m_abs``, ``m2`` and ``susceptibility`` beta N (<m^2> - <|m|>^2), m = (1/N)
    sum s_i, each with its ``..._error``; the susceptibility, a variance, without bias and with its 95 %
    interval ``susceptibility_low`` to ``..._high``, as the heat capacity of `energy_curve`

    Raises
    ------
    InputError
        If a run kept averages only.
    """
    if samples.has_averages:
        raise InputError("magnetisations need stored spins: sample without store: statistics")
    n = max(samples.n_spins, 1)
    m = (
        samples.spins.values.mean(axis=-1, dtype=np.float64)
        if samples.n_spins
        else np.zeros(samples.energies.shape)
    )
    size = np.abs(m)
    variables = {}
    for name, values in (("m_abs", size), ("m2", m**2)):
        variables[name], variables[f"{name}_error"] = np.array(
            [jackknife(row.mean(axis=1)) for row in values]
        ).T
    rounding = 4 * np.finfo(np.float64).eps
    responses = [
        variance_over_replicas(row.mean(axis=1), row.var(axis=1), row.shape[1], tolerance=rounding).times(
            beta * n
        )
        for row, beta in zip(size, samples.betas, strict=True)
    ]
    return _curve(samples, {**variables, **_columns("susceptibility", responses)})


def _columns(name: str, found: Sequence[Variance]) -> dict[str, NDArray[np.float64]]:
    """Value, error and interval of a variance at every temperature, by the name of each."""
    columns = np.array(found).T
    return {
        f"{name}{part}": column for part, column in zip(("", "_error", "_low", "_high"), columns, strict=True)
    }


def _curve(samples: SampleSet, variables: Mapping[str, NDArray[np.float64]]) -> xr.Dataset:
    return xr.Dataset(
        {name: ("beta", values) for name, values in variables.items()},
        coords={"beta": samples.betas, "temperature": ("beta", samples.temperatures)},
    )


def replica_means(samples: SampleSet) -> NDArray[np.float64]:
    """Mean energy of each replica at each beta, (beta, replica)."""
    if samples.has_averages:
        return samples.dataset["energy_mean"].values
    return samples.energies.values.mean(axis=2)


def replica_variances(samples: SampleSet) -> NDArray[np.float64]:
    """Variance of the energy along each replica at each beta, (beta, replica)."""
    if samples.has_averages:
        return samples.dataset["energy_variance"].values
    return samples.energies.values.var(axis=2)

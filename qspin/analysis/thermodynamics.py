"""Energy, heat capacity, free energy and entropy at every temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.analysis.resampling import Variance, jackknife, require_problem, variance_over_replicas
from qspin.analysis.reweighting import free_energies
from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.samples import SampleSet

__all__ = ["energy_curve", "free_energy_curve", "magnetisation_curve"]

FreeEnergyMethod = Literal["mbar", "integration", "population"]


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
    means = _replica_means(samples)
    variances = _replica_variances(samples)
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


@checked_arguments
def free_energy_curve(
    samples: SampleSet, problem: IsingProblem, *, method: FreeEnergyMethod = "mbar"
) -> xr.Dataset:
    """ln Z, free energy and entropy at every temperature, from the known value ln Z = N ln 2 at beta = 0.

    Parameters
    ----------
    samples : of `problem`, at a ladder that begins near enough to beta = 0 for its energies to overlap with
        those there
    problem : gives the energy's mean and variance at beta = 0
    method : ``mbar``: the multistate Bennett acceptance ratio (Shirts, Chodera 2008, J. Chem. Phys. 129,
        124105) by pymbar, over all stored energies; ``integration``: ln Z = N ln 2 - integral of <E> over
        beta, by the trapezoidal rule with its correction from heat capacities; ``population``: the estimate
        of population annealing

    Returns
    -------
    dataset over ``beta``: ``log_partition``, ``free_energy`` -ln Z / beta and ``entropy`` ln Z + beta <E>,
    the last two per spin, in units of energy and of Boltzmann's constant; each with its standard error over
    replicas ``..._error``

    Raises
    ------
    InputError
        If the samples are of another problem, have no temperatures, or were not made by the method named.
    """
    require_problem(samples, problem)
    if method not in get_args(FreeEnergyMethod):
        raise InputError(f"method must be one of {', '.join(get_args(FreeEnergyMethod))}; got {method!r}")
    if np.isnan(samples.betas).any():
        raise InputError("the sampler states no temperature, so there is no free energy at one")
    n, betas = max(samples.n_spins, 1), samples.betas
    by_replica = {"mbar": _by_mbar, "integration": _by_integration, "population": _by_population}[method]
    log_partition, log_partition_error, spread = by_replica(samples, problem)
    energies = energy_curve(samples)
    entropy = log_partition / n + betas * energies["energy"].values
    entropy_error = np.hypot(log_partition_error / n, betas * energies["energy_error"].values)
    if spread is not None:  # ln Z and <E> of a replica belong together
        means = _replica_means(samples)
        per_replica = spread / n + betas[:, None] * means / n
        entropy_error = per_replica.std(axis=1, ddof=1) / np.sqrt(per_replica.shape[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        free, free_error = -log_partition / betas / n, log_partition_error / betas / n
    variables = {
        "log_partition": log_partition, "log_partition_error": log_partition_error,
        "free_energy": free, "free_energy_error": free_error,
        "entropy": entropy, "entropy_error": entropy_error,
    }  # fmt: skip
    return xr.Dataset(
        {name: ("beta", values) for name, values in variables.items()},
        coords={"beta": betas, "temperature": ("beta", samples.temperatures)},
    )


_Estimate = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]
"""ln Z (beta,), its standard error, and the estimates of single replicas (beta, replica), if there are
several.
"""


def _by_mbar(samples: SampleSet, problem: IsingProblem) -> _Estimate:
    energies = samples.energies.values
    if energies.shape[2] < 2 and energies.shape[1] < 2:
        raise InputError("MBAR needs stored energies: more than one draw or replica at each beta")
    pooled = _mbar(energies.reshape(len(energies), -1), samples.betas, problem)
    if energies.shape[1] < 2 or energies.shape[2] < 2:
        return pooled, np.full(len(pooled), np.nan), None
    spread = np.stack(
        [_mbar(energies[:, r], samples.betas, problem) for r in range(energies.shape[1])], axis=1
    )
    return pooled, spread.std(axis=1, ddof=1) / np.sqrt(spread.shape[1]), spread


def _mbar(
    energies: NDArray[np.float64], betas: NDArray[np.float64], problem: IsingProblem
) -> NDArray[np.float64]:
    """ln Z (beta,) from energies (beta, sample); beta = 0 enters as a state without samples."""
    states = np.concatenate([[0.0], betas])
    counts = np.concatenate([[0], np.full(len(betas), energies.shape[1])])
    flat = energies.ravel()
    centre = flat.mean()
    f = free_energies(states[:, None] * (flat - centre), counts)[1:]
    return problem.n_spins * np.log(2) - f - betas * centre


def _by_integration(samples: SampleSet, problem: IsingProblem) -> _Estimate:
    means, variances = _replica_means(samples), _replica_variances(samples)
    betas = np.concatenate([[0.0], samples.betas])
    start_variance = float((problem.edges.couplings**2).sum() + (problem.fields**2).sum())

    def log_partition(moments: NDArray[np.float64]) -> NDArray[np.float64]:
        energy = np.concatenate([[problem.offset], moments[0]])
        variance = np.concatenate([[start_variance], moments[1] - moments[0] ** 2])
        step = np.diff(betas)
        area = step * (energy[1:] + energy[:-1]) / 2 + step**2 / 12 * np.diff(variance)
        return problem.n_spins * np.log(2) - np.cumsum(area)

    moments = np.stack([means, variances + means**2]).transpose(2, 0, 1)
    estimate, error = jackknife(moments, log_partition)
    return (
        estimate,
        error,
        np.stack([log_partition(m) for m in moments], axis=1) if len(moments) > 1 else None,
    )


def _by_population(samples: SampleSet, problem: IsingProblem) -> _Estimate:
    if "log_partition" not in samples.dataset:
        raise InputError("only population annealing measures ln Z itself: sample with method='population'")
    by_replica = samples.dataset["log_partition"].values
    largest = by_replica.max(axis=1, keepdims=True)
    # each population estimates Z without bias, so Z is averaged, not its logarithm (Machta 2010)
    estimate, error = jackknife(np.exp(by_replica - largest).T, lambda mean: np.log(mean))
    return estimate + largest[:, 0], error, by_replica if by_replica.shape[1] > 1 else None


def _replica_means(samples: SampleSet) -> NDArray[np.float64]:
    """Mean energy of each replica at each beta, (beta, replica)."""
    if samples.has_averages:
        return samples.dataset["energy_mean"].values
    return samples.energies.values.mean(axis=2)


def _replica_variances(samples: SampleSet) -> NDArray[np.float64]:
    """Variance of the energy along each replica at each beta, (beta, replica)."""
    if samples.has_averages:
        return samples.dataset["energy_variance"].values
    return samples.energies.values.var(axis=2)

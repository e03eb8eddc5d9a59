"""Energy, heat capacity, free energy and entropy at every temperature."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.analysis.resampling import jackknife, require_problem
from qspin.analysis.reweighting import free_energies
from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.samples import SampleSet

__all__ = ["energy_curve", "energy_moments", "free_energy_curve", "magnetisation_curve"]

FreeEnergyMethod = Literal["mbar", "integration", "population"]


def energy_moments(energies: ArrayLike, betas: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean energy and heat capacity ``beta^2 (<E^2> - <E>^2)`` with jackknife errors over replicas.

    Parameters
    ----------
    energies : array (beta, replica, draw), units of energy
    betas : array (beta,); the heat capacity is NaN where it is

    Returns
    -------
    estimates, errors : arrays (beta, 2), mean energy and heat capacity; with one replica errors are NaN
    """
    array = np.asarray(energies, dtype=np.float64)
    return _moment_curves(array.mean(axis=2), array.var(axis=2), betas)


def _moment_curves(
    means: NDArray[np.float64], variances: NDArray[np.float64], betas: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As `energy_moments`, from the mean and variance of the energy in each replica, (beta, replica)."""
    estimates, errors = [], []
    for mean, variance, beta in zip(means, variances, np.asarray(betas, dtype=np.float64), strict=True):
        centre = mean.mean()  # variances do not depend on it, rounding errors do
        moments = np.stack([mean - centre, variance + (mean - centre) ** 2], axis=1)

        def energy_and_capacity(m: NDArray[np.float64], b=beta, c=centre) -> NDArray[np.float64]:
            return np.array([c + m[0], b**2 * (m[1] - m[0] ** 2)])

        estimate, error = jackknife(moments, energy_and_capacity)
        estimates.append(estimate)
        errors.append(error)
    return np.array(estimates), np.array(errors)


def energy_curve(samples: SampleSet) -> xr.Dataset:
    """Energy and heat capacity per spin at every temperature, with standard errors over replicas.

    Returns
    -------
    dataset over ``beta`` with ``energy``, ``heat_capacity`` and their ``..._error``, per spin
    """
    n = max(samples.n_spins, 1)
    if samples.has_averages:  # from every sweep
        data = samples.dataset
        estimates, errors = _moment_curves(
            data["energy_mean"].values, data["energy_variance"].values, samples.betas
        )
    else:
        estimates, errors = energy_moments(samples.energies.values, samples.betas)
    return xr.Dataset(
        {
            "energy": ("beta", estimates[:, 0] / n),
            "energy_error": ("beta", errors[:, 0] / n),
            "heat_capacity": ("beta", estimates[:, 1] / n),
            "heat_capacity_error": ("beta", errors[:, 1] / n),
        },
        coords={"beta": samples.betas, "temperature": ("beta", samples.temperatures)},
    )


def magnetisation_curve(samples: SampleSet) -> xr.Dataset:
    """Mean |m|, m^2 and susceptibility at every temperature, with standard errors over replicas.

    Returns
    -------
    dataset over ``beta`` with ``m_abs``, ``m2`` and ``susceptibility`` beta N (<m^2> - <|m|>^2), m = (1/N)
    sum s_i, each with its ``..._error``

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
    rows = []
    for values, beta in zip(m, samples.betas, strict=True):
        moments = np.stack([np.abs(values).mean(axis=1), (values**2).mean(axis=1)], axis=1)

        def with_response(mean: NDArray[np.float64], b=beta) -> NDArray[np.float64]:
            return np.append(mean, b * n * (mean[1] - mean[0] ** 2))

        rows.append(jackknife(moments, with_response))
    variables = {}
    for k, name in enumerate(("m_abs", "m2", "susceptibility")):
        variables[name] = ("beta", np.array([estimate[k] for estimate, _ in rows]))
        variables[f"{name}_error"] = ("beta", np.array([error[k] for _, error in rows]))
    return xr.Dataset(
        variables, coords={"beta": samples.betas, "temperature": ("beta", samples.temperatures)}
    )


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
    data = samples.dataset
    means = _replica_means(samples)
    variances = (
        data["energy_variance"].values if samples.has_averages else samples.energies.values.var(axis=2)
    )
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

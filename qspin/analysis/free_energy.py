"""ln Z, free energy and entropy along a ladder that is tied to a temperature where ln Z is known.

At beta = 0 it is N ln 2, and the energy has the mean `offset` and the variance sum J^2 + sum h^2. A ladder
whose hottest samples hold no energies like those says nothing about ln Z, however smooth its curves are.
"""

from __future__ import annotations

import json
from typing import Literal, NamedTuple, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import logsumexp

from qspin.analysis.resampling import jackknife, require_problem
from qspin.analysis.reweighting import FEWEST, LEAST_OVERLAP, free_energies, row_overlaps
from qspin.analysis.thermodynamics import energy_curve, replica_means, replica_variances
from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.remarks import Remark
from qspin.samples import SampleSet
from qspin.significance import STANDARD_ERRORS

__all__ = ["free_energy_curve"]

FreeEnergyMethod = Literal["mbar", "integration", "population"]

_FEWEST_FAMILIES = 25  # of a population after its first step from beta = 0
_WIDE = 2.0  # standard deviations of the energy times a step of beta, beyond which the rule may be wrong
_NARROWER = 1.6  # factor between betas that are proposed


class _Estimate(NamedTuple):
    """ln Z (beta,), its standard error, the estimates of single replicas (beta, replica), if there are
    several, and the error that no replica shows (beta,).
    """

    value: NDArray[np.float64]
    error: NDArray[np.float64]
    by_replica: NDArray[np.float64] | None
    systematic: NDArray[np.float64]


@checked_arguments
def free_energy_curve(
    samples: SampleSet,
    problem: IsingProblem,
    *,
    method: FreeEnergyMethod = "mbar",
    anchor: tuple[float, float] | None = None,
) -> xr.Dataset:
    """ln Z, free energy and entropy at every temperature, from one where ln Z is known.

    Parameters
    ----------
    samples : of `problem`, at a ladder that begins near enough to beta = 0 for its energies to overlap with
        those there, or with an `anchor`
    problem : gives the energy's mean and variance at beta = 0
    method : ``mbar``: the multistate Bennett acceptance ratio (Shirts, Chodera 2008, J. Chem. Phys. 129,
        124105) by pymbar, over all stored energies; ``integration``: ln Z = N ln 2 - integral of <E> over
        beta, by the trapezoidal rule with its correction from heat capacities; ``population``: the estimate
        of population annealing
    anchor : (beta, ln Z) at one temperature of the ladder, if it is known; default ln Z = N ln 2 at beta = 0

    Returns
    -------
    dataset over ``beta``: ``log_partition``, ``free_energy`` -ln Z / beta and ``entropy`` ln Z + beta <E>,
    the last two per spin, in units of energy and of Boltzmann's constant; each with its standard error over
    replicas ``..._error``. NaN where overlapping energies do not lead there from the anchor; by integration,
    an error of the rule is added where a step of beta exceeds 2 standard deviations of the energy, estimated
    from what the correction and the slopes at its ends say. The attribute ``remarks`` tells of both,
    as JSON of plain remarks (`qspin.remarks`) with the codes ``energies-apart`` and ``coarse-betas``.

    Raises
    ------
    InputError
        If the samples are of another problem, have no temperatures, or were not made by the method named; if
        no temperature is tied to beta = 0 (the message proposes betas to add), or the anchor is no
        temperature of the ladder.
    """
    require_problem(samples, problem)
    if method not in get_args(FreeEnergyMethod):
        raise InputError(f"method must be one of {', '.join(get_args(FreeEnergyMethod))}; got {method!r}")
    if np.isnan(samples.betas).any():
        raise InputError("the sampler states no temperature, so there is no free energy at one")
    start = _anchored_row(samples, method, anchor)
    by_replica = {"mbar": _by_mbar, "integration": _by_integration, "population": _by_population}[method]
    found = by_replica(samples, problem)
    if anchor is not None and start is not None:
        found = _moved(found, samples, problem, start, anchor[1])
    reached, remarks = _reached(samples, problem, method, found, start)
    return _curve(samples, found, reached, remarks)


def _curve(
    samples: SampleSet, found: _Estimate, reached: NDArray[np.bool_], remarks: list[Remark]
) -> xr.Dataset:
    n, betas = max(samples.n_spins, 1), samples.betas
    log_partition = np.where(reached, found.value, np.nan)
    log_partition_error = np.hypot(found.error, found.systematic)
    energies = energy_curve(samples)
    entropy = log_partition / n + betas * energies["energy"].values
    entropy_error = np.hypot(found.error / n, betas * energies["energy_error"].values)
    if found.by_replica is not None:  # ln Z and <E> of a replica belong together
        per_replica = found.by_replica / n + betas[:, None] * replica_means(samples) / n
        entropy_error = per_replica.std(axis=1, ddof=1) / np.sqrt(per_replica.shape[1])
    entropy_error = np.hypot(entropy_error, found.systematic / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        free, free_error = -log_partition / betas / n, log_partition_error / betas / n
    variables = {
        "log_partition": log_partition, "log_partition_error": log_partition_error,
        "free_energy": free, "free_energy_error": free_error,
        "entropy": entropy, "entropy_error": entropy_error,
    }  # fmt: skip
    return xr.Dataset(
        {name: ("beta", np.where(reached, values, np.nan)) for name, values in variables.items()},
        coords={"beta": betas, "temperature": ("beta", samples.temperatures)},
        attrs={"remarks": json.dumps([remark.plain() for remark in remarks])},
    )


# -- what is tied to what ------------------------------------------------------------------------


def _anchored_row(samples: SampleSet, method: str, anchor: tuple[float, float] | None) -> int | None:
    """Row of the anchor; None for beta = 0."""
    if anchor is None:
        return None
    if method == "population":
        raise InputError("population annealing starts at beta = 0 and takes no anchor; leave it out")
    beta, log_partition = (float(value) for value in anchor)
    rows = np.flatnonzero(np.isclose(samples.betas, beta, rtol=1e-9, atol=0))
    if not rows.size or not np.isfinite(log_partition):
        raise InputError(
            "anchor must be (beta, ln Z) at a temperature of the ladder, "
            f"{', '.join(f'{b:.6g}' for b in samples.betas)}; got {anchor!r}"
        )
    return int(rows[0])


def _reached(
    samples: SampleSet, problem: IsingProblem, method: str, found: _Estimate, start: int | None
) -> tuple[NDArray[np.bool_], list[Remark]]:
    """Which temperatures (beta,) overlapping energies lead to from the anchor, and remarks.

    Raises
    ------
    InputError
        If none is tied to beta = 0.
    """
    betas = samples.betas
    if method == "integration":
        return np.ones(len(betas), dtype=bool), _remarks_on_the_rule(betas, found.systematic)
    if start is None:
        _require_tied_to_zero(samples, problem, method, found)
    tied = row_overlaps(samples.energies.values, betas) >= LEAST_OVERLAP
    first = start or 0
    reached = np.array(
        [bool(tied[min(k, first) : max(k, first)].all()) for k in range(len(betas))], dtype=bool
    )
    remarks = [
        Remark(
            "energies-apart",
            f"the energies at beta = {betas[k]:.4g} and {betas[k + 1]:.4g} do not overlap, so ln Z is not "
            f"known {'beyond' if k >= first else 'before'} them: add betas in between, such as "
            f"{_proposed(betas[k], betas[k + 1], samples.energies.values[k : k + 2].std(axis=(1, 2)).max())}",
        )
        for k in np.flatnonzero(~tied)
    ]
    return reached, remarks


def _require_tied_to_zero(samples: SampleSet, problem: IsingProblem, method: str, found: _Estimate) -> None:
    hottest, deviation = samples.betas[0], float(np.sqrt(_variance_at_zero(problem)))
    if hottest * deviation <= np.sqrt(np.finfo(np.float64).eps):  # beta = 0 itself, or energies all equal
        return
    if method == "population":
        families = int(samples.dataset["n_families"].values[0].min())
        why = "" if families >= _FEWEST_FAMILIES else f"of a population {families} families are left there"
    else:
        why = _lost_at_zero(samples, problem, found.value)
    if why:
        raise InputError(
            f"the ladder begins at beta = {hottest:.4g}, too far from beta = 0, where ln Z is known, for its "
            f"energies to overlap with those there ({why}): add betas such as "
            f"{_proposed(0.0, hottest, deviation)}, or give a known ln Z of the ladder as anchor=(beta, ln Z)"
        )


def _lost_at_zero(samples: SampleSet, problem: IsingProblem, log_partition: NDArray[np.float64]) -> str:
    """What the samples, reweighted to beta = 0, miss of the energies there; empty if nothing."""
    energies = samples.energies.values - problem.offset
    mixture = np.full(energies.shape, -np.inf)
    for beta, value in zip(samples.betas, log_partition, strict=True):
        np.logaddexp(mixture, -beta * samples.energies.values - value, out=mixture)
    logs = -mixture - logsumexp(-mixture)
    weights = np.exp(logs)
    effective = float(np.exp(-logsumexp(2 * logs)))
    mean = float((weights * energies).sum())
    variance = float((weights * (energies - mean) ** 2).sum())
    known = _variance_at_zero(problem)
    if effective < min(FEWEST, energies[0].size / 2):
        return f"{effective:.1f} effective samples are left there"
    allowed = STANDARD_ERRORS / np.sqrt(effective)
    if abs(mean) > allowed * np.sqrt(known) or not 0.5 < variance / known < 2 + allowed:
        return (
            f"reweighted to it their mean is {mean + problem.offset:.4g} and their standard deviation "
            f"{np.sqrt(variance):.4g}, instead of {problem.offset:.4g} and {np.sqrt(known):.4g}"
        )
    return ""


def _variance_at_zero(problem: IsingProblem) -> float:
    return float((problem.edges.couplings**2).sum() + (problem.fields**2).sum())


def _proposed(low: float, high: float, deviation: float) -> str:
    """Betas between two that have a gap; near beta = 0 the first one is a standard deviation away."""
    first = low or min(1 / deviation, high / _NARROWER)
    n = max(2, int(np.ceil(np.log(high / first) / np.log(_NARROWER))) + 1)
    between = np.geomspace(first, high, n)[:-1] if not low else np.geomspace(first, high, max(n, 3))[1:-1]
    return ", ".join(f"{beta:.3g}" for beta in between)


def _remarks_on_the_rule(betas: NDArray[np.float64], systematic: NDArray[np.float64]) -> list[Remark]:
    rises = np.flatnonzero(np.abs(np.diff(systematic, prepend=0.0)) > 0)
    if not rises.size:
        return []
    text = (
        f"steps of beta are wide for the trapezoidal rule, first at beta = {betas[rises[0]]:.4g}: the error "
        f"holds up to {systematic.max():.3g} that it may be wrong by; add betas there"
    )
    return [Remark("coarse-betas", text)]


# -- estimates -----------------------------------------------------------------------------------


def _moved(
    found: _Estimate, samples: SampleSet, problem: IsingProblem, start: int, log_partition: float
) -> _Estimate:
    """Differences to one temperature, plus what is known there."""
    shift = log_partition - found.value[start]
    systematic = np.abs(found.systematic - found.systematic[start])
    if found.by_replica is None:
        return _Estimate(found.value + shift, found.error, None, systematic)
    spread = found.by_replica - found.by_replica[start] + log_partition
    error = spread.std(axis=1, ddof=1) / np.sqrt(spread.shape[1])
    return _Estimate(found.value + shift, error, spread, systematic)


def _by_mbar(samples: SampleSet, problem: IsingProblem) -> _Estimate:
    energies = samples.energies.values
    none = np.zeros(len(energies))
    if energies.shape[2] < 2 and energies.shape[1] < 2:
        raise InputError("MBAR needs stored energies: more than one draw or replica at each beta")
    pooled = _mbar(energies.reshape(len(energies), -1), samples.betas, problem)
    if energies.shape[1] < 2 or energies.shape[2] < 2:
        return _Estimate(pooled, np.full(len(pooled), np.nan), None, none)
    spread = np.stack(
        [_mbar(energies[:, r], samples.betas, problem) for r in range(energies.shape[1])], axis=1
    )
    return _Estimate(pooled, spread.std(axis=1, ddof=1) / np.sqrt(spread.shape[1]), spread, none)


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
    means, variances = replica_means(samples), replica_variances(samples)
    betas = np.concatenate([[0.0], samples.betas])
    start_variance = _variance_at_zero(problem)

    def ends(moments: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        energy = np.concatenate([[problem.offset], moments[0]])
        return energy, np.concatenate([[start_variance], moments[1] - moments[0] ** 2])

    def log_partition(moments: NDArray[np.float64]) -> NDArray[np.float64]:
        energy, variance = ends(moments)
        step = np.diff(betas)
        area = step * (energy[1:] + energy[:-1]) / 2 + step**2 / 12 * np.diff(variance)
        return problem.n_spins * np.log(2) - np.cumsum(area)

    moments = np.stack([means, variances + means**2]).transpose(2, 0, 1)
    estimate, error = jackknife(moments, log_partition)
    by_replica = np.stack([log_partition(m) for m in moments], axis=1) if len(moments) > 1 else None
    return _Estimate(estimate, error, by_replica, _errors_of_the_rule(betas, *ends(moments.mean(axis=0))))


def _errors_of_the_rule(
    betas: NDArray[np.float64], energy: NDArray[np.float64], variance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What the corrected trapezoidal rule may be wrong by up to every beta but the first; 0 for narrow steps.

    The slope of <E> is minus the variance, known at both ends of a step. Where the slopes change by as much
    as the energy does, the correction that they give is as uncertain as it is large; where their mean is not
    the slope of the chord, the energy falls somewhere inside the step, nobody knows where (the standard
    deviation of a place at random is step / sqrt(12)).
    """
    step, drop = np.diff(betas), energy[:-1] - energy[1:]
    bend = step * np.abs(np.diff(variance))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(bend < np.abs(drop), bend / np.abs(drop), 1.0)
    mismatch = np.abs(step * (variance[1:] + variance[:-1]) / 2 - drop)
    area = step * (energy[1:] + energy[:-1]) / 2 + step**2 / 12 * np.diff(variance)
    most = np.maximum(area - step * energy[1:], step * energy[:-1] - area)  # <E> falls with beta
    errors = np.minimum(share * step * bend / 6 + step * mismatch / np.sqrt(12), most)
    wide = step * np.sqrt(np.maximum(variance[1:], variance[:-1])) > _WIDE
    return np.cumsum(np.where(wide, errors, 0.0))


def _by_population(samples: SampleSet, problem: IsingProblem) -> _Estimate:
    if "log_partition" not in samples.dataset:
        raise InputError("only population annealing measures ln Z itself: sample with method='population'")
    by_replica = samples.dataset["log_partition"].values
    largest = by_replica.max(axis=1, keepdims=True)
    # each population estimates Z without bias, so Z is averaged, not its logarithm (Machta 2010)
    estimate, error = jackknife(np.exp(by_replica - largest).T, lambda mean: np.log(mean))
    several = by_replica if by_replica.shape[1] > 1 else None
    return _Estimate(estimate + largest[:, 0], error, several, np.zeros(len(estimate)))

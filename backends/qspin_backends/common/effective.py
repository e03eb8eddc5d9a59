"""The inverse temperature at which a device without a thermostat has sampled, with its standard error.

Sources: pseudo-likelihood, Bhattacharya, Mukherjee 2018 (Bernoulli 24, 493) and Raymond, Yarkoni, Andriyash
2016 (Front. ICT 3, 23); energy matching is the maximum-likelihood
estimate of an exponential family.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.special import expit, logsumexp

from qspin.problem import IsingProblem
from qspin.sampler import energy_tolerance, enumerate_problem, flip_tolerances, without_offset

__all__ = [
    "ENUMERABLE",
    "Estimate",
    "energy_matching",
    "enumerated_energies",
    "finite_or_none",
    "pseudo_likelihood",
]

ENUMERABLE = 16
"""Spins up to which the mean energy at any beta is found by enumeration."""

_FEWEST_EXCITATIONS = 10
_MOST_BROKEN = 0.2  # mean share of chains: beyond it, spins are made by the rule, not by the device


def finite_or_none(value: float) -> float | None:
    """As JSON has it: None for what cannot be told."""
    return float(value) if np.isfinite(value) else None


@dataclass(frozen=True)
class Estimate:
    """An inverse temperature, units of 1/energy of the problem; NaN where it cannot be told, and why."""

    beta: float = float("nan")
    error: float = float("nan")
    reason: str = ""


def pseudo_likelihood(
    problem: IsingProblem,
    spins: NDArray[np.int8],
    groups: NDArray[np.integer],
    broken: float = 0.0,
) -> Estimate:
    """Maximum pseudo-likelihood estimate from independent reads.

    The error is that of an M-estimator, sqrt(sum u^2) / |sum u'| over the scores u of the reads. Reads of one
    programming share its errors: where groups scatter more than reads explain, the error is multiplied by
    sqrt(chi^2 / (groups - 1)), as the Particle Data Group does.

    Parameters
    ----------
    spins : (n_reads, n_spins)
    groups : which programming each read belongs to (n_reads,); or several ways to group them
        (n_ways, n_reads), of which the one that scatters most counts
    broken : mean share of broken chains
    """
    if broken > _MOST_BROKEN:
        return Estimate(
            reason=f"{broken:.0%} of the chains are broken, so the spins are made by unembedding; raise "
            "chain_strength"
        )
    local = _flip_gains(problem, spins)
    local[np.abs(local) <= flip_tolerances(problem)] = 0.0  # a spin that is free but for rounding
    if not np.abs(local).any():
        return Estimate(
            reason="there are neither couplings nor fields, so every temperature gives the same samples"
        )
    excited = int((local > 0).sum())
    if min(excited, int((local < 0).sum())) < _FEWEST_EXCITATIONS:
        return Estimate(
            reason=f"only {excited} spin{'s' if excited != 1 else ''} in {len(spins)} reads could lower the "
            "energy by a flip, too few to tell a temperature; sample hotter, or read more"
        )
    beta = _maximum_pseudo_likelihood(local)
    flip = expit(beta * local)
    scores = (local * flip).sum(axis=1)
    curvature = float((local**2 * flip * (1 - flip)).sum())
    error = float(np.sqrt((scores**2).sum())) / curvature
    return Estimate(beta, error * max(_scatter(scores, way) for way in np.atleast_2d(groups)))


def enumerated_energies(problem: IsingProblem) -> NDArray[np.float64] | None:
    """Of all configurations (2^n_spins,), without the offset; None beyond `ENUMERABLE` spins."""
    return enumerate_problem(problem).centred if problem.n_spins <= ENUMERABLE else None


def energy_matching(
    problem: IsingProblem, spins: NDArray[np.int8], levels: NDArray[np.float64] | None
) -> Estimate:
    """The beta at which the mean energy is that of the reads; energies equal but for rounding are equal.

    Parameters
    ----------
    problem : that was sampled
    spins : of independent reads (n_reads, n_spins)
    levels : `enumerated_energies` of the problem; NaN without them
    """
    if levels is None:
        return Estimate(reason=f"more than {ENUMERABLE} spins cannot be enumerated here")
    if len(spins) < 2:
        return Estimate(reason=f"a mean energy with its error needs two reads or more; got {len(spins)}")
    centred = without_offset(problem)
    tolerance, lowest = energy_tolerance(centred), float(levels.min())
    gaps, excess = levels - lowest, centred.energies(spins) - lowest
    if float(gaps.max()) <= tolerance:
        return Estimate(reason="all configurations have one energy, which every temperature gives")
    gaps[gaps <= tolerance] = 0.0
    if (excess <= tolerance).all():
        return Estimate(reason="all reads are ground states, which every low enough temperature gives")
    if (excess >= gaps.max() - tolerance).all():
        return Estimate(reason="all reads have the highest energy, so no temperature is positive")
    return _matched(gaps, excess, tolerance)


def _matched(gaps: NDArray[np.float64], excess: NDArray[np.float64], tolerance: float) -> Estimate:
    """From the energies of all configurations and of reads, both above the lowest."""
    mean = float(excess.mean())

    def moments(beta: float) -> tuple[float, float]:
        weights = np.exp(-beta * gaps - logsumexp(-beta * gaps))
        centre = float(weights @ gaps)
        return centre, float(weights @ (gaps - centre) ** 2)

    edge = 1 / float(gaps.max())  # gaps may be far smaller than the highest energy: as wide as it takes
    while moments(edge)[0] >= mean or moments(-edge)[0] <= mean:
        edge *= 2
    beta = float(optimize.brentq(lambda b: moments(b)[0] - mean, -edge, edge, xtol=1e-12 * edge))
    variance, deviation = moments(beta)[1], float(excess.std(ddof=1))
    if deviation <= tolerance:  # reads that happen to be alike do not make it exact
        deviation = float(np.sqrt(variance))
    return Estimate(beta, deviation / np.sqrt(len(excess)) / variance)


def _flip_gains(problem: IsingProblem, spins: NDArray[np.int8]) -> NDArray[np.float64]:
    """Energy that flipping each spin would set free, 2 s_i (h_i + sum_j J_ij s_j), (n_reads, n_spins)."""
    values = spins.astype(np.float64)
    return 2 * values * (problem.fields + (problem.couplings @ values.T).T)


def _maximum_pseudo_likelihood(local: NDArray[np.float64]) -> float:
    """Where the score, sum of local expit(beta local), which grows with beta, is zero."""
    scale = float(np.abs(local).max())  # in units of the problem, whatever these are
    gains = local.ravel() / scale
    edge = 1.0
    while float(gains @ expit(edge * gains)) < 0 or float(gains @ expit(-edge * gains)) > 0:
        edge *= 2
    root = optimize.brentq(lambda beta: gains @ expit(beta * gains), -edge, edge, xtol=1e-12 * edge)
    return float(root) / scale


def _scatter(scores: NDArray[np.float64], groups: NDArray[np.integer]) -> float:
    """By how much the scores of groups, of mean 0, scatter more than those of reads; at least 1."""
    labels, index = np.unique(groups, return_inverse=True)
    if len(labels) < 2:
        return 1.0
    sizes = np.bincount(index)
    sums = np.bincount(index, weights=scores)
    variance = float((scores**2).mean())
    chi_squared = float((sums**2 / (sizes * variance)).sum()) if variance else 0.0
    return float(np.sqrt(max(1.0, chi_squared / (len(labels) - 1))))

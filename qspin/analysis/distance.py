"""Two samplers on one problem: at which temperature is the second one, and is it the same ensemble there?

Everything is a comparison of plain sample sets. The reference has a ladder of temperatures (tempering,
exact); the other one need not have any (an annealer, QAOA, a dimod sample set).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from qspin.analysis.effective import EffectiveTemperature
from qspin.analysis.ensembles import EnsembleTest, same_ensemble
from qspin.analysis.independent import MOST, Configurations, independent_configurations
from qspin.analysis.levels import comparable_energies
from qspin.analysis.meeting import meeting
from qspin.analysis.reweighting import Reweighting
from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.samples import SampleSet
from qspin.spectrum import enumerate_problem

__all__ = [
    "Comparison",
    "compare",
    "correlation_error",
    "cross_overlaps",
    "fair_sampling",
    "overlap_distance",
    "total_variation",
]

_DEALS = 20  # of both sides at random, of which the noise of a distance is the median
_MOST_OVERLAPS = 400  # configurations of each side, of which all overlaps are taken
_LARGEST_EXACT = 16  # spins up to which the distribution is enumerated for total variation


@dataclass(frozen=True)
class Comparison:
    """What two sets of samples have in common; see `compare`.

    Parameters
    ----------
    beta, beta_error : inverse temperature at which they were compared; NaN for two sets without one
    temperature : the fit, if the second set has no thermostat
    test : of "the same ensemble"
    wasserstein, kolmogorov_smirnov : distances of the two energy distributions, units of energy and none
    first, second : the configurations that were compared, of the reference and of the other one
    correlation_error, correlation_noise : error of pair correlations relative to the reference, and what two
        samples of one ensemble of these sizes would have
    magnetisation_error, magnetisation_noise : root mean square difference of single spins, and its noise
    overlap_distance, overlap_noise : see `overlap_distance`
    total_variation, total_variation_noise : to the exact distribution, and of an exact sample of this size;
        NaN where there are too many spins to enumerate
    remarks : what a reader must know
    """

    beta: float
    beta_error: float
    temperature: EffectiveTemperature | None
    test: EnsembleTest
    first: Configurations
    second: Configurations
    wasserstein: float
    kolmogorov_smirnov: float
    correlation_error: float
    correlation_noise: float
    magnetisation_error: float
    magnetisation_noise: float
    overlap_distance: float
    overlap_noise: float
    total_variation: float
    total_variation_noise: float
    remarks: Sequence[str]

    @cached_property
    def overlaps(self) -> xr.Dataset:
        """P(q) within each set of configurations and between them, over ``q``; see `cross_overlaps`."""
        return cross_overlaps(self.first.spins, self.second.spins)


@checked_arguments
def compare(
    reference: SampleSet,
    other: SampleSet,
    problem: IsingProblem,
    *,
    row: int = 0,
    beta: float | None = None,
    n_permutations: int = 999,
    finest: float | None = None,
    most: int = MOST,
    seed: int = 0,
    reweighting: Reweighting | None = None,
    fit: EffectiveTemperature | None = None,
) -> Comparison:
    """Hold samples against a reference at one temperature.

    Without a temperature of its own, the other set is given that at which the reference has its mean energy;
    configurations of the reference at exactly that temperature are chosen from its whole ladder.

    Parameters
    ----------
    reference, other : sample sets of `problem`
    row : of `other`
    beta : at which to compare; default that of the row, or where it has none, the fitted one
    n_permutations, finest, seed : of the test, see `same_ensemble`
    most : configurations of each side
    reweighting : of the reference, if it is at hand already
    fit : what `effective_temperature` found for this row, if that is at hand already

    Raises
    ------
    InputError
        If the sets are of other problems, no temperature can be told, a side has too few configurations, or
        both sides are one draw, as of a sampler that ignores its seed.
    """
    met = meeting(
        reference, other, problem, row=row, beta=beta, most=most, seed=seed, reweighting=reweighting, fit=fit
    )
    beta, error, fit, base, own, remarks, rng = met
    test = same_ensemble(
        base.spins, own.spins, base.energies, own.energies,
        n_permutations=n_permutations, finest=finest, seed=seed,
    )  # fmt: skip
    if fit is not None:
        remarks = [
            *remarks,
            "the temperature was fitted to the mean energy, so the test of energies is lenient",
        ]
    correlations, magnetisations = _moment_errors(base.spins, own.spins, rng)
    variation = total_variation(own.spins, problem, beta, rng)
    overlaps = overlap_distance(
        base.spins, own.spins, symmetric=not problem.fields.any(), rng=np.random.default_rng(seed)
    )
    return Comparison(
        beta, error, fit, test, base, own,
        float(stats.wasserstein_distance(base.energies, own.energies)),
        float(stats.ks_2samp(base.energies, own.energies).statistic),
        *correlations, *magnetisations, *overlaps, *variation, remarks,
    )  # fmt: skip


@checked_arguments
def cross_overlaps(first: NDArray[np.int8], second: NDArray[np.int8]) -> xr.Dataset:
    """P(q) within each of two sets of configurations and between them, probabilities over the lattice of q.

    Parameters
    ----------
    first, second : (n, n_spins)

    Returns
    -------
    dataset over ``q`` with ``first``, ``second`` and ``cross``, which sum to 1
    """
    n_spins = first.shape[1]
    found = {}
    for name, (one, other) in {
        "first": (first, first),
        "second": (second, second),
        "cross": (first, second),
    }.items():
        products = one.astype(np.float32) @ other.astype(np.float32).T
        pairs = products[np.triu_indices(len(one), 1)] if name != "cross" else products.ravel()
        agreeing = np.rint((pairs + n_spins) / 2).astype(np.int64)
        found[name] = np.bincount(agreeing, minlength=n_spins + 1) / max(len(agreeing), 1)
    q = 2.0 * np.arange(n_spins + 1) / max(n_spins, 1) - 1
    return xr.Dataset({name: ("q", values) for name, values in found.items()}, coords={"q": q})


@checked_arguments
def overlap_distance(
    first: NDArray[np.int8],
    second: NDArray[np.int8],
    *,
    symmetric: bool = False,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """How far two P(q) lie apart, and how far those of a random deal of the same configurations do.

    The largest difference of their cumulative distributions, 0 to 1, as Kolmogorov and Smirnov have it; it
    needs no bins. Overlaps of one set share configurations, so that the p-value of theirs does not hold here.

    Not a measure of its own: `compare` has it.

    Parameters
    ----------
    first, second : (n, n_spins), independent; of more than 400 the first are taken
    symmetric : take sizes of overlaps, where a configuration and its mirror image are as likely
    rng : deals for the noise, which is the median of 20

    Returns
    -------
    distance and noise; NaN where a side has fewer than two configurations
    """
    both = np.concatenate([first[:_MOST_OVERLAPS], second[:_MOST_OVERLAPS]])
    n, n_spins = min(len(first), _MOST_OVERLAPS), both.shape[1]
    if n < 2 or len(both) - n < 2:
        return float("nan"), float("nan")
    floats = both.astype(np.float32)
    products = np.rint(floats @ floats.T).astype(np.int64)
    levels = (np.abs(products) if symmetric else products) + n_spins

    def apart(order: NDArray[np.int64]) -> float:
        curves = [_cumulative(levels[np.ix_(part, part)], n_spins) for part in (order[:n], order[n:])]
        return float(np.abs(curves[0] - curves[1]).max())

    noise = [apart(rng.permutation(len(both))) for _ in range(_DEALS)]
    return apart(np.arange(len(both))), float(np.median(noise))


def _cumulative(levels: NDArray[np.int64], n_spins: int) -> NDArray[np.float64]:
    """Distribution of the products of all pairs of configurations (2 n_spins + 1,)."""
    counts = np.bincount(levels[np.triu_indices(len(levels), 1)], minlength=2 * n_spins + 1)
    return counts.cumsum() / counts.sum()


@checked_arguments
def correlation_error(reference: NDArray[np.int8], other: NDArray[np.int8]) -> float:
    """[sum (c_ij - c_ij^ref)^2 / sum (c_ij^ref)^2]^(1/2) over pairs i < j, c_ij = <s_i s_j> (King et al.
    2025).

    Not a measure of its own: `compare` has it, with its noise.

    Parameters
    ----------
    reference, other : (n, n_spins)
    """
    upper = np.triu_indices(reference.shape[1], 1)
    c, c_ref = (_correlations(spins)[upper] for spins in (other, reference))
    norm = float((c_ref**2).sum())
    return float(np.sqrt(((c - c_ref) ** 2).sum() / norm)) if norm else float("nan")


def _correlations(spins: NDArray[np.int8]) -> NDArray[np.float64]:
    floats = spins.astype(np.float32)
    return (floats.T @ floats / len(floats)).astype(np.float64)


def _moment_errors(
    reference: NDArray[np.int8], other: NDArray[np.int8], rng: np.random.Generator
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Errors of pair correlations and of single spins, each with its noise: that of a random deal."""

    def single(one: NDArray[np.int8], two: NDArray[np.int8]) -> float:
        difference = one.mean(axis=0, dtype=np.float64) - two.mean(axis=0, dtype=np.float64)
        return float(np.sqrt((difference**2).mean()))

    both = np.concatenate([reference, other])
    noise = []
    for _ in range(_DEALS):
        order = rng.permutation(len(both))
        deal = both[order[: len(reference)]], both[order[len(reference) :]]
        noise.append((correlation_error(*deal), single(*deal)))
    middle = np.median(noise, axis=0)
    return (correlation_error(reference, other), float(middle[0])), (
        single(reference, other),
        float(middle[1]),
    )


@checked_arguments
def total_variation(
    spins: NDArray[np.int8], problem: IsingProblem, beta: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Half the sum of |p - p_exact| of configurations against Boltzmann, and that of an exact sample as
    large.

    NaN without a temperature, or for more than 16 spins.

    Parameters
    ----------
    spins : (n, n_spins), independent
    """
    n = problem.n_spins
    if np.isnan(beta) or not 0 < n <= _LARGEST_EXACT:
        return float("nan"), float("nan")
    spectrum = enumerate_problem(problem)
    exact = spectrum.probabilities(beta)
    counts = np.bincount(spectrum.numbers(spins), minlength=2**n)
    drawn = rng.multinomial(len(spins), exact)
    return tuple(float(0.5 * np.abs(c / len(spins) - exact).sum()) for c in (counts, drawn))  # type: ignore[return-value]


@checked_arguments
def fair_sampling(
    samples: SampleSet,
    *,
    row: int = 0,
    ground_energy: float | None = None,
    problem: IsingProblem | None = None,
    states: ArrayLike | None = None,
) -> xr.Dataset:
    """How often each degenerate ground state was found, and whether all are equally likely.

    Energies that differ by rounding alone (`SampleSet.energy_tolerance`) are equal.

    Parameters
    ----------
    row : of `samples`
    ground_energy : units of energy; default the lowest that was found
    problem : that was sampled; with it, energies are compared without its offset, however large that is
    states : ground states that are known (n, n_spins), which count also where they were never found

    Returns
    -------
    dataset over ``state`` with ``count`` and ``spins`` (state, spin); attributes ``p_value`` of chi-squared
    for equal probabilities of the states that were found or are known (NaN for fewer than two), and
    ``n_found``

    Raises
    ------
    InputError
        If no ground state was found.
    """
    own = independent_configurations(samples, row, most=2**31)
    energies = comparable_energies(samples, problem, part=own)
    if ground_energy is None:
        ground = own.spins[energies.values <= energies.values.min() + energies.tolerance]
    else:
        ground = own.spins[energies.reach(ground_energy)]
    if not len(ground):
        raise InputError(
            f"no ground state was found: the lowest energy is {own.energies.min():.6g}, not "
            f"{ground_energy:.6g}"
        )
    known = np.empty((0, samples.n_spins), np.int8) if states is None else np.asarray(states, dtype=np.int8)
    every, index = np.unique(np.concatenate([known, ground]), axis=0, return_inverse=True)
    counts = np.bincount(index.ravel()[len(known) :], minlength=len(every))
    p_value = float(stats.chisquare(counts).pvalue) if len(counts) > 1 else float("nan")
    return xr.Dataset(
        {"count": ("state", counts), "spins": (("state", "spin"), every)},
        attrs={"p_value": p_value, "n_found": int((counts > 0).sum())},
    )

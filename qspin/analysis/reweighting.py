"""Averages at any inverse temperature within a ladder, from all of its samples at once.

The weight of a sample is that of the multistate Bennett acceptance ratio (Shirts, Chodera 2008, J. Chem.
Phys. 129, 124105): exp(-beta E) over the mixture of all temperatures that were sampled.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit, logsumexp

from qspin.analysis.resampling import Variance, variance_interval
from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.samples import SampleSet
from qspin.spectrum import rounding_of
from qspin.validate import checked_array

__all__ = [
    "FEWEST",
    "LEAST_OVERLAP",
    "Reweighting",
    "TwoStates",
    "free_energies",
    "reweighted_curve",
    "row_overlaps",
    "two_states",
]

FEWEST = 50.0
"""Effective samples below which a reweighted average is not given."""

LEAST_OVERLAP = 0.03
"""Of neighbouring temperatures, below which samples do not tie them (Klimovich et al. 2015)."""

_MOST_COMPARED = 2**12  # energies of each temperature that overlaps are taken from
_LARGEST = 2**16  # energies that free energies are solved from; weights are given to all


def free_energies(potentials: NDArray[np.float64], counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Free energies of all states relative to the first, in units of temperature, by pymbar.

    Parameters
    ----------
    potentials : reduced potential of every sample in every state (n_states, n_samples)
    counts : samples that come from each state (n_states,)
    """
    logging.getLogger("pymbar").setLevel(logging.ERROR)  # it speaks of JAX at every import
    from pymbar import MBAR

    mbar = MBAR(potentials, counts, solver_protocol="robust")
    return mbar.compute_free_energy_differences(compute_uncertainty=False)["Delta_f"][0]


def row_overlaps(energies: NDArray[np.float64], betas: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the energies at each temperature overlap with those at the next one, (n_betas - 1,).

    The element of the overlap matrix of these two states (Klimovich, Shirts, Mobley 2015, J. Comput.-Aided
    Mol. Des. 29, 397): the probability that a sample of one was taken for one of the other, 1/2 for equal
    distributions. Below 0.03 the difference of their free energies is not known.

    Parameters
    ----------
    energies : (beta, ...), units of energy, as many at each beta
    betas : (beta,)
    """
    flat = energies.reshape(len(betas), -1)
    flat = flat[:, :: -(-flat.shape[1] // _MOST_COMPARED)]
    return np.array(
        [two_states(flat[k : k + 2] * (betas[k + 1] - betas[k])).overlap for k in range(len(betas) - 1)]
    )


class TwoStates(NamedTuple):
    """What samples of two states tell of them: the free energy of the second less that of the first, in units
    of temperature, and how far they overlap, see `row_overlaps`."""

    difference: float
    overlap: float


def two_states(works: NDArray[np.float64]) -> TwoStates:
    """The acceptance ratio of two states (Bennett 1976, J. Comput. Phys. 22, 245).

    Parameters
    ----------
    works : of samples of the first and of the second state (2, n): the reduced potential of the second state
        less that of the first, (beta' - beta) E on a ladder
    """
    centre = float(works.mean())
    x, n = works.ravel() - centre, works.shape[1]

    def surplus(shift: float) -> float:  # samples that are taken for the second state
        return float(expit(shift - x).sum()) - n

    shift = float(brentq(surplus, x.min() - 50.0, x.max() + 50.0))
    second = expit(shift - x)
    return TwoStates(shift + centre, float((second * (1 - second)).sum()) / n)


class Reweighting:
    """Samples of a ladder as one weighted sample at any inverse temperature inside it.

    Parameters
    ----------
    energies : (beta, replica, draw), units of energy
    betas : (beta,), finite, in any order

    Raises
    ------
    InputError
        If a beta is unknown or an energy not a number.
    """

    def __init__(self, energies: ArrayLike, betas: ArrayLike):
        self.energies = checked_array(energies, "energies").astype(np.float64)
        self.betas = checked_array(betas, "betas").astype(np.float64)
        if self.energies.ndim != 3 or self.betas.shape != self.energies.shape[:1]:
            raise InputError(
                "energies must have shape (beta, replica, draw) and betas (beta,); got "
                f"{self.energies.shape} and {self.betas.shape}. Of a sample set: Reweighting.of(samples)"
            )
        if np.isnan(self.betas).any():
            raise InputError("the sampler states no temperature, so its samples cannot be reweighted to one")
        if np.isnan(self.energies).any():
            raise InputError(f"{int(np.isnan(self.energies).sum())} energies are not a number")

    @classmethod
    @checked_arguments
    def of(cls, samples: SampleSet) -> Reweighting:
        """Of stored energies; raises InputError where a run kept averages only, or states no temperature."""
        if samples.has_averages:
            raise InputError("reweighting needs stored energies: sample without store: statistics")
        return cls(samples.energies.values, samples.betas)

    @cached_property
    def _log_mixture(self) -> NDArray[np.float64]:
        """ln of the mixture of all temperatures at every energy, up to a constant, (beta, replica, draw)."""
        n_betas = len(self.betas)
        step = -(-self.energies.size // _LARGEST)
        flat = self.energies.reshape(n_betas, -1)[:, ::step]
        centre = float(flat.mean())
        counts = np.full(n_betas, flat.shape[1])
        potentials = self.betas[:, None] * (flat.ravel() - centre)
        f = np.zeros(1)
        if n_betas > 1:
            f = free_energies(potentials, counts)
        mixture = np.full(self.energies.shape, -np.inf)
        for beta, free in zip(self.betas, f, strict=True):  # one at a time: memory of one more array only
            np.logaddexp(mixture, free - beta * (self.energies - centre), out=mixture)
        return mixture

    def log_weights(self, beta: float) -> NDArray[np.float64]:
        """ln of normalised weights (beta, replica, draw) at an inverse temperature."""
        centre = float(self.energies.mean())
        logs = -beta * (self.energies - centre) - self._log_mixture
        return logs - logsumexp(logs)

    def effective_samples(self, beta: float) -> float:
        """1 / sum of squared weights (Kish)."""
        return float(np.exp(-logsumexp(2 * self.log_weights(beta))))

    @cached_property
    def overlaps(self) -> NDArray[np.float64]:
        """Overlap of each temperature with the next one (n_betas - 1,), see `row_overlaps`."""
        return row_overlaps(self.energies, self.betas)

    def covers(self, beta: float) -> bool:
        """Whether `beta` lies in no gap between two temperatures that share no energies, and not beyond an
        end of the ladder where all energies are equal: both look as if every sample counted.
        """
        ends = np.argmin(self.betas), np.argmax(self.betas)
        for end, outside in zip(ends, (beta < self.betas.min(), beta > self.betas.max()), strict=True):
            if outside:
                own = self.energies[end]
                return bool(np.ptp(own) > rounding_of(own, 1))
        lower, upper = self.betas[:-1], self.betas[1:]
        inside = (np.minimum(lower, upper) < beta) & (beta < np.maximum(lower, upper))
        return not (self.overlaps[inside] < LEAST_OVERLAP).any()

    def mean(self, values: ArrayLike, beta: float) -> tuple[float, float]:
        """Mean of a quantity (beta, replica, draw) and its standard error over replicas.

        NaN where the samples do not cover `beta`, or fewer than 50 effective ones are left, as beyond the
        ends of the ladder.
        """
        if not self.covers(beta) or self.effective_samples(beta) < FEWEST:
            return float("nan"), float("nan")
        return self.rough_mean(values, beta)

    def rough_mean(self, values: ArrayLike, beta: float) -> tuple[float, float]:
        """As `mean`, from however few effective samples: to search with, not to report."""
        weights = np.exp(self.log_weights(beta))
        array = np.asarray(values, dtype=np.float64)
        own = weights.sum(axis=(0, 2))
        ratio = (weights * array).sum(axis=(0, 2)), own
        total = float(ratio[0].sum())
        n = len(own)
        if n < 2:
            return total, float("nan")
        left_out = (total - ratio[0]) / (1 - own)
        return total, float(np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum()))

    def variance(self, values: ArrayLike, beta: float) -> Variance:
        """Variance of a quantity (beta, replica, draw) without bias, with its error over replicas.

        That of the weighted sample lacks the variance of its mean, which is the square of its standard error.
        NaN where `mean` is.
        """
        array = np.asarray(values, dtype=np.float64)
        centre, error = self.mean(array, beta)
        lacking = float(np.nan_to_num(error)) ** 2
        if np.isnan(centre):
            return Variance(*[float("nan")] * 4)
        weights = np.exp(self.log_weights(beta))
        sums = np.stack([(weights * (array - centre) ** k).sum(axis=(0, 2)) for k in range(3)])
        value = float(sums[2].sum()) + lacking
        if sums.shape[1] < 2:
            return Variance(value, *[float("nan")] * 3)
        total, first, second = sums.sum(axis=1, keepdims=True) - sums
        left_out = second / total - (first / total) ** 2 + lacking
        return variance_interval(value, left_out, value / lacking if lacking else float("inf"))

    def chosen(self, beta: float, rng: np.random.Generator) -> NDArray[np.bool_]:
        """A sample at `beta` by rejection: which of all samples (beta, replica, draw) are kept.

        Each is kept with a probability in proportion to its weight, so those that are kept follow the
        distribution at `beta`, and are as independent of each other as all of them are.
        """
        logs = self.log_weights(beta)
        return np.log(rng.random(logs.shape)) < logs - logs.max()


@checked_arguments
def reweighted_curve(samples: SampleSet, betas: Sequence[float]) -> xr.Dataset:
    """Energy and heat capacity per spin at other temperatures than those that were sampled.

    Parameters
    ----------
    samples : of a ladder, with stored energies
    betas : within it

    Returns
    -------
    dataset over ``beta`` with ``energy``, ``heat_capacity`` and their ``..._error``, per spin, the 95 %
    interval ``heat_capacity_low`` to ``..._high`` (as `energy_curve` has it), and ``effective_samples``; NaN
    where fewer than 50 are left
    """
    reweighting = Reweighting.of(samples)
    n = max(samples.n_spins, 1)
    energies = reweighting.energies
    rows = []
    for beta in betas:
        energy, error = reweighting.mean(energies, beta)
        capacity = reweighting.variance(energies, beta).times(beta**2 / n)
        rows.append((energy / n, error / n, *capacity, reweighting.effective_samples(beta)))
    names = ("energy", "energy_error", *(f"heat_capacity{part}" for part in ("", "_error", "_low", "_high")))
    names = (*names, "effective_samples")
    with np.errstate(divide="ignore"):
        temperature = 1 / np.asarray(betas, dtype=np.float64)
    return xr.Dataset(
        {name: ("beta", column) for name, column in zip(names, np.array(rows).T, strict=True)},
        coords={"beta": np.asarray(betas, dtype=np.float64), "temperature": ("beta", temperature)},
    )

"""What a glassy landscape has and independent spins of the same magnetisations have not.

A broken symmetry leaves one state up to that symmetry, and spins that are independent but for it: overlaps
stay away from zero. Many states leave overlaps of all sizes (Parisi 1983, Phys. Rev. Lett. 50, 1946; Young
1983, Phys. Rev. Lett. 51, 1206). A paramagnet has small overlaps too, but no more of them than its null.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qspin.analysis.landscape import descended, overlap_matrix, rigidity, turned
from qspin.analysis.nulls import dealt_anew
from qspin.analysis.resampling import jackknife_pairs
from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.problem import IsingProblem

__all__ = ["CENTRAL", "STATISTICS", "LandscapeNulls", "landscape_nulls"]

CENTRAL = 0.2
"""Overlaps of at most this size count for P(0)."""

STATISTICS = ("central_weight", "n_valleys", "edge_rigidity", "bulk_rigidity")

_BINS = np.linspace(0, 1, 21)


@dataclass(frozen=True)
class LandscapeNulls:
    """Statistics of configurations, and of sets whose spins were dealt anew among them, each on its own.

    Parameters
    ----------
    values : by name (`STATISTICS`): ``central_weight`` is the share of pairs with \\|q\\| at most 0.2,
        ``n_valleys`` the effective number of local minima below the configurations, 1 / sum of squared
        weights, ``edge_rigidity`` and ``bulk_rigidity`` the mean \\|<s_i s_j>\\| over bonds and all pairs
    nulls : by name, (n_null,)
    central_error : standard error of ``central_weight`` over configurations
    density, null_densities : of \\|q\\| in bins from 0 to 1, (n_bins,) and (n_null, n_bins)
    centres : of the bins
    """

    values: dict[str, float]
    nulls: dict[str, NDArray[np.float64]]
    central_error: float
    density: NDArray[np.float64]
    null_densities: NDArray[np.float64]
    centres: NDArray[np.float64]

    def excess(self, name: str = "central_weight") -> tuple[float, float]:
        """By how much a statistic lies above the mean of its null, and the standard deviation of the null."""
        null = self.nulls[name]
        return self.values[name] - float(null.mean()), float(null.std(ddof=1))


@checked_arguments
def landscape_nulls(
    problem: IsingProblem, spins: NDArray[np.int8], *, n_null: int = 49, seed: int = 0
) -> LandscapeNulls:
    """Hold a landscape against independent spins of the same magnetisations.

    Without fields a configuration and its mirror image are one: configurations are turned towards the
    principal one before they are dealt anew, sizes of overlaps count, and minima that are mirror images are
    one valley.

    Parameters
    ----------
    spins : (n, n_spins), independent
    n_null : sets of configurations of the null
    seed : of the null

    Raises
    ------
    InputError
        If there are fewer than three configurations.
    """
    if len(spins) < 3:
        raise InputError(f"a distribution of overlaps needs at least three configurations; got {len(spins)}")
    rng = np.random.default_rng(seed)
    symmetric = not problem.fields.any()
    aligned = turned(spins) if symmetric else spins
    found, error, density = _statistics(problem, aligned, symmetric)
    dealt = [_statistics(problem, dealt_anew(aligned, rng), symmetric) for _ in range(n_null)]
    return LandscapeNulls(
        found,
        {name: np.array([values[name] for values, _, _ in dealt]) for name in STATISTICS},
        error,
        density,
        np.stack([one for _, _, one in dealt]),
        (_BINS[1:] + _BINS[:-1]) / 2,
    )


def _statistics(
    problem: IsingProblem, spins: NDArray[np.int8], symmetric: bool
) -> tuple[dict[str, float], float, NDArray[np.float64]]:
    """All of `STATISTICS`, the error of the central weight, and the density of |q|."""
    sizes = np.abs(overlap_matrix(spins))
    central = (sizes <= CENTRAL + 1e-9).astype(np.float64)
    np.fill_diagonal(central, 0.0)
    weight, error = jackknife_pairs(central.sum(axis=1))
    density, _ = np.histogram(np.minimum(sizes[np.triu_indices(len(spins), 1)], 1.0), _BINS, density=True)
    rigid = rigidity(problem, spins).attrs
    values = {
        "central_weight": float(weight),
        "n_valleys": _effective_valleys(problem, spins, symmetric),
        "edge_rigidity": float(rigid["edge_rigidity"]),
        "bulk_rigidity": float(rigid["bulk_rigidity"]),
    }
    return values, float(error), density


def _effective_valleys(problem: IsingProblem, spins: NDArray[np.int8], symmetric: bool) -> float:
    minima = descended(problem, spins)
    if symmetric:
        minima = minima * minima[:, :1]
    counts = np.unique(minima, axis=0, return_counts=True)[1]
    return float(counts.sum() ** 2 / (counts.astype(np.float64) ** 2).sum())

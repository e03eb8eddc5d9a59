"""Are two sets of configurations samples of the same ensemble? Permutation tests, calibrated by construction.

Each view of the configurations is a kernel, and the distance of two samples is their maximum mean discrepancy
under it (Gretton et al. 2012, J. Mach. Learn. Res. 13, 723). Energies are compared by the energy distance
(Szekely, Rizzo 2013), which is one too. Under the hypothesis the configurations could have been dealt to the
two sides in any other way, so the p-value is the share of random deals that lie at least as far apart. The
p-value of all views together is that of the smallest one (Westfall, Young 1993).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError

__all__ = ["VIEWS", "EnsembleTest", "same_ensemble"]

VIEWS = ("energy", "magnetisations", "correlations", "configurations")


@dataclass(frozen=True)
class EnsembleTest:
    """What a permutation test found.

    Parameters
    ----------
    p_values : by view: ``energy`` (their distribution), ``magnetisations`` (means of single spins),
        ``correlations`` (means of pairs of spins), ``configurations`` (everything, by their distances)
    p_value : of all views together
    distances : squared distance by view, in units of the view
    n_first, n_second : configurations on each side
    n_permutations : that were drawn
    """

    p_values: Mapping[str, float]
    p_value: float
    distances: Mapping[str, float]
    n_first: int
    n_second: int
    n_permutations: int

    def rejects(self, level: float = 0.05) -> bool:
        """Whether "the same ensemble" is rejected at a level."""
        return self.p_value <= level

    @property
    def telling(self) -> str:
        """The view that speaks loudest against the same ensemble."""
        return min(self.p_values, key=self.p_values.__getitem__)


def same_ensemble(
    first: NDArray[np.int8],
    second: NDArray[np.int8],
    first_energies: NDArray[np.float64],
    second_energies: NDArray[np.float64],
    *,
    n_permutations: int = 999,
    seed: int = 0,
) -> EnsembleTest:
    """Test whether two sets of independent configurations come from one distribution.

    Parameters
    ----------
    first, second : (n, n_spins), independent within each set and between them
    first_energies, second_energies : (n,)
    n_permutations : random deals; the smallest p-value is 1 / (n_permutations + 1)
    seed : of the deals

    Raises
    ------
    InputError
        If a side has fewer than two configurations, or they have different numbers of spins.
    """
    if min(len(first), len(second)) < 2 or first.shape[1] != second.shape[1]:
        raise InputError(
            "a test needs two or more configurations of the same spins on each side; got "
            f"{first.shape} and {second.shape}"
        )
    deals = _deals(len(first), len(second), n_permutations, seed)
    spins = np.concatenate([first, second])
    energies = np.concatenate([first_energies, second_energies])
    distances = {view: _distances(kernel, deals) for view, kernel in _kernels(spins, energies)}
    ranked = np.stack([_p_values(values) for values in distances.values()])
    smallest = ranked.min(axis=0)
    return EnsembleTest(
        p_values={view: float(row[0]) for view, row in zip(distances, ranked, strict=True)},
        p_value=float((smallest <= smallest[0]).mean()),
        distances={view: float(values[0]) for view, values in distances.items()},
        n_first=len(first),
        n_second=len(second),
        n_permutations=n_permutations,
    )


def _deals(n_first: int, n_second: int, n_permutations: int, seed: int) -> NDArray[np.float32]:
    """Weights (deal, configuration): 1/n on one side, -1/n on the other; the first deal is the real one."""
    rng = np.random.default_rng(seed)
    n = n_first + n_second
    real = np.r_[np.full(n_first, 1 / n_first), np.full(n_second, -1 / n_second)]
    deals = np.empty((n_permutations + 1, n), dtype=np.float32)
    deals[0] = real
    for k in range(1, n_permutations + 1):
        deals[k] = rng.permutation(real)
    return deals


def _kernels(spins: NDArray[np.int8], energies: NDArray[np.float64]):
    """Name and matrix (n, n) of every view, one at a time."""
    scale = float(np.abs(energies - np.median(energies)).mean()) or 1.0
    yield "energy", -np.abs(np.subtract.outer(energies, energies) / scale).astype(np.float32)
    floats = spins.astype(np.float32)
    overlaps = floats @ floats.T / max(spins.shape[1], 1)
    yield "magnetisations", overlaps
    yield "correlations", overlaps**2
    distances = 1 - overlaps
    middle = float(np.median(distances)) or 1.0
    yield "configurations", np.exp(-distances / middle)


def _distances(kernel: NDArray[np.float32], deals: NDArray[np.float32]) -> NDArray[np.float64]:
    """Squared distance of the two sides in every deal, (n_deals,)."""
    return np.einsum("pi,pi->p", deals @ kernel, deals, dtype=np.float64)


def _p_values(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of deals at least as far apart as each of them; equal up to rounding counts."""
    tolerance = 1e-6 * float(np.abs(values).max())
    ordered = np.sort(values)
    return 1 - np.searchsorted(ordered, values - tolerance, side="left") / len(values)

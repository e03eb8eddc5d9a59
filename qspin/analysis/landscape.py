"""The landscape behind low-energy configurations: states, valleys and barriers, rigidity.

Every quantity comes with the null that it has to be held against, since a ferromagnet has two states, a
paramagnet has as many clusters as configurations, and noise alone makes some triangles isosceles.

Sources: Hed, Hartmann, Stauffer, Domany 2001 (Phys. Rev. Lett. 86, 3148) and Hed, Young, Domany 2004 (Phys.
Rev. Lett. 92, 157201) for states by hierarchical clustering; Becker, Karplus 1997 (J. Chem. Phys. 106, 1495)
for disconnectivity trees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from qspin.analysis.descent import descend
from qspin.analysis.levels import binned_levels
from qspin.analysis.nulls import shuffle_null
from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.significance import STANDARD_ERRORS
from qspin.spectrum import energy_tolerance, flip_tolerances, levelled, without_offset

__all__ = [
    "HEAVY",
    "Coverage",
    "States",
    "descended",
    "find_states",
    "overlap_matrix",
    "rigidity",
    "states_by_energy",
    "turned",
    "valley_coverage",
    "valleys",
]

HEAVY = 0.05
"""Share of the configurations that makes a cluster a state."""


@checked_arguments
def overlap_matrix(spins: NDArray[np.int8]) -> NDArray[np.float64]:
    """q_ab of all pairs of configurations (n, n_spins), (n, n).

    Not a measure of its own: `find_states` has it, beside the order of its dendrogram.
    """
    floats = spins.astype(np.float32)
    return (floats @ floats.T / max(spins.shape[1], 1)).astype(np.float64)


def turned(spins: NDArray[np.int8]) -> NDArray[np.int8]:
    """Configurations or their mirror images, whichever lie on the side of the principal component."""
    main = np.linalg.eigh(overlap_matrix(spins))[1][:, -1]
    return spins * np.where(main < 0, -1, 1).astype(np.int8)[:, None]


# -- states --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class States:
    """Clusters of configurations.

    Parameters
    ----------
    labels : state of each configuration (n,), 0 the heaviest
    weights : share of the configurations (n_states,)
    overlaps : mean overlap within and between states (n_states, n_states); NaN within a single one
    order : configurations as the dendrogram orders them (n,)
    linkage : of scipy
    separation : mean overlap within states minus that between them; 0 for one state
    null_separation : mean and standard deviation of the same for configurations without correlations between
        spins, which is what any clustering makes of noise
    nulls : separation of every such set (n_null,)
    """

    labels: NDArray[np.int64]
    weights: NDArray[np.float64]
    overlaps: NDArray[np.float64]
    order: NDArray[np.int64]
    linkage: NDArray[np.float64]
    separation: float
    null_separation: tuple[float, float]
    nulls: NDArray[np.float64]

    @property
    def n_states(self) -> int:
        return len(self.weights)

    @property
    def participation(self) -> float:
        """1 / sum of squared weights: how many states matter."""
        return float(1 / (self.weights**2).sum())

    @property
    def is_significant(self) -> bool:
        """Whether two states hold 5 % each, and lie four deviations further apart than clusters of noise."""
        mean, deviation = self.null_separation
        several = int((self.weights >= HEAVY).sum()) > 1
        return several and self.separation > mean + STANDARD_ERRORS * deviation


@checked_arguments
def find_states(
    spins: NDArray[np.int8],
    *,
    n_states: int | None = None,
    symmetric: bool = False,
    n_null: int = 20,
    seed: int = 0,
) -> States:
    """Cluster configurations by their overlaps, by average linkage.

    Parameters
    ----------
    spins : (n, n_spins), of low energy
    n_states : how many; default where the dendrogram has its widest gap between two merges
    symmetric : take a configuration and its mirror image for the same
    n_null : sets of configurations whose spins were dealt anew, each on its own, for the null

    Raises
    ------
    InputError
        If there are fewer than three configurations.
    """
    if len(spins) < 3:
        raise InputError(f"states are clusters of at least three configurations; got {len(spins)}")
    rng = np.random.default_rng(seed)
    spins = turned(spins) if symmetric else spins
    found = _clustered(spins, n_states, symmetric, is_ordered=True)
    n_found = found[1].max() + 1
    separations = shuffle_null(spins, lambda dealt: _clustered(dealt, n_found, symmetric)[3], n_null, rng)
    linkage, labels, overlaps, separation = found
    counts = np.bincount(labels)
    return States(
        labels,
        counts / counts.sum(),
        overlaps,
        hierarchy.leaves_list(linkage).astype(np.int64),
        linkage,
        separation,
        (float(np.mean(separations)), float(np.std(separations, ddof=1))),
        separations,
    )


def _clustered(
    spins: NDArray[np.int8], n_states: int | None, symmetric: bool, *, is_ordered: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], float]:
    """Linkage, if asked for in the order of similar neighbours, labels by falling weight, mean overlaps of
    states, and their separation."""
    q = overlap_matrix(spins)
    q = np.abs(q) if symmetric else q
    distance = np.clip((1 - q) / 2, 0, None)
    np.fill_diagonal(distance, 0)
    condensed = squareform(distance, checks=False)
    linkage = hierarchy.linkage(condensed, "average")
    if is_ordered:
        linkage = hierarchy.optimal_leaf_ordering(linkage, condensed)
    count = _gap(linkage[:, 2]) if n_states is None else n_states
    raw = hierarchy.fcluster(linkage, count, criterion="maxclust") - 1
    heaviest = np.argsort(-np.bincount(raw), kind="stable")
    rank = np.empty_like(heaviest)
    rank[heaviest] = np.arange(len(heaviest))
    labels = rank[raw].astype(np.int64)
    member = np.eye(labels.max() + 1)[labels]
    sizes = member.sum(axis=0)
    off = q - np.diag(np.diag(q))
    pairs = np.outer(sizes, sizes) - np.diag(sizes)
    sums = member.T @ off @ member
    with np.errstate(invalid="ignore"):
        means = np.where(pairs > 0, sums / pairs, np.nan)
    inside = float(np.trace(sums) / max(np.trace(pairs), 1))
    outside = pairs - np.diag(np.diag(pairs))
    total = float(sums[outside > 0].sum())
    separation = inside - total / outside.sum() if outside.sum() else 0.0
    return linkage, labels, means, separation


def _gap(heights: NDArray[np.float64]) -> int:
    """Clusters above the widest gap between two merges, at most ten."""
    top = heights[-10:]
    gaps = np.diff(top)
    return len(gaps) - int(np.argmax(gaps)) + 1 if len(gaps) and gaps.max() > 0 else 1


# -- valleys -------------------------------------------------------------------------------------


@checked_arguments
def descended(problem: IsingProblem, spins: NDArray[np.int8]) -> NDArray[np.int8]:
    """Local minima below configurations (n, n_spins), by the flip that gains most until none does.

    What rounding alone makes look like a gain is none, and of equal gains the first spin's counts.

    Not a measure of its own: `valleys` and `states_by_energy` count the minima.
    """
    states = np.array(spins, dtype=np.int8, order="C")
    tolerances = flip_tolerances(problem)
    descend(*problem.csr, tolerances, float(tolerances.max(initial=0.0)), states)
    return states


@checked_arguments
def valleys(problem: IsingProblem, spins: NDArray[np.int8], *, most: int = 60) -> xr.Dataset:
    """Local minima below configurations, and barriers between them.

    A barrier is the highest energy on a path of single flips between two minima, built greedily: at each step
    the spin that still differs and costs least is flipped. True barriers are at most as high.

    Parameters
    ----------
    spins : (n, n_spins)
    most : minima, of lowest energy

    Returns
    -------
    dataset over ``valley`` with ``energy``, ``weight`` (share of the configurations above it), ``spins``, and
    ``barrier`` (``valley``, ``other``) lowered along detours over third minima (single linkage), so that it
    is a disconnectivity tree; attribute ``n_found``, the number of minima
    """
    offset, problem = problem.offset, without_offset(problem)
    minima = descended(problem, spins)
    states, counts = np.unique(minima, axis=0, return_counts=True)
    energies = problem.energies(states)
    levels = levelled(energies, energy_tolerance(problem))  # of those that are equal, the first is kept
    order = np.lexsort((np.arange(len(states)), levels))[:most]
    kept, low, weights = states[order], energies[order], counts[order] / counts.sum()
    barrier = np.full((len(kept), len(kept)), -np.inf)
    for a in range(len(kept)):
        for b in range(a + 1, len(kept)):
            barrier[a, b] = barrier[b, a] = _path_height(problem, kept[a], kept[b])
    np.fill_diagonal(barrier, low)
    for k in range(len(kept)):  # minimax paths (Floyd, Warshall)
        barrier = np.minimum(barrier, np.maximum(barrier[:, k : k + 1], barrier[k : k + 1]))
    return xr.Dataset(
        {
            "energy": ("valley", low + offset),
            "weight": ("valley", weights),
            "spins": (("valley", "spin"), kept),
            "barrier": (("valley", "other"), barrier + offset),
        },
        attrs={"n_found": len(states)},
    )


@dataclass(frozen=True)
class Coverage:
    """Valleys of a reference, and how many of them others missed.

    Parameters
    ----------
    n_valleys : that hold at least a share of the reference's configurations
    n_missed : of them, where no configuration of the others lies
    expected_missed : of as many configurations of the reference's own distribution
    missed_weight : share of the reference's configurations in the missed ones
    """

    n_valleys: int
    n_missed: int
    expected_missed: float
    missed_weight: float


@checked_arguments
def valley_coverage(
    problem: IsingProblem, reference: NDArray[np.int8], other: NDArray[np.int8], *, least: float = 0.01
) -> Coverage:
    """Which valleys of the reference were visited; without fields a valley and its mirror image are one.

    Not a measure of its own: `compare` holds the valleys of samples against those of a reference.

    Parameters
    ----------
    reference, other : configurations (n, n_spins), independent
    least : share of the reference's configurations that makes a valley count
    """
    minima = [descended(problem, spins) for spins in (reference, other)]
    if not problem.fields.any():
        minima = [states * states[:, :1] for states in minima]
    states, counts = np.unique(minima[0], axis=0, return_counts=True)
    weights = counts / counts.sum()
    visited = {row.tobytes() for row in minima[1]}
    heavy = weights >= least
    missed = np.array([row.tobytes() not in visited for row in states[heavy]], dtype=bool)
    expected = float(((1 - weights[heavy]) ** len(other)).sum())
    return Coverage(int(heavy.sum()), int(missed.sum()), expected, float(weights[heavy][missed].sum()))


def _path_height(problem: IsingProblem, start: NDArray[np.int8], end: NDArray[np.int8]) -> float:
    """Highest energy on a greedy path from one configuration to another."""
    spins = start.astype(np.float64)
    couplings, fields = problem.couplings, problem.fields
    energy = highest = float(problem.energies(start))
    local = fields + couplings @ spins
    left = np.flatnonzero(start != end)
    while left.size:
        costs = -2 * spins[left] * local[left]
        k = int(np.argmin(costs))
        flip = left[k]
        energy += float(costs[k])
        highest = max(highest, energy)
        unit = np.zeros(len(spins))
        unit[flip] = -2 * spins[flip]
        local = local + couplings @ unit
        spins[flip] *= -1
        left = np.delete(left, k)
    return highest


@checked_arguments
def states_by_energy(problem: IsingProblem, spins: NDArray[np.int8], *, bins: int = 10) -> xr.Dataset:
    """Number of different local minima against their energy per spin, and of configurations above them.

    Returns
    -------
    dataset over ``energy`` (middle of the bins, per spin) with ``n_states`` and ``n_configurations``
    """
    offset, problem = problem.offset, without_offset(problem)
    minima = descended(problem, spins)
    states, counts = np.unique(minima, axis=0, return_counts=True)
    index, edges = binned_levels(problem.energies(states), bins, energy_tolerance(problem))
    n_above = np.bincount(index, weights=counts, minlength=bins).astype(int)
    middle = ((edges[1:] + edges[:-1]) / 2 + offset) / max(problem.n_spins, 1)
    return xr.Dataset(
        {
            "n_states": ("energy", np.bincount(index, minlength=bins)),
            "n_configurations": ("energy", n_above),
        },
        coords={"energy": middle},
    )


# -- rigidity ------------------------------------------------------------------------------------


@checked_arguments
def rigidity(problem: IsingProblem, spins: NDArray[np.int8]) -> xr.Dataset:
    """Which bonds and spins are the same in all configurations.

    Parameters
    ----------
    spins : (n, n_spins), independent, of low energy

    Returns
    -------
    dataset with over ``edge`` ``bond`` |<s_i s_j>|, over ``spin`` ``neighbours`` (its mean over the bonds of
    each spin), and attributes ``edge_rigidity`` (mean over bonds), ``bulk_rigidity`` (mean |<s_i s_j>| over
    all pairs), ``rigid_share`` (bonds that never change) and ``null``: what |<s_i s_j>| would be on average
    if spins were independent, sqrt(2 / (pi n))
    """
    if not len(spins):
        raise InputError("there are no configurations")
    i, j, _ = problem.edges
    floats = spins.astype(np.float32)
    bond = np.abs((floats[:, i] * floats[:, j]).mean(axis=0, dtype=np.float64))
    degree = np.bincount(np.concatenate([i, j]), minlength=problem.n_spins)
    sums = np.bincount(np.concatenate([i, j]), weights=np.tile(bond, 2), minlength=problem.n_spins)
    pairs = np.abs(floats.T @ floats / len(floats))[np.triu_indices(problem.n_spins, 1)]
    with np.errstate(invalid="ignore", divide="ignore"):
        neighbours = sums / degree
    return xr.Dataset(
        {"bond": ("edge", bond), "neighbours": ("spin", neighbours)},
        attrs={
            "edge_rigidity": float(bond.mean()) if bond.size else float("nan"),
            "bulk_rigidity": float(pairs.mean()) if pairs.size else float("nan"),
            "rigid_share": float((bond == 1).mean()) if bond.size else float("nan"),
            "null": float(np.sqrt(2 / (np.pi * len(spins)))),
        },
    )

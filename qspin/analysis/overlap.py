"""Replica overlaps: q_ab = (1/N) sum_i s_i^a s_i^b between different replicas at the same temperature.

Sources: Edwards, Anderson 1975; Binder, Young 1986 (Rev. Mod. Phys. 58, 801) for P(q), the Binder ratio and
their use; Li, arXiv:2508.07397 for the curve T -> mean |q_ab| as a descriptor of a network.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.analysis.resampling import checked_replicas, jackknife_pairs
from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.samples import SampleSet

__all__ = [
    "binder_ratio",
    "link_overlap_curve",
    "link_overlaps",
    "overlap_curve",
    "overlap_distribution",
    "replica_overlaps",
]

_CHUNK_ELEMENTS = 2**24
_TARGET_BINS = 50


def replica_overlaps(spins: ArrayLike) -> NDArray[np.float64]:
    """Overlaps of all pairs of different replicas, draw by draw.

    Parameters
    ----------
    spins : array (..., replica, draw, spin) of -1 and +1

    Returns
    -------
    array (..., pair, draw); pairs a < b in the order of ``np.triu_indices(n_replicas, 1)``

    Raises
    ------
    InputError
        If there are fewer than two replicas.
    """
    array = np.asarray(spins)
    n_replicas = _checked_replicas(array)
    rows, columns = np.triu_indices(n_replicas, 1)
    by_draw = np.moveaxis(array, -2, -3)
    products = _gram(by_draw)[..., rows, columns] / max(array.shape[-1], 1)
    return np.moveaxis(products, -2, -1).astype(np.float64)


def link_overlaps(spins: ArrayLike, i: ArrayLike, j: ArrayLike) -> NDArray[np.float64]:
    """Link overlaps ``q_l = (1/n_edges) sum_<ij> s_i^a s_j^a s_i^b s_j^b`` of all pairs, draw by draw.

    Parameters
    ----------
    spins : array (..., replica, draw, spin)
    i, j : ends of the edges, (n_edges,)

    Returns
    -------
    array (..., pair, draw), pairs as in `replica_overlaps`
    """
    array = np.asarray(spins)
    return replica_overlaps(array[..., np.asarray(i, int)] * array[..., np.asarray(j, int)])


def overlap_curve(samples: SampleSet) -> xr.Dataset:
    """Moments of the overlap at every temperature, with errors over replicas.

    Returns
    -------
    dataset over ``beta`` with ``temperature`` and, each with its standard error ``..._error``:

    ``q_abs`` mean |q_ab|, the Q_ab curve; ``q2`` <q^2>; ``q4`` <q^4>; ``binder`` (3 - <q^4>/<q^2>^2) / 2

    Raises
    ------
    InputError
        If there are fewer than two replicas.
    """
    _checked_replicas(samples.spins.values)
    columns = [_moments(q_rows) for q_rows in _rows_by_beta(samples.spins.values)]
    names = ("q_abs", "q2", "q4", "binder")
    return _curve(samples, names, columns)


def link_overlap_curve(samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
    """Mean link overlap at every temperature: ``q_link`` and ``q_link_error`` over ``beta``.

    In equilibrium with Gaussian couplings it fixes the energy, u = -(J^2/T)(z/2)(1 - q_link) on average over
    disorder, which tests equilibration.

    Parameters
    ----------
    samples : of `problem`
    problem : its edges are the links

    Raises
    ------
    InputError
        If the samples are of another problem, or there are fewer than two replicas, or no couplings.
    """
    if samples.info.get("problem") not in (None, problem.digest):
        raise InputError("these samples are of another problem than the one given: their digests differ")
    if problem.n_couplings == 0:
        raise InputError("a problem without couplings has no links, so no link overlap")
    _checked_replicas(samples.spins.values)
    i, j, _ = problem.edges
    columns = []
    for spins in samples.spins.values:
        rows = sum(
            q.sum(axis=(0, 2)) for q in _overlap_blocks(spins, lambda block: block[..., i] * block[..., j])
        )
        columns.append(jackknife_pairs(rows[:, None] / spins.shape[1]))
    return _curve(samples, ("q_link",), columns)


def overlap_distribution(samples: SampleSet, *, bins: int | None = None) -> xr.Dataset:
    """P(q) at every temperature, a density over -1 <= q <= 1, with errors over replicas.

    Overlaps lie on the lattice -1, -1 + 2/N, ..., 1. Bins hold equally many lattice points (the outermost
    maybe fewer), so that none looks high only because it holds more of them.

    Parameters
    ----------
    samples : at least two replicas
    bins : about how many; default 50, or one a lattice point for small N

    Returns
    -------
    dataset over (``beta``, ``q``) with ``density`` and ``density_error``, and ``width`` (``q``) of the bins
    """
    n_spins = samples.n_spins
    if n_spins == 0:
        raise InputError("a problem without spins has no overlaps")
    _checked_replicas(samples.spins.values)
    group = max(1, round((n_spins + 1) / (bins or _TARGET_BINS)))
    n_bins = -(-(n_spins + 1) // group)
    shift = (n_bins * group - (n_spins + 1)) // 2
    lattice = (np.arange(n_spins + 1) + shift) // group  # bin of each number of agreeing spins
    sizes = np.bincount(lattice, minlength=n_bins)
    width = sizes * 2.0 / n_spins
    centre = np.bincount(lattice, weights=2.0 * np.arange(n_spins + 1) / n_spins - 1.0) / sizes
    density, error = [], []
    for spins in samples.spins.values:
        counts = sum(_histogram_rows(q, lattice, n_bins) for q in _overlap_blocks(spins))
        mean, spread = jackknife_pairs(counts / spins.shape[1])
        density.append(mean / width)
        error.append(spread / width)
    return xr.Dataset(
        {
            "density": (("beta", "q"), np.array(density)),
            "density_error": (("beta", "q"), np.array(error)),
            "width": ("q", width),
        },
        coords={"beta": samples.betas, "temperature": ("beta", samples.temperatures), "q": centre},
    )


def binder_ratio(q2: ArrayLike, q4: ArrayLike) -> NDArray[np.float64]:
    """(3 - <q^4> / <q^2>^2) / 2: 0 for Gaussian overlaps, 1 for |q| of one value; NaN where q is always 0."""
    squared = np.asarray(q2, dtype=np.float64) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(squared > 0, (3 - np.asarray(q4) / squared) / 2, np.nan)


def _moments(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(|q|, q^2, q^4, binder) and their errors from row sums (replica, 3)."""
    return jackknife_pairs(rows, lambda m: np.append(m, binder_ratio(m[1], m[2])))


def _rows_by_beta(spins: NDArray[np.int8]) -> Iterator[NDArray[np.float64]]:
    """For each beta: sums over the other replicas of draw averages of |q|, q^2, q^4, shape (replica, 3)."""
    for at_beta in spins:
        rows = np.zeros((at_beta.shape[0], 3))
        for q in _overlap_blocks(at_beta):
            squares = q * q
            for k, power in enumerate((np.abs(q), squares, squares * squares)):
                rows[:, k] += power.sum(axis=(0, 2))
        yield rows / at_beta.shape[1]


def _overlap_blocks(spins: NDArray[np.int8], transform=None) -> Iterator[NDArray[np.float64]]:
    """Overlap matrices (draws, replica, replica), zero on the diagonal, for blocks of draws of one beta."""
    n_replicas, n_draws, n_spins = spins.shape
    step = max(1, _CHUNK_ELEMENTS // max(1, n_replicas * max(n_replicas, n_spins)))
    for start in range(0, n_draws, step):
        block = spins[:, start : start + step].swapaxes(0, 1)
        block = block if transform is None else transform(block)
        overlaps = _gram(block).astype(np.float64) / max(block.shape[-1], 1)
        overlaps[:, np.arange(n_replicas), np.arange(n_replicas)] = 0.0
        yield overlaps


def _gram(spins: NDArray[np.integer]) -> NDArray[np.float32]:
    """Scalar products (..., replica, replica) of spins (..., replica, spin); exact up to 2^24 spins."""
    floats = spins.astype(np.float32)
    return floats @ floats.swapaxes(-1, -2)


def _histogram_rows(
    overlaps: NDArray[np.float64], lattice: NDArray[np.integer], n_bins: int
) -> NDArray[np.float64]:
    """Histogram of the overlaps of each replica with all others, summed over draws, (replica, n_bins)."""
    n_replicas, n_spins = overlaps.shape[1], len(lattice) - 1
    agreeing = np.rint((overlaps + 1) * n_spins / 2).astype(np.int64)
    flat = lattice[agreeing] + n_bins * np.arange(n_replicas)[:, None]
    others = ~np.eye(n_replicas, dtype=bool)
    counts = np.bincount(flat[:, others].ravel(), minlength=n_replicas * n_bins)
    return counts.reshape(n_replicas, n_bins).astype(np.float64)


def _checked_replicas(spins: NDArray[np.integer]) -> int:
    if spins.ndim < 3:
        raise InputError(f"spins must have shape (..., replica, draw, spin); got {spins.shape}")
    return checked_replicas(spins.shape[-3])


def _curve(
    samples: SampleSet,
    names: tuple[str, ...],
    columns: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> xr.Dataset:
    variables = {}
    for k, name in enumerate(names):
        variables[name] = ("beta", np.array([estimate[k] for estimate, _ in columns]))
        variables[f"{name}_error"] = ("beta", np.array([error[k] for _, error in columns]))
    return xr.Dataset(
        variables, coords={"beta": samples.betas, "temperature": ("beta", samples.temperatures)}
    )

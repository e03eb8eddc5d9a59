"""Where the spins of a network freeze, told from its couplings alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import eigsh

from qspin.networks.inspection.pieces import groups_of
from qspin.problem import IsingProblem

__all__ = ["formula_temperature", "largest_eigenvalue_of", "tap_temperature"]

_STEPS = 64  # temperatures that are tried for TAP
_DENSE = 1_500  # spins up to which whole matrices are diagonalised


def formula_temperature(problem: IsingProblem) -> float:
    """Critical temperature of a glass with couplings of the same variances and signs at random.

    T_c^2 is the largest eigenvalue of the matrix of the variances, neuron by neuron; between two groups, or
    within one, the variance is the mean square of the couplings that are there. Of layers that are coupled
    fully it is `qspin.networks.critical_temperature` with these variances; on a sparse graph, mean-field
    theory, which lies above the truth. Fields are left out. 0 without couplings.
    """
    couplings = sparse.csr_array(problem.couplings)
    if not couplings.nnz:
        return 0.0
    number = groups_of(problem)
    rows = np.repeat(np.arange(problem.n_spins), np.diff(couplings.indptr))
    n_groups = int(number.max()) + 1
    place = number[rows] * n_groups + number[couplings.indices]
    squares = np.bincount(place, weights=couplings.data**2, minlength=n_groups**2)
    counts = np.bincount(place, minlength=n_groups**2)
    means = squares / np.maximum(counts, 1)
    variances = sparse.csr_array((means[place], couplings.indices, couplings.indptr), shape=couplings.shape)
    return float(np.sqrt(largest_eigenvalue_of(variances)))


def tap_temperature(problem: IsingProblem) -> float:
    """Temperature below which no magnetisation is no longer a stable solution of the TAP equations.

    The highest T at which the largest eigenvalue of J / T - diag(sum_j J_ij^2) / T^2, J with the sign of
    ferromagnets positive, reaches 1; couplings at random alone only come near 1, at their critical
    temperature, and then it is where they come nearest (Thouless, Anderson, Palmer 1977, Philos. Mag. 35,
    593). NaN with fields, which magnetise at any temperature, and for more than 1500 spins. Searched on a
    grid of 64 temperatures and refined to 1e-4 of the value where 1 is crossed.
    """
    if problem.fields.any() or problem.n_spins > _DENSE or not problem.n_couplings:
        return float("nan")
    j = -problem.toarray()
    squares = (j**2).sum(axis=1)
    highest = float(np.linalg.eigvalsh(j)[-1])  # above it, the largest eigenvalue is below 1

    def stability(t: float) -> float:
        return float(np.linalg.eigvalsh(j / t - np.diag(squares) / t**2)[-1])

    grid = np.geomspace(highest, 0.2 * formula_temperature(problem), _STEPS)
    values: list[float] = []
    for k, t in enumerate(grid.tolist()):
        values.append(stability(t))
        if values[-1] >= 1 and k:
            return _crossed(stability, t, float(grid[k - 1]))
    return float(grid[int(np.argmax(values))])


def _crossed(stability: Any, low: float, high: float) -> float:
    """Between a temperature where 1 is reached and one where it is not, by bisection."""
    while high - low > 1e-4 * low:
        middle = (low + high) / 2
        low, high = (middle, high) if stability(middle) >= 1 else (low, middle)
    return (low + high) / 2


def largest_eigenvalue_of(matrix: NDArray[np.float64] | sparse.csr_array) -> float:
    """Of a symmetric matrix."""
    if matrix.shape[0] <= 64:
        return float(np.linalg.eigvalsh(matrix.toarray() if sparse.issparse(matrix) else matrix)[-1])
    start = np.ones(matrix.shape[0])
    return float(eigsh(matrix, k=1, which="LA", v0=start, return_eigenvectors=False)[0])

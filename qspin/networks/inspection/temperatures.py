"""Where the spins of a network freeze, told from its couplings alone."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import eigsh

from qspin.networks.inspection.pieces import groups_of
from qspin.problem import IsingProblem
from qspin.theory import tap_transition

__all__ = ["formula_temperature", "largest_eigenvalue_of", "tap_temperature"]

_LARGEST = 1_500  # spins, of whose matrix the largest eigenvalue is sought some forty times


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


@lru_cache(maxsize=32)
def tap_temperature(problem: IsingProblem) -> float:
    """Temperature below which no magnetisation is no longer a stable solution of the TAP equations of these
    couplings, see `qspin.theory.tap_transition`; fields are left out.

    NaN without couplings, and of more than 1500 spins, where it could take minutes. Problems of late are
    remembered: a command tells what its report has told.
    """
    if problem.n_spins > _LARGEST or not problem.n_couplings:
        return float("nan")
    return float(tap_transition(problem)["critical_temperature"])


def largest_eigenvalue_of(matrix: NDArray[np.float64] | sparse.csr_array) -> float:
    """Of a symmetric matrix."""
    if matrix.shape[0] <= 64:
        return float(np.linalg.eigvalsh(sparse.csr_array(matrix).toarray())[-1])
    start = np.ones(matrix.shape[0])
    return float(eigsh(matrix, k=1, which="LA", v0=start, return_eigenvectors=False)[0])

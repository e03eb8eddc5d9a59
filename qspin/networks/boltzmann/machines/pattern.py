"""Which units a machine couples: the same at every step of a training, whatever the couplings."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["Pattern"]


class Pattern(NamedTuple):
    """Rows of a symmetric matrix whose entries are couplings given once, each pair of spins at most once.

    Parameters
    ----------
    i, j : ends of the couplings (m,), as they are given
    indptr, indices : rows with sorted columns, int32 (N + 1,), (2 m,)
    order : the coupling of each entry, (2 m,)
    """

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    indptr: NDArray[np.int32]
    indices: NDArray[np.int32]
    order: NDArray[np.int64]

    @classmethod
    def of(cls, n_spins: int, i: NDArray[np.int64], j: NDArray[np.int64]) -> Pattern:
        rows, columns = np.concatenate([i, j]), np.concatenate([j, i])
        by_row = np.lexsort((columns, rows))
        indptr = np.zeros(n_spins + 1, np.int32)
        np.cumsum(np.bincount(rows, minlength=n_spins), out=indptr[1:])
        return cls(i, j, indptr, columns[by_row].astype(np.int32), by_row % max(len(i), 1))

    def is_of(self, n_spins: int, i: NDArray[np.int64], j: NDArray[np.int64]) -> bool:
        same_size = len(self.indptr) == n_spins + 1
        return same_size and np.array_equal(i, self.i) and np.array_equal(j, self.j)

    def matrix(self, couplings: NDArray[np.float64]) -> sparse.csr_array:
        """Of couplings (m,)."""
        n_spins = len(self.indptr) - 1
        rows = (couplings[self.order], self.indices, self.indptr)
        return sparse.csr_array(rows, shape=(n_spins, n_spins))

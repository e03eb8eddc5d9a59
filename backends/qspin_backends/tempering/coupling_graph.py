"""What kernels are made from: couplings and fields in units of the largest, and colours of the spins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from qspin.problem import IsingProblem
from qspin.sampler import njit

__all__ = ["Graph"]


@dataclass(frozen=True, eq=False)
class Graph:
    """Rows of the symmetric couplings without zeros, and fields, in units of `unit`.

    Parameters
    ----------
    indptr, indices : int64 (N + 1,), int32 (2 n_couplings,)
    couplings, fields : float64 (2 n_couplings,), (N,), at most 1 in size
    unit : energy that is 1 for the kernel: the largest coupling or field
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    couplings: NDArray[np.float64]
    fields: NDArray[np.float64]
    unit: float

    @classmethod
    def of(cls, problem: IsingProblem) -> Graph:
        indptr, indices, couplings, fields = problem.csr
        largest = max(np.abs(couplings).max(initial=0.0), np.abs(fields).max(initial=0.0))
        unit = float(largest) or 1.0
        if not couplings.all():
            matrix = sparse.csr_array((couplings, indices, indptr), shape=(len(fields),) * 2, copy=True)
            matrix.eliminate_zeros()
            indptr, indices, couplings = matrix.indptr, matrix.indices, matrix.data
        # copies: arrays of a problem are read-only, for which kernels would be compiled once more
        return cls(indptr.astype(np.int64), indices.copy(), couplings / unit, fields / unit, unit)

    @property
    def n_spins(self) -> int:
        return len(self.fields)

    @property
    def n_couplings(self) -> int:
        return len(self.indices) // 2

    @cached_property
    def degrees(self) -> NDArray[np.int64]:
        """Neighbours of each spin, (N,)."""
        return np.diff(self.indptr)

    @cached_property
    def largest_field(self) -> float:
        """Largest local field that any configuration can give any spin: max_i |h_i| + sum_j |J_ij|."""
        return float((self.row_sums(np.abs(self.couplings)) + np.abs(self.fields)).max(initial=0.0))

    @cached_property
    def spreads(self) -> NDArray[np.float64]:
        """Root mean square local field of each spin at infinite temperature, (N,)."""
        return np.sqrt(self.row_sums(self.couplings**2) + self.fields**2)

    @cached_property
    def participation(self) -> NDArray[np.float64]:
        """How many couplings of each spin count, (N,): (sum |J|)^2 / sum J^2, its degree if all are alike."""
        strength, squares = self.row_sums(np.abs(self.couplings)), self.row_sums(self.couplings**2)
        return strength**2 / np.where(squares > 0, squares, 1.0)

    @cached_property
    def is_bimodal(self) -> bool:
        """Couplings of one magnitude and no fields."""
        return bool(self.n_couplings and (np.abs(self.couplings) == 1.0).all() and not self.fields.any())

    @cached_property
    def colours(self) -> NDArray[np.int64]:
        """Colour of each spin, (N,): neighbours differ. Greedy in the order of the spins."""
        return _greedy_colours(self.indptr, self.indices)

    def reordered(self, row: NDArray[np.int64]) -> Graph:
        """The same with spin i as number `row[i]`."""
        spins = np.argsort(row)
        indptr = np.zeros(self.n_spins + 1, np.int64)
        np.cumsum(self.degrees[spins], out=indptr[1:])
        indices, couplings = np.empty_like(self.indices), np.empty_like(self.couplings)
        _renumber(self.indptr, self.indices, self.couplings, spins, row, indptr, indices, couplings)
        return Graph(indptr, indices, couplings, self.fields[spins], self.unit)

    def row_sums(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Sums over the couplings of each spin, (N,), of values (2 n_couplings,)."""
        rows = np.repeat(np.arange(self.n_spins), self.degrees)
        return np.bincount(rows, weights=values, minlength=self.n_spins).astype(np.float64)


@njit(cache=True)
def _renumber(indptr, indices, couplings, spins, row, to_indptr, to_indices, to_couplings):
    """Write the rows of a symmetric matrix in another order, with sorted columns.

    Column by column: what is written into a row comes from ever later columns, so that nothing is left to
    sort.
    """
    filled = to_indptr[:-1].copy()
    for column in range(len(spins)):
        i = spins[column]
        for p in range(indptr[i], indptr[i + 1]):
            place = filled[row[indices[p]]]
            to_indices[place] = column
            to_couplings[place] = couplings[p]
            filled[row[indices[p]]] += 1


@njit(cache=True)
def _greedy_colours(indptr, indices):
    n = len(indptr) - 1
    colours = np.full(n, -1, np.int64)
    taken = np.full(n + 1, -1, np.int64)
    for i in range(n):
        for p in range(indptr[i], indptr[i + 1]):
            if colours[indices[p]] >= 0:
                taken[colours[indices[p]]] = i
        colour = 0
        while taken[colour] == i:
            colour += 1
        colours[i] = colour
    return colours

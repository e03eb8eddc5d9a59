"""Kernels over all 2**N configurations: their energies, and sums over them.

Configurations are numbered by their bits: bit i of the number is (1 + s_i) / 2.
"""

from __future__ import annotations

import numpy as np

from qspin.compiled import njit

__all__ = ["fill_energies", "sum_by_popcount", "walsh_hadamard"]


@njit(cache=True, nogil=True)
def fill_energies(couplings, fields, energies):
    """Write ``sum_{i<j} J_ij s_i s_j + sum_i h_i s_i`` of configuration k to ``energies[k]``.

    Spins are added one by one. The local field of the next one is written to the half that it opens, by the
    same doubling, so nothing else is allocated and the whole takes O(2**N).

    Parameters
    ----------
    couplings : float64 (N, N), symmetric
    fields : float64 (N,)
    energies : float64 (2**N,), written
    """
    energies[0] = 0.0
    for i in range(len(fields)):
        half = 1 << i
        local = energies[half : 2 * half]
        local[0] = fields[i]
        for j in range(i):
            width = 1 << j
            coupling = couplings[i, j]
            for k in range(width):
                value = local[k]
                local[k] = value - coupling
                local[width + k] = value + coupling
        for k in range(half):
            value = energies[k]
            energies[k] = value - local[k]
            local[k] = value + local[k]


@njit(cache=True, nogil=True)
def walsh_hadamard(values):
    """In place: ``values[A] <- sum_k values[k] (-1)**popcount(k & A)``; values float64 (2**N,).

    It turns weights of configurations into averages of products of spins.
    """
    half = 1
    while half < len(values):
        for start in range(0, len(values), 2 * half):
            for k in range(start, start + half):
                low, high = values[k], values[k + half]
                values[k] = low + high
                values[k + half] = low - high
        half *= 2


@njit(cache=True, nogil=True)
def sum_by_popcount(values, n):
    """Sums of ``values[k]`` over all k with the same number of set bits, float64 (n + 1,)."""
    sums = np.zeros(n + 1)
    for k in range(len(values)):
        bits = k
        count = 0
        while bits:
            bits &= bits - 1
            count += 1
        sums[count] += values[k]
    return sums

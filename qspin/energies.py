"""Energies of many configurations at once, in double precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qspin.compiled import njit

__all__ = ["dense_energies", "sparse_energies"]

_LANES = 64  # configurations side by side
_BLOCK = 256  # columns of a dense matrix


@njit(cache=True, nogil=True)
def sparse_energies(i, j, couplings, fields, spins, energies):
    """``sum_e J_e s_i s_j + sum_i h_i s_i`` of every configuration, 64 of them side by side.

    Parameters
    ----------
    i, j, couplings : each coupling once, (n_couplings,)
    fields : float64 (N,)
    spins : int8 (M, N)
    energies : float64 (M,), written
    """
    n_spins = len(fields)
    columns = np.empty((n_spins, _LANES), np.int8)
    total = np.empty(_LANES)
    row = np.empty(_LANES)
    for start in range(0, len(spins), _LANES):
        size = min(_LANES, len(spins) - start)
        if size < _LANES:
            columns[:] = 1
        for first in range(0, n_spins, _LANES):  # transpose tile by tile, each in the first-level cache
            last = min(first + _LANES, n_spins)
            for k in range(size):
                for a in range(first, last):
                    columns[a, k] = spins[start + k, a]
        total[:] = 0.0
        e = 0
        for a in range(n_spins):
            row[:] = fields[a]
            while e < len(i) and i[e] == a:
                b, coupling = j[e], couplings[e]
                for k in range(_LANES):
                    row[k] += coupling * columns[b, k]
                e += 1
            for k in range(_LANES):
                total[k] += row[k] * columns[a, k]
        energies[start : start + size] = total[:size]


def dense_energies(
    couplings: NDArray[np.float64], fields: NDArray[np.float64], spins: NDArray[np.int8]
) -> NDArray[np.float64]:
    """The same for a full symmetric matrix, each pair of blocks of it once.

    Parameters
    ----------
    couplings : (N, N)
    fields : (N,)
    spins : (M, N)

    Returns
    -------
    float64 (M,)
    """
    floats = spins.astype(np.float64)
    energies = np.zeros(len(spins))
    for first in range(0, len(fields), _BLOCK):
        own = slice(first, first + _BLOCK)
        after = slice(first + _BLOCK, None)
        local = (
            floats[:, own] @ (0.5 * couplings[own, own])
            + floats[:, after] @ couplings[after, own]
            + fields[own]
        )
        energies += np.einsum("mi,mi->m", floats[:, own], local)
    return energies

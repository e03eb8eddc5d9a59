"""Configurations on their way down: local fields that are kept, single flips, and walkers cooled in lanes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import njit
from qspin_backends.tempering.random import uniform
from qspin_backends.tempering.sparse import SparseKernel, sweep_sparse

__all__ = ["LANES", "Rows", "cooled", "descend", "drawn", "energy", "relaxed"]

LANES = 32
_HOT, _COLD = 1.0, 10.0  # beta x largest rms field, and x rms field of the weakest tenth
_WEAKEST = 1e-3  # of the median rms field: weaker ones are not waited for
_LOG2E = 1.4426950408889634


class Rows(NamedTuple):
    """An Ising problem as the search reads it, in units of its largest coupling or field.

    Parameters
    ----------
    indptr, indices : int64 (N + 1,), int32 (2 n_couplings,)
    couplings, fields : float64 (2 n_couplings,), (N,)
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    couplings: NDArray[np.float64]
    fields: NDArray[np.float64]


@njit(cache=True, nogil=True)
def _set_local(rows, spins, local):
    """Local fields dE/ds of a configuration; local float64 (N,) is written."""
    for i in range(len(spins)):
        total = rows.fields[i]
        for p in range(rows.indptr[i], rows.indptr[i + 1]):
            total += rows.couplings[p] * spins[rows.indices[p]]
        local[i] = total


@njit(cache=True, nogil=True)
def energy(rows, spins):
    """Without an offset; spins int8 (N,)."""
    total = 0.0
    for i in range(len(spins)):
        local = 2.0 * rows.fields[i]
        for p in range(rows.indptr[i], rows.indptr[i + 1]):
            local += rows.couplings[p] * spins[rows.indices[p]]
        total += 0.5 * spins[i] * local
    return total


@njit(cache=True, nogil=True)
def descend(rows, spins, local, least):
    """Flip spins that lose more than `least` by it, until there is none; spins and local are updated."""
    n = len(spins)
    i = quiet = 0
    while quiet < n:
        if spins[i] * local[i] > least:
            spins[i] = -spins[i]
            for p in range(rows.indptr[i], rows.indptr[i + 1]):
                local[rows.indices[p]] += 2.0 * spins[i] * rows.couplings[p]
            quiet = 0
        else:
            quiet += 1
        i = i + 1 if i + 1 < n else 0


@njit(cache=True, nogil=True)
def relaxed(rows, configurations, least):
    """Take configurations int8 (n, N) down to local minima; returns their energies (n,)."""
    energies = np.empty(len(configurations))
    local = np.empty(configurations.shape[1])
    for k in range(len(configurations)):
        _set_local(rows, configurations[k], local)
        descend(rows, configurations[k], local, least)
        energies[k] = 0.5 * np.sum(configurations[k] * (local + rows.fields))
    return energies


@njit(cache=True, nogil=True)
def _ends(rows):
    """Inverse temperatures at which the strongest spins are free, and the weakest ones frozen."""
    n = len(rows.fields)
    spread = np.empty(n)
    for i in range(n):
        square = rows.fields[i] ** 2
        for p in range(rows.indptr[i], rows.indptr[i + 1]):
            square += rows.couplings[p] ** 2
        spread[i] = np.sqrt(square)
    spread.sort()
    if n == 0 or spread[-1] == 0.0:
        return 1.0, 1.0
    weak = max(spread[n // 10], _WEAKEST * spread[n // 2], 1e-9 * spread[-1])
    return _HOT / spread[-1], _COLD / weak


@njit(cache=True, nogil=True)
def cooled(rows, starts, start, n_sweeps, random, stop):
    """Configurations int8 (LANES, N) where Metropolis moves take `starts`, of the same shape, when cooled.

    Parameters
    ----------
    start : how far on the logarithmic way from the hottest beta (0) to the coldest (1) they begin
    random : uint32 (LANES / STATES, 4, STATES), advanced
    stop : uint8 (1,), looked at before every sweep: where it is not 0 there are no more
    """
    n = len(rows.fields)
    words = np.zeros((n, 1), np.uint32)
    for i in range(n):
        for lane in range(LANES):
            if starts[lane, i] > 0:
                words[i, 0] |= np.uint32(1) << np.uint32(lane)
    scale = np.empty((1, LANES), np.float32)
    walker, energies = np.zeros(0, np.int64), np.zeros(LANES)
    kernel = SparseKernel(
        indptr=rows.indptr.astype(np.uint64),
        neighbours=rows.indices.astype(np.uint32),
        couplings=rows.couplings.astype(np.float32),
        fields=rows.fields.astype(np.float32),
        masks=words,
        spins=np.empty((n, LANES), np.float32),
        scale=scale,
        random=random,
        heat_bath=np.float32(0.0),
        metropolis=np.uint32(0xFFFFFFFF),
    )
    hot, cold = _ends(rows)
    for t in range(n_sweeps):
        if stop[0]:
            break
        beta = hot * (cold / hot) ** (start + (1.0 - start) * t / max(1, n_sweeps - 1))
        scale[:] = np.float32(2.0 * _LOG2E * beta)
        sweep_sparse(kernel, words, walker, energies)
    spins = np.empty((LANES, n), np.int8)
    for i in range(n):
        for lane in range(LANES):
            spins[lane, i] = 1 if (words[i, 0] >> np.uint32(lane)) & np.uint32(1) else -1
    return spins


@njit(cache=True, nogil=True)
def drawn(n, state):
    """`LANES` random configurations int8 (LANES, n); state uint64 (4,) is advanced."""
    spins = np.empty((LANES, n), np.int8)
    for i in range(n):
        word = int(uniform(state) * 2.0**LANES)
        for lane in range(LANES):
            spins[lane, i] = 1 if (word >> lane) & 1 else -1
    return spins

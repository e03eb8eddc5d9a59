"""Energies of many configurations at once, in double precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qspin.compiled import njit

__all__ = ["dense_energies", "sparse_energies"]

_LANES = 64  # configurations side by side
_TILE = 64  # spins
_MOST_COUNTED = 255  # couplings, in a byte
_BLOCK = 256  # columns of a dense matrix
_CHUNK_ELEMENTS = 2**20
_FEWEST_SPINS, _FEWEST_CONFIGURATIONS = 200, 1000  # from which tables are faster; measured
_MOST_CONFIGURATIONS = 4096  # at a time, whose energies stay in the cache
_GROUP = 5  # spins of a group
_STATES = 2**_GROUP
_TABLES = 4


def sparse_energies(
    i: NDArray[np.int64],
    j: NDArray[np.int64],
    couplings: NDArray[np.float64],
    fields: NDArray[np.float64],
    spins: NDArray[np.int8],
) -> NDArray[np.float64]:
    """``sum_e J_e s_i s_j + sum_i h_i s_i`` of every configuration.

    Parameters
    ----------
    i, j, couplings : each coupling once, (n_couplings,), ordered by (i, j)
    fields : (N,)
    spins : (M, N), contiguous

    Returns
    -------
    float64 (M,)
    """
    energies = np.empty(len(spins))
    if not fields.any():
        strengths = np.abs(couplings)
        size = strengths.max(initial=0.0)
        if (strengths == size).all():
            _counted(len(fields), i, j, couplings < 0, spins, energies)
            return size * (len(couplings) - 2.0 * energies)
    _summed(i, j, couplings, fields, spins, energies)
    return energies


@njit(cache=True, nogil=True)
def _summed(i, j, couplings, fields, spins, energies):
    """Write the energies, up to `_LANES` configurations side by side."""
    n_spins, lanes = len(fields), min(_LANES, len(spins))
    columns = np.empty((n_spins, lanes), np.int8)
    total, row = np.empty(lanes), np.empty(lanes)
    for start in range(0, len(spins), _LANES):
        size = _fill(spins, start, -1, columns)
        total[:] = 0.0
        e = 0
        for a in range(n_spins):
            row[:] = fields[a]
            while e < len(i) and i[e] == a:
                b, coupling = j[e], couplings[e]
                for k in range(lanes):
                    row[k] += coupling * columns[b, k]
                e += 1
            for k in range(lanes):
                total[k] += row[k] * columns[a, k]
        for k in range(size):  # arrays set from arrays take long to compile
            energies[start + k] = total[k]


@njit(cache=True, nogil=True)
def _counted(n_spins, i, j, alike, spins, energies):
    """Write the number of couplings whose spins are as their signs want them.

    Parameters
    ----------
    alike : bool (n_couplings,), whether the spins are to be alike
    """
    columns = np.empty((n_spins, _LANES), np.uint8)
    total, few = np.empty(_LANES, np.int64), np.empty(_LANES, np.uint8)
    for start in range(0, len(spins), _LANES):
        size = _fill(spins, start, 0, columns)
        total[:] = 0
        for first in range(0, len(i), _MOST_COUNTED):
            few[:] = 0
            for e in range(first, min(first + _MOST_COUNTED, len(i))):
                one, other, wanted = columns[i[e]], columns[j[e]], np.uint8(alike[e])
                for k in range(_LANES):
                    few[k] += one[k] ^ other[k] ^ wanted
            for k in range(_LANES):
                total[k] += few[k]
        for k in range(size):
            energies[start + k] = total[k]


@njit(inner=True)
def _fill(spins, start, down, columns):
    """Write configurations from `start` on side by side, as 1 and `down`; returns how many there are."""
    n_spins = len(columns)
    size = min(_LANES, len(spins) - start)
    if size < columns.shape[1]:
        columns[:] = 1
    for first in range(0, n_spins, _TILE):  # transpose tile by tile, each in the first-level cache
        last = min(first + _TILE, n_spins)
        for k in range(size):
            for a in range(first, last):
                columns[a, k] = 1 if spins[start + k, a] > 0 else down
    return size


def dense_energies(
    couplings: NDArray[np.float64], fields: NDArray[np.float64], spins: NDArray[np.int8]
) -> NDArray[np.float64]:
    """The same for a full symmetric matrix.

    Parameters
    ----------
    couplings : (N, N)
    fields : (N,)
    spins : (M, N)

    Returns
    -------
    float64 (M,)
    """
    energies = np.empty(len(spins))
    many = len(fields) >= _FEWEST_SPINS and len(spins) >= _FEWEST_CONFIGURATIONS
    chunk = _MOST_CONFIGURATIONS if many else max(1, _CHUNK_ELEMENTS // max(1, len(fields)))
    for start in range(0, len(spins), chunk):
        part = slice(start, start + chunk)
        if many:
            _tabled(couplings, fields, np.ascontiguousarray(spins[part]), energies[part])
        else:
            energies[part] = _multiplied(couplings, fields, spins[part])
    return energies


def _multiplied(
    couplings: NDArray[np.float64], fields: NDArray[np.float64], spins: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Energies by products of matrices, each pair of blocks of couplings once."""
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


@njit(cache=True, nogil=True)
def _tabled(couplings, fields, spins, energies):
    """Energies of many configurations, from tables of what two groups of five spins do to each other.

    A table has the energy of each pair of configurations of the groups, so that 25 couplings take one look-up
    and one addition in double precision; `_TABLES` of them are in the first-level cache at a time (the idea
    is that of Arlazarov, Dinic, Kronrod, Faradzev 1970, for products of binary matrices).

    Parameters
    ----------
    couplings, fields, spins : as `dense_energies`
    energies : (M,), written
    """
    n_groups = -(-len(fields) // _GROUP)
    codes = _codes(spins, n_groups)
    rows, tables = np.empty((_GROUP, _STATES)), np.zeros((_TABLES, _STATES, _STATES))
    flat = tables.reshape(-1)
    size = np.uint64(_STATES * _STATES)
    own = np.empty(_STATES)
    base = np.empty(len(spins), np.uint64)
    for g in range(n_groups):
        _fill_own(couplings, fields, g, own)
        for m in range(len(spins)):
            code = codes[g, m]
            base[m] = code
            energies[m] = own[code] + (energies[m] if g else 0.0)
        for first in range(g + 1, n_groups, _TABLES):
            for t in range(_TABLES):
                _fill_table(couplings, g, first + t, rows, tables[t])
            a, b, c, d = codes[first], codes[first + 1], codes[first + 2], codes[first + 3]
            for m in range(len(spins)):
                at = base[m]
                energies[m] += (flat[at + _row(a[m])] + flat[at + size + _row(b[m])]) + (
                    flat[at + size + size + _row(c[m])] + flat[at + size + size + size + _row(d[m])]
                )


@njit(inline="always")
def _row(code):
    return np.uint64(code) << np.uint64(_GROUP)


@njit(inner=True)
def _codes(spins, n_groups):
    """Configurations of the groups as binary numbers, (n_groups and more, M); those of no spins are 0."""
    codes = np.zeros((n_groups + _TABLES, len(spins)), np.uint8)
    for g in range(n_groups):
        for k in range(min(_GROUP, spins.shape[1] - g * _GROUP)):
            for m in range(len(spins)):
                codes[g, m] |= np.uint8(spins[m, g * _GROUP + k] > 0) << np.uint8(k)
    return codes


@njit(inner=True)
def _fill_own(couplings, fields, g, own):
    """Energies of a group with the fields, by its configuration."""
    first = g * _GROUP
    size = min(_GROUP, len(fields) - first)
    for code in range(1 << size):
        total = 0.0
        for i in range(size):
            local = fields[first + i]
            for j in range(i):
                local += couplings[first + i, first + j] * (2 * ((code >> j) & 1) - 1)
            total += local * (2 * ((code >> i) & 1) - 1)
        own[code] = total


@njit(inner=True)
def _fill_table(couplings, g, h, rows, table):
    """Energies between groups g and h, by the configurations of h and g; `rows` is room for fields of h."""
    n = len(couplings)
    first, other = g * _GROUP, h * _GROUP
    n_first, n_other = min(_GROUP, n - first), max(0, min(_GROUP, n - other))
    for k in range(n_other):
        fields = rows[k]  # twice those that the group g makes
        fields[0] = 0.0
        for i in range(n_first):
            fields[0] -= 2.0 * couplings[first + i, other + k]
        for i in range(n_first):
            for code in range(1 << i):
                fields[code + (1 << i)] = fields[code] + 4.0 * couplings[first + i, other + k]
    table[0] = 0.0
    for k in range(n_other):
        table[0] -= 0.5 * rows[k]
    for k in range(n_other):
        for below in range(1 << k):
            up, down, fields = table[below + (1 << k)], table[below], rows[k]
            for code in range(_STATES):
                up[code] = down[code] + fields[code]

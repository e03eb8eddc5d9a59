"""Gray-code enumeration of all energies, and sums over configurations by their number of set bits.

Configurations are numbered by their bits: bit i of the number is (1 + s_i) / 2.
"""

from __future__ import annotations

import numpy as np

from qspin.sampler import njit

_BLOCK_BITS = 8  # a fresh start every 2**8 flips keeps rounding errors from adding up


@njit(cache=True, nogil=True)
def fill_energies(couplings, fields, energies):
    """Write the energy of configuration k, without an offset, to ``energies[k]``.

    Within a block consecutive configurations differ by one flip (Gray 1953), so each costs O(N).

    Parameters
    ----------
    couplings : float64 (N, N), symmetric, zero diagonal
    fields : float64 (N,)
    energies : float64 (2**N,), written
    """
    n = len(fields)
    n_low = min(n, _BLOCK_BITS)
    spins = np.empty(n)
    local = np.empty(n)
    for block in range(1 << (n - n_low)):
        state = block << n_low
        for i in range(n):
            spins[i] = 2.0 * ((state >> i) & 1) - 1.0
        energy = 0.0
        for i in range(n):
            local[i] = fields[i]
            for j in range(n):
                local[i] += couplings[i, j] * spins[j]
            energy += 0.5 * spins[i] * (local[i] + fields[i])
        energies[state] = energy
        for step in range(1, 1 << n_low):
            flip = 0
            while not (step >> flip) & 1:
                flip += 1
            energy -= 2.0 * spins[flip] * local[flip]
            spins[flip] = -spins[flip]
            for j in range(n_low):
                local[j] += 2.0 * couplings[flip, j] * spins[flip]
            state ^= 1 << flip
            energies[state] = energy


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

"""Heat-bath sweeps and replica exchange of one ladder: arrays and random state in, updated in place.

A *walker* is one configuration that wanders over the ladder; ``order[k]`` is the walker that is now at
``betas[k]``. Random numbers come from xoshiro256++ (Blackman, Vigna 2021, ACM TOMS 47, 36), one state a
ladder, so that ladders may run on any number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit, uint64

_TO_UNIT = 2.0**-53


@njit(inline="always")
def _rotate(value, count):
    return (value << uint64(count)) | (value >> uint64(64 - count))


@njit(inline="always")
def uniform(state):
    """Next float64 in [0, 1); `state` uint64 (4,), not all zero, is advanced."""
    result = _rotate(state[0] + state[3], 23) + state[0]
    carried = state[1] << uint64(17)
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= carried
    state[3] = _rotate(state[3], 45)
    return float(result >> uint64(11)) * _TO_UNIT


@njit(cache=True, nogil=True)
def refresh(indptr, indices, couplings, fields, spins, local, energies):
    """Recompute local fields and energies of all walkers from their spins, without accumulated rounding.

    ``local[w, i] = h_i + sum_j J_ij s_j``; energies are without the offset of the problem.
    """
    for w in range(len(spins)):
        energy = 0.0
        for i in range(len(fields)):
            value = fields[i]
            for p in range(indptr[i], indptr[i + 1]):
                value += couplings[p] * spins[w, indices[p]]
            local[w, i] = value
            energy += 0.5 * spins[w, i] * (value + fields[i])
        energies[w] = energy


@njit(nogil=True)
def heat_bath_sweep(indptr, indices, couplings, beta, spins, local, random_state):
    """Visit every spin once and redraw it from its conditional distribution (Glauber 1963).

    P(s_i = +1) = 1 / (1 + exp(2 beta local_i)) whatever the spin was, so free spins decorrelate at once,
    where sequential Metropolis would flip them at every sweep. Returns the change of energy.
    """
    change = 0.0
    for i in range(len(spins)):
        up = uniform(random_state) * (1.0 + np.exp(2.0 * beta * local[i])) < 1.0
        new = 1 if up else -1
        if new != spins[i]:
            spins[i] = new
            change += 2.0 * new * local[i]
            for p in range(indptr[i], indptr[i + 1]):
                local[indices[p]] += 2.0 * new * couplings[p]
    return change


@njit(nogil=True)
def exchange(betas, energies, order, parity, random_state, attempts, accepted):
    """Offer each neighbouring pair (k, k+1), k = parity, parity + 2, ..., to swap its walkers.

    Accepted with min(1, exp[(beta_k - beta_{k+1}) (E_k - E_{k+1})]) (Hukushima, Nemoto 1996).
    """
    for k in range(parity, len(betas) - 1, 2):
        low, high = order[k], order[k + 1]
        gain = (betas[k] - betas[k + 1]) * (energies[low] - energies[high])
        attempts[k] += 1
        if gain >= 0.0 or uniform(random_state) < np.exp(gain):
            accepted[k] += 1
            order[k], order[k + 1] = high, low


@njit(nogil=True)
def count_round_trips(order, heading):
    """Walkers that returned to the hottest beta from the coldest one; `heading` (walkers,) is updated.

    0: not yet seen at the hot end, 1: on the way to the cold end, -1: on the way back.
    """
    returned = 0
    hottest, coldest = order[0], order[-1]
    if heading[hottest] == -1:
        returned = 1
    heading[hottest] = 1
    if heading[coldest] == 1:
        heading[coldest] = -1
    return returned


@njit(cache=True, nogil=True)
def advance(
    indptr, indices, couplings, betas, spins, local, energies, order, heading,
    random_state, attempts, accepted, first_sweep, n_sweeps,
):  # fmt: skip
    """Run `n_sweeps` sweeps of a ladder, each followed by exchanges of alternating parity.

    Parameters
    ----------
    indptr, indices, couplings : CSR of the symmetric couplings
    betas : float64 (B,), ascending
    spins, local, energies : int8 (B, N), float64 (B, N), float64 (B,), by walker
    order, heading : int64 (B,), walker at each beta; where each walker is heading
    random_state : uint64 (4,)
    attempts, accepted : int64 (B - 1,), swaps of each neighbouring pair
    first_sweep : number of the first sweep, which fixes the parity of its exchanges

    Returns
    -------
    round trips completed by all walkers
    """
    round_trips = 0
    for sweep in range(first_sweep, first_sweep + n_sweeps):
        for k in range(len(betas)):
            w = order[k]
            energies[w] += heat_bath_sweep(
                indptr, indices, couplings, betas[k], spins[w], local[w], random_state
            )
        if len(betas) > 1:
            exchange(betas, energies, order, sweep % 2, random_state, attempts, accepted)
            round_trips += count_round_trips(order, heading)
    return round_trips

"""Steepest descent by single flips: the kernel behind local minima."""

from __future__ import annotations

from typing import Any

import numpy as np

from qspin.sampler import njit

__all__ = ["descend"]

_FRESH = 64  # flips after which local fields are added up anew, before rounding matters


@njit(cache=True, nogil=True)
def descend(
    indptr: Any, indices: Any, couplings: Any, fields: Any, tolerances: Any, widest: float, states: Any
) -> None:
    """Flip in every configuration the spin that gains most until none does.

    Parameters
    ----------
    indptr, indices, couplings, fields : of the problem, row-compressed
    tolerances : gains up to which are rounding alone (N,)
    widest : of them; of gains that lie within it the first spin's counts
    states : configurations int8 (n, N), changed in place
    """
    n_spins = len(fields)
    gains = np.empty(n_spins)
    local = np.empty(n_spins)
    for state in states:
        since = _FRESH
        while True:
            if since >= _FRESH:
                _add_up(indptr, indices, couplings, fields, state, local)
                since = 0
            largest = 0.0
            for i in range(n_spins):
                gain = 2.0 * state[i] * local[i]
                gains[i] = gain if gain > tolerances[i] else 0.0
                largest = max(largest, gains[i])
            if largest == 0.0:
                if since == 0:
                    break
                since = _FRESH  # once more with fresh fields, to be sure
                continue
            best = 0
            while gains[best] < largest - widest:
                best += 1
            if gains[best] == 0.0:
                break
            state[best] = -state[best]
            since += 1
            for k in range(indptr[best], indptr[best + 1]):
                local[indices[k]] += 2.0 * couplings[k] * state[best]


@njit(cache=True, nogil=True)
def _add_up(indptr: Any, indices: Any, couplings: Any, fields: Any, state: Any, local: Any) -> None:
    for i in range(len(fields)):
        total = fields[i]
        for k in range(indptr[i], indptr[i + 1]):
            total += couplings[k] * state[indices[k]]
        local[i] = total

"""The Walsh-Hadamard transform, which turns weights of configurations into averages of products of spins."""

from __future__ import annotations

from qspin.sampler import njit

__all__ = ["walsh_hadamard"]


@njit(cache=True, nogil=True)
def walsh_hadamard(values):
    """In place: ``values[A] <- sum_k values[k] (-1)**popcount(k & A)``; values float64 (2**N,)."""
    half = 1
    while half < len(values):
        for start in range(0, len(values), 2 * half):
            for k in range(start, start + half):
                low, high = values[k], values[k + half]
                values[k] = low + high
                values[k + half] = low - high
        half *= 2

"""What is kept of a run: the spins of every draw, or averages taken while it runs where spins would not
fit.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.problem import IsingProblem
from qspin.sampler import njit
from qspin_backends.common.simd_bits import count_bits
from qspin_backends.tempering.words import bit_words, expand, expanded

__all__ = ["Averages", "Extra", "Recorder", "Spins"]

Extra = dict[str, tuple[tuple[str, ...], ArrayLike]]


class Recorder(Protocol):
    """Takes draws: bits (n_betas, n_replicas, ceil(N / 64)) of all replicas."""

    n_draws: int

    def record(self, draw: int, bits: NDArray[np.uint64]) -> None: ...

    def result(self, last: NDArray[np.uint64]) -> tuple[NDArray[np.int8], Extra]:
        """Spins (beta, replica, draw, spin) and further variables; `last` are the bits at the end of the
        run.
        """
        ...

    def state(self) -> dict[str, NDArray[Any]]: ...

    def restore(self, state: dict[str, NDArray[Any]]) -> None: ...


class Spins:
    """Keep the configurations themselves."""

    def __init__(self, n_betas: int, n_replicas: int, n_draws: int, n_spins: int):
        self._spins = np.empty((n_betas, n_replicas, n_draws, n_spins), np.int8)
        self.n_draws = 0

    def record(self, draw: int, bits: NDArray[np.uint64]) -> None:
        expand(bits, draw, self._spins)
        self.n_draws = draw + 1

    def result(self, last: NDArray[np.uint64]) -> tuple[NDArray[np.int8], Extra]:
        if self.n_draws == self._spins.shape[2]:
            return self._spins, {}
        if self.n_draws:
            return self._spins[:, :, : self.n_draws].copy(), {}
        return expanded(last, self._spins.shape[3]), {}

    def state(self) -> dict[str, NDArray[Any]]:
        kept = self._spins[:, :, : self.n_draws] > 0
        return {"spins": np.packbits(kept), "spins_draws": np.array(self.n_draws)}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        self.n_draws = int(state["spins_draws"])
        kept = self._spins[:, :, : self.n_draws]
        bits = np.unpackbits(state["spins"], count=kept.size).reshape(kept.shape)
        kept[:] = 2 * bits.astype(np.int8) - 1


class Averages:
    """Overlaps of all pairs of replicas and averages of spins and pairs, added up draw by draw.

    The overlap is counted on its lattice of N + 1 values, in groups of neighbouring values from 4096 spins
    on.
    """

    _MOST_BINS = 4096

    def __init__(self, problem: IsingProblem, n_betas: int, n_replicas: int):
        n, shape = problem.n_spins, (n_betas, n_replicas)
        self._n_spins = n
        self._first, self._second = problem.edges.i, problem.edges.j
        self._group = -(-(n + 1) // self._MOST_BINS)
        self._arrays: dict[str, NDArray[Any]] = {
            "overlap_moments": np.zeros((*shape, 3)),
            "overlap_counts": np.zeros((*shape, n // self._group + 1), np.int64),
            "link_overlap": np.zeros(shape),
            "spins_up": np.zeros((*shape, n), np.int32),
            "bonds_opposed": np.zeros((*shape, len(self._first)), np.int32),
        }
        self.n_draws = 0

    @staticmethod
    def n_bytes(problem: IsingProblem, n_betas: int, n_replicas: int) -> int:
        """Memory that the averages take."""
        return (
            n_betas
            * n_replicas
            * (8 * min(problem.n_spins, 4096) + 4 * (problem.n_spins + problem.n_couplings))
        )

    def record(self, draw: int, bits: NDArray[np.uint64]) -> None:
        bonds = np.empty((*bits.shape[:2], bit_words(len(self._first))), np.uint64)
        a = self._arrays
        _opposed(bits, self._first, self._second, bonds)
        _add_overlaps(bits, self._n_spins, self._group, a["overlap_moments"], a["overlap_counts"])
        _add_link_overlaps(bonds, len(self._first), a["link_overlap"])
        _add_bits(bits, a["spins_up"])
        _add_bits(bonds, a["bonds_opposed"])
        self.n_draws = draw + 1

    def result(self, last: NDArray[np.uint64]) -> tuple[NDArray[np.int8], Extra]:
        """The last configurations, and means over draws; overlaps are sums over the other replicas."""
        a, draws = self._arrays, max(self.n_draws, 1)
        kept = ("beta", "replica")
        extra: Extra = {
            "overlap_moments": ((*kept, "power"), a["overlap_moments"] / draws),
            "overlap_counts": ((*kept, "agreement"), a["overlap_counts"] / draws),
            "link_overlap": (kept, a["link_overlap"] / draws),
            "spin_mean": ((*kept, "spin"), 2.0 * a["spins_up"] / draws - 1.0),
            "pair_mean": ((*kept, "coupling"), 1.0 - 2.0 * a["bonds_opposed"] / draws),
        }
        return expanded(last, self._n_spins), extra if self.n_draws else {}

    def state(self) -> dict[str, NDArray[Any]]:
        return {**self._arrays, "averages_draws": np.array(self.n_draws)}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        self.n_draws = int(state["averages_draws"])
        for name, array in self._arrays.items():
            array[:] = state[name]


@njit(cache=True, nogil=True)
def _opposed(bits, first, second, bonds):
    """Bits of the bonds whose spins are opposed; bonds (n_betas, n_replicas, words) is written."""
    one = np.uint64(1)
    bonds[:] = 0
    for b in range(bits.shape[0]):
        for r in range(bits.shape[1]):
            for e in range(len(first)):
                i, j = first[e], second[e]
                opposed = (bits[b, r, i >> 6] >> np.uint64(i & 63)) ^ (
                    bits[b, r, j >> 6] >> np.uint64(j & 63)
                )
                bonds[b, r, e >> 6] |= (opposed & one) << np.uint64(e & 63)


@njit(inline="always")
def _differing(bits, b, r, s):
    total = 0
    for k in range(bits.shape[2]):
        total += count_bits(bits[b, r, k] ^ bits[b, s, k])
    return total


@njit(cache=True, nogil=True)
def _add_overlaps(bits, n_spins, group, moments, counts):
    """Add |q|, q^2, q^4 and the place of q on its lattice, for both replicas of every pair."""
    for b in range(bits.shape[0]):
        for r in range(bits.shape[1]):
            for s in range(r):
                differing = _differing(bits, b, r, s)
                q = 1.0 - 2.0 * differing / max(n_spins, 1)
                place = (n_spins - differing) // group
                for replica in (r, s):
                    moments[b, replica, 0] += abs(q)
                    moments[b, replica, 1] += q * q
                    moments[b, replica, 2] += q * q * q * q
                    counts[b, replica, place] += 1


@njit(cache=True, nogil=True)
def _add_link_overlaps(bonds, n_bonds, sums):
    for b in range(bonds.shape[0]):
        for r in range(bonds.shape[1]):
            for s in range(r):
                overlap = 1.0 - 2.0 * _differing(bonds, b, r, s) / max(n_bonds, 1)
                sums[b, r] += overlap
                sums[b, s] += overlap


@njit(cache=True, nogil=True)
def _add_bits(bits, counts):
    """Add every bit to its count; counts int32 (n_betas, n_replicas, n)."""
    for b in range(counts.shape[0]):
        for r in range(counts.shape[1]):
            for i in range(counts.shape[2]):
                counts[b, r, i] += np.int32((bits[b, r, i >> 6] >> np.uint64(i & 63)) & np.uint64(1))

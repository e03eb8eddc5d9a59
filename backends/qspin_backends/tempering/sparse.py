"""Sparse kernel: local fields are summed from the spins of the neighbours at every visit, so they never
drift.

A word holds one spin of up to 64 walkers. For every neighbour the coupling is added in the lanes where its
spin is up: one masked instruction for 16 lanes, cheaper than keeping fields up to date. Spins are visited
colour by colour, so that neighbouring visits do not wait for each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import njit
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.decision import Move, decide, scales
from qspin_backends.tempering.random import draw, load_state, store_state
from qspin_backends.tempering.simd import broadcast, load, pointer_to, store, where

__all__ = ["SparseKernel", "SparsePlan", "sweep_sparse"]

_FLUSH = np.uint64(255)  # energy changes are summed in float32 over this many visits, then in float64


class SparseKernel(NamedTuple):
    """What a sweep reads, spins in the order of their visits; the random state is advanced.

    Fields are written for spins that are all down, ``base[i] = h_i - sum_j J_ij``; an up neighbour adds 2
    J_ij.
    """

    indptr: NDArray[np.uint64]  # (N + 1,)
    neighbours: NDArray[np.uint32]  # (2 n_couplings,)
    doubled: NDArray[Any]  # 2 J_ij, float32, or float64 where couplings differ too much in size
    base: NDArray[Any]  # (N,)
    scale: NDArray[np.float32]  # (n_words, lanes a word)
    random: NDArray[np.uint32]  # (n_words, 4, lanes a word)
    heat_bath: np.float32
    metropolis: np.unsignedinteger[Any]


@dataclass(frozen=True, eq=False)
class SparsePlan:
    """A problem made ready for this kernel; `real` is the type that fields are summed in."""

    name: ClassVar[str] = "sparse"

    graph: Graph
    real: type[np.floating[Any]]

    @cached_property
    def row(self) -> NDArray[np.int64]:
        """Row of each spin, (N,): colour by colour."""
        row = np.empty(self.n_rows, np.int64)
        row[np.argsort(self.graph.colours, kind="stable")] = np.arange(self.n_rows)
        return row

    @property
    def n_rows(self) -> int:
        return self.graph.n_spins

    @cached_property
    def _arrays(self) -> tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[Any], NDArray[Any]]:
        """indptr, neighbours, doubled and base of the kernel; shared by all packs."""
        ordered = self.graph.reordered(self.row)
        return (
            ordered.indptr.astype(np.uint64),
            ordered.indices.astype(np.uint32),
            (2.0 * ordered.couplings).astype(self.real),
            (ordered.fields - ordered.row_sums(ordered.couplings)).astype(self.real),
        )

    def kernel(self, words: NDArray[Any], random: NDArray[np.uint32], move: Move) -> SparseKernel:
        scale = np.zeros((words.shape[1], 8 * words.itemsize), np.float32)
        return SparseKernel(
            *self._arrays, scale, random, np.float32(move.heat_bath), move.metropolis_mask(words.dtype)
        )

    def set_betas(self, kernel: SparseKernel, betas: NDArray[np.float64]) -> None:
        """Put every lane at its inverse temperature, betas (n_lanes,) in units of the kernel."""
        kernel.scale.reshape(-1)[: len(betas)] = scales(betas)


@njit(inline="always")
def sweep_sparse(kernel, words, walker, energies):
    """Visit every spin once in every lane.

    Parameters
    ----------
    words : unsigned integers (N, n_words), updated
    walker : not used
    energies : float64 (n_words * lanes a word,), updated
    """
    one = np.uint64(1)
    n_spins, n_words = np.uint64(words.shape[0]), np.uint64(words.shape[1])
    width = words.itemsize * 8
    spins = pointer_to(words)
    indptr, neighbours, doubled = (
        pointer_to(kernel.indptr),
        pointer_to(kernel.neighbours),
        pointer_to(kernel.doubled),
    )
    base, scales, states = pointer_to(kernel.base), pointer_to(kernel.scale), pointer_to(kernel.random)
    heat_bath, metropolis = kernel.heat_bath, kernel.metropolis
    changes_kept = np.empty(width, kernel.base.dtype)
    changes = pointer_to(changes_kept)
    for w in range(n_words):
        tag = spins[w]
        scale = load(scales, w * np.uint64(width), tag)
        s0, s1, s2, s3 = load_state(states, w, width, tag)
        nothing = broadcast(changes_kept.dtype.type(0.0), tag)
        change = nothing
        p = np.uint64(0)
        for i in range(n_spins):
            local = broadcast(base[i], tag)
            end = indptr[i + one]
            while p < end:
                local = where(spins[neighbours[p] * n_words + w], local + doubled[p], local)
                p += one
            old = spins[i * n_words + w]
            drawn, s0, s1, s2, s3 = draw(s0, s1, s2, s3)
            new = decide(local, scale, drawn, old, heat_bath, metropolis)
            spins[i * n_words + w] = new
            change = where((old ^ new) & new, change + local, change)
            change = where((old ^ new) & old, change - local, change)
            if i & _FLUSH == _FLUSH or i == n_spins - one:
                store(changes, 0, change)
                for lane in range(width):
                    energies[w * np.uint64(width) + np.uint64(lane)] += 2.0 * changes_kept[lane]
                change = nothing
        store_state(states, w, width, s0, s1, s2, s3)

"""Sparse kernel: local fields are summed from the spins of the neighbours at every visit, so they never
drift.

For the time of a sweep the spins of a vector of lanes are written out as numbers -1 and +1: a neighbour then
costs one multiply-add for as many lanes as a register holds, less than keeping fields up to date. Random
numbers are drawn for some visits ahead, while their state is in registers. Spins are visited colour by
colour, so that neighbouring visits do not wait for each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
from llvmlite.binding import get_host_cpu_features
from numpy.typing import NDArray

from qspin.sampler import njit
from qspin_backends.common.simd import (
    absolute,
    as_real,
    broadcast,
    fma,
    less,
    load,
    pointer_to,
    store,
    to_float32,
    where,
)
from qspin_backends.common.simd_bits import width_of
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.decision import Move, decide_spins, scales
from qspin_backends.tempering.random import draw, load_state, store_state

__all__ = ["STATES", "SparseKernel", "SparsePlan", "sweep_sparse"]

STATES = 16  # lanes whose random state is in registers at once
_MOST_BYTES = 2**22  # of spins written out for whole words; larger problems take STATES lanes at a time
_MOST_LANES = 64 if get_host_cpu_features().get("avx512f") else 32  # whose sums fit in the registers
_TURN = np.uint64(31)  # random numbers are drawn for so many visits and one more
_FLUSH = np.uint64(
    255
)  # energy changes are summed in float32 over so many visits and one more, then in float64


class SparseKernel(NamedTuple):
    """What a sweep reads, spins in the order of their visits; the random state is advanced.

    Couplings and fields are float32, or float64 where couplings differ too much in size.
    """

    indptr: NDArray[np.uint64]  # (N + 1,)
    neighbours: NDArray[np.uint32]  # (2 n_couplings,)
    couplings: NDArray[Any]  # (2 n_couplings,)
    fields: NDArray[Any]  # (N,)
    masks: NDArray[Any]  # the words of the walkers, (N, n_vectors), as unsigned integers with a bit a lane
    spins: NDArray[np.float32]  # (N, lanes), of the vector that is swept
    scale: NDArray[np.float32]  # (n_vectors, lanes)
    random: NDArray[np.uint32]  # (n_vectors * lanes / STATES, 4, STATES)
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
        """indptr, neighbours, couplings and fields of the kernel; shared by all packs."""
        ordered = self.graph.reordered(self.row)
        return (
            ordered.indptr.astype(np.uint64),
            ordered.indices.astype(np.uint32),
            ordered.couplings.astype(self.real),
            ordered.fields.astype(self.real),
        )

    def kernel(self, words: NDArray[Any], random: NDArray[np.uint32], move: Move) -> SparseKernel:
        lanes = min(8 * words.itemsize, _MOST_LANES)
        if 4 * lanes * self.n_rows > _MOST_BYTES:
            lanes = STATES
        masks = words.view(f"u{lanes // 8}")
        return SparseKernel(
            *self._arrays,
            masks,
            np.empty((len(masks), lanes), np.float32),
            np.zeros((masks.shape[1], lanes), np.float32),
            random,
            np.float32(move.heat_bath),
            move.metropolis_mask(masks.dtype),
        )

    def set_betas(self, kernel: SparseKernel, betas: NDArray[np.float64]) -> None:
        """Put every lane at its inverse temperature, betas (n_lanes,) in units of the kernel."""
        kernel.scale.reshape(-1)[: len(betas)] = scales(betas)


@njit(inline="always")
def sweep_sparse(kernel, words, walker, energies):
    """Visit every spin once in every lane.

    Parameters
    ----------
    words : unsigned integers (N, n_words), updated through ``kernel.masks``
    walker : not used
    energies : float64 (n_words * lanes a word,), updated
    """
    lanes = kernel.spins.shape[1]
    changes = np.empty(lanes, kernel.fields.dtype)
    drawn = np.empty((int(_TURN) + 1, lanes), np.float32)
    for vector in range(len(kernel.scale)):
        own = energies[lanes * vector : lanes * (vector + 1)]
        _visit(kernel, np.uint64(vector), changes, drawn, own)


@njit(cache=True, inner=True)
def _visit(kernel, vector, changes, drawn, energies):
    """Visit every spin once in the lanes of a vector, and add to their energies (lanes,).

    Parameters
    ----------
    changes, drawn : room for energy changes (lanes,), and for random numbers (visits, lanes)
    """
    one, tag = np.uint64(1), kernel.metropolis
    n_spins, n_vectors = np.uint64(len(kernel.fields)), np.uint64(kernel.masks.shape[1])
    lanes = width_of(tag)
    bits, spins, numbers = pointer_to(kernel.masks), pointer_to(kernel.spins), pointer_to(drawn)
    indptr, neighbours = pointer_to(kernel.indptr), pointer_to(kernel.neighbours)
    couplings, fields, kept = pointer_to(kernel.couplings), pointer_to(kernel.fields), pointer_to(changes)
    heat_bath, real = kernel.heat_bath, changes.dtype.type
    nothing, down = broadcast(real(0.0), tag), broadcast(np.float32(-1.0), tag)
    for i in range(n_spins):
        store(spins, i * lanes, where(bits[i * n_vectors + vector], absolute(down), down))
    scale = load(pointer_to(kernel.scale), vector * lanes, tag)
    change = nothing
    p = np.uint64(0)
    for i in range(n_spins):
        turn = i & _TURN
        if turn == np.uint64(0):
            _draw(kernel.random, vector, drawn, min(_TURN + one, n_spins - i))
        local, other = broadcast(fields[i], tag), nothing
        end = indptr[i + one]
        while p + one < end:  # two sums, so that an addition need not wait for the last
            local = fma(_read(spins, neighbours[p] * lanes, tag, real(0.0)), couplings[p], local)
            other = fma(_read(spins, neighbours[p + one] * lanes, tag, real(0.0)), couplings[p + one], other)
            p += one + one
        if p < end:
            local = fma(_read(spins, neighbours[p] * lanes, tag, real(0.0)), couplings[p], local)
            p += one
        local = local + other
        before, number = load(spins, i * lanes, tag), load(numbers, turn * lanes, tag)
        after = decide_spins(to_float32(local), scale, number, before, heat_bath, tag)
        store(spins, i * lanes, after)
        change = fma(as_real(after - before, real(0.0)), local, change)
        if i & _FLUSH == _FLUSH or i == n_spins - one:
            store(kept, 0, change)
            for lane in range(lanes):
                energies[lane] += changes[lane]
            change = nothing
    for i in range(n_spins):
        bits[i * n_vectors + vector] = less(down, load(spins, i * lanes, tag))


@njit(inline="always")
def _read(spins, start, tag, like):
    """Spins as real numbers of the type of `like`."""
    return as_real(load(spins, start, tag), like)


@njit(inner=True)
def _draw(random, vector, drawn, count):
    """Random numbers for the next visits of a vector, drawn (visits, lanes)."""
    lanes, states, target = np.uint64(drawn.shape[1]), pointer_to(random), pointer_to(drawn)
    parts = lanes // np.uint64(STATES)
    for part in range(parts):
        s0, s1, s2, s3 = load_state(states, vector * parts + part, STATES, STATES)
        for k in range(count):
            value, s0, s1, s2, s3 = draw(s0, s1, s2, s3)
            store(target, k * lanes + part * np.uint64(STATES), value)
        store_state(states, vector * parts + part, STATES, s0, s1, s2, s3)

"""Isoenergetic cluster moves between two walkers at one temperature (Houdayer 2001, Eur. Phys. J. B 22, 479).

A cluster of spins in which the two walkers disagree is flipped in both: the sum of their energies stays, so
the move is always accepted. It pays on sparse graphs below their percolation threshold (Zhu, Ochoa,
Katzgraber 2015, Phys. Rev. Lett. 115, 077201); where clusters span the system the move merely swaps the
walkers, and it is switched off.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import njit
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.random import uniform

__all__ = ["BondGraph", "bond_graph", "cluster_moves", "no_bonds"]


class BondGraph(NamedTuple):
    """Couplings and fields by row, in units of the kernel, and where cluster moves are worth their time.

    Parameters
    ----------
    rows : int64 (N,), rows that hold spins
    active : bool (n_betas,), False where clusters were found to span the system
    symmetric : no fields, so that walkers that agree in a cluster may be taken as well as walkers that
        disagree
    """

    indptr: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    couplings: NDArray[np.float64]
    fields: NDArray[np.float64]
    rows: NDArray[np.int64]
    active: NDArray[np.bool_]
    symmetric: bool


def bond_graph(graph: Graph, row: NDArray[np.int64], n_rows: int, n_betas: int) -> BondGraph:
    """By rows, of a plan that puts spin i into row `row[i]`."""
    rows = np.sort(row)
    ordered = graph.reordered(np.searchsorted(rows, row))
    degrees = np.zeros(n_rows, np.int64)
    degrees[rows] = ordered.degrees
    fields = np.zeros(n_rows)
    fields[rows] = ordered.fields
    return BondGraph(
        np.concatenate([[0], np.cumsum(degrees)]),
        rows[ordered.indices],
        ordered.couplings,
        fields,
        rows,
        np.ones(n_betas, np.bool_),
        not graph.fields.any(),
    )


def no_bonds(n_betas: int) -> BondGraph:
    """Where no cluster moves are made."""
    empty, none = np.zeros(0), np.zeros(0, np.int64)
    return BondGraph(np.zeros(1, np.int64), none, empty, empty, none, np.zeros(n_betas, np.bool_), False)


@njit(inline="always")
def _is_up(words, row, lane, width):
    return bool((words[row, lane // width] >> words.dtype.type(lane % width)) & words.dtype.type(1))


@njit(inline="always")
def _flip(words, row, lane, width):
    words[row, lane // width] ^= words.dtype.type(1) << words.dtype.type(lane % width)


@njit
def cluster_moves(words, energies, graph, ladders, n_betas):
    """One move for each pair of ladders (0, 1), (2, 3), ... at every active temperature."""
    n_rows = words.shape[0]
    n_ladders = len(ladders.random)
    width = 8 * words.itemsize
    stack = np.empty(n_rows, np.int64)
    member = np.zeros(n_rows, np.bool_)
    for b in range(n_betas):
        if not graph.active[b]:
            continue
        for r in range(0, n_ladders - 1, 2):
            one, other = b * n_ladders + r, b * n_ladders + r + 1
            n_opposed = 0
            for row in graph.rows:
                n_opposed += _is_up(words, row, one, width) != _is_up(words, row, other, width)
            opposed = not (graph.symmetric and 2 * n_opposed > len(graph.rows))  # the smaller part
            n_part = n_opposed if opposed else len(graph.rows) - n_opposed
            if n_part == 0:
                continue
            left = min(int(uniform(ladders.random[r]) * n_part), n_part - 1)
            seed = -1
            for row in graph.rows:
                if (_is_up(words, row, one, width) != _is_up(words, row, other, width)) == opposed:
                    if left == 0:
                        seed = row
                        break
                    left -= 1
            size = _grow(words, graph, one, other, opposed, seed, stack, member, width)
            change = 0.0
            for k in range(size):
                row = stack[k]
                outside = graph.fields[row]
                for p in range(graph.indptr[row], graph.indptr[row + 1]):
                    neighbour = graph.neighbours[p]
                    if not member[neighbour]:
                        sign = 1.0 if _is_up(words, neighbour, one, width) else -1.0
                        outside += graph.couplings[p] * sign
                change += -2.0 * outside if _is_up(words, row, one, width) else 2.0 * outside
            for k in range(size):
                _flip(words, stack[k], one, width)
                _flip(words, stack[k], other, width)
                member[stack[k]] = False
            energies[one] += change
            energies[other] -= change
            ladders.cluster_sizes[b] += size
            ladders.cluster_counts[b] += 1


@njit
def _grow(words, graph, one, other, opposed, seed, stack, member, width):
    """Put the cluster of spins around `seed` that are all opposed, or all alike, into `stack`, and mark it
    in `member`; returns its size.
    """
    stack[0] = seed
    member[seed] = True
    size = 1
    k = 0
    while k < size:
        row = stack[k]
        k += 1
        for p in range(graph.indptr[row], graph.indptr[row + 1]):
            neighbour = graph.neighbours[p]
            if not member[neighbour] and (
                (_is_up(words, neighbour, one, width) != _is_up(words, neighbour, other, width)) == opposed
            ):
                member[neighbour] = True
                stack[size] = neighbour
                size += 1
    return size

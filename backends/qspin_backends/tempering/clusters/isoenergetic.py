"""Isoenergetic cluster moves between two walkers at one temperature (Houdayer 2001, Eur. Phys. J. B 22, 479).

A cluster of spins in which the two walkers disagree is flipped in both: the sum of their energies stays, so
the move is always accepted. It pays on sparse graphs below their percolation threshold (Zhu, Ochoa,
Katzgraber 2015, Phys. Rev. Lett. 115, 077201); where clusters span the system the move merely swaps the
walkers, and it is switched off.
"""

from __future__ import annotations

import numpy as np

from qspin.sampler import njit
from qspin_backends.tempering.clusters.graph import flip, is_due, is_up
from qspin_backends.tempering.random import uniform
from qspin_backends.tempering.walkers import follow

__all__ = ["isoenergetic_moves"]


@njit(cache=True, inner=True)
def isoenergetic_moves(kernel, words, walker, energies, graph, ladders, n_betas, turn):
    """One move for each pair of ladders (0, 1), (2, 3), ... at every active temperature."""
    n_rows = words.shape[0]
    n_ladders = len(ladders.random)
    width = 8 * words.itemsize
    stack = np.empty(n_rows, np.int64)
    member = np.zeros(n_rows, np.bool_)
    for b in range(n_betas):
        if not is_due(graph.pace[b], turn):
            continue
        for r in range(0, n_ladders - 1, 2):
            if ladders.watch.is_done[r]:
                continue
            one, other = b * n_ladders + r, b * n_ladders + r + 1
            n_opposed = 0
            for row in graph.rows:
                n_opposed += is_up(words, row, one, width) != is_up(words, row, other, width)
            opposed = not (graph.symmetric and 2 * n_opposed > len(graph.rows))  # the smaller part
            n_part = n_opposed if opposed else len(graph.rows) - n_opposed
            if n_part == 0:
                continue
            left = min(int(uniform(ladders.random[r]) * n_part), n_part - 1)
            seed = -1
            for row in graph.rows:
                if (is_up(words, row, one, width) != is_up(words, row, other, width)) == opposed:
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
                        sign = 1.0 if is_up(words, neighbour, one, width) else -1.0
                        outside += graph.couplings[p] * sign
                change += -2.0 * outside if is_up(words, row, one, width) else 2.0 * outside
            for k in range(size):
                flip(words, stack[k], one, width)
                flip(words, stack[k], other, width)
                member[stack[k]] = False
            follow(kernel, words, walker, one, stack, size)
            follow(kernel, words, walker, other, stack, size)
            energies[one] += change
            energies[other] -= change
            ladders.cluster_sizes[b] += size
            ladders.cluster_flips[b] += size > 1
            ladders.cluster_counts[b] += 1


@njit(inner=True)
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
                (is_up(words, neighbour, one, width) != is_up(words, neighbour, other, width)) == opposed
            ):
                member[neighbour] = True
                stack[size] = neighbour
                size += 1
    return size

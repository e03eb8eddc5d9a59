"""Bond clusters of two walkers at neighbouring betas: weak couplings hold nothing together.

Two walkers s, t at b1, b2 have the weight exp[-b1 E(s) - b2 E(t)]. Spins flipped in both leave the overlaps
q_i = s_i t_i as they are; given these, the weight is that of one Ising model for s, with couplings

    (b1 + b2) J_ij  where q_i = q_j,      (b1 - b2) J_ij  where q_i = -q_j,

and fields (b1 + q_i b2) h_i. Couplings within the class of one q are treated by bonds (Swendsen, Wang 1987,
Phys. Rev. Lett. 58, 86): a satisfied one is active with probability 1 - exp[-2 (b1 + b2) |J_ij|]. Clusters of
active bonds have left only the weak couplings to the other class and the fields, which decide each flip by
heat bath: at equal temperatures they vanish for q = -1, and every such cluster may flip. So domains in which
walkers differ change places one by one, where replica exchange takes walkers as a whole. This is the family
of replica cluster moves (Swendsen, Wang 1986, Phys. Rev. Lett. 57, 2607; Houdayer 2001; Chayes, Machta,
Redner 1998, J. Stat. Phys. 93, 17; Joerg 2005, Prog. Theor. Phys. Suppl. 157, 349) for walkers of one ladder,
which needs no second one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import njit
from qspin_backends.tempering.clusters.graph import flip, is_up
from qspin_backends.tempering.random import uniform
from qspin_backends.tempering.walkers import follow

__all__ = ["bond_moves"]

_STRONG = 0.7  # exponent of a bond above which it is looked at by itself
_CERTAIN = 40.0  # exponent of a bond that is always active: exp(-40) is less than random numbers resolve


class _Scratch(NamedTuple):
    """Of one pair, by row: spins of the first walker, class of each row (0: no spin), number of its cluster
    (0: none yet); rows of a cluster, rows that were flipped.
    """

    spins: NDArray[np.float64]
    kind: NDArray[np.int8]
    cluster: NDArray[np.int64]
    members: NDArray[np.int64]
    flipped: NDArray[np.int64]


@njit
def bond_moves(kernel, words, walker, energies, graph, ladders, betas, first):
    """One move for the pairs (k, k + 1), k = first, first + 2, ..., of neighbouring betas in every ladder."""
    n_rows, n_ladders = words.shape[0], len(ladders.random)
    scratch = _Scratch(
        np.zeros(n_rows),
        np.zeros(n_rows, np.int8),
        np.zeros(n_rows, np.int64),
        np.empty(n_rows, np.int64),
        np.empty(n_rows, np.int64),
    )
    for r in range(n_ladders):
        for k in range(first, len(betas) - 1, 2):
            if not graph.active[k]:
                continue
            one = k * n_ladders + r
            pair = (one, one + n_ladders, betas[k], betas[k + 1])
            n_part, largest, count = _move_pair(words, energies, graph, ladders.random[r], pair, scratch)
            follow(kernel, words, walker, pair[0], scratch.flipped, count)
            follow(kernel, words, walker, pair[1], scratch.flipped, count)
            if n_part:
                ladders.cluster_sizes[k] += largest
                ladders.cluster_parts[k] += n_part
                ladders.cluster_counts[k] += 1


@njit
def _move_pair(words, energies, graph, state, pair, scratch):
    """Build and flip clusters of the rows in which a pair is opposed, or alike if those are fewer and there
    are no fields.

    Returns
    -------
    number of these rows, size of the largest cluster, number of flipped rows
    """
    one, other, hot, cold = pair
    width = 8 * words.itemsize
    n_opposed = 0
    for row in graph.rows:
        up = is_up(words, row, one, width)
        opposed = up != is_up(words, row, other, width)
        scratch.spins[row] = 1.0 if up else -1.0
        scratch.kind[row] = -1 if opposed else 1
        scratch.cluster[row] = 0
        n_opposed += opposed
    part = -1
    n_part = n_opposed
    if graph.symmetric and 2 * n_opposed > len(graph.rows):
        part = 1
        n_part = len(graph.rows) - n_opposed
    largest = number = count = left = 0
    left = n_part
    for row in graph.rows:
        if left == 0:
            break
        if scratch.kind[row] != part or scratch.cluster[row]:
            continue
        number += 1
        size = _grow(graph, state, 2.0 * (hot + cold), part, row, number, scratch)
        left -= size
        largest = max(largest, size)
        within, across = _held(graph, part, number, size, scratch)
        gain = 2.0 * (hot - cold) * across  # of the logarithm of the weight
        if uniform(state) * (1.0 + np.exp(-gain)) < 1.0:
            energies[one] -= 2.0 * (within + across)
            energies[other] -= 2.0 * (within - across)
            for k in range(size):
                member = scratch.members[k]
                scratch.spins[member] = -scratch.spins[member]
                flip(words, member, one, width)
                flip(words, member, other, width)
                scratch.flipped[count + k] = member
            count += size
    return n_part, largest, count


@njit
def _grow(graph, state, rate, part, seed, number, scratch):
    """Put the cluster of `seed` into ``scratch.members``; returns its size.

    A satisfied bond within the part is active with probability 1 - exp(-rate |J|), the probability of at
    least one event of a Poisson process of that mean. Strong bonds are looked at one by one; among the others
    of a row the process is followed from event to event along the summed |J| (Fukui, Todo 2009, J. Comput.
    Phys. 228, 2629), so that bonds without an event cost nothing.
    """
    spins, kind, cluster, members = scratch.spins, scratch.kind, scratch.cluster, scratch.members
    neighbours, couplings, summed = graph.neighbours, graph.couplings, graph.summed
    members[0] = seed
    cluster[seed] = number
    size = 1
    k = 0
    while k < size:
        row = members[k]
        k += 1
        p, end = graph.indptr[row], graph.indptr[row + 1]
        passed = 0.0
        while p < end:
            exponent = rate * abs(couplings[p])
            if exponent > _STRONG:
                passed = summed[p]
                event = exponent > _CERTAIN
            else:
                passed -= np.log(1.0 - uniform(state)) / rate
                if passed >= summed[end - 1]:
                    break
                p += np.searchsorted(summed[p:end], passed, "right")
                passed = summed[p]
                exponent, event = 0.0, True
            other, coupling = neighbours[p], couplings[p]
            p += 1
            if kind[other] != part or cluster[other] or coupling * spins[row] * spins[other] >= 0.0:
                continue
            if event or uniform(state) > np.exp(-exponent):
                cluster[other] = number
                members[size] = other
                size += 1
    return size


@njit
def _held(graph, part, number, size, scratch):
    """Energy of the first walker between a cluster and the rest: what both walkers have in common, and what
    they have with opposite signs.
    """
    spins, kind, cluster = scratch.spins, scratch.kind, scratch.cluster
    within = across = 0.0
    for k in range(size):
        row = scratch.members[k]
        alike = opposed = 0.0
        for p in range(graph.indptr[row], graph.indptr[row + 1]):
            other = graph.neighbours[p]
            if kind[other] != part:
                opposed += graph.couplings[p] * spins[other]
            elif cluster[other] != number:
                alike += graph.couplings[p] * spins[other]
        if part < 0:
            opposed += graph.fields[row]
        else:
            alike += graph.fields[row]
        within += spins[row] * alike
        across += spins[row] * opposed
    return within, across

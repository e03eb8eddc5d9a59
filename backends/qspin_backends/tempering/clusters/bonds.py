"""Bond clusters of two walkers at neighbouring betas: weak couplings hold nothing together.

Two walkers s, t at b1, b2 have the weight exp[-b1 E(s) - b2 E(t)]. Spins flipped in both leave the overlaps
q_i = s_i t_i as they are; given these, the weight is that of one Ising model for s, with couplings

    (b1 + b2) J_ij  where q_i = q_j,      (b1 - b2) J_ij  where q_i = -q_j,

and fields (b1 + q_i b2) h_i. Couplings within the class of one q are treated by bonds (Swendsen, Wang 1987,
Phys. Rev. Lett. 58, 86; one cluster a move: Wolff 1989, Phys. Rev. Lett. 62, 361): a satisfied one is active
with probability 1 - exp[-2 (b1 + b2) |J_ij|]. A cluster of active bonds feels the rest by the weak couplings
to the other class and the fields alone, which decide whether it flips (Metropolis): where q = -1 they are
small, and vanish at equal temperatures. So domains in which two walkers differ change places one by one,
where replica exchange takes walkers as a whole.

This is the family of replica cluster moves (Swendsen, Wang 1986, Phys. Rev. Lett. 57, 2607; Houdayer 2001;
Chayes, Machta, Redner 1998, J. Stat. Phys. 93, 17; Joerg 2005, Prog. Theor. Phys. Suppl. 157, 349), for
walkers of one ladder, which needs no second one: measured against partners at the same beta, against all
clusters at once and against clusters of a single walker it reached ground states of glasses soonest, counted
in seconds of a core and replica.
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
    """Of one pair, by row: whether the walkers are opposed, whether a row is in the cluster; its rows."""

    opposed: NDArray[np.uint8]
    within: NDArray[np.bool_]
    members: NDArray[np.int64]


@njit
def bond_moves(kernel, words, walker, energies, graph, ladders, betas, first):
    """One move for the pairs (k, k + 1), k = first, first + 2, ..., of neighbouring betas in every ladder."""
    n_rows, n_ladders = words.shape[0], len(ladders.random)
    scratch = _Scratch(np.zeros(n_rows, np.uint8), np.zeros(n_rows, np.bool_), np.empty(n_rows, np.int64))
    for r in range(n_ladders):
        for k in range(first, len(betas) - 1, 2):
            if not graph.active[k]:
                continue
            one = k * n_ladders + r
            pair = (one, one + n_ladders, betas[k], betas[k + 1])
            count = _move_pair(words, energies, graph, ladders.random[r], pair, scratch)
            if count:
                follow(kernel, words, walker, pair[0], scratch.members, count)
                follow(kernel, words, walker, pair[1], scratch.members, count)
            ladders.cluster_sizes[k] += count
            ladders.cluster_flips[k] += count > 1
            ladders.cluster_counts[k] += 1


@njit
def _move_pair(words, energies, graph, state, pair, scratch):
    """Flip a cluster of the rows in which a pair is opposed, or alike if those are fewer and there are no
    fields; returns how many rows were flipped, the first of ``scratch.members``.

    A cluster that is all there is would merely swap the walkers, and is left alone.
    """
    one, other, hot, cold = pair
    n_opposed = _compare(words, one, other, graph.holds, scratch.opposed)
    n_rows = len(graph.rows)
    is_opposed = not (graph.symmetric and 2 * n_opposed > n_rows)
    part, n_part = (1, n_opposed) if is_opposed else (0, n_rows - n_opposed)
    if n_part < 2:
        return 0
    seed = graph.rows[min(int(uniform(state) * n_rows), n_rows - 1)]
    while scratch.opposed[seed] != part:
        seed = graph.rows[min(int(uniform(state) * n_rows), n_rows - 1)]
    size = _grow(words, graph, state, pair, part, seed, scratch)
    count = 0
    if size < n_part:
        alike, against = _held(words, graph, one, part, size, scratch)
        gain = 2.0 * (hot - cold) * against  # of the logarithm of the weight
        if gain >= 0.0 or uniform(state) < np.exp(gain):
            energies[one] -= 2.0 * (alike + against)
            energies[other] -= 2.0 * (alike - against)
            count = size
    width = 8 * words.itemsize
    for k in range(size):
        scratch.within[scratch.members[k]] = False
    for k in range(count):
        flip(words, scratch.members[k], one, width)
        flip(words, scratch.members[k], other, width)
    return count


@njit
def _compare(words, one, other, holds, opposed):
    """Mark the rows in which two lanes are opposed; returns their number."""
    width = 8 * words.itemsize
    first, second = one // width, other // width
    low, high = words.dtype.type(one % width), words.dtype.type(other % width)
    count = 0
    for row in range(len(holds)):
        differ = np.uint8((words[row, first] >> low) ^ (words[row, second] >> high)) & holds[row]
        opposed[row] = differ
        count += differ
    return count


@njit
def _grow(words, graph, state, pair, part, seed, scratch):
    """Put the cluster of `seed` into ``scratch.members``; returns its size.

    A satisfied bond within the part is active with probability 1 - exp(-rate |J|), the probability of at
    least one event of a Poisson process of that mean. Strong bonds are looked at one by one; among the others
    of a row the process is followed from event to event along the summed |J| (Fukui, Todo 2009, J. Comput.
    Phys. 228, 2629), so that bonds without an event cost nothing.
    """
    opposed, within, members = scratch.opposed, scratch.within, scratch.members
    neighbours, couplings, summed = graph.neighbours, graph.couplings, graph.summed
    width, lane, rate = 8 * words.itemsize, pair[0], 2.0 * (pair[2] + pair[3])
    members[0] = seed
    within[seed] = True
    size = 1
    k = 0
    while k < size:
        row = members[k]
        up = is_up(words, row, lane, width)
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
                event = True
            other, coupling = neighbours[p], couplings[p]
            p += 1
            if opposed[other] != part or within[other]:
                continue
            if (up == is_up(words, other, lane, width)) != (coupling < 0.0):
                continue  # not satisfied
            if event or uniform(state) > np.exp(-exponent):
                within[other] = True
                members[size] = other
                size += 1
    return size


@njit
def _held(words, graph, lane, part, size, scratch):
    """Energy between a cluster and the rest in the walker of a lane: what the other walker has in common with
    it, and what it has with the opposite sign.
    """
    width = 8 * words.itemsize
    alike = against = 0.0
    for k in range(size):
        row = scratch.members[k]
        inside = across = 0.0
        for p in range(graph.indptr[row], graph.indptr[row + 1]):
            other = graph.neighbours[p]
            energy = graph.couplings[p] if is_up(words, other, lane, width) else -graph.couplings[p]
            if scratch.opposed[other] != part:
                across += energy
            elif not scratch.within[other]:
                inside += energy
        if part:
            across += graph.fields[row]
        sign = 1.0 if is_up(words, row, lane, width) else -1.0
        alike += sign * inside
        against += sign * across
    return alike, against
